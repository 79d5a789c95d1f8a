"""Files that Ultralytics writes of its pose models, and the labels that they are trained on."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from poseembed.adapters.base import check_image_size
from poseembed.adapters.people import Person, identity, list_of_objects, number_pictures, people_to_poses
from poseembed.adapters.ultralytics import HIDDEN_BELOW
from poseembed.files.tables import load_json, naming
from poseembed.files.values import check_regular, number_of, visible
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import Skeleton, SkeletonName, get_skeleton

_BOX = 5
"""Numbers of a line before the keypoints: the class and the box."""

_LARGEST = 10.0
"""A share of the picture's size that no joint is put at, while pixels are larger than that."""

_NO_PEOPLE = ("classes.txt", "README.txt")
"""What lies beside labels."""


class _Found(NamedTuple):
    """Somebody in a file.

    Attributes:
        joints: (joints, 3) numbers x, y and score; None where there is a box only.
        person: Identity over time.
    """

    joints: Float[np.ndarray, "joints 3"] | None
    person: int = NOBODY


def read_yolo(
    path: str | os.PathLike[str],
    *,
    image_size: tuple[float, float] | None = None,
    skeleton: SkeletonName | Skeleton = "coco",
) -> Poses:
    """Read the .txt files of `model.predict(save_txt=True)` or of a data set's labels, or .json files of `to_json()`.

    A .txt file is of a picture or of a frame of a video (`labels/match_17.txt`), with a line for each of its people:
    class, box and keypoints, in shares of the picture's size, and then the box's confidence (`save_conf=True`) and the
    identity, if `model.track` gave one, which becomes `person`. A single number behind the keypoints is an identity
    where it is a whole one in all lines. A .json file holds the list of `to_json()` or `summary()`, in pixels, or with
    `normalize=True` in shares; or a list of such lists, a picture each. `image` is the file's name and `frame` its
    number, as the top of `poseembed.adapters` says: Ultralytics writes no file for a picture without anybody.

    A joint at (0, 0) with a score under 0.5, or without a score, is missing, as in `from_ultralytics`.

    Args:
        path: A folder of .txt files or of .json files, or one of them.
        image_size: (width, height) of the pictures in pixels, for shares of it.
        skeleton: Skeleton of the model, see `poseembed.SKELETONS`.

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder has no such files.
        ValueError: If a file is no such file, its keypoints are not those of the skeleton, or they are shares and
            `image_size` is not given or are pixels where they should be shares.

    Examples:
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_yolo
        >>> for frame in (1, 2, 5):
        ...     _ = Path(f"match_{frame}.txt").write_text("0 0.5 0.5 0.2 0.4" + " 0.25 0.5 0.9" * 17 + " 3")
        >>> poses = read_yolo(".", image_size=(1920, 1080))
        >>> poses.frame.tolist(), poses.person.tolist(), poses.keypoints[0, 0].tolist()
        ([1, 2, 5], [3, 3, 3], [480.0, 540.0])
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    size = None if image_size is None else check_image_size(image_size)
    pictures: dict[str, list[_Found]] = {}
    files = _files(path)
    tracked = _tracked(files, source)
    for file in files:
        with naming(file):
            if file.suffix.lower() == ".json":
                found = _in_json(load_json(file), file.stem, size)
            else:
                found = {file.stem: [_in_line(line, source, size, tracked) for line in _lines(file)]}
            pictures |= found
    frames = number_pictures(pictures)
    people = [
        Person(frames[name], name, one.joints, one.person)
        for name, everybody in pictures.items()
        for one in everybody or [_Found(None)]
    ]
    with naming(path):
        return people_to_poses(people, source)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    for suffix in ("txt", "json"):
        files = [file for file in visible(sorted(path.glob(f"*.{suffix}"))) if file.name not in _NO_PEOPLE]
        if files:
            return files
    raise FileNotFoundError(f"the folder {path} has no .txt or .json files; save_txt=True writes into labels/")


def _lines(file: Path) -> list[str]:
    check_regular(file)
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


# Text


def _tracked(files: list[Path], source: Skeleton) -> bool:
    """Whether a single number behind the keypoints is an identity: a whole one wherever there is one."""
    extra = []
    for file in files:
        if file.suffix.lower() != ".json":
            with naming(file):
                rows = [line.split() for line in _lines(file)]
            extra += [row[-1] for row in rows if len(row) in (_BOX + 2 * source.num_joints + 1, _full(source) + 1)]
    return all(text.isdigit() for text in extra)


def _full(source: Skeleton) -> int:
    """Numbers of a line with scores."""
    return _BOX + 3 * source.num_joints


def _in_line(line: str, source: Skeleton, size: tuple[float, float] | None, tracked: bool) -> _Found:
    """Who is in a line of text."""
    cells = line.split()
    numbers = np.array([number_of(cell) for cell in cells])
    if len(numbers) <= _BOX + 2:  # a box, perhaps with a confidence and an identity
        return _Found(None)
    for dims in (3, 2):
        behind = len(numbers) - _BOX - dims * source.num_joints
        if 0 <= behind <= 2:
            joints = numbers[_BOX : len(numbers) - behind].reshape(-1, dims)
            has_identity = behind == 2 or (behind == 1 and tracked)
            return _Found(_scored(joints, size, shares=True), identity(cells[-1], "id") if has_identity else NOBODY)
    raise ValueError(
        f"a line of it has {len(numbers)} numbers; wanted a class, a box, {source.num_joints} keypoints of x, y and a "
        "score or of x, y, and perhaps a confidence and an identity; for other keypoints pass skeleton="
    )


# JSON


def _in_json(content: object, name: str, size: tuple[float, float] | None) -> dict[str, list[_Found]]:
    """Who is in the pictures of a file: one, or a list of them."""
    if isinstance(content, list) and content and all(isinstance(picture, list) for picture in content):
        return {f"{name}_{place}": _in_summary(picture, size) for place, picture in enumerate(content)}
    return {name: _in_summary(content, size)}


def _in_summary(content: object, size: tuple[float, float] | None) -> list[_Found]:
    found = []
    for entry in list_of_objects(content, "results"):
        person = identity(entry.get("track_id"), "track_id")
        keypoints = entry.get("keypoints")
        if keypoints is None:
            found.append(_Found(None, person))
            continue
        columns = [_column(keypoints, axis) for axis in ("x", "y", "visible") if axis != "visible" or axis in keypoints]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("somebody in it has keypoints with more x than y or scores")
        joints = np.stack(columns, axis=-1)
        shares = bool((np.abs(joints[:, :2]) <= 1).all())
        found.append(_Found(_scored(joints, size, shares=shares), person))
    return found


def _column(keypoints: Any, axis: str) -> Float[np.ndarray, " joints"]:
    values = keypoints.get(axis) if isinstance(keypoints, dict) else None
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"the keypoints of somebody in it have {axis} {values!r:.40}; wanted a list of numbers")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number of more than 308 digits
        raise ValueError(f"the keypoints of somebody in it have {axis} beyond all numbers") from None


# Both


def _scored(
    joints: Float[np.ndarray, "joints dims"], size: tuple[float, float] | None, *, shares: bool
) -> Float[np.ndarray, "joints 3"] | None:
    """Joints in pixels with their scores; None if all are missing."""
    points, scores = joints[:, :2], joints[:, 2] if joints.shape[1] == 3 else np.ones(len(joints))
    hidden = (points == 0).all(-1) & ((scores < HIDDEN_BELOW) | (joints.shape[1] == 2))
    scores = np.where(hidden, 0.0, scores)
    if hidden.all():
        return None
    if shares and size is None:
        raise ValueError("its coordinates are shares of the picture's size: pass image_size=(width, height)")
    if shares and (np.abs(points) > _LARGEST).any():
        raise ValueError(
            f"got a coordinate of {np.abs(points).max():g}; wanted shares of the picture's size, no pixels"
        )
    return np.column_stack([points * size if shares and size is not None else points, scores])
