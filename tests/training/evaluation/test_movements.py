"""How often movements are found, where the right answers are known; and what searching costs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses
from poseembed.movements import Movement, MovementIndex
from training.datasets.mocap import Clip, from_clips
from training.datasets.multiview import MultiviewRecording
from training.evaluation.movement_cost import QUERY_SECONDS, measure, recording
from training.evaluation.movements import (
    SECONDS,
    SPEEDS,
    WAYS,
    MovementResult,
    Query,
    Task,
    between_cameras,
    is_right,
    repetitions,
    run,
    stretches,
)
from training.scene.detector import Detector


@pytest.fixture(scope="module")
def encoder(masked_folder: Path) -> PoseEncoder:
    return PoseEncoder.from_pretrained(masked_folder)


def motion(seed: int, frames: int) -> np.ndarray:
    """(frames, 13, 3) metres, y up; joints that swing, each at its own pace."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    pace, phase = rng.uniform(1, 4, (13, 1)), rng.uniform(0, 6, (13, 3))
    swing = 0.25 * np.sin(np.arange(frames)[:, None, None] / 30 * pace + phase)
    return (start + swing).astype(np.float32)


def clip(name: str, subject: str, action: str, seed: int, frames: int) -> Clip:
    joints = motion(seed, frames)
    return Clip(name, subject, "made up", 30.0, joints, joints[:, 0], np.ones(frames, bool), action, "eval")


def seen(fps: float = 30.0, frames: int = 200) -> MultiviewRecording:
    """Somebody seen without error by two cameras at one place."""
    joints = motion(3, frames)
    keypoints = np.stack([100 * joints[..., :2]] * 2)[:, :, None]
    return MultiviewRecording(
        keypoints, np.ones(keypoints.shape[:4], np.float32), fps, np.array([[0, 1]]), joints[None, None], "eyes"
    )


def found(results: list[MovementResult], way: str) -> float:
    return float(np.mean([right for result in results if result.way == way for right in result.right]))


def test_stretches_of_a_recording_are_found_at_all_speeds(encoder: PoseEncoder) -> None:
    recordings = {"one__eyes": seen(), "one__again": seen(), "other": seen(frames=150)}
    tasks = list(between_cameras(recordings, encoder, queries=1, seed=0))
    assert [name for name, _ in tasks] == ["one__eyes"] * 2 + ["one__again"] * 2 + ["other"] * 2
    # the camera that is asked, and other performances from all cameras, of which this has two more
    assert tasks[0][1].gallery.names == ("one__eyes", "other 0", "other 1")
    assert len(tasks[-1][1].gallery.names) == 5
    assert len(tasks[0][1].queries) == len(SECONDS) * len(SPEEDS)
    results = [result for name, task in tasks[:2] for result in run(name, task)]
    assert {result.way for result in results} == set(WAYS)
    assert found(results, "find_movement") >= 0.9 and found(results, "find_movement") > found(results, "same speed")


@pytest.mark.parametrize(
    ("name", "start", "end", "right"),
    [
        ("a", 0.5, 1.5, True),
        ("a", 0.0, 2.0, True),
        ("a", 0.0, 2.1, False),
        ("a", 0.8, 1.4, True),
        ("a", 1.2, 1.5, False),
        ("b", 0.5, 1.6, True),
        ("c", 0.5, 1.5, False),
    ],
)
def test_a_right_answer_shares_half_of_the_time(name: str, start: float, end: float, right: bool) -> None:
    hit = Movement(name, 0, 0, 0, start, end, 1.0, 0.9)
    assert is_right(hit, (("a", 0.5, 1.5), ("b", 0.0, 2.0))) == right
    assert not is_right(None, (("a", 0.5, 1.5),))


def test_a_rival_needs_a_track_of_the_query_s_length(encoder: PoseEncoder) -> None:
    poses = Poses.from_arrays(motion(0, 60)[..., :2], time=np.arange(60) / 30).embed(encoder)
    long = Query(poses, 1.0, 0.5, (("a", 0.0, 1.0),))
    results = run("data", Task(MovementIndex.build({"a": poses[:31]}), [long]))
    assert [result.way for result in results] == list(WAYS)
    assert np.isnan([result.scores[0] for result in results]).tolist() == [False, True, False]
    whole = run("data", Task(MovementIndex.build({"a": poses}), [Query(poses, 2.0, 1.0, (("a", 0.0, 2.0),))]))
    assert [result.right for result in whole] == [[True]] * 3
    assert [result.scores[0] for result in whole] == pytest.approx([1, 1, 1], abs=1e-3)


def test_repetitions_are_asked_for_among_the_others(encoder: PoseEncoder) -> None:
    clips = [
        clip(f"{subject}{action}", subject, action, seed, 40 + 10 * seed)
        for subject in ("mm", "tr", "bd")
        for seed, action in enumerate(("kick", "jump", "throw"))
    ]
    lost = replace(clips[0], name="lost", ok=np.zeros(40, bool))
    tasks = list(repetitions(from_clips([*clips, lost]), encoder, ("mm", "tr"), seed=0))
    assert [task.gallery.names for task in tasks] == [("tr",), ("mm",)]
    assert [len(task.queries) for task in tasks] == [3, 3]
    for task in tasks:
        assert all(name in task.gallery.names for query in task.queries for name, _, _ in query.answers)
        ends = sorted(query.answers[0][2] for query in task.queries)
        assert ends[-1] == pytest.approx(149 / 30)  # clips of 40, 50 and 60 frames, in any order
        assert [len(result.right) for result in run("data", task)] == [3] * len(WAYS)
    with pytest.raises(ValueError, match="performances of 1 of the actors mm, xx; wanted two or more"):
        list(repetitions(from_clips(clips), encoder, ("mm", "xx"), seed=0))


def test_stretches_of_motion_capture(encoder: PoseEncoder) -> None:
    data = from_clips([clip("long", "1", "", 1, 150), clip("short", "1", "", 2, 40)])
    for detector in (None, Detector(noise=0.05, occluded=0.5)):
        (task,) = stretches(data, encoder, detector, queries=1, seed=0)
        assert task.gallery.names == ("long", "short")
        assert len(task.queries) == len(SECONDS) * len(SPEEDS)
        for query in task.queries:
            ((name, start, end),) = query.answers
            assert end - start == pytest.approx(query.seconds) and query.seconds is not None and query.speed
            assert name == "long" or query.seconds < 40 / 30
            assert query.poses.time[-1] == pytest.approx(query.seconds / query.speed, abs=0.04)
    (again,) = stretches(data, encoder, detector, queries=1, seed=0)
    assert [query.answers for query in again.queries] == [query.answers for query in task.queries]


def test_cost_is_measured_on_so_many_frames(encoder: PoseEncoder) -> None:
    clips = [clip("a", "1", "", 1, 50), clip("b", "1", "", 2, 40)]
    result = measure(clips, encoder, 0.02, queries=2, seed=0)
    assert result.frames == 2160 and result.index_bytes > 720 * (2 * encoder.pose_dim + 16)
    assert tuple(result.query_seconds) == tuple(result.query_bytes) == QUERY_SECONDS
    assert all(value > 0 for value in (*result.query_seconds.values(), *result.query_bytes.values()))
    made = recording(clips, encoder, 100, seed=0)
    assert len(made) == 100 and made.timed and made.people == (0,) and np.isfinite(made.keypoints).all()
    assert not torch.equal(*(torch.from_numpy(recording(clips, encoder, 9, seed=n).keypoints) for n in (0, 1)))
