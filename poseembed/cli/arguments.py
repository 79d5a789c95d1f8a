"""What is typed after a command, checked where it is read: numbers, and files that a pattern may stand for."""

import glob
import math
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path

from poseembed.skeleton import SKELETONS
from poseembed.video.capture import is_address


def whole(least: int) -> Callable[[str], int]:
    """Reads a whole number that is not under the least."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise ArgumentTypeError(f"got {text!r}; wanted a whole number from {least} on")
        return number

    return read


def share(below: float) -> Callable[[str], float]:
    """Reads a number from 0 to under a bound."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < below:
            raise ArgumentTypeError(f"got {text!r}; wanted a number from 0 to under {below:g}")
        return number

    return read


def size(text: str) -> tuple[float, float]:
    """Reads the width and height of a picture, 1920x1080."""
    numbers = text.lower().split("x")
    if len(numbers) != 2 or not all(part.isascii() and part.isdigit() and int(part[:9]) > 1 for part in numbers):
        raise ArgumentTypeError(f"got {text!r}; wanted a width and height in pixels, such as 1920x1080")
    return float(numbers[0]), float(numbers[1])


def video_source(text: str) -> Path | str:
    """Reads the path of a video, or the address of a stream, in which no slash may be lost."""
    return text if is_address(text) else Path(text)


def number(least: float, most: float) -> Callable[[str], float]:
    """Reads a number from the least to the most."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ArgumentTypeError(f"got {text!r}; wanted a number from {least:g} to {most:g}")
        return value

    return read


def seconds(text: str) -> float:
    """Reads a length of time."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number >= 0:
        raise ArgumentTypeError(f"got {text!r}; wanted seconds, from 0")
    return number


def add_context(parser: ArgumentParser) -> None:
    """Add --context."""
    parser.add_argument(
        "--context",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="read so much before and after a frame of somebody who is followed over time, up to 0.43 "
        "(default: 0, each frame by itself)",
    )


def add_skeleton(parser: ArgumentParser, option: str = "--skeleton", of: str = "") -> None:
    """Add --skeleton, or another option of its kind, which --skeleton stands in for."""
    parser.add_argument(
        option,
        default="poseembed13" if option == "--skeleton" else None,
        choices=list(SKELETONS),
        metavar="NAME",
        help=f"skeleton of .npy and .npz keypoints{of}; poseembed info lists them",
    )


def add_landmarker(parser: ArgumentParser) -> None:
    """Add --landmarker."""
    parser.add_argument(
        "--landmarker",
        type=Path,
        metavar="FILE",
        help="MediaPipe's pose landmarker for videos, .task (default: the official one)",
    )


def expand(paths: Sequence[Path]) -> list[Path]:
    """The files and folders that paths stand for, those of a pattern sorted.

    Most shells expand patterns themselves; those of Windows hand them on, and so does any that finds them quoted.

    Raises:
        FileNotFoundError: If nothing matches a pattern.
    """
    found: list[Path] = []
    for path in paths:
        path = path.expanduser()
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)  # whoever reads it says if it is not there
            continue
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not matches:
            raise FileNotFoundError(f"nothing matches {path}")
        found += matches
    return found


def expand_one(path: Path) -> Path:
    """The one file or folder that a path stands for.

    Raises:
        FileNotFoundError: If nothing matches a pattern.
        ValueError: If several do.
    """
    found = expand([path])
    if len(found) > 1:
        raise ValueError(f"{path} matches {len(found)} files; wanted one here")
    return found[0]
