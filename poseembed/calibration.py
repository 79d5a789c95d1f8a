"""The probability of a match: what the cosine of two pose vectors is worth, given how sure the encoder is of both."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor

MAX_PARAMETER = 1e6
"""Largest size of a parameter; keeps every logit finite in float32."""

MAX_DEGREE = 8
"""Most coefficients of a polynomial."""

_ROUNDING = 0.01  # how far beyond 1 a cosine may lie: one that was computed in bfloat16, say
_LEAST = 1e-6  # least share, about the rounding error of a float32 cosine: a logarithm of 0 says nothing


@dataclass(frozen=True)
class MatchCalibration:
    """Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017) whose weights grow with how sure the encoder is.

    logit p = a(l) log s - b(l) log(1 - s) + c(l), where s = (1 + cosine) / 2 and l is the product of the lengths of
    the two pose vectors, each of which says from 0 to 1 how sure the encoder is of its pose
    (`poseembed.network.Encoder`). a(l), b(l) and c(l) are polynomials without a constant: where nothing is known, l is
    0 and so is the logit, whatever the cosine. As no coefficient of a or b is negative, p never falls as the cosine
    grows. A checkpoint whose lengths say nothing has one coefficient each, and l is 1.

    p is the probability that the poses match when half of all the compared pairs do. A match is an NP-MPJPE under 0.1,
    as in the retrieval benchmark: joints 10 % of the torso apart on average, once one body is turned, scaled and laid
    onto the other. It holds on average over pictures, bodies and galleries such as it was fitted on
    (`training/calibrate.py`).

    Attributes:
        a: Coefficients of l, l^2 ... in the weight of log s, none negative.
        b: Those in the weight of -log(1 - s), none negative.
        c: Those of what is added.

    Examples:
        >>> import torch
        >>> from poseembed.calibration import MatchCalibration
        >>> calibration = MatchCalibration(a=(10.0,), b=(1.0,), c=(0.0,))
        >>> calibration.probability(torch.tensor([0.5, 0.8, 0.9]))
        tensor([0.18, 0.78, 0.92])
        >>> calibration.probability(torch.tensor(0.9), certainty=torch.tensor([0.0, 0.3, 1.0]))
        tensor([0.50, 0.68, 0.92])
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    c: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a calibration.

        Raises:
            TypeError: If a coefficient is not a number.
            ValueError: If there are none or more than `MAX_DEGREE`; if one is not finite or beyond `MAX_PARAMETER`, or
                one of a or b is negative.
        """
        for name, values in asdict(self).items():
            if type(values) is not tuple or not 1 <= len(values) <= MAX_DEGREE:
                raise ValueError(f"{name} must be 1 to {MAX_DEGREE} numbers, got {values!r:.80}")
            least = -MAX_PARAMETER if name == "c" else 0
            for value in values:
                if type(value) not in (int, float):
                    raise TypeError(f"{name} must be of numbers, got {value!r:.40}")
                if not least <= value <= MAX_PARAMETER:
                    raise ValueError(f"{name} must be from {least:g} to {MAX_PARAMETER:g}, got {value}")

    @classmethod
    def from_json(cls, **content: list[float] | float) -> "MatchCalibration":
        """What `config.json` holds: lists of coefficients, or single ones, as the first checkpoints have them.

        Raises:
            TypeError: If a key is missing or unknown, or a coefficient is not a number.
            ValueError: See `__post_init__`.
        """
        return cls(**{name: tuple(of) if isinstance(of, list) else (of,) for name, of in content.items()})

    def probability(
        self,
        cosine: Float[Tensor, "*#shape"],
        certainty: Float[Tensor, "*#shape"] | None = None,
        prior: float = 0.5,
    ) -> Float[Tensor, "*shape"]:
        """Probabilities of a match, 0 to 1; NaN for NaN.

        Args:
            cosine: Cosines of pose vectors.
            certainty: Products of their lengths, 0 to 1; None is 1.
            prior: Share of the compared pairs that match; multiplies the odds by prior / (1 - prior).

        Raises:
            ValueError: If a cosine lies outside -1 to 1, or `prior` is not between 0 and 1.
        """
        if not 0 < prior < 1:
            raise ValueError(f"got prior={prior}; it is a share of pairs, more than 0 and less than 1")
        if (cosine.abs() > 1 + _ROUNDING).any():
            raise ValueError("got values outside -1 to 1; wanted cosines, as similarity() gives")
        sure = torch.ones_like(cosine) if certainty is None else certainty
        odds = log_odds(cosine, sure, self.a, self.b, self.c)
        return torch.sigmoid(odds + (math.log(prior) - math.log1p(-prior)))


def search_prior(rows: Iterable[int]) -> float:
    """Prior of a match for the hits of a search in recordings, each of which is taken to show the pose once.

    That is recordings / rows, and 1/2 at most: of one recording of n poses, 1 / n.

    Args:
        rows: Number of poses in each of the recordings; those without any do not count.
    """
    counts = [count for count in rows if count]
    return min(0.5, len(counts) / sum(counts)) if counts else 0.5


def log_odds(
    cosine: Float[Tensor, "*#shape"],
    certainty: Float[Tensor, "*#shape"],
    a: Sequence[float] | Float[Tensor, " degree"],
    b: Sequence[float] | Float[Tensor, " degree"],
    c: Sequence[float] | Float[Tensor, " degree"],
) -> Float[Tensor, "*shape"]:
    """The logit of `MatchCalibration`, at even odds; finite for cosines of -1 and 1 too."""
    alike, unlike = ((1 + cosine) / 2).clamp_min(_LEAST).log(), ((1 - cosine) / 2).clamp_min(_LEAST).log()
    steep, flat, shift = (_polynomial(coefficients, certainty) for coefficients in (a, b, c))
    return steep * alike - flat * unlike + shift


def _polynomial(
    coefficients: Sequence[float] | Float[Tensor, " degree"], x: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """A polynomial without a constant, by Horner's rule; the coefficient of x comes first."""
    value = torch.zeros_like(x)
    for coefficient in list(coefficients)[::-1]:
        value = (value + coefficient) * x
    return value
