"""Windows of movements as two cameras see them."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed.clip_network import SLOTS
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.clip_views import ClipBatch, ClipSampler
from training.scene.detector import Detector
from training.scene.lasting import MIDDLE, Film

STILL = Film(steady=0.0, likeness=0.0, lasting=0.0, slow=0.0, cut=0.0, lost=0.0, tempo=1.0, pan=0.0)
AS_RECORDED, PERFECT = Variation(), Detector()
LENGTHS = (40, 5, 60)
RUNS = np.repeat(np.arange(len(LENGTHS)), LENGTHS)


def make_sampler(variation: Variation = AS_RECORDED, film: Film = STILL, detector: Detector = PERFECT) -> ClipSampler:
    """Recordings in which a person lifts the left wrist by 1 cm a frame; how high it is tells frame and recording."""
    rng = np.random.default_rng(0)
    joints = np.repeat(rng.normal(size=(1, 13, 3)), len(RUNS), 0)
    joints[:, 5, 1] = 0.01 * np.arange(len(RUNS))
    joints = joints.astype(np.float32)
    return ClipSampler(Bodies(joints, joints[:, 0] + 0.1, variation), RUNS, CameraRange(), detector, film)


def sample(sampler: ClipSampler, pairs: int = 200) -> ClipBatch:
    torch.manual_seed(0)
    return sampler.sample(pairs)


def test_windows_stay_within_their_recordings() -> None:
    sampler = make_sampler()
    rows, recorded = sampler._window(torch.tensor([0, 20, 42, 104]), (torch.arange(SLOTS) - MIDDLE).expand(4, -1))
    assert recorded.sum(-1).tolist() == [14, SLOTS, 5, 14]
    assert rows[recorded].tolist() == [*range(14), *range(7, 34), *range(40, 45), *range(91, 105)]
    assert (rows[~recorded] == torch.tensor([0, 20, 42, 104])[:, None].expand_as(rows)[~recorded]).all()


def test_windows_of_mirror_images_are_of_mirror_images() -> None:
    sampler = make_sampler(Variation(mirror=0.5))
    count = len(RUNS)
    rows, recorded = sampler._window(torch.tensor([count + 2]), (torch.arange(SLOTS) - MIDDLE)[None])
    assert rows[recorded].tolist() == [count + i for i in range(16)]


def test_slots_beyond_a_recording_hold_no_frame() -> None:
    batch = sample(make_sampler())
    assert not batch.frames.all() and batch.frames[..., MIDDLE].all()
    assert (batch.visible.any(-1) == batch.frames).all()
    assert (batch.points[~batch.visible] == 0).all()
    assert (batch.frames[0] == batch.frames[1]).all()


def test_the_middle_is_seen_exactly_by_the_same_camera() -> None:
    batch = sample(make_sampler())
    assert_close(batch.points[:, :, MIDDLE], batch.exact)
    assert not torch.allclose(batch.exact[0], batch.exact[1], atol=0.1)


def test_only_what_moves_moves() -> None:
    batch = sample(make_sampler())
    whole = batch.frames.all(-1)
    steps = (batch.points[whole][:, 1:] - batch.points[whole][:, :-1]).norm(dim=-1).mean((0, 1))
    assert steps.argmax() == 5
    assert steps[5] > 100 * steps[[3, 7, 9, 12]].max()


def test_a_movement_keeps_its_body_and_its_bends() -> None:
    variation = Variation(recombine=0.5, proportions=1.0, shape=0.1, joints=0.1, people=0.5, bend=0.1, tilt=0.5)
    batch = sample(make_sampler(variation))
    whole = batch.frames.all(-1)
    steps = (batch.points[whole][:, 1:] - batch.points[whole][:, :-1]).norm(dim=-1).mean((0, 1))
    assert steps[5] > 20 * steps[[3, 4, 9, 11, 12]].max()


def test_errors_differ_from_view_to_view() -> None:
    batch = sample(make_sampler(film=Film(), detector=Detector(noise=0.1, occluded=0.5)))
    assert (batch.visible[0] != batch.visible[1]).any() and (batch.frames[0] != batch.frames[1]).any()
    assert batch.points.isfinite().all() and batch.body.isfinite().all()


def test_runs_are_of_the_recorded_poses() -> None:
    sampler = make_sampler()
    with pytest.raises(ValueError, match="got 3 numbers of runs for 105 poses"):
        ClipSampler(sampler.bodies, RUNS[:3], sampler.cameras, sampler.detector, STILL)
    other = ClipSampler(sampler.bodies, RUNS // 2, sampler.cameras, sampler.detector, STILL)
    assert other.digest() != sampler.digest() == make_sampler().digest()
