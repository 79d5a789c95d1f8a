"""Comparing performances, on comparisons whose outcome is known."""

from dataclasses import astuple
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses
from poseembed.align import Alignment
from training.datasets import mocap
from training.evaluation.alignment import (
    DETECTORS,
    KINDS,
    AlignmentResult,
    Performance,
    agreement,
    align_filmed,
    best_lines,
    error_rate,
    performances,
    run,
    shown_differences,
    true_differences,
)
from training.scene.film import film, random_camera


def performance(seed: int, frames: int = 20) -> torch.Tensor:
    """Metres, y up; joints that wander."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    return torch.from_numpy((start + np.cumsum(rng.normal(scale=0.02, size=(frames, 13, 3)), 0)).astype(np.float32))


CLIPS = [Performance(performance(seed), action, 30.0) for seed, action in enumerate(["run", "run", "sit"])]


def test_every_kind_is_compared_with_every_detector() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    results = list(run("made-up", CLIPS, encoder, DETECTORS, pairs=2, seed=0))
    assert [(r.kind, r.detector) for r in results] == [
        (kind, detector) for kind in KINDS for _ in range(2) for detector in DETECTORS
    ]
    assert all(r.error is not None and r.error >= 0 for r in results if r.kind == "same performance")
    assert all(r.joints is not None and r.rival is not None for r in results if r.kind == "same action")
    assert all(r.noise is not None and 0 <= r.noise[0] <= r.noise[1] for r in results if r.kind == "same performance")
    exact = [r.score for r in results if r.kind == "same performance" and r.detector == "complete and exact"]
    assert min(exact) > max(r.score for r in results if r.kind == "other action")


def test_no_two_performances_of_an_action_are_too_few() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    with pytest.raises(ValueError, match="same action"):
        list(run("made-up", CLIPS[1:], encoder, {"exact": None}, pairs=1, seed=0))


def test_two_cameras_see_a_performance_and_other_two_the_next() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    results = list(islice(run("made-up", CLIPS[:1], encoder, {"exact": None}, pairs=3, seed=0), 3))
    assert {r.kind for r in results} == {"same performance"}
    assert all(r.score < 1 and r.noise is not None and r.noise[0] > 0 for r in results)  # one camera would see no noise
    assert len({r.score for r in results}) == 3
    seen = align_filmed(CLIPS[0], CLIPS[1], encoder, None, seed=3)
    for poses, clip, seed in ((seen.first, CLIPS[0], 6), (seen.second, CLIPS[1], 7)):
        np.testing.assert_array_equal(poses.keypoints, film(clip.joints, random_camera(seed), fps=30.0).keypoints)


def test_the_same_action_is_another_performance_of_it() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    results = list(run("made-up", CLIPS, encoder, {"exact": None}, pairs=6, seed=0))
    scores = {kind: [r.score for r in results if r.kind == kind] for kind in KINDS}
    assert max(scores["same action"]) < min(scores["same performance"])
    pair = list(islice(run("made-up", CLIPS[:2], encoder, {"exact": None}, pairs=1, seed=3), 2))
    wanted = []
    for first, second in (CLIPS[:2], CLIPS[1::-1]):
        found = align_filmed(first, second, encoder, None, seed=3)
        truth = true_differences(found, first, second)
        assert found.joint_differences is not None
        wanted.append((agreement(found.joint_differences, truth), agreement(shown_differences(found), truth)))
    assert (pair[1].joints, pair[1].rival) in wanted
    alone = [align_filmed(clip, clip, encoder, None, seed=3) for clip in CLIPS[:2]]
    assert pair[0].error in [np.abs(np.subtract(*found.rows.T)).mean() for found in alone]
    assert pair[0].noise in [tuple(np.percentile(found.joint_differences, [50, 95])) for found in alone]


def test_only_whole_well_tracked_performances_to_evaluate_on_are_compared(tmp_path: Path) -> None:
    lengths, splits = [15, 14, 20, 15, 16], ["val", "val", "val", "train", "val"]
    joints = np.concatenate([performance(seed, frames).numpy() for seed, frames in enumerate(lengths)])
    ok = np.ones(len(joints), bool)
    ok[40] = False  # in the third
    names = np.array(list("abcde"))
    content = {"joints": joints, "nose": joints[:, 0], "ok": ok, "offsets": np.cumsum([0, *lengths])}
    content |= {"subject": names, "action": names, "clip": names, "source": names, "fps": np.full(5, 30.0)}
    for split, wanted in ((splits, "ae"), (["train"] * 5, "ade")):
        np.savez(tmp_path / "data.npz", **content, split=np.array(split))
        found = performances(mocap.read(tmp_path / "data.npz"))
        assert [clip.action for clip in found] == list(wanted)
        np.testing.assert_array_equal(found[-1].joints, joints[-16:])


def aligned(first: Performance, second: Performance, rows: list[tuple[int, int]]) -> Alignment:
    poses = [Poses.from_arrays(np.zeros((len(clip.joints), 13, 2))) for clip in (first, second)]
    steps = np.zeros(len(rows), np.float32)
    return Alignment(*poses, rows=np.array(rows), similarity=steps, score=0.0, likeness=0.0, speed=steps)


def test_true_differences_do_not_depend_on_where_the_bodies_face_and_stand() -> None:
    first, moved = performance(0), performance(0)
    moved[:, 5] += torch.tensor([0.0, 0.3, 0.0])
    turned = moved @ torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]) + 4
    rows = [(3, 3), (7, 7)]
    differences = true_differences(
        aligned(Performance(first, "", 30.0), Performance(turned, "", 30.0), rows),
        Performance(first, "", 30.0),
        Performance(turned, "", 30.0),
    )
    assert (differences.argmax(1) == 5).all()
    np.testing.assert_allclose(np.delete(differences, 5, axis=1), 0, atol=1e-4)


def test_true_differences_are_between_the_rows_that_belong_together() -> None:
    first = performance(0)
    later = torch.cat([performance(5)[:2], first])
    rows = [(row, row + 2) for row in range(len(first))]
    differences = true_differences(
        aligned(Performance(first, "", 30.0), Performance(later, "", 30.0), rows),
        Performance(first, "", 30.0),
        Performance(later, "", 30.0),
    )
    np.testing.assert_allclose(differences, 0, atol=1e-4)


def test_true_differences_are_on_the_bones_of_the_first() -> None:
    first = performance(0)
    longer = first.clone()
    for outer, inner in ((11, 9), (12, 10)):
        longer[:, outer] += 0.4 * (longer[:, outer] - longer[:, inner])
    one, other = Performance(first, "", 30.0), Performance(longer, "", 30.0)
    rows = [(row, row) for row in range(len(first))]
    np.testing.assert_allclose(true_differences(aligned(one, other, rows), one, other), 0, atol=1e-4)


def test_shown_differences_are_those_of_the_pictures() -> None:
    first = film(performance(0), random_camera(0), fps=30.0)
    points, confidence = first.keypoints * 3 + 50, np.ones((len(first), 13))  # nearer, and elsewhere
    points[:, 6] += [0, 90]
    confidence[:, 9] = 0
    second = Poses.from_arrays(np.concatenate([points[:1], points]), np.concatenate([confidence[:1], confidence]))
    steps = np.zeros(len(first), np.float32)
    rows = np.array([(row, row + 1) for row in range(len(first))])
    differences = shown_differences(Alignment(first, second, rows, steps, 0.0, 0.0, steps))
    assert np.isnan(differences[:, 9]).all() and (differences[:, 6] > 0.05).all()
    np.testing.assert_allclose(np.delete(differences, [6, 9], axis=1), 0, atol=1e-5)


def test_agreement_counts_ranks_and_the_worst_joint() -> None:
    truth = np.arange(13.0)[None].repeat(2, 0)
    assert astuple(agreement(truth, truth)) == (pytest.approx(1), 1)
    assert astuple(agreement(-truth, truth)) == (pytest.approx(-1), 0)
    hidden = np.where(np.arange(13) > 9, np.nan, truth)  # then the true three are 7, 8 and 9
    assert astuple(agreement(hidden, truth)) == (pytest.approx(1), 1)


def test_error_rate_is_the_mean_of_both_kinds_of_error() -> None:
    scores = {"same performance": [0.9, 0.9, 0.9, 0.1], "same action": [0.5], "other action": [0.1, 0.95]}
    results = [AlignmentResult("file", "exact", kind, score, 2.0) for kind, group in scores.items() for score in group]
    assert error_rate(results) == pytest.approx((0.25 + 0.5) / 2)
    assert error_rate(results, 0.97) == pytest.approx((1 + 0) / 2)


def test_the_best_line_is_where_both_kinds_of_error_are_fewest_together() -> None:
    scores = {"same performance": [0.9, 0.8, 0.605, 0.3], "same action": [0.5], "other action": [0.1, 0.1, 0.5, 0.5]}
    results = [AlignmentResult("file", "exact", kind, score) for kind, group in scores.items() for score in group]
    assert best_lines(results) == (0.51, 0.6)  # under it one of four is missed, and no other action is taken
    assert error_rate(results, 0.51) == error_rate(results, 0.6) == pytest.approx(1 / 8)
