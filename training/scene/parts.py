"""How much of a body a picture shows: parts that people and furniture leave, and joints missing at random."""

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from poseembed.skeleton import JOINTS, NUM_JOINTS

MOST_MISSING = 11
"""Most joints that "some joints" leaves out."""

_LEFT, _RIGHT = (
    torch.tensor([joint.startswith(side) or joint == "nose" for joint in JOINTS]) for side in ("left", "right")
)
_UPPER = torch.tensor(["hip" not in joint and "knee" not in joint and "ankle" not in joint for joint in JOINTS])
_NOSE = torch.tensor([joint == "nose" for joint in JOINTS])

PARTS = (
    "complete",
    "some joints",
    "4 missing",
    "upper body",
    "lower body",
    "one side",
    "5 joints",
    "2 joints",
    "nose only",
)
"""What `show` can be asked for: all 13 joints; all but 1 to `MOST_MISSING` of them; all but 4; nose and arms; hips and
legs; nose and the limbs of the left or the right side; 5, or 2, of all; the nose. Joints and sides are drawn."""


def show(part: str, count: int, *, generator: Generator | None = None) -> Bool[Tensor, "count 13"]:
    """Which joints so many pictures show.

    Args:
        part: One of `PARTS`.
        count: Of pictures.
        generator: Of the draw; torch's global random state if None.

    Raises:
        ValueError: If there is no such part.
    """
    order = torch.rand(count, NUM_JOINTS, generator=generator).argsort(-1)
    drawn = torch.rand(count, 1, generator=generator)
    shown = {
        "complete": order >= 0,
        "some joints": order >= 1 + (MOST_MISSING * drawn).long(),
        "4 missing": order >= 4,
        "upper body": _UPPER.expand(count, -1),
        "lower body": ~_UPPER.expand(count, -1),
        "one side": torch.where(drawn < 0.5, _LEFT, _RIGHT),
        "5 joints": order < 5,
        "2 joints": order < 2,
        "nose only": _NOSE.expand(count, -1),
    }
    if part not in shown:
        raise ValueError(f"got part={part!r}; wanted one of {', '.join(shown)}")
    return shown[part]
