"""The file of a `MovementIndex`: its arrays as NPZ, the names of the recordings, and what made the vectors."""

from pathlib import Path
from typing import Any

import numpy as np

from poseembed.files.arrays import need_arrays
from poseembed.files.atomic import replacing
from poseembed.origin import MadeBy

ARRAYS = {
    "directions": np.float16,
    "frame": np.int64,
    "time": np.float64,
    "offsets": np.int64,
    "person": np.int64,
    "recording": np.int64,
}
"""Attributes of the index, and the types of their elements."""

_TEXTS = ("names", "made_by")

_LONGEST = 1.01
"""What no element of a unit vector exceeds, however it was rounded."""


def write(path: Path, arrays: dict[str, np.ndarray], names: tuple[str, ...], made_by: MadeBy | None) -> None:
    """Write a file: all of it or, if it is interrupted, nothing.

    Raises:
        OSError: If it cannot be written.
    """
    content: dict[str, Any] = {"names": np.array(names, dtype=np.str_), "made_by": np.array(str(made_by or ""))}
    with replacing(path) as file:
        np.savez(file, **arrays | content)


def read(path: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...], MadeBy | None]:
    """Read a file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or something else.
    """
    try:
        kinds = {name: np.dtype(kind).kind for name, kind in ARRAYS.items()} | dict.fromkeys(_TEXTS, "U")
        arrays = need_arrays(path, kinds)
        names, said = (arrays.pop(name) for name in _TEXTS)
        _check(arrays, names)
        made_by = MadeBy.from_text(str(said)) if str(said) else None
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged, or no index that MovementIndex.save wrote ({error}); build it again"
        ) from error
    return arrays, tuple(names.tolist()), made_by


def _check(arrays: dict[str, np.ndarray], names: np.ndarray) -> None:
    """Refuse arrays that do not belong together, or hold what no index does.

    Raises:
        ValueError: If it is so.
    """
    if wrong := [name for name, kind in ARRAYS.items() if arrays[name].dtype != kind]:
        raise ValueError(f"{wrong[0]} holds {arrays[wrong[0]].dtype} numbers")
    directions, offsets = arrays["directions"], arrays["offsets"]
    if directions.ndim != 2 or names.ndim != 1:
        raise ValueError("its vectors or its names are none")
    rows, pieces = len(directions), max(0, offsets.size - 1)
    shapes = {"frame": (rows,), "time": (rows,), "offsets": (pieces + 1,), "person": (pieces,), "recording": (pieces,)}
    if any(arrays[name].shape != shape for name, shape in shapes.items()):
        raise ValueError("its arrays do not fit each other")
    if offsets[0] != 0 or offsets[-1] != rows or (np.diff(offsets) < 2).any():
        raise ValueError("its offsets are none")
    if not ((arrays["recording"] >= 0) & (arrays["recording"] < len(names))).all():
        raise ValueError("it has recordings without a name")
    inside = np.ones(rows, dtype=bool)
    inside[offsets[1:] - 1] = False
    largest = np.maximum(directions.max(1, initial=-1), -directions.min(1, initial=1))
    if not ((largest <= _LONGEST) == inside).all():
        raise ValueError("its vectors are none")
