"""Labelled clips, and bringing them to one length."""

from collections.abc import Callable

import numpy as np
import pytest

from training.datasets.actions.clips import ActionClips, replay, resample


def made_clips(**changes: object) -> ActionClips:
    """Three clips of 1, 2 and 3 frames."""
    fields = {
        "keypoints": np.zeros((6, 13, 2), np.float32),
        "offsets": np.array([0, 1, 3, 6]),
        "labels": np.array([0, 1, 0]),
        "classes": ("jump", "sit"),
        "views": np.array(["front", "back", "front"]),
        "train": np.array([True, True, False]),
    }
    return ActionClips(**(fields | changes))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"keypoints": np.zeros((6, 17, 2), np.float32)}, "keypoints have shape"),
        ({"offsets": np.array([0, 1, 3, 5])}, "end at the number of frames, 6"),
        ({"offsets": np.array([1, 2, 3, 6])}, "start at 0"),
        ({"offsets": np.array([0, 3, 3, 6])}, "clip 1 has no frames"),
        ({"train": np.array([True])}, r"train has shape \(1,\)"),
        ({"subjects": np.arange(4)}, r"subjects has shape \(4,\)"),
        ({"labels": np.array([0, 2, 0])}, r"labels must lie in 0\.\.1"),
    ],
)
@pytest.mark.unchecked_types
def test_clips_that_do_not_fit_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made_clips(**changes)


def test_clips_know_their_number() -> None:
    assert len(made_clips()) == 3


@pytest.mark.parametrize(
    "length, frames",
    [
        (1, [[0], [2], [4]]),  # the middle of a clip
        (2, [[0, 0], [1, 2], [3, 5]]),
        (3, [[0, 0, 0], [1, 2, 2], [3, 4, 5]]),
        (6, [[0] * 6, [1, 1, 1, 2, 2, 2], [3, 3, 4, 4, 5, 5]]),
    ],
)
def test_resampling_repeats_and_skips_frames_evenly(length: int, frames: list[list[int]]) -> None:
    features = np.arange(6, dtype=np.float32)[:, None]
    got = resample(features, np.array([0, 1, 3, 6]), length)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[..., 0], frames)


@pytest.mark.parametrize(
    "length, frames",
    [
        (1, [[0], [1], [3]]),
        (2, [[0, 0], [1, 2], [3, 4]]),  # the longest is cut
        (7, [[0] * 7, [1, 2, 1, 2, 1, 2, 1], [3, 4, 5, 3, 4, 5, 3]]),
    ],
)
def test_replaying_starts_again_from_the_first_frame(length: int, frames: list[list[int]]) -> None:
    features = np.arange(6, dtype=np.float32)[:, None]
    got = replay(features, np.array([0, 1, 3, 6]), length)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[..., 0], frames)


@pytest.mark.parametrize("to_length", [resample, replay])
def test_other_lengths_refuse_what_they_cannot_do(to_length: Callable[..., np.ndarray]) -> None:
    with pytest.raises(ValueError, match="length must be at least 1"):
        to_length(np.zeros((2, 1)), np.array([0, 2]), 0)
    with pytest.raises(ValueError, match="number of frames, 2"):
        to_length(np.zeros((2, 1)), np.array([0, 3]), 4)
