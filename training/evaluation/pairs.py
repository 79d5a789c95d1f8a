"""Pairs of views, how alike their vectors are, and which show the same pose: what match probabilities are judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed import PoseEncoder

BATCH = 256
"""Bodies whose views are compared with each other. With fewer, more of the matches are of one and the same body."""


@dataclass(frozen=True)
class Pairs:
    """Compared views.

    Attributes:
        probability: Of a match, as the encoder says at even odds.
        match: Whether they show the same pose.
    """

    probability: Float[Tensor, " pairs"]
    match: Bool[Tensor, " pairs"]

    @classmethod
    def join(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """All pairs of several batches."""
        return cls(torch.cat([part.probability for part in parts]), torch.cat([part.match for part in parts]))

    @property
    def share(self) -> float:
        """Share of the pairs that match."""
        return self.match.double().mean().item()

    def at(self, prior: float) -> Float[Tensor, " pairs"]:
        """The probabilities, were so large a share of the pairs matches (Bayes' rule), in float64."""
        odds = torch.logit(self.probability.double(), eps=1e-12)
        return torch.sigmoid(odds + torch.logit(torch.tensor(prior, dtype=torch.float64)))


def compare_views(
    encoder: PoseEncoder,
    first: Float[Tensor, "views dim"],
    second: Float[Tensor, "others dim"],
    match: Bool[Tensor, "views others"],
) -> Pairs:
    """All pairs of a first view's pose vector with a second view's; those in which nothing was seen are left out."""
    probability = encoder.match_probability(first.double(), second.double())
    known = ~probability.isnan()
    return Pairs(probability[known], match[known])


def balance(match: Bool[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    """Weights, float64, that sum to one half over the matches and to one half over the other pairs.

    Raises:
        ValueError: If all pairs match, or none.
    """
    matches = int(match.sum())
    if matches in (0, len(match)):
        raise ValueError(f"{matches} of {len(match)} pairs match; matches and other pairs are needed, take more poses")
    return match.double() * (0.5 / matches) + (~match).double() * (0.5 / (len(match) - matches))
