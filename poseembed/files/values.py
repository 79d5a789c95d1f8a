"""What readers take for a number, a score, a name and a file; one rule for each, whatever the format.

The rules are those that the top of `poseembed.adapters` lists.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

LARGEST_COORDINATE = 2.0**24
"""Pixels beyond which float32 does not tell neighbours apart; no picture is that large."""

LARGEST_SCORE = 10.0
"""What no score reaches that stands for 0 to 1: RTMPose and AlphaPose give up to 1.3, and whole-body models up to 8."""

LONGEST_NAME = 4096
"""Characters in a picture's name: the longest path that Linux takes."""

_LEAST_PEAK, _MOST_PEAK = -0.1, 2.0
"""Between these lie the scores of RTMPose, MSPN and AlphaPose; depths go beyond, or are negative."""

_SPARE_BYTES = 2**26
_GROWTH = 32


def check_regular(path: Path) -> None:
    """Refuse what is no file before it is opened: a pipe never answers, and a device never ends.

    Raises:
        OSError: What the system says of it: that it is not there, say, or a link that leads to itself.
        ValueError: If it is a pipe, a device or a socket.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, os.strerror(21), str(path))
    if not stat.S_ISREG(mode):
        raise ValueError(f"cannot read {path}: it is a pipe, a device or a socket; write its content to a file first")


def visible(files: Iterable[Path]) -> list[Path]:
    """Files without the hidden ones, which systems leave beside data (`._clip.json` on macOS)."""
    return [file for file in files if not file.name.startswith(".")]


def check_size(size: int, source: int, what: str) -> None:
    """Refuse what would take much more memory than the file that it comes from.

    Args:
        size: Bytes that it would take.
        source: Bytes of the file.
        what: What to call it in the error.

    Raises:
        ValueError: If it is more than 32 times the file and 64 MiB.
    """
    if size > _SPARE_BYTES + _GROWTH * source:
        raise ValueError(
            f"{what} would take {size:,} bytes out of {source:,}; no true file is so, get it or write it again"
        )


def check_points(points: Float[np.ndarray, "*shape"]) -> None:
    """Refuse coordinates that are infinite or too large for float32 to tell pixels apart; NaN is missing.

    Raises:
        ValueError: Naming the first one.
    """
    far = points[np.abs(points) > LARGEST_COORDINATE]
    if far.size:
        raise ValueError(
            f"got a coordinate of {far[0]:g}; wanted pixels, at most {LARGEST_COORDINATE:.0f} in size (float32 does "
            "not tell larger ones apart), and NaN where a joint is missing"
        )


def are_scores(third: np.ndarray) -> bool:
    """Whether the third numbers of keypoints are scores and no depths: nearly all between 0 and 1, and none far off."""
    known = third[~np.isnan(third)]
    inside = (known >= 0) & (known <= 1)
    return bool(((known >= _LEAST_PEAK).all() and (known <= _MOST_PEAK).all() and (known > 0).any()) or inside.all())


def settle_scores(scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Scores from 0 to 1: NaN becomes 0, and what lies outside, as a heat map's peak may, is brought to the nearer end.

    Raises:
        ValueError: If one is infinite, or beyond `LARGEST_SCORE` in size: a percentage, say.
    """
    known = scores[~np.isnan(scores)]
    least, most = (known.min(), known.max()) if known.size else (0.0, 0.0)
    if max(-least, most) > LARGEST_SCORE:
        raise ValueError(
            f"got a score of {most if most > LARGEST_SCORE else least:g}; wanted scores from 0 to 1 (divide "
            "percentages by 100; poses are 2D here, so leave a depth out)"
        )
    return np.nan_to_num(scores, nan=0.0).clip(0, 1)


def number_of(text: str) -> float:
    """The number that a text is.

    Raises:
        ValueError: If it is none, or written as only Python does (1_000) or in digits of other scripts.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r:.40} is not a number")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r:.40} is not a number") from None


def text_column(values: Sequence[str], what: str) -> np.ndarray:
    """Names as an array of fixed-width text, if no long one makes all the others long.

    Raises:
        ValueError: If one is longer than `LONGEST_NAME`, or the array would be much larger than the names.
    """
    longest = max(map(len, values), default=0)
    if longest > LONGEST_NAME:
        raise ValueError(f"{what} of {longest:,} characters, {max(values, key=len)!r:.40}; at most {LONGEST_NAME}")
    check_size(4 * longest * len(values), sum(map(len, values)), f"{what}, all as long as the longest,")
    return np.array(values, dtype=np.str_)
