"""Retrieval among frames of clips: what the virtual detector does, what a trial is, and what neighbours can give."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from poseembed import PoseEncoder
from training.datasets.mocap.clips import Clip
from training.evaluation import clips
from training.evaluation.clips import ClipCondition, FilmedClip, film, frame_by_frame, hit_rates, make_trial
from training.evaluation.representations import pose_vectors

ANEW, LASTING = clips.CONDITIONS[1:]


def clip(frames: int, number: int = 0, fps: float = 30.0) -> Clip:
    rng = np.random.default_rng(number)
    joints = rng.normal(size=(1, 13, 3)) + rng.normal(scale=0.03, size=(frames, 13, 3)).cumsum(0)
    ok = np.ones(frames, bool)
    ok[3:5] = False
    return Clip(f"{number}", "1", "here", fps, joints.astype(np.float32), joints[:, 0].astype(np.float32), ok)


def filmed(condition: ClipCondition, frames: int = 600, fps: float = 30.0) -> tuple[FilmedClip, Tensor]:
    """A film, and how far its points are from an exact one, in torso lengths."""
    world = torch.randn(1, 13, 3).expand(frames, -1, -1)
    tracked = torch.ones(frames, dtype=torch.bool)
    seen, exact = (
        film(world, tracked, fps, how, Generator().manual_seed(3)) for how in (condition, ClipCondition(noise=0.0))
    )
    noise = seen.points - exact.points
    return seen, noise / noise.std() * 0.05


def test_noise_and_missing_joints_that_are_drawn_anew() -> None:
    seen, noise = filmed(ANEW)
    assert (seen.visible.sum(1) == 9).all()
    assert seen.visible.float().mean(0).min() > 0.6, "every joint is as often missing"
    again = (~seen.visible[1:] & ~seen.visible[:-1]).sum() / (~seen.visible[:-1]).sum()
    assert abs(again - 4 / 13) < 0.03
    assert abs((noise[1:] * noise[:-1]).mean() / noise.var()) < 0.03


def test_noise_and_missing_joints_that_last() -> None:
    seen, noise = filmed(LASTING)
    assert (seen.visible.sum(1) == 9).all()
    changes = np.flatnonzero((seen.visible[1:] != seen.visible[:-1]).any(1).numpy())
    assert set(np.diff(changes)) <= {15, 30}, "half a second is 15 frames"
    assert abs((noise[1:] * noise[:-1]).mean() / noise.var() - 0.9) < 0.02
    assert abs(noise[:60].std() / noise.std() - 1) < 0.15, "as much from the first frame on"


def test_noise_is_a_share_of_the_torso() -> None:
    world = torch.randn(1, 13, 3).expand(2000, -1, -1)
    tracked = torch.ones(2000, dtype=torch.bool)
    near = film(world, tracked, 30.0, ClipCondition(noise=0.05), Generator().manual_seed(0))
    exact = film(world, tracked, 30.0, ClipCondition(), Generator().manual_seed(0))
    from training.scene.cameras import CameraRange

    torso = CameraRange().sample(1, generator=Generator().manual_seed(0)).torso
    assert ((near.points - exact.points).std() / torso).item() == pytest.approx(0.05, rel=0.02)
    assert torch.equal(exact.points[0], exact.points[-1]), "the camera stands still"


def test_a_trial_is_whole_clips_of_well_tracked_frames() -> None:
    data = [clip(40, number) for number in range(5)]
    trial = make_trial(data, ClipCondition(), seed=0, size=100)
    assert len(trial.poses) == 100 == sum(int(tracked.sum()) for tracked in trial.tracked)
    assert [int(tracked.sum()) for tracked in trial.tracked] == [38, 38, 24]
    for tracked, films in zip(trial.tracked, trial.filmed, strict=True):
        assert not torch.equal(films[0].points, films[1].points)
        for one in films:
            assert (one.visible.any(1) == tracked).all() and not tracked[3:5].any()
            assert len(one.points) == len(tracked) == len(one.times)
    damaged = make_trial(data, LASTING, seed=0, size=100)
    assert torch.equal(damaged.poses, trial.poses)
    with pytest.raises(ValueError, match="got 190 well-tracked frames; a gallery takes 191"):
        make_trial(data, ClipCondition(), seed=0, size=191)


def test_who_sees_everything_finds_everything() -> None:
    trial = make_trial([clip(60, number) for number in range(3)], ClipCondition(), seed=0, size=150)
    numbers = iter([torch.arange(len(t)).float() + 100 * i for i, t in enumerate(trial.tracked)] * 2)
    assert hit_rates(trial, lambda _: next(numbers)[:, None]) == {1: 1, 10: 1, 20: 1}
    assert hit_rates(trial, lambda film: torch.ones(len(film.times), 2))[1] < 0.2


def test_representations(clip_encoder: PoseEncoder) -> None:
    seen, _ = filmed(ANEW, 40)
    alone = frame_by_frame(pose_vectors(clip_encoder))(seen)
    around = clips.with_context(clip_encoder)(seen)
    assert not torch.allclose(alone, around, atol=1e-2)
    torch.testing.assert_close(clips.with_context(clip_encoder, context=0)(seen), alone)
    torch.testing.assert_close(clips.with_context(clip_encoder, context=5, look_ahead=9)(seen), around)
    thinned = clips.with_context(clip_encoder, every=3)(seen)
    torch.testing.assert_close(
        thinned[1::3],
        clips.with_context(clip_encoder)(FilmedClip(seen.points[1::3], seen.visible[1::3], seen.times[1::3])),
    )
    mean = clips.mean_over_window(clip_encoder)(seen)
    wanted = torch.nn.functional.normalize(alone[7:34].sum(0), dim=0)
    torch.testing.assert_close(mean[20], wanted)


def test_the_mean_leaves_out_lost_frames(masked_folder: Path) -> None:
    encoder = PoseEncoder.from_pretrained(masked_folder)
    seen, _ = filmed(ClipCondition(), 40)
    seen.visible[10] = False
    mean = clips.mean_over_window(encoder)(seen)
    assert mean.isfinite().all()
