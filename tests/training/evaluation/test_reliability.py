"""Whether match probabilities are right, of such as are known to be right or wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from poseembed import PoseEncoder
from poseembed.calibration import MatchCalibration
from training.datasets import multiview
from training.evaluation.clips import frame_by_frame, means_with_context
from training.evaluation.pairs import Pairs
from training.evaluation.reliability import (
    BINS,
    FEWEST,
    SIGHTS,
    ReliabilityResult,
    assess,
    in_draws,
    in_films,
    in_recording,
)
from training.evaluation.representations import means

from ..datasets.test_multiview import arrays, save
from ..made_up import people
from .test_clips import clip

GALLERY = 40


def simulate(count: int = 100_000) -> tuple[Tensor, Tensor]:
    """Probabilities, and matches that come true with them: half of all."""
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(count, generator=generator)
    return probability, torch.rand(count, generator=generator) < probability


def result_of(probability: Tensor, match: Tensor, prior: str = "even odds") -> ReliabilityResult:
    return assess(Pairs(probability, match), prior, data="made-up", sight=SIGHTS[0])


def test_right_probabilities_have_no_calibration_error() -> None:
    result = result_of(*simulate())
    assert result.ece < 0.01
    assert result.brier == pytest.approx(1 / 6, abs=0.003)  # the mean of p (1 - p)
    assert len(result.bins) == BINS and sum(entry.pairs for entry in result.bins) == 100_000
    assert sum(entry.weight for entry in result.bins) == pytest.approx(1)
    for place, entry in enumerate(result.bins):
        assert place / BINS <= entry.predicted <= (place + 1) / BINS
        assert entry.observed == pytest.approx(entry.predicted, abs=0.03)


@pytest.mark.parametrize("sharper", [5.0, 0.2], ids=["too sure", "too cautious"])
def test_wrong_probabilities_have_a_large_one(sharper: float) -> None:
    probability, match = simulate()
    result = result_of(torch.sigmoid(sharper * torch.logit(probability)), match)
    assert result.ece > 0.15
    assert result.brier > 0.19


def test_saying_one_half_always() -> None:
    _, match = simulate(1000)
    result = result_of(torch.full((1000,), 0.5), match)
    assert (result.ece, result.brier) == pytest.approx((0, 0.25))
    assert [entry.pairs for entry in result.bins] == [1000]


@pytest.mark.parametrize("right, ece, brier", [(True, 0, 0), (False, 1, 1)])
def test_being_certain(right: bool, ece: float, brier: float) -> None:
    _, match = simulate(1000)
    result = result_of((match == right).float(), match)
    assert (result.ece, result.brier) == pytest.approx((ece, brier))
    assert len(result.bins) == 2


def test_matches_are_weighted_to_be_half() -> None:
    probability, match = simulate()
    kept = match | (torch.arange(len(match)) % 10 == 0)  # nine tenths of the other pairs are gone
    result = result_of(probability[kept], match[kept])
    assert result.matches == pytest.approx(0.91, abs=0.01)
    assert result.ece < 0.02
    assert result.brier == pytest.approx(1 / 6, abs=0.005)


def moving() -> dict[str, Any]:
    """A recording whose frames show a pose and its mirror image in turns."""
    content = arrays()
    content["keypoints"] = np.random.default_rng(0).normal(size=content["keypoints"].shape).astype(np.float32)
    content["keypoints"][0, 3] = np.nan  # nobody was found
    content["joints3d"][:, :, ::2, :, 0] *= -1
    return content


@pytest.fixture
def calibrated(encoder: PoseEncoder) -> PoseEncoder:
    encoder.config = replace(encoder.config, calibration=MatchCalibration((3.0,), (1.0,), (0.5,)))
    return encoder


def test_all_views_of_a_batch_are_compared(calibrated: PoseEncoder) -> None:
    batches = list(in_draws(calibrated, people(100), trials=2, size=GALLERY, batch_size=25))
    assert [len(batch[SIGHTS[0]].match) for batch in batches] == [25 * 25, 15 * 15] * 2
    for batch in batches:
        assert list(batch) == list(SIGHTS)
        whole = batch[SIGHTS[0]]
        side = round(len(whole.match) ** 0.5)
        for partial in list(batch.values())[1:]:
            assert torch.equal(whole.match, partial.match), "poses do not depend on the sight"
            assert not torch.allclose(whole.probability, partial.probability, atol=0.01)
        assert torch.equal(whole.match.unflatten(0, (side, side)), torch.eye(side, dtype=torch.bool))
    again = list(in_draws(calibrated, people(100), trials=1, size=GALLERY, batch_size=25))
    assert torch.equal(batches[0][SIGHTS[1]].probability, again[0][SIGHTS[1]].probability)
    assert not torch.equal(batches[0][SIGHTS[1]].probability, batches[2][SIGHTS[1]].probability)


def test_frames_of_films_are_compared_with_context(clip_encoder: PoseEncoder) -> None:
    clip_encoder.config = replace(clip_encoder.config, calibration=MatchCalibration((3.0,), (1.0,), (0.5,)))
    films = [clip(40, number) for number in range(3)]
    alone, around = (
        list(in_films(clip_encoder, films, embed, trials=2, size=60, batch_size=50))
        for embed in (frame_by_frame(means(clip_encoder)), means_with_context(clip_encoder))
    )
    assert [len(batch[SIGHTS[0]].match) for batch in around] == [50 * 50, 10 * 10] * 2
    for one, other in zip(alone, around, strict=True):
        for sight in SIGHTS:
            assert torch.equal(one[sight].match, other[sight].match) and one[sight].match.any()
            assert not torch.allclose(one[sight].probability, other[sight].probability, atol=0.01)


def test_the_share_of_a_recording_can_be_the_prior() -> None:
    generator = torch.Generator().manual_seed(0)
    at_own_share = 0.2 * torch.rand(200_000, generator=generator)  # a tenth match
    match = torch.rand(200_000, generator=generator) < at_own_share
    share = match.double().mean()
    even = torch.sigmoid(torch.logit(at_own_share.double()) - torch.logit(share))
    result = result_of(even, match, "own share")
    assert result.ece < 0.01 and abs(result.worst) < 0.02
    assert result.matches == pytest.approx(0.1, abs=0.005)
    assert sum(entry.pairs for entry in result.bins) == 200_000 and len(result.bins) == 3
    assert result_of(at_own_share, match, "own share").ece > 0.05


def test_the_worst_bin_is_not_one_of_few_pairs() -> None:
    probability = torch.tensor([0.9] * FEWEST + [0.1] * FEWEST + [0.5] * (FEWEST - 1))
    match = torch.tensor([True] * 60 + [False] * (FEWEST - 60) + [False] * FEWEST + [True] * (FEWEST - 1))
    result = result_of(probability, match, "even odds")
    weight_of_match, weight_of_other = 1 / (60 + FEWEST - 1), 1 / (2 * FEWEST - 60)
    observed = 60 * weight_of_match / (60 * weight_of_match + 40 * weight_of_other)
    assert result.worst == pytest.approx(0.9 - observed, abs=1e-6)
    assert result_of(probability[:50], match[:50] & (torch.arange(50) > 2)).worst == 0


def test_frames_of_real_cameras_are_compared(calibrated: PoseEncoder, tmp_path: Path) -> None:
    recording = multiview.read(save(tmp_path, moving()))
    frames = frame_by_frame(means(calibrated))
    found = in_recording(calibrated, recording, frames)
    assert list(found) == list(SIGHTS)
    for pairs in found.values():
        assert len(pairs.match) == 5 * 6 and pairs.share == 0.5
        assert pairs.probability.unique().numel() > 20
    again = in_recording(calibrated, recording, frames)[SIGHTS[1]]
    assert torch.equal(again.probability, found[SIGHTS[1]].probability)
