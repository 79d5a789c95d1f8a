"""MPI-INF-3DHP (Mehta et al., 3DV 2017): eight people, two sequences each, seen by fourteen cameras at once.

Read as it comes: `S1/Seq1/annot.mat` (28 joints in each camera's picture and, in millimetres, in its frame: x right,
y down, z forward) with `S1/Seq1/camera.calibration` (where the cameras stand in the room, y up), and the test set's
`TS1/annot_data.mat` (17 joints, one camera). Left is the person's left. The poses come from a markerless tracker, and
the 2D joints are their projections: all are there, also those that are hidden or beyond the picture's edge.

`head`, between neck and head_top, is taken for the centre of the head; the nose is set in front of it by the shoulders
and hips.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped
from tqdm import tqdm

from poseembed.skeleton import HIPS, JOINTS, SKELETONS
from training.datasets.formats.isolated import read_h5, read_mat
from training.datasets.formats.text_lines import is_number
from training.datasets.missing import DataSet, need_package
from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import clip_of_points

NAME = "MPI-INF-3DHP"
LOOKS_LIKE = "S1/Seq1/annot.mat with S1/Seq1/camera.calibration"

TRAIN_SUBJECTS = ("S1", "S2", "S3", "S4", "S5", "S6", "S7")
VAL_SUBJECTS = ("S8",)

NOT_OVERHEAD = tuple(range(11))
"""Cameras without those at the ceiling, 11 to 13: the data set's own "relevant" set."""

CHEST_HIGH = (0, 2, 4, 7, 8)
"""Cameras about as high as a chest: the data set's own "mm3d_chest" set."""

_NAMES = ["spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top"]
_NAMES += [f"left_{part}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand")]
_NAMES += [f"right_{part}" for part in ("clavicle", "shoulder", "elbow", "wrist", "hand")]
_NAMES += [f"left_{part}" for part in ("hip", "knee", "ankle", "foot", "toe")]
_NAMES += [f"right_{part}" for part in ("hip", "knee", "ankle", "foot", "toe")]
_JOINTS_13 = [_NAMES.index(name) for name in ("head", *JOINTS[1:])]

FPS = 25.0

_FAST = {("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")}
"""Recorded 2 * `FPS` times a second; the others `FPS` times."""

_LARGEST_NUMBER = 2**31
_BLOCK = ("sensor", "size", "animated", "intrinsic", "extrinsic", "radial")
"""What stands in a calibration after the name of each camera."""

_OWNER = DataSet(NAME, "https://vcai.mpi-inf.mpg.de/3dhp-dataset/")


@dataclass(frozen=True)
class CameraViews:
    """Poses, and what several cameras saw of each at the same moment.

    Attributes:
        keypoints: Pixels.
        joints3d: Metres from the middle of the hips, right-handed, turned as camera `cameras[0]` stands: x to the
            picture's right, y to its top, z towards the camera.
        cameras: The cameras' numbers.
        sequence: "S1/Seq1" and so on, a frame.
        frame: The frame's number in its video, from 0.
    """

    keypoints: Float32[np.ndarray, "cameras frames 13 2"]
    joints3d: Float32[np.ndarray, "frames 13 3"]
    cameras: tuple[int, ...]
    sequence: Shaped[np.ndarray, " frames"]
    frame: Int[np.ndarray, " frames"]


def recognises(path: Path) -> bool:
    """Whether it is a folder with the data set's training sequences."""
    return any(True for pattern in ("S*/Seq*/annot.mat", "S*/Seq*/camera.calibration") for _ in path.glob(pattern))


def read(path: str | Path) -> MotionCapture:
    """Read the 3D poses of the training sequences, 25 a second, upright as the calibration says.

    Returns:
        Clips "S1_Seq1" without an action, split by `TRAIN_SUBJECTS` and `VAL_SUBJECTS`.

    Raises:
        FileNotFoundError: If a sequence or its calibration is missing.
        ValueError: If a file is damaged, or has other arrays.
        ImportError: Without scipy.
    """
    clips = []
    for subject, sequence, file in _sequences(path, (*TRAIN_SUBJECTS, *VAL_SUBJECTS)):
        [calibration] = _OWNER.require(file.parent, "camera.calibration")
        content = _load(file)
        camera = content["cameras"][0]
        rotations = _read_rotations(calibration)
        if camera not in rotations:
            raise ValueError(f"{calibration} has no camera {camera}; {_OWNER.get_it()}")
        points = content["annot3"][0][:: 2 if (subject, sequence) in _FAST else 1]  # makes FPS of both
        points = _relative(points) @ rotations[camera]  # row vectors: the inverse of a rotation is its transpose
        clips.append(
            clip_of_points(
                points,
                name=f"{subject}_{sequence}",
                subject=subject,
                source=NAME,
                fps=FPS,
                action="",
                split="train" if subject in TRAIN_SUBJECTS else "val",
            )
        )
    return from_clips(clips)


def read_views(
    path: str | Path, *, cameras: Sequence[int] = NOT_OVERHEAD, subjects: Sequence[str] = VAL_SUBJECTS
) -> CameraViews:
    """Read every frame of the training sequences of some people as some cameras saw it.

    Raises:
        FileNotFoundError: If a sequence is missing.
        ValueError: If a file is damaged, has other arrays, or lacks a camera.
        ImportError: Without scipy.
    """
    keypoints, joints3d, names, frames = [], [], [], []
    for subject, sequence, file in _sequences(path, subjects):
        content = _load(file)
        if absent := [camera for camera in cameras if camera not in content["cameras"]]:
            raise ValueError(f"{file} has no cameras {absent}, but {content['cameras']}")
        rows = [content["cameras"].index(camera) for camera in cameras]
        keypoints.append(np.stack([content["annot2"][row] for row in rows]))
        joints3d.append(_upright(content["annot3"][rows[0]]))
        names += [f"{subject}/{sequence}"] * len(joints3d[-1])
        frames.append(content["frames"])
    return CameraViews(
        keypoints=np.concatenate(keypoints, axis=1).astype(np.float32),
        joints3d=np.concatenate(joints3d),
        cameras=tuple(cameras),
        sequence=np.array(names),
        frame=np.concatenate(frames),
    )


def read_test_set(path: str | Path) -> CameraViews:
    """Read the frames of the test set that have a pose: six sequences of one camera each, called 0 here.

    Args:
        path: The folder with `TS1` to `TS6`.

    Raises:
        FileNotFoundError: If a sequence is missing.
        ValueError: If a file is damaged, or has other arrays.
        ImportError: Without h5py.
    """
    need_package("h5py")
    names = [f"TS{number}" for number in range(1, 7)]
    picked = list(SKELETONS["mpi_inf_3dhp"].indices)
    keypoints, joints3d, sequence, frames = [], [], [], []
    for name, file in zip(names, _OWNER.require(path, *(f"{name}/annot_data.mat" for name in names)), strict=True):
        with _OWNER.opening(file):
            flat, solid, valid = map(np.asarray, read_h5(file, ["annot2", "annot3", "valid_frame"]).values())
        if flat.shape[1:] != (1, 17, 2) or solid.shape[1:] != (1, 17, 3) or not len(flat) == len(solid) == valid.size:
            raise ValueError(f"{file}: annot2 and annot3 have shapes {flat.shape} and {solid.shape}; wanted 17 joints")
        rows = np.flatnonzero(valid)
        keypoints.append(flat[rows][:, 0, picked])
        joints3d.append(_upright(solid[rows][:, 0, picked]))
        sequence += [name] * len(rows)
        frames.append(rows)
    return CameraViews(
        keypoints=np.concatenate(keypoints)[None].astype(np.float32),
        joints3d=np.concatenate(joints3d),
        cameras=(0,),
        sequence=np.array(sequence),
        frame=np.concatenate(frames),
    )


def _sequences(path: str | Path, subjects: Sequence[str]) -> Iterator[tuple[str, str, Path]]:
    """The annotations of both sequences of each of these people."""
    wanted = [(subject, sequence) for subject in subjects for sequence in ("Seq1", "Seq2")]
    files = _OWNER.require(path, *("/".join((*pair, "annot.mat")) for pair in wanted))
    for (subject, sequence), file in zip(wanted, tqdm(files, desc=NAME, unit="file", disable=None), strict=True):
        yield subject, sequence, file


def _load(file: Path) -> dict[str, Any]:
    """`annot2` and `annot3`: for each of `cameras`, the 13 joints of all `frames`."""
    need_package("scipy")
    wanted = ("annot2", "annot3", "cameras", "frames")
    with _OWNER.opening(file):
        content: dict[str, Any] = dict(read_mat(file, wanted))
    if absent := [key for key in wanted if key not in content]:
        raise ValueError(f"{file} has no {', '.join(absent)}; {_OWNER.get_it()}")
    cameras, frames = (_whole_numbers(content[key], f"{file}: {key}") for key in ("cameras", "frames"))
    for key, size in (("annot2", 2), ("annot3", 3)):
        views = content[key]
        if not isinstance(views, list) or any(view.dtype.kind != "f" for view in views):
            raise ValueError(f"{file}: {key} holds no cells of numbers; {_OWNER.get_it()}")
        shapes = {np.shape(view) for view in views}
        if len(views) != len(cameras) or shapes != {(len(frames), len(_NAMES) * size)}:
            wanted_shape = (len(frames), len(_NAMES) * size)
            raise ValueError(f"{file}: {key} has {len(views)} views of shapes {sorted(shapes)}; wanted {wanted_shape}")
        content[key] = [view.reshape(-1, len(_NAMES), size)[:, _JOINTS_13] for view in views]
    return content | {"cameras": cameras, "frames": np.array(frames)}


def _whole_numbers(values: Any, what: str) -> list[int]:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf" or not (np.floor(values) == values).all():
        raise ValueError(f"{what} holds no whole numbers; {_OWNER.get_it()}")
    if np.abs(values.astype(np.float64)).max(initial=0) > _LARGEST_NUMBER:
        raise ValueError(f"{what} counts to {np.abs(values).max():g}; {_OWNER.get_it()}")
    return [int(number) for number in values.flat]


def _read_rotations(file: Path) -> dict[int, Float[np.ndarray, "3 3"]]:
    """For each camera of a calibration file, the rotation from the room's frame (y up) to the camera's."""
    rotations: dict[int, np.ndarray] = {}
    camera: int | None = None
    said: list[str] = []
    for line in file.read_text(encoding="latin-1").splitlines():
        key, *words = line.split() or [""]
        if key == "name":
            if said != list(_BLOCK) * (camera is not None):
                raise ValueError(f"{file} is cut off or damaged: after camera {camera} stand {', '.join(said)}")
            camera, said = int(_numbers(file, words, 1)[0]), []
        elif key in _BLOCK and words:
            said.append(key)
            if key == "extrinsic" and camera is not None:
                rotations[camera] = np.array(_numbers(file, words, 16)).reshape(4, 4)[:3, :3]
    if camera is not None and said != list(_BLOCK):
        raise ValueError(f"{file} is cut off or damaged: it ends within camera {camera}; {_OWNER.get_it()}")
    for camera, rotation in rotations.items():
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
            raise ValueError(f"{file}: the extrinsic matrix of camera {camera} does not begin with a rotation")
    return rotations


def _numbers(file: Path, words: list[str], count: int) -> list[float]:
    if len(words) != count or not all(map(is_number, words)):
        raise ValueError(f"{file}: got {' '.join(words)!r:.60}, wanted {count} numbers; {_OWNER.get_it()}")
    return [float(word) for word in words]


def _upright(points: Float[np.ndarray, "frames 13 3"]) -> Float32[np.ndarray, "frames 13 3"]:
    """Joints from a camera's frame to one whose y axis points to the picture's top."""
    return (_relative(points) * (1, -1, -1)).astype(np.float32)


def _relative(points: Float[np.ndarray, "frames 13 3"]) -> Float[np.ndarray, "frames 13 3"]:
    """Millimetres to metres from the middle of the hips."""
    relative: np.ndarray = (points - points[:, list(HIPS)].mean(1, keepdims=True)) / 1000
    return relative
