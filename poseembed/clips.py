"""Which frames stand in the windows that a clip encoder reads: times to slots, whatever the frame rate.

The window of a time `t` has a slot for each `t + k * STEP`, `k` from -13 to 13 (`poseembed.clip_network`). In a slot
stands the frame that is nearest to its time, if it is within half a step, and so in no other slot. A frame just between
two slots stands in the inner one, nearer to the middle; of two frames as near to a slot's time the outer one is taken.
So faster videos are thinned out, and of slower ones some slots are empty.
"""

import numbers
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy.typing import ArrayLike
from torch import Tensor

from poseembed.clip_network import ABSENT, SLOTS, STEP

REACH = SLOTS // 2 * STEP
"""Seconds before and after a frame that a clip encoder reads."""

_TIE = 1e-3
"""Share of a step by which two distances have to differ to count as different: times in files are rounded."""

_APART = 2 * REACH + 1
"""Seconds between two clips that are laid end to end: more than any window is long."""


class Reach(NamedTuple):
    """How many slots before and after the middle are read.

    Attributes:
        back: Before it.
        ahead: After it.

    Examples:
        >>> from poseembed.clips import Reach
        >>> Reach.of(context=0.4, look_ahead=0.1)
        Reach(back=12, ahead=3)
    """

    back: int
    ahead: int

    @classmethod
    def of(cls, context: float, look_ahead: float | None) -> "Reach":
        """The slots within so many seconds.

        Args:
            context: Seconds before a frame, and after it, that are read; what is beyond `REACH` is not.
            look_ahead: Seconds after it, if that is to be less.

        Raises:
            TypeError: If one of them is no number.
            ValueError: If one of them is negative or not a number.
        """
        back, ahead = (
            _seconds(context, "context"),
            _seconds(context if look_ahead is None else look_ahead, "look_ahead"),
        )
        most = SLOTS // 2
        slots = [int(min(value / STEP + _TIE, most)) for value in (back, min(back, ahead))]
        return cls(*slots)

    @property
    def seconds_ahead(self) -> float:
        """How long after a frame the last one that it is read with may come."""
        return (self.ahead + 0.5 + _TIE) * STEP if self.ahead else 0.0

    @property
    def seconds_back(self) -> float:
        """How long before a frame the first one that it is read with may come."""
        return (self.back + 0.5 + _TIE) * STEP if self.back else 0.0


def clip_times(
    times: ArrayLike | Tensor | None, fps: float | None, shape: tuple[int, ...]
) -> Float64[np.ndarray, "*clips frames"]:
    """The time of every frame.

    Args:
        times: Seconds, (frames,) or of the shape that is wanted, from any start; they rise from frame to frame.
        fps: Frames per second, in the place of times.
        shape: Clips of any number of axes, and the frames of each.

    Raises:
        TypeError: If `fps` is no number, or `times` are no numbers.
        ValueError: If neither or both are given, `fps` is not above 0, or the times have another shape, are not
            finite, or do not rise.

    Examples:
        >>> from poseembed.clips import clip_times
        >>> clip_times(None, 25, (4,)).tolist()
        [0.0, 0.04, 0.08, 0.12]
    """
    if (times is None) == (fps is None):
        raise ValueError("pass either times=, the seconds of the frames, or fps=, frames per second")
    if fps is not None:
        if not isinstance(fps, numbers.Real):
            raise TypeError(f"got fps={fps!r}; wanted frames per second, as 25.0")
        if not 0 < fps < np.inf:
            raise ValueError(f"got fps={fps}; wanted frames per second, above 0")
        return np.broadcast_to(np.arange(shape[-1]) / float(fps), shape)
    given = np.asarray(times.detach().cpu() if isinstance(times, Tensor) else times)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"times must be numbers, seconds, got dtype {given.dtype}")
    if given.shape not in (shape, shape[-1:]):
        raise ValueError(
            f"got times of shape {given.shape}; wanted one a frame, {shape[-1:]}"
            + (f", or those of each clip, {shape}" if len(shape) > 1 else "")
        )
    seconds = given.astype(np.float64)
    if not np.isfinite(seconds).all():
        raise ValueError("times hold NaN or infinite numbers; a frame whose time is not known belongs to no clip")
    falls = np.argwhere(np.diff(seconds) <= 0)
    if len(falls):
        *clip, frame = falls[0].tolist()
        before, after = (seconds[(*clip, number)] for number in (frame, frame + 1))
        raise ValueError(
            f"times must rise from frame to frame; frame {frame} is at {before:g} s and frame {frame + 1} at {after:g} "
            f"s{f', in clip {tuple(clip)}' if clip else ''}: sort the frames by time, give people of one frame a clip "
            "each, and drop frames that were read twice"
        )
    return np.broadcast_to(seconds, shape)


def end_to_end(
    times: Float64[np.ndarray, " frames"], begins: Bool[np.ndarray, " frames"]
) -> Float64[np.ndarray, " frames"]:
    """Times of clips laid one after the other, so far apart that no window holds frames of two.

    Args:
        times: Seconds of all frames, clip after clip, rising in each.
        begins: Which frames are the first of a clip.

    Examples:
        >>> from poseembed.clips import end_to_end
        >>> laid = end_to_end(np.array([0, 0.04, 0, 0.04]), np.array([True, False, True, False]))
        >>> np.diff(laid).round(2).tolist()
        [0.04, 1.87, 0.04]
    """
    return np.cumsum(np.where(begins, _APART, np.diff(times, prepend=0.0)))


def windows(
    seen: Float64[np.ndarray, " frames"], middles: Float64[np.ndarray, " windows"], reach: Reach
) -> Int64[np.ndarray, "windows 27"]:
    """For each slot of some windows, which frame stands in it.

    Args:
        seen: Times of the frames that can stand there, rising; one at least.
        middles: Times that the windows are about.
        reach: Slots that are read; the others are empty.

    Returns:
        Rows of `seen`, or `ABSENT`.

    Examples:
        >>> from poseembed.clips import Reach, windows
        >>> seen = np.arange(60) / 60  # every other frame is read
        >>> windows(seen, seen[30:31], Reach(back=3, ahead=2))[0, 9:17].tolist()
        [-1, 24, 26, 28, 30, 32, 34, -1]
    """
    slots = np.arange(SLOTS) - SLOTS // 2
    wanted = middles[:, None] + slots * STEP
    outwards = wanted + np.sign(slots) * (_TIE * STEP)
    after = np.searchsorted(seen, outwards).clip(1, max(len(seen) - 1, 1))
    before, after = after - 1, np.minimum(after, len(seen) - 1)
    nearest = np.where(outwards - seen[before] <= seen[after] - outwards, before, after)
    away = (seen[nearest] - wanted) / STEP * np.where(slots < 0, -1, 1)  # outwards is positive
    inside = (away > -0.5 + _TIE) & (away <= 0.5 + _TIE)
    inside[:, SLOTS // 2] = np.abs(away[:, SLOTS // 2]) <= 0.5 + _TIE
    read = (slots >= -reach.back) & (slots <= reach.ahead)
    return np.where(inside & read, nearest, ABSENT)


def _seconds(value: float, name: str) -> float:
    """Check a length of time."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"got {name}={value!r}; wanted seconds, as 0.1")
    if not value >= 0:
        raise ValueError(f"got {name}={value}; wanted seconds, from 0")
    return float(value)
