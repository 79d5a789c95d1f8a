"""Poses in files: CSV, Parquet, JSON, NPZ, and plain arrays in NPY.

CSV, Parquet and JSON hold the same columns, a row a person in a picture. Only the coordinates must be there:

| column | what | without it |
|---|---|---|
| `video` | name of the video, whose rows stand together | not known |
| `frame` | number of the picture, from 0, never falling within a video | each row is a picture of its own |
| `time` | seconds since the start of the video | not known |
| `person` | identity over time, from 0; -1 is not known | not known |
| `image` | name of the picture | not known |
| `<joint>_x`, `<joint>_y` | a point in pixels, y down, for each of the 13 joints of `poseembed.JOINTS` | refused |
| `<joint>_score` | score of the joint, 0 to 1; of all joints or of none | 1 where the point is there |
| `z_pose_0`, `z_pose_1`, ... | the pose vector | not embedded yet |
| `z_view_0`, `z_view_1`, ... | the view vector | none, or not embedded yet |
| `made_by` | what made the vectors, as `str(poses.made_by)` gives it; the same in all rows | not known |

Columns stand in any order. An empty cell (CSV), a null (Parquet, JSON) or NaN is missing. Other columns are not read,
because people's own tables have more in them: eyes, labels, notes. In JSON the file is one object, from the name of a
column to the list of its values. NPZ holds arrays by the names of the attributes of `poseembed.Poses`.
"""

import os
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from poseembed.columns import COORDINATES, SCORES, TEXTS, named_columns
from poseembed.files.arrays import read_arrays
from poseembed.files.atomic import replacing
from poseembed.files.tables import Columns, known_suffix, naming, read_columns, write_columns
from poseembed.files.values import are_scores, check_points, settle_scores
from poseembed.origin import MadeBy
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import JOINTS, NUM_JOINTS, Skeleton, SkeletonName, check_joint_count, get_skeleton
from poseembed.warned import warn_user

TABLE_SUFFIXES = (".csv", ".parquet", ".json")
POSE_SUFFIXES = (*TABLE_SUFFIXES, ".npz", ".npy")
"""Suffixes of the files that poses are read from and written to."""


_VECTOR = re.compile(r"(z_pose|z_view)_(0|[1-9]\d*)")


def read_poses(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton = "poseembed13") -> Poses:
    """Read poses from a file, by its suffix: .csv, .parquet, .json, .npz or .npy.

    What the files hold stands at the top of this module. An NPY file is one array: (n, joints, 2) points (x, y), or
    (n, joints, 3) with the score last, each row a picture of its own. An NPZ file needs such an array `keypoints`
    and may hold the other attributes of `Poses`.

    Args:
        path: The file.
        skeleton: Skeleton of the keypoints in an NPY or NPZ file, see `poseembed.SKELETONS`. In the other files each
            joint has its name.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is a Parquet file and pyarrow is not installed.
        ValueError: If the suffix is unknown, the file is empty or damaged, a column is missing, given in part or
            holds something else than numbers, or the frames of a video fall from one row to the next. (They are not
            sorted here: vectors written from the poses have to stand in the rows of the file.)

    Examples:
        >>> from poseembed import read_poses
        >>> np.save("keypoints.npy", np.random.default_rng(0).normal(300, 100, size=(20, 17, 2)))
        >>> read_poses("keypoints.npy", skeleton="coco").keypoints.shape
        (20, 13, 2)
    """
    path = Path(path).expanduser()
    suffix = known_suffix(path, POSE_SUFFIXES)
    source = get_skeleton(skeleton)
    with naming(path):
        if suffix not in TABLE_SUFFIXES:
            return _poses_of_arrays(_load_arrays(path), source)
        if source.indices != tuple(range(NUM_JOINTS)):
            raise ValueError(
                f"its columns name the joints, so skeleton={skeleton!r} is not for it, but for .npy and .npz"
            )
        return _poses_of_columns(read_columns(path, _is_ours))


def write_poses(poses: Poses, path: str | os.PathLike[str]) -> None:
    """Write poses to a file, by its suffix: .csv, .parquet, .json, .npz or .npy.

    `read_poses` gives the same poses back, their numbers to the last bit, except from NPY, which takes the pose
    vectors alone: (n, pose_dim), a row a pose, ready for any other tool. (What made the vectors is said in the rows: a
    table without any does not say.) The file appears when it is complete: whatever interrupts the writing, there is no
    half a file, and one that was there before stays as it was.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImportError: If it is to be a Parquet file and pyarrow is not installed.
        ValueError: If the suffix is unknown, or it is .npy and the poses have no vectors yet.

    Examples:
        >>> from pathlib import Path
        >>> from poseembed import Poses, read_poses, write_poses
        >>> write_poses(Poses.from_arrays(np.zeros((2, 13, 2)), image=["a.jpg", "b.jpg"]), "poses.csv")
        >>> Path("poses.csv").read_text()
        'frame,time,person,image,nose_x,nose_y,nose_score,left_shoulder_x,...'
        >>> read_poses("poses.csv").image.tolist()
        ['a.jpg', 'b.jpg']
    """
    path = Path(path).expanduser()
    suffix = known_suffix(path, POSE_SUFFIXES)
    if suffix in TABLE_SUFFIXES:
        write_columns(named_columns(poses.columns(), poses.made_by), path)
    elif suffix == ".npz":
        origin = {} if poses.made_by is None else {"made_by": np.array(str(poses.made_by))}
        write_columns(poses.columns() | origin, path)
    elif poses.z_pose is None:
        raise ValueError(f"cannot write {path}: .npy is for pose vectors, and there are none; embed first")
    else:
        with replacing(path) as file:
            np.save(file, poses.z_pose)


def _is_ours(name: str) -> bool:
    """Whether a column is one of those that the top of this module lists."""
    known = name in (*TEXTS, "frame", "time", "person") or name in COORDINATES or name in SCORES
    return known or _VECTOR.fullmatch(name) is not None


# Poses of columns


def _poses_of_columns(columns: Columns) -> Poses:
    """Poses of columns, with what is not given filled in."""
    if missing := [name for name in COORDINATES if name not in columns]:
        raise ValueError(
            f"it has no column {', '.join(missing)}; wanted <joint>_x and <joint>_y of {', '.join(JOINTS)}, in CSV "
            "with commas between them (what OpenPose, COCO, AlphaPose and poem write, poseembed.adapters reads)"
        )
    given = [name for name in SCORES if name in columns]
    if given and len(given) < NUM_JOINTS:
        raise ValueError(f"it has scores of these joints only: {', '.join(given)}; wanted scores of all 13, or none")
    person = columns.get("person")
    z_pose, z_view = _vectors(columns, "z_pose"), _vectors(columns, "z_view")
    if z_view is not None and z_pose is None:
        raise ValueError("it has columns z_view_0, ..., but no z_pose_0, ...; wanted both vectors, or none")
    if z_pose is not None and z_view is None:
        z_view = np.zeros((len(z_pose), 0), dtype=np.float32)
    points = np.stack([columns[name] for name in COORDINATES], axis=-1).reshape(-1, NUM_JOINTS, 2)
    check_points(points)
    poses = Poses.from_arrays(
        points,
        settle_scores(np.stack([columns[name] for name in given], axis=-1)) if given else None,
        frame=columns.get("frame"),
        person=None if person is None else np.where(np.isnan(person), NOBODY, person),
        time=columns.get("time"),
        image=columns.get("image"),
        video=columns.get("video"),
    )
    _check_time(poses)
    return replace(poses, z_pose=z_pose, z_view=z_view, made_by=_made_by(columns.get("made_by"), z_pose))


def _made_by(texts: np.ndarray | None, z_pose: np.ndarray | None) -> MadeBy | None:
    """What all rows say that their vectors were made by."""
    said = [] if texts is None or z_pose is None else np.unique(texts).tolist()
    if len(said) > 1:
        raise ValueError(
            f"its rows have vectors of several checkpoints (made_by is {' or '.join(map(repr, said[:2]))}), which "
            "cannot be compared; keep those of one in a file, or leave the vectors out and embed again"
        )
    return MadeBy.from_text(said[0]) if said and said[0] else None


def _vectors(columns: Columns, name: str) -> Float32[np.ndarray, "n dim"] | None:
    """The vectors that columns `<name>_0`, `<name>_1`, ... hold, or None."""
    dim = sum(match[1] == name for match in map(_VECTOR.fullmatch, columns) if match)
    if not dim:
        return None
    parts = [f"{name}_{i}" for i in range(dim)]
    if missing := [part for part in parts if part not in columns]:
        raise ValueError(f"it has {dim} columns {name}_<number>, but no {missing[0]}; wanted numbers from 0 on")
    with np.errstate(over="ignore"):  # what float32 does not hold is refused
        vectors = np.stack([columns[part] for part in parts], axis=-1).astype(np.float32)
    _check_finite(vectors, name)
    absent = np.isnan(vectors)
    half = np.flatnonzero(absent.any(-1) & ~absent.all(-1))
    if len(half):
        raise ValueError(f"{name} of row {half[0] + 1} is given in part; wanted all of it, or nothing")
    return vectors


def _check_time(poses: Poses) -> None:
    """Refuse endless times, and warn of a clock that stands still or goes back from one picture to the next.

    Raises:
        ValueError: If a time is infinite.
    """
    if np.isinf(poses.time).any():
        raise ValueError("a time is infinite; wanted seconds, and nothing or NaN where it is not known")
    same_video = poses.video[1:] == poses.video[:-1]
    stays = np.flatnonzero((np.diff(poses.time) <= 0) & (np.diff(poses.frame) > 0) & same_video)
    if len(stays):
        row = int(stays[0])
        warn_user(
            f"time does not rise from frame {poses.frame[row]} to {poses.frame[row + 1]} ({poses.time[row]:g} and "
            f"{poses.time[row + 1]:g} s), nor in {len(stays) - 1} other places; speeds will be wrong there"
        )


def _check_finite(vectors: np.ndarray | None, name: str) -> None:
    """Refuse infinite numbers in vectors; NaN is a pose without a vector.

    Raises:
        ValueError: Naming the row.
    """
    if vectors is not None and np.isinf(vectors).any():
        row = int(np.argwhere(np.isinf(vectors))[0, 0])
        raise ValueError(f"{name} of row {row + 1} is not finite; wanted numbers that float32 holds")


# Arrays


_ATTRIBUTES = {field.name for field in fields(Poses)}


def _load_arrays(path: Path) -> Columns:
    """Arrays of an NPZ file by name, or the one of an NPY file as keypoints."""
    arrays = read_arrays(path, _ATTRIBUTES.__contains__)
    for name, values in arrays.items():
        wanted = "U" if name in TEXTS else "iuf"
        if name in _ATTRIBUTES - {"keypoints"} and values.dtype.kind not in wanted:
            raise ValueError(f"{name} is an array of {values.dtype}; wanted {'text' if wanted == 'U' else 'numbers'}")
    return {"keypoints": arrays[""]} if "" in arrays else arrays


def _poses_of_arrays(arrays: Columns, skeleton: Skeleton) -> Poses:
    """Poses of the attributes of `Poses`, the keypoints in another skeleton and perhaps with a score."""
    points, confidence = arrays.pop("keypoints", None), arrays.pop("confidence", None)
    z_pose, z_view = arrays.pop("z_pose", None), arrays.pop("z_view", None)
    made_by = _made_by(arrays.pop("made_by", None), z_pose)
    if points is None or points.dtype.kind not in "iuf" or points.ndim != 3 or points.shape[-1] not in (2, 3):
        got = "no keypoints" if points is None else f"{points.dtype} keypoints of shape {points.shape}"
        raise ValueError(f"got {got}; wanted numbers, (n, joints, 2) or (n, joints, 3) with the score last")
    check_joint_count(points.shape[1], skeleton)
    points = points.astype(np.float64)
    if points.shape[-1] == 3:
        if confidence is not None or not are_scores(points[..., 2]):
            raise ValueError(
                "got three numbers a keypoint, where the third is not a score (0 to 1; the peaks of heat maps go a "
                "little beyond) or there is a confidence besides; poses are 2D here: keep x and y, without the depth"
            )
        points, confidence = points[..., :2], points[..., 2]
    if confidence is not None and confidence.shape == points.shape[:2]:  # else `Poses` says what is wrong
        confidence = settle_scores(skeleton.select(confidence, axis=-1).astype(np.float64))
    points = skeleton.select(points)
    check_points(points)
    others: dict[str, Any] = arrays
    poses = Poses.from_arrays(points, confidence, **others)
    _check_time(poses)
    for name, vectors in (("z_pose", z_pose), ("z_view", z_view)):
        _check_finite(vectors, name)
    return replace(poses, z_pose=z_pose, z_view=z_view, made_by=made_by)
