"""Windows of clips: which frame stands in which slot; and what `PoseEncoder.embed_clip` makes of them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import ClipEmbedding, KeypointsWarning, PoseEncoder, list_pretrained
from poseembed.clip_network import ABSENT, SLOTS, STEP, nearest_to_middle
from poseembed.clips import REACH, Reach, clip_times, end_to_end, windows

MIDDLE = SLOTS // 2
ALL = Reach(MIDDLE, MIDDLE)


def plain_windows(seen: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """The rule in plain words: each frame goes to the slot it is in, and the one nearest to the slot's time stays."""
    held = np.full((len(middles), SLOTS), ABSENT)
    for row, middle in enumerate(middles):
        nearest = np.full(SLOTS, np.inf)
        for frame, time in enumerate(seen):
            steps = (time - middle) / STEP
            slot = np.sign(steps) * np.ceil(abs(steps) - 0.5 - 1e-3)
            away = abs(steps - slot)
            if abs(slot) > MIDDLE:
                continue
            place = int(slot) + MIDDLE
            outer_of_two = abs(away - nearest[place]) < 2e-3 and (slot > 0)
            if away < nearest[place] - 1e-3 or outer_of_two:
                nearest[place], held[row, place] = away, frame
    return held


@pytest.mark.parametrize("fps", [5, 10, 12.5, 15, 20, 23.976, 24, 25, 29.97, 30, 40, 45, 50, 59.94, 60, 90, 100, 120])
def test_windows_at_any_frame_rate(fps: float) -> None:
    seen = np.arange(round(1.5 * fps)) / fps
    found = windows(seen, seen, ALL)
    np.testing.assert_array_equal(found, plain_windows(seen, seen))
    np.testing.assert_array_equal(found[:, MIDDLE], np.arange(len(seen)))
    for shift in (1.7e9, 0.1):  # by the clock
        np.testing.assert_array_equal(windows(seen + shift - shift, seen, ALL), found)
        moved = end_to_end(seen + shift, np.arange(len(seen)) == 0)
        np.testing.assert_array_equal(windows(moved, moved, ALL), found)


@pytest.mark.parametrize("seed", range(5))
def test_windows_at_varying_rates_with_gaps_and_lost_frames(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.choice([0.004, 0.016, 0.033, 0.041, 0.2, 1.3], 120, p=[0.1, 0.2, 0.4, 0.2, 0.07, 0.03]))
    times += rng.uniform(0, 1e-3, 120)
    seen = np.sort(rng.choice(times, 90, replace=False))
    found = windows(seen, times, ALL)
    np.testing.assert_array_equal(found, plain_windows(seen, times))
    for row in found:
        held = row[row != ABSENT]
        assert (np.diff(held) > 0).all(), "a frame stands in one slot, and slots are in the order of time"


@pytest.mark.parametrize("fps", [10, 25, 30, 50, 60])
def test_windows_backwards_in_time_are_the_same(fps: float) -> None:
    seen = np.arange(round(1.2 * fps)) / fps
    back = (len(seen) - 1 - windows(seen[::-1].copy() * -1 + seen[-1], seen, ALL))[::-1, ::-1]
    forth = windows(seen, seen, ALL)
    np.testing.assert_array_equal(np.where(back == len(seen), ABSENT, back), forth)


def test_reach() -> None:
    assert Reach.of(REACH, None) == Reach.of(5.0, None) == ALL
    assert Reach.of(0, None) == Reach.of(0.02, 1.0) == Reach(0, 0)
    assert Reach.of(REACH, 0) == Reach(MIDDLE, 0)
    assert Reach.of(0.2, 0.4) == Reach(6, 6)
    assert Reach.of(REACH, 0.1) == Reach(MIDDLE, 3)
    seen = np.arange(60) / 30
    found = windows(seen, seen[30:31], Reach(4, 1))[0]
    assert found[MIDDLE - 5 : MIDDLE + 3].tolist() == [ABSENT, 26, 27, 28, 29, 30, 31, ABSENT]
    assert (found != ABSENT).sum() == 6


def test_end_to_end_keeps_clips_apart() -> None:
    times = np.array([[0, 0.1, 5.0], [7.0, 7.1, 7.2], [-3.0, -2.9, 0]])
    laid = end_to_end(times.reshape(-1), np.arange(9) % 3 == 0)
    assert (np.diff(laid) > 0).all()
    np.testing.assert_allclose(np.diff(laid.reshape(3, 3)), np.diff(times))
    assert (laid[3::3] - laid[2:-1:3] > REACH + STEP).all()
    assert end_to_end(np.empty(0), np.empty(0, bool)).shape == (0,)


@pytest.fixture
def walk() -> np.ndarray:
    """(40, 13, 2) float32 pixels: somebody moves smoothly."""
    rng = np.random.default_rng(2)
    start, swing = rng.normal(300, 100, (13, 2)), rng.normal(0, 40, (13, 2))
    return (start + np.sin(np.linspace(0, 6, 40))[:, None, None] * swing).astype(np.float32)


def by_hand(encoder: PoseEncoder, clip: np.ndarray, windows_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The clip encoder's vectors of some windows, straight from the networks."""
    assert encoder.clip is not None
    points = torch.from_numpy(clip)
    with torch.no_grad():
        inputs, _ = encoder._lay_out(points, None)
        frames = encoder(points)
        found = encoder.clip(inputs, *frames, torch.from_numpy(windows_of))
    return found[0].numpy(), found[1].numpy()


def close(ours: Any, wanted: Any) -> None:
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=2e-5, rtol=1e-4)


def test_vectors_are_those_of_the_clip_encoder(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    found = clip_encoder.embed_clip(walk, fps=30)
    assert isinstance(found, ClipEmbedding) and not found.filled.any()
    offsets = np.arange(40)[:, None] + np.arange(SLOTS) - MIDDLE
    close(found[:2], by_hand(clip_encoder, walk, np.where((offsets >= 0) & (offsets < 40), offsets, ABSENT)))
    alone = clip_encoder.embed(walk)
    assert (np.linalg.norm(found.z_pose - alone.z_pose, axis=1) > 0.05).all(), "the clip encoder does something"
    np.testing.assert_allclose(
        np.linalg.norm(found.z_pose, axis=1), np.linalg.norm(alone.z_pose, axis=1), rtol=1e-5, err_msg="as long"
    )


@pytest.mark.parametrize("fps", [7, 24, 30, 60])
def test_what_windows_have_in_common_is_joined_once(clip_encoder: PoseEncoder, walk: np.ndarray, fps: float) -> None:
    clip = clip_encoder.clip
    assert clip is not None
    seen = np.delete(np.arange(40), [3, 4, 20, 39]) / fps
    held = torch.from_numpy(windows(seen, np.arange(40) / fps, ALL))
    held = held[(held != ABSENT).any(1)]
    points = torch.from_numpy(walk[: len(seen)])
    with torch.no_grad():
        inputs, _ = clip_encoder._lay_out(points, None)
        z_pose, z_view = clip_encoder(points)
        read = clip.read(inputs, z_pose, z_view)
        present = held != ABSENT
        start = held.gather(1, nearest_to_middle(present)).squeeze(1)
        close(
            clip.correct(read, z_pose, z_view, held),
            clip.join(read[held.clamp_min(0)], present, z_pose[start], z_view[start]),
        )


def test_times_stand_for_a_frame_rate(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    wanted = clip_encoder.embed_clip(walk, fps=25)
    for times in (np.arange(40) / 25, (np.arange(40) / 25 + 1.7e9).tolist(), torch.arange(40).double() / 25 - 3):
        close(clip_encoder.embed_clip(walk, times=times), wanted)


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_any_batch_size_gives_the_same(clip_encoder: PoseEncoder, walk: np.ndarray, batch_size: int) -> None:
    lost = walk.copy()
    lost[[3, 17, 18, 39]] = np.nan
    for fill_unseen in (False, True):
        wanted = clip_encoder.embed_clip(lost, fps=50, fill_unseen=fill_unseen)
        close(clip_encoder.embed_clip(lost, fps=50, fill_unseen=fill_unseen, batch_size=batch_size), wanted)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_leading_axes_are_kept_and_clips_do_not_mix(clip_encoder: PoseEncoder, walk: np.ndarray, kind: Any) -> None:
    clips = walk.reshape(2, 2, 10, 13, 2)
    confidence = np.random.default_rng(0).random((2, 2, 10, 13))
    times = np.sort(np.random.default_rng(1).uniform(0, 1, (2, 2, 10)))
    found = clip_encoder.embed_clip(kind(clips), kind(confidence), times=times)
    assert all(type(each) is type(kind(clips)) for each in found)
    assert found.z_pose.shape == (2, 2, 10, 32) and found.z_view.shape == (2, 2, 10, 32)
    assert found.filled.shape == (2, 2, 10)
    for at in np.ndindex(2, 2):
        close([each[at] for each in found], clip_encoder.embed_clip(clips[at], confidence[at], times=times[at]))
    shared = clip_encoder.embed_clip(kind(clips), fps=24)
    close([each[1, 0] for each in shared], clip_encoder.embed_clip(clips[1, 0], fps=24))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5)])
def test_empty_clips_are_valid(clip_encoder: PoseEncoder, shape: tuple[int, ...]) -> None:
    found = clip_encoder.embed_clip(np.empty((*shape, 17, 2)), fps=30, skeleton="coco")
    assert found.z_pose.shape == (*shape, 32) and found.filled.shape == shape


def test_a_frame_alone_has_exactly_the_vectors_of_embed(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    one = clip_encoder.embed_clip(walk[5:6], fps=30)
    np.testing.assert_array_equal(one[:2], clip_encoder.embed(walk[5:6]))
    slow = clip_encoder.embed_clip(walk, fps=2)
    np.testing.assert_array_equal(slow[:2], clip_encoder.embed(walk))
    lonely = np.full((40, 13, 2), np.nan, dtype=np.float32)
    lonely[20] = walk[20]
    found = clip_encoder.embed_clip(lonely, fps=30)
    np.testing.assert_array_equal(found.z_pose[20], clip_encoder.embed(lonely).z_pose[20])
    np.testing.assert_array_equal(clip_encoder.embed_clip(walk, fps=30, context=0)[:2], clip_encoder.embed(walk))


def test_without_a_clip_encoder_only_single_frames(encoder: PoseEncoder, walk: np.ndarray) -> None:
    np.testing.assert_array_equal(encoder.embed_clip(walk, fps=30, context=0)[:2], encoder.embed(walk))
    with pytest.raises(ValueError, match=r"no clip encoder.*embed\(\), or context=0; of the packaged ones these"):
        encoder.embed_clip(walk, fps=30)


def test_the_error_names_those_that_have_one(
    encoder: PoseEncoder, walk: np.ndarray, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(clip_folder, tmp_path / "packaged" / "walker")
    monkeypatch.setattr("poseembed.checkpoint._packaged_folder", lambda: tmp_path / "packaged")
    assert list_pretrained() == ["walker"]
    with pytest.raises(ValueError, match="these have one: walker"):
        encoder.embed_clip(walk, fps=30)


def test_lost_frames_are_nan_and_can_be_filled(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    lost = walk.copy()
    lost[10:13] = np.nan
    without = clip_encoder.embed_clip(
        np.delete(walk, [10, 11, 12], axis=0), times=np.delete(np.arange(40) / 30, [10, 11, 12])
    )
    found = clip_encoder.embed_clip(lost, fps=30)
    assert np.isnan(found.z_pose[10:13]).all() and np.isnan(found.z_view[10:13]).all() and not found.filled.any()
    close([np.delete(each, [10, 11, 12], axis=0) for each in found], without)
    filled = clip_encoder.embed_clip(lost, fps=30, fill_unseen=True)
    assert np.flatnonzero(filled.filled).tolist() == [10, 11, 12]
    assert np.isfinite(filled.z_pose).all() and np.isfinite(filled.z_view).all()
    close([np.delete(each, [10, 11, 12], axis=0) for each in filled[:2]], without[:2])
    length = np.linalg.norm(clip_encoder.embed(walk).z_pose, axis=1)
    np.testing.assert_allclose(np.linalg.norm(filled.z_pose[10], axis=-1), length[9], rtol=1e-5)


def test_only_what_has_something_around_it_is_filled(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    lost = walk.copy()
    lost[1:39] = np.nan
    found = clip_encoder.embed_clip(lost, fps=30, fill_unseen=True)
    assert np.flatnonzero(found.filled).tolist() == [*range(1, 14), *range(26, 39)]
    np.testing.assert_array_equal(np.isnan(found.z_pose).any(1), np.isin(np.arange(40), range(14, 26)))
    causal = clip_encoder.embed_clip(lost, fps=30, fill_unseen=True, look_ahead=0)
    assert np.flatnonzero(causal.filled).tolist() == [*range(1, 14)]
    nobody = clip_encoder.embed_clip(np.full_like(walk, np.nan), fps=30, fill_unseen=True)
    assert np.isnan(nobody.z_pose).all() and not nobody.filled.any()


@pytest.mark.parametrize("look_ahead, frames", [(0, 0), (0.1, 3), (0.2, 6), (REACH, 13), (9.0, 13)])
def test_nothing_beyond_the_look_ahead_is_read(
    clip_encoder: PoseEncoder, walk: np.ndarray, look_ahead: float, frames: int
) -> None:
    whole = clip_encoder.embed_clip(walk, fps=30, look_ahead=look_ahead)
    for end in (15, 22):
        cut = clip_encoder.embed_clip(walk[:end], fps=30, look_ahead=look_ahead)
        close([each[: end - frames] for each in cut[:2]], [each[: end - frames] for each in whole[:2]])
        if frames:
            assert np.abs(cut.z_pose[end - frames] - whole.z_pose[end - frames]).max() > 1e-4


@pytest.mark.parametrize("fill_unseen", [False, True])
def test_only_what_is_wanted_is_given(clip_encoder: PoseEncoder, walk: np.ndarray, fill_unseen: bool) -> None:
    clips = walk.reshape(2, 20, 13, 2).copy()
    clips[0, 7:9] = np.nan
    whole = clip_encoder.embed_clip(clips, fps=30, fill_unseen=fill_unseen)
    wanted = np.random.default_rng(0).random((2, 20)) < 0.3
    wanted[0, 7], wanted[0, 8] = True, False
    for mask in (wanted, torch.from_numpy(wanted), wanted.tolist(), wanted[0]):
        part = clip_encoder.embed_clip(clips, fps=30, fill_unseen=fill_unseen, wanted=mask)
        asked = np.broadcast_to(np.asarray(mask), (2, 20))
        close([each[asked] for each in part], [each[asked] for each in whole])
        assert np.isnan(part.z_pose[~asked]).all() and np.isnan(part.z_view[~asked]).all()
        assert not part.filled[~asked].any() and part.filled[0, 7] == fill_unseen
    none = clip_encoder.embed_clip(walk, fps=30, wanted=np.zeros(40, bool))
    assert np.isnan(none.z_pose).all()
    last = clip_encoder.embed_clip(walk, fps=30, context=0, wanted=np.arange(40) == 39)
    np.testing.assert_array_equal(np.isnan(last.z_pose).all(1), np.arange(40) < 39)


def test_a_tensor_stays_where_it_is(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    found = clip_encoder.embed_clip(torch.from_numpy(walk), fps=30)
    assert all(isinstance(each, torch.Tensor) and each.device.type == "cpu" for each in found)
    assert found.filled.dtype == torch.bool and not found.z_pose.requires_grad
    close(found, clip_encoder.embed_clip(walk, fps=30))


def test_half_types(clip_folder: Path, walk: np.ndarray) -> None:
    half = PoseEncoder.from_pretrained(clip_folder, precision="bfloat16")
    found = half.embed_clip(walk, fps=30)
    wanted = PoseEncoder.from_pretrained(clip_folder).embed_clip(walk, fps=30)
    assert found.z_pose.dtype == np.float32
    np.testing.assert_allclose(found.z_pose, wanted.z_pose, atol=0.1 * np.abs(wanted.z_pose).max())


def test_the_same_warnings_as_embed(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    with pytest.warns(KeypointsWarning, match="scores far above 1"):
        clip_encoder.embed_clip(walk, np.full((40, 13), 90.0), fps=30)


@pytest.mark.unchecked_types
@pytest.mark.parametrize(
    "options, error, words",
    [
        ({}, ValueError, "pass either times=, the seconds of the frames, or fps="),
        ({"fps": 30, "times": np.arange(40)}, ValueError, "pass either times="),
        ({"fps": 0}, ValueError, "got fps=0; wanted frames per second, above 0"),
        ({"fps": np.nan}, ValueError, "got fps=nan"),
        ({"fps": np.inf}, ValueError, "got fps=inf"),
        ({"fps": "30"}, TypeError, "got fps='30'; wanted frames per second"),
        ({"times": np.arange(39)}, ValueError, r"got times of shape \(39,\); wanted one a frame, \(40,\)"),
        ({"times": np.arange(40)[::-1]}, ValueError, "frame 0 is at 39 s and frame 1 at 38 s: sort the frames"),
        ({"times": np.repeat(np.arange(20), 2)}, ValueError, "frame 0 is at 0 s and frame 1 at 0 s"),
        ({"times": np.full(40, np.nan)}, ValueError, "times hold NaN or infinite numbers"),
        ({"times": np.array(["0"] * 40)}, TypeError, "times must be numbers"),
        ({"fps": 30, "context": -1}, ValueError, "got context=-1; wanted seconds, from 0"),
        ({"fps": 30, "context": np.nan}, ValueError, "got context=nan; wanted seconds"),
        ({"fps": 30, "look_ahead": "1"}, TypeError, "got look_ahead='1'; wanted seconds"),
        ({"fps": 30, "batch_size": 0}, ValueError, "batch_size=0"),
        (
            {"fps": 30, "wanted": [39]},
            ValueError,
            r"wanted of int64 and shape \(1,\); it is to be a mask",
        ),
        ({"fps": 30, "wanted": np.ones(39, bool)}, ValueError, r"shape \(39,\); it is to be a mask .* each of \(40,\)"),
        ({"fps": 30, "skeleton": "coco"}, ValueError, "13 joints"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    clip_encoder: PoseEncoder, walk: np.ndarray, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        clip_encoder.embed_clip(walk, **options)


def test_a_single_pose_is_no_clip(clip_encoder: PoseEncoder, walk: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"got shape \(13, 2\); wanted \(..., frames, joints, 2\).*keypoints\[None\]"):
        clip_encoder.embed_clip(walk[0], fps=30)


def test_which_clip_has_the_wrong_times() -> None:
    times = np.tile(np.arange(4.0), (2, 3, 1))
    times[1, 0, 2] = 0.5
    with pytest.raises(ValueError, match=r"frame 1 is at 1 s and frame 2 at 0.5 s, in clip \(1, 0\)"):
        clip_times(times, None, (2, 3, 4))
    with pytest.raises(ValueError, match=r"wanted one a frame, \(4,\), or those of each clip, \(2, 3, 4\)"):
        clip_times(times[0], None, (2, 3, 4))
