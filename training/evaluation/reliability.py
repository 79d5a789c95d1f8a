"""Whether the probabilities of a match are right: the reliability curve, and two numbers that sum it up.

Everything is weighted so that half of the pairs match, and `match_probability` is asked with prior 0.5.

- Reliability curve: pairs are sorted by probability into `BINS` equal intervals; in each, the share of matches should
  be the mean probability.
- Expected calibration error (Naeini, Cooper and Hauskrecht 2015): the mean of the difference of the two, each bin
  weighted by the share of the pairs that fall into it. 0 is perfect.
- Brier score (1950): the mean square of probability minus truth, 1 for a match and 0 for another pair. 0.25 is saying
  0.5 always; how well the vectors tell matches apart counts too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed import PoseEncoder
from training.evaluation.conditions import DAMAGED, EXACT, Condition
from training.evaluation.pairs import BATCH, Pairs, balance, compare_views
from training.evaluation.representations import means
from training.evaluation.retrieval import GALLERY, make_trial, same_pose

BINS = 15

CONDITIONS = (EXACT, DAMAGED)


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same probability.

    Attributes:
        predicted: Their mean probability.
        observed: Share of matches.
        weight: Share of all pairs that they are.
        pairs: Their number, before weighting.
    """

    predicted: float
    observed: float
    weight: float
    pairs: int


@dataclass(frozen=True)
class ReliabilityResult:
    """How right the probabilities were on one file under one condition.

    Attributes:
        data: The file.
        condition: What became of the pictures.
        matches: Share of the pairs that match, before weighting.
        ece: Expected calibration error.
        brier: Brier score.
        bins: The reliability curve; empty bins are left out.
    """

    data: str
    condition: Condition
    matches: float
    ece: float
    brier: float
    bins: list[Bin]


def draw_batches(
    encoder: PoseEncoder,
    joints: Float[np.ndarray, "frames 13 3"],
    *,
    trials: int,
    size: int = GALLERY,
    batch_size: int = BATCH,
) -> Iterator[dict[Condition, Pairs]]:
    """Compare the views of retrieval's trials under all `CONDITIONS`; yields batch by batch.

    Args:
        encoder: Whose pose vectors to compare.
        joints: Poses to draw from; metres, y up.
        trials: Draws of poses and cameras.
        size: Poses in a trial.
        batch_size: Poses of which all first views are compared with all second ones, as when fitting.

    Raises:
        ValueError: If there are fewer poses than a trial holds.
    """
    embed = means(encoder)
    for seed in range(trials):
        pictures = {condition: make_trial(joints, condition, seed=seed, size=size) for condition in CONDITIONS}
        poses = pictures[CONDITIONS[0]].poses  # which are the same under all conditions
        vectors = {
            condition: [embed(points, visible) for points, visible in zip(trial.points, trial.visible, strict=True)]
            for condition, trial in pictures.items()
        }
        for rows in torch.arange(len(poses)).split(batch_size):
            match = same_pose(poses[rows])
            yield {
                condition: compare_views(one[rows], other[rows], match) for condition, (one, other) in vectors.items()
            }


def assess(
    probability: Float[Tensor, " pairs"], match: Bool[Tensor, " pairs"], *, data: str, condition: Condition
) -> ReliabilityResult:
    """Compare probabilities with what was true, weighted so that half of the pairs match.

    Raises:
        ValueError: If all pairs match, or none.
    """
    weight, p, truth = balance(match), probability.double(), match.double()
    place = (p * BINS).long().clamp_max(BINS - 1)  # a probability of 1 belongs to the last bin
    weights, predicted, observed = (
        torch.zeros(BINS, dtype=torch.float64).index_add(0, place, weight * values)
        for values in (torch.ones_like(p), p, truth)
    )
    counts = torch.bincount(place, minlength=BINS)
    bins = [
        Bin(
            predicted=(predicted[i] / w).item(),
            observed=(observed[i] / w).item(),
            weight=w.item(),
            pairs=int(counts[i]),
        )
        for i, w in enumerate(weights)
        if counts[i]
    ]
    return ReliabilityResult(
        data=data,
        condition=condition,
        matches=truth.mean().item(),
        ece=(predicted - observed).abs().sum().item(),
        brier=(weight * (p - truth).square()).sum().item(),
        bins=bins,
    )
