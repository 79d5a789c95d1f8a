"""The probability of a match: what the cosine of two pose vectors is worth."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor

MAX_PARAMETER = 1e6
"""Largest size of a parameter; keeps every logit finite in float32."""

_ROUNDING = 0.01  # how far beyond 1 a cosine may lie: one that was computed in bfloat16, say
_LEAST = 1e-6  # least share, about the rounding error of a float32 cosine: a logarithm of 0 says nothing


@dataclass(frozen=True)
class MatchCalibration:
    """Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017): logit p = a log s - b log(1 - s) + c.

    s = (1 + cosine) / 2; p is the probability that the poses match when half of all the compared pairs do. A match is
    an NP-MPJPE under 0.1, as in the retrieval benchmark: joints 10 % of the torso apart on average, once one body is
    turned, scaled and laid onto the other. As neither a nor b is negative, p never falls as the cosine grows.

    It holds on average over pictures such as it was fitted on (`training/calibrate.py`), not for complete poses alone,
    nor for damaged ones alone: a cosine does not say how much of a pose was seen.

    Attributes:
        a: Weight of log s, not negative.
        b: Weight of -log(1 - s), not negative.
        c: The constant.

    Examples:
        >>> import torch
        >>> from poseembed.calibration import MatchCalibration
        >>> MatchCalibration(a=10.0, b=1.0, c=0.0).probability(torch.tensor([0.5, 0.8, 0.9]))
        tensor([0.18, 0.78, 0.92])
    """

    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        """Refuse what is not a calibration.

        Raises:
            TypeError: If a parameter is not a number.
            ValueError: If one is not finite or beyond `MAX_PARAMETER`, or a or b is negative.
        """
        for name, value in asdict(self).items():
            if type(value) not in (int, float):
                raise TypeError(f"{name} must be a number, got {value!r}")
            least = -MAX_PARAMETER if name == "c" else 0
            if not least <= value <= MAX_PARAMETER:
                raise ValueError(f"{name} must be from {least:g} to {MAX_PARAMETER:g}, got {value}")

    def probability(self, cosine: Float[Tensor, "*shape"], prior: float = 0.5) -> Float[Tensor, "*shape"]:
        """Probabilities of a match, 0 to 1; NaN for NaN.

        Args:
            cosine: Cosines of pose vectors.
            prior: Share of the compared pairs that match; multiplies the odds by prior / (1 - prior).

        Raises:
            ValueError: If a cosine lies outside -1 to 1, or `prior` is not between 0 and 1.
        """
        if not 0 < prior < 1:
            raise ValueError(f"got prior={prior}; it is a share of pairs, more than 0 and less than 1")
        if (cosine.abs() > 1 + _ROUNDING).any():
            raise ValueError(
                "got values outside -1 to 1; wanted cosines, as similarity() and similarity_pairwise() give"
            )
        alike, unlike = log_shares(cosine)
        return torch.sigmoid(self.a * alike - self.b * unlike + (self.c + math.log(prior) - math.log1p(-prior)))


def search_prior(rows: Iterable[int]) -> float:
    """Prior of a match for the hits of a search in recordings, each of which is taken to show the pose once.

    That is recordings / rows, and 1/2 at most: of one recording of n poses, 1 / n.

    Args:
        rows: Number of poses in each of the recordings; those without any do not count.
    """
    counts = [count for count in rows if count]
    return min(0.5, len(counts) / sum(counts)) if counts else 0.5


def log_shares(cosine: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Log s and log(1 - s) of s = (1 + cosine) / 2, finite at -1 and 1 too."""
    return ((1 + cosine) / 2).clamp_min(_LEAST).log(), ((1 - cosine) / 2).clamp_min(_LEAST).log()
