"""Fitting how sure a clip encoder is: the calibration of its frames is kept, and so are all directions."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration
from training.calibration.clips import film_galleries, fit
from training.calibration.lengths import Lengths, give_lengths
from training.objectives.context import lay_out
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.clip_views import ClipSampler
from training.scene.detector import Detector
from training.scene.lasting import Film

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]
CALIBRATION = MatchCalibration((12.0, 1.0), (0.5,), (4.0,))


def movements(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up: people who stand with their limbs anywhere, and move them slowly."""
    rng = np.random.default_rng(seed)
    standing = np.array([(0.0, y, 0.0) for y in (1.6, 1.4, 1.4, 1.1, 1.1, 0.8, 0.8, 0.9, 0.9, 0.5, 0.5, 0.1, 0.1)])
    standing[1::2, 0], standing[2::2, 0] = 0.2, -0.2
    steps = rng.normal(scale=0.03, size=(count, 13, 3)).cumsum(0)
    steps[:, [1, 2, 7, 8]] *= 0.05
    joints: np.ndarray = (standing + steps).astype(np.float32)
    return joints


@pytest.fixture
def sampler() -> ClipSampler:
    joints = np.concatenate([movements(150, seed) for seed in range(2)])
    detector = Detector(noise=0.06, occluded=0.5, joints=0.4)
    bodies = Bodies(joints, joints[:, 0] + np.float32(0.1), Variation())
    return ClipSampler(bodies, np.repeat([0, 1], 150), CameraRange(), detector, Film())


def test_galleries_are_of_all_and_of_single_recordings(clip_folder: Path, sampler: ClipSampler) -> None:
    saved = checkpoint.read(clip_folder)
    assert saved.clip is not None
    torch.manual_seed(0)
    everything, recording = islice(film_galleries(saved.network, saved.clip, sampler, 64), 2)
    assert everything.match.shape == recording.match.shape == (64, 64)
    assert everything.match.diagonal().all() and recording.match.diagonal().all()
    assert everything.match.float().mean() < recording.match.float().mean() < 1
    assert everything.features.shape == (2, 64, saved.clip.config.width)


def test_what_is_fitted_is_what_the_clip_encoder_then_says(clip_folder: Path, sampler: ClipSampler) -> None:
    saved = checkpoint.read(clip_folder)
    assert saved.clip is not None
    torch.manual_seed(0)
    laid_out = lay_out(saved.network, saved.clip, sampler.around(torch.arange(20, 40)))
    features = saved.clip.features(*laid_out[:2])
    lengths = Lengths(features)
    with torch.no_grad():
        lengths.read.weight.normal_(std=0.3)
        sure = give_lengths(saved.clip, lengths.layer())
        (after, _), (before, _) = (clip.join(*laid_out) for clip in (sure, saved.clip))
        wanted = lengths.certainty(features)
    alone = laid_out[1].sum(-1) == 1
    assert_close(after.norm(dim=-1)[~alone], wanted[~alone], atol=2e-3, rtol=0)
    assert_close(after[alone], before[alone])
    assert_close(torch.nn.functional.normalize(after, dim=-1), torch.nn.functional.normalize(before, dim=-1))


def test_the_fit_lowers_the_cross_entropy_and_is_repeatable(clip_folder: Path, sampler: ClipSampler) -> None:
    saved = checkpoint.read(clip_folder)
    assert saved.clip is not None
    torch.manual_seed(0)
    galleries = list(islice(film_galleries(saved.network, saved.clip, sampler, 32), 6))
    (_, first), (layer, later), (again, _) = (fit(galleries, CALIBRATION, steps=n, seed=0) for n in (1, 60, 60))
    assert later < 0.98 * first
    assert torch.equal(layer.weight, again.weight)
    for value in layer.state_dict().values():
        assert torch.equal(value.half().float(), value)
