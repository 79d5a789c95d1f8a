"""The CSV files that google-research/poem (Pr-VIPE) takes."""

import os
from pathlib import Path

import numpy as np

from poseembed.files.tables import load_csv, naming
from poseembed.files.values import check_points, settle_scores
from poseembed.poses import Poses
from poseembed.skeleton import JOINTS, NUM_JOINTS

_JOINT = "image/object/part/{}/{}"
_NAMES = ("NOSE_TIP", *(joint.upper() for joint in JOINTS[1:]))
COORDINATES = tuple(_JOINT.format(name, f"center/{axis}") for name in _NAMES for axis in "xy")
SCORES = tuple(_JOINT.format(name, "score") for name in _NAMES)
IMAGE_SIZE = ("image/width", "image/height")

_LARGEST = 10
"""A share of the picture's size that no detector puts a joint at, while pixels are larger than that."""


def read_poem(path: str | os.PathLike[str], *, image_size: tuple[float, float] | None = None) -> Poses:
    """Read the input of poem's `pr_vipe/infer.py`: 39 columns, x, y and score of 13 joints, and the picture's size.

    Its coordinates are shares of the picture's width and height. They are multiplied by these, because in anything
    but a square picture the shares alone are a squeezed person. Each row is a picture of its own.

    Args:
        path: The file.
        image_size: (width, height) of the pictures in pixels, for a file without columns `image/width` and
            `image/height`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a column is missing, the size is not given or is given twice or is not positive, a cell is
            not a number, or the coordinates are in pixels.

    Examples:
        >>> import csv
        >>> from poseembed.adapters import read_poem
        >>> from poseembed.adapters.poem import COORDINATES, SCORES
        >>> with open("poem.csv", "w", newline="") as file:
        ...     csv.writer(file).writerows([[*COORDINATES, *SCORES], [0.5] * 39])
        >>> read_poem("poem.csv", image_size=(640, 480)).keypoints[0, 0].tolist()
        [320.0, 240.0]
    """
    path = Path(path).expanduser()
    with naming(path):
        columns = load_csv(path, {*COORDINATES, *SCORES, *IMAGE_SIZE}.__contains__)
        if missing := [name for name in (*COORDINATES, *SCORES) if name not in columns]:
            raise ValueError(f"it has no column {', '.join(missing)}")
        sizes = [columns[name] for name in IMAGE_SIZE if name in columns]
        if len(sizes) != (2 if image_size is None else 0):
            raise ValueError(
                f"it has {len(sizes)} of the columns {' and '.join(IMAGE_SIZE)}, and image_size is {image_size}; "
                "wanted both columns, or none and image_size=(width, height)"
            )
        size = np.stack(sizes, axis=-1)[:, None] if sizes else np.array(image_size, dtype=np.float64)
        if not (size > 0).all():
            raise ValueError("a picture's width or height is missing or not positive")
        shares = np.stack([columns[name] for name in COORDINATES], axis=-1).reshape(-1, NUM_JOINTS, 2)
        if (np.abs(shares) > _LARGEST).any():
            raise ValueError(
                f"got a coordinate of {np.nanmax(np.abs(shares)):g}; poem's are shares of the picture's size, so "
                "these look like pixels"
            )
        points = shares * size
        check_points(points)
        return Poses.from_arrays(points, settle_scores(np.stack([columns[name] for name in SCORES], axis=-1)))
