"""Whether match probabilities are right, of such as are known to be right or wrong."""

import numpy as np
import pytest
import torch
from torch import Tensor

from poseembed import PoseEncoder
from training.evaluation.reliability import BINS, CONDITIONS, ReliabilityResult, assess, draw_batches

GALLERY = 40


def simulate(count: int = 100_000) -> tuple[Tensor, Tensor]:
    """Probabilities, and matches that come true with them: half of all."""
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(count, generator=generator)
    return probability, torch.rand(count, generator=generator) < probability


def result_of(probability: Tensor, match: Tensor) -> ReliabilityResult:
    return assess(probability, match, data="made-up", condition=CONDITIONS[0])


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


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


def test_all_views_of_a_batch_are_compared(encoder: PoseEncoder) -> None:
    batches = list(draw_batches(encoder, bodies(100), trials=2, size=GALLERY, batch_size=25))
    assert [len(batch[CONDITIONS[0]].match) for batch in batches] == [25 * 25, 15 * 15] * 2
    for batch in batches:
        whole, partial = (batch[condition] for condition in CONDITIONS)
        assert torch.equal(whole.match, partial.match), "poses do not depend on the condition"
        assert not torch.allclose(whole.cosine, partial.cosine, atol=0.01)
        side = round(len(whole.match) ** 0.5)
        assert torch.equal(whole.match.unflatten(0, (side, side)), torch.eye(side, dtype=torch.bool))
    again = list(draw_batches(encoder, bodies(100), trials=1, size=GALLERY, batch_size=25))
    assert torch.equal(batches[0][CONDITIONS[1]].cosine, again[0][CONDITIONS[1]].cosine)
    assert not torch.equal(batches[0][CONDITIONS[1]].cosine, batches[2][CONDITIONS[1]].cosine)
