"""How alike two aligned performances are as movements, whoever made them: how their poses change, and how much."""

import numpy as np
from jaxtyping import Float, Int64

MEAN_TAKEN_OFF = 0.5
"""Share of a performance's mean that is taken off its unit vectors. Chosen by `training/benchmarks/likeness.py`: with 0
all people who stand are alike, and with 1 a pose that is held leaves nothing but noise. As no mean is longer than 1,
half of one never leaves a vector of length 0."""

STILL = 0.1
"""Who moves less than this counts as moving so much: what a detector does to somebody who stands still."""


def frame_mean(values: Float[np.ndarray, " k"], frames: Int64[np.ndarray, " k"]) -> float:
    """Mean over the frames of a performance, each of which has a value at one step of a path at least.

    The values of a frame are averaged first, so that a pose that is held, and matched again and again, counts no more
    than its frames.

    Args:
        values: Of the steps.
        frames: The frame at each step.
    """
    _, place, steps = np.unique(frames, return_inverse=True, return_counts=True)
    return float((np.bincount(place, values) / steps).mean())


def likeness(
    one: Float[np.ndarray, "k dim"],
    other: Float[np.ndarray, "k dim"],
    rows: Int64[np.ndarray, "k 2"],
    *,
    mean_taken_off: float = MEAN_TAKEN_OFF,
) -> float:
    """How alike two performances are as movements, -1 to 1.

    From the unit vectors of each performance a share of their mean is taken off. That mean says how this person holds
    themselves and how this camera sees them, as well as what pose the movement is about; what remains says how the pose
    changes. Cosines are averaged over the counterparts of each frame, then over the frames, and of the two performances
    the lower mean is taken. It is never above the ratio of how far the two move: who stands still while somebody else
    squats does not squat.

    How far somebody moves is the root of the mean product of what the vectors of two frames in a row are off the whole
    mean by. What a detector gets wrong anew in each frame is in no such product.

    Args:
        one: Unit pose vectors of the first performance at the steps of a path.
        other: Those of the second.
        rows: The frame of each at every step.
        mean_taken_off: Share of the mean, 0 to less than 1.

    Examples:
        >>> from poseembed.likeness import likeness
        >>> up, down = np.eye(2)
        >>> rows = np.array([[0, 0], [1, 1]])
        >>> round(likeness(np.stack([up, down]), np.stack([up, down]), rows), 2)
        1.0
        >>> round(likeness(np.stack([up, down]), np.stack([down, up]), rows), 2)
        -0.6
    """
    changes = [
        _without_mean(directions, frames, mean_taken_off)
        for directions, frames in zip((one, other), rows.T, strict=True)
    ]
    cosines = (changes[0] * changes[1]).sum(-1)
    less, more = sorted(_extent(directions, frames) for directions, frames in zip((one, other), rows.T, strict=True))
    return min(less / more, *(frame_mean(cosines, frames) for frames in rows.T))


def _without_mean(
    directions: Float[np.ndarray, "k dim"], frames: Int64[np.ndarray, " k"], share: float
) -> Float[np.ndarray, "k dim"]:
    """Unit vectors from which a share of the mean over all frames, each counted once, is taken off, at length 1."""
    _, first = np.unique(frames, return_index=True)
    changes = directions - share * directions[first].mean(0)
    unit: np.ndarray = changes / np.linalg.norm(changes, axis=-1, keepdims=True)
    return unit


def _extent(directions: Float[np.ndarray, "k dim"], frames: Int64[np.ndarray, " k"]) -> float:
    """How far a performance moves, `STILL` to 1."""
    _, first = np.unique(frames, return_index=True)
    off = directions[first] - directions[first].mean(0)
    together = (off[1:] * off[:-1]).sum(-1)
    return float(np.sqrt(max(together.mean(), STILL**2))) if len(together) else STILL
