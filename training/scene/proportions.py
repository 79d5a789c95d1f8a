"""How people's proportions vary: the lengths of bones, as shares of the trunk, of the 6,068 people of ANSUR II.

The survey of the US Army measured people from outside (Gordon et al., 2014); lengths between joint centres were
estimated from that. What matters here is not how long bones are, which motion capture says, but how they differ from
person to person, and together: who has long forearms for a trunk has long shins too.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from training.scene.world import Constant

MEASURED = ("shoulders", "hips", "neck", "upper_arm", "forearm", "thigh", "shin")
"""Bones whose share of the trunk the survey tells."""

DEVIATION = (0.075, 0.084, 0.105, 0.071, 0.080, 0.097, 0.085)
"""Standard deviation of the logarithm of each share."""

CORRELATION = (
    (1.00, 0.31, 0.59, 0.62, 0.69, 0.64, 0.53),
    (0.31, 1.00, 0.34, 0.50, 0.38, 0.50, 0.56),
    (0.59, 0.34, 1.00, 0.56, 0.57, 0.60, 0.56),
    (0.62, 0.50, 0.56, 1.00, 0.82, 0.84, 0.85),
    (0.69, 0.38, 0.57, 0.82, 1.00, 0.81, 0.80),
    (0.64, 0.50, 0.60, 0.84, 0.81, 1.00, 0.78),
    (0.53, 0.56, 0.56, 0.85, 0.80, 0.78, 1.00),
)
"""Of those logarithms; they have the trunk in common, which is a part of it."""

_FACTOR = Constant(
    torch.linalg.cholesky(
        torch.tensor(CORRELATION, dtype=torch.float64)
        * torch.outer(*2 * [torch.tensor(DEVIATION, dtype=torch.float64)])
    ).float()
)


def draw_people(count: int, *, device: torch.device) -> Float[Tensor, "count 7"]:
    """Draw people from torch's global random state.

    Returns:
        The logarithm of what each bone of `MEASURED` is longer than a mean person's, both as shares of the trunk.
    """
    return torch.randn(count, len(MEASURED), device=device) @ _FACTOR.on(device).mT
