"""Motion capture as all its frames at once, and as clips."""

from dataclasses import fields, replace

import numpy as np
import pytest

from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import Clip


def clip(name: str, frames: list[int], *, fps: float, ok: list[bool] | None = None, **said: str) -> Clip:
    """A clip whose frame `i` has `i` in all its coordinates, and half more in those of the nose."""
    number = np.array(frames, np.float16)[:, None]
    return Clip(
        name=name,
        subject=name.partition("_")[0],
        source="cmu",
        fps=fps,
        joints=np.broadcast_to(number[..., None], (len(frames), 13, 3)),
        nose=np.broadcast_to(number, (len(frames), 3)) + np.float16(0.5),
        ok=np.array([True] * len(frames) if ok is None else ok),
        **said,
    )


CLIPS = [
    clip("1_01", [0, 1, 2], fps=30.0, ok=[True, False, True], action="walk"),
    clip("2_01", [3, 4], fps=29.97, action="walk", split="val"),
    clip("2_02", [5], fps=25.0),
]


@pytest.fixture
def recording() -> MotionCapture:
    return from_clips(CLIPS)


def test_clips_lie_end_to_end(recording: MotionCapture) -> None:
    assert recording.offsets.tolist() == [0, 3, 5, 6]
    assert recording.joints[:, 12, 2].tolist() == [0, 1, 2, 3, 4, 5]
    assert recording.joints.dtype == recording.nose.dtype == np.float32
    assert recording.fps.tolist() == [30.0, 29.97, 25.0]
    assert recording.source.tolist() == ["cmu"] * 3
    assert recording.split.tolist() == ["train", "val", "train"]
    assert recording.action.tolist() == ["walk", "walk", ""]


def same(one: Clip, other: Clip) -> None:
    for field in fields(Clip):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_clips_come_back_as_they_were(recording: MotionCapture) -> None:
    assert len(recording) == 3 and [len(clip) for clip in recording] == [3, 2, 1]
    for given, found in zip(CLIPS, recording, strict=True):
        same(found, given)
    same(recording[-1], CLIPS[2])
    same(recording[np.int64(1)], CLIPS[1])
    assert np.shares_memory(recording[0].joints, recording.joints)
    with pytest.raises(IndexError):
        recording[3]


def test_clips_of_a_split(recording: MotionCapture) -> None:
    wanted = {("val",): ["2_01"], ("train",): ["1_01", "2_02"], ("eval",): []}
    wanted |= {splits: ["1_01", "2_01", "2_02"] for splits in ((), ("train", "val"))}
    assert {splits: [clip.name for clip in recording.clips(*splits)] for splits in wanted} == wanted


def test_no_clips_are_no_motion_capture() -> None:
    with pytest.raises(ValueError, match="got no clips"):
        from_clips([])


@pytest.mark.parametrize(
    ("splits", "frames"),
    [(("train",), [0, 2, 5]), (("val",), [3, 4]), (("train", "val"), [0, 2, 3, 4, 5]), ((), [0, 2, 3, 4, 5])],
)
def test_well_tracked_poses_of_a_split(recording: MotionCapture, splits: tuple[str, ...], frames: list[int]) -> None:
    joints, nose = recording.poses(*splits)
    assert joints[:, 12, 2].tolist() == frames
    assert (nose[:, 0] - 0.5).tolist() == frames


def test_a_split_without_poses_is_named_with_those_there_are(recording: MotionCapture) -> None:
    with pytest.raises(ValueError, match="no well-tracked poses in split eval; this file has train, val"):
        recording.poses("eval")


def test_a_file_without_trusted_frames_has_no_poses(recording: MotionCapture) -> None:
    lost = replace(recording, ok=np.zeros(6, bool))
    with pytest.raises(ValueError, match="no well-tracked poses in split any"):
        lost.poses()


def test_what_is_held_out_is_evaluated_on(recording: MotionCapture) -> None:
    assert recording.evaluation_splits() == ("val",)
    assert recording.held_out()[:, 0, 0].tolist() == [3, 4]
    without = replace(recording, split=np.array(["train", "eval", "train"]))
    assert without.evaluation_splits() == ()
    assert without.held_out()[:, 0, 0].tolist() == [0, 2, 3, 4, 5]
