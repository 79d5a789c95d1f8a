"""Human3.6M (Ionescu et al., PAMI 2014): marker-based 3D poses of seven people, 50 a second, seen by four cameras.

Read as it comes, in any of three forms:

- `data_3d_h36m.npz`, as VideoPose3D writes it: metres;
- `S1/MyPoses/3D_positions/Directions 1.h5`, as 3d-pose-baseline exports it: millimetres;
- `S1/MyPoseFeatures/D3_Positions/Directions 1.cdf` (or `S1/Poses_D3_Positions/...`), the original: millimetres.

All hold 32 joints in the room's frame, z up; left is the person's left. `D3_Positions_mono` holds the poses in the
cameras' frames instead, and is not read.

**The head.** The data set's Head (15) is near its top and Neck/Nose (14) below the face, so their middle is taken for
the centre of the head; the official code takes 15 as it is. The nose is set in front of it by the shoulders and hips.

S11's Directions (without a number) is left out, as everywhere: its video is damaged, so it has no detections.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from tqdm import tqdm

from poseembed.skeleton import SKELETONS
from training.datasets.formats.isolated import read_cdf, read_h5
from training.datasets.formats.object_arrays import read_npz
from training.datasets.missing import DataSet, need_package
from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import clip_of_points

NAME = "Human3.6M"
ARCHIVE = "data_3d_h36m.npz"
LOOKS_LIKE = f"{ARCHIVE}, S1/MyPoses/3D_positions/*.h5 or S1/MyPoseFeatures/D3_Positions/*.cdf"

TRAIN_SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
VAL_SUBJECTS = ("S9", "S11")
"""The people of the data set's usual two halves."""

FPS = 50
LEGACY_17 = (0, 15, 14, 13, 17, 25, 18, 26, 19, 27, 12, 6, 1, 7, 2, 8, 3)
"""Where the joints of the skeleton `h36m_legacy` stand among the 32."""

_SUBJECTS = (*TRAIN_SUBJECTS, *VAL_SUBJECTS)
_JOINTS_13 = [LEGACY_17[index] for index in SKELETONS["h36m_legacy"].indices]
_HEAD = (14, 15)
_EVERY = 2  # frames: 25 a second, near the 30 of other files without making poses up between frames
_RECORDINGS = 30  # of each person
_LEFT_OUT = ("S11", "Directions")
_LEFT_JOINTS = {"h36m": [4, 5, 6, 11, 12, 13], "coco": [1, 3, 5, 7, 9, 11, 13, 15]}
"""How the skeletons of 2D files that do not name theirs are told apart."""

_OWNER = DataSet(NAME, "http://vision.imar.ro/human3.6m")


@dataclass(frozen=True)
class Recording:
    """What one person did once.

    Attributes:
        subject: "S1" and so on.
        action: Such as "Directions 1"; the same name for the same action whatever the file calls it.
        positions: Metres, z up, right-handed, in the room.
    """

    subject: str
    action: str
    positions: Float32[np.ndarray, "frames 32 3"]


def recognises(path: Path) -> bool:
    """Whether it is the archive, or a folder with it or with the data set's files."""
    if path.is_dir():
        wanted = (ARCHIVE, "S*/MyPoses", "S*/MyPoseFeatures", "S*/Poses_D3_Positions")
        return any(True for pattern in wanted for _ in path.glob(pattern))
    return path.match("data_3d_h36m*.npz")


def read(path: str | Path) -> MotionCapture:
    """Read all 3D poses, every second frame (25 a second).

    Returns:
        Clips "S1_Directions 1", split by `TRAIN_SUBJECTS` and `VAL_SUBJECTS`; the action has no number.

    Raises:
        FileNotFoundError: If a person or recordings are missing.
        ValueError: If a file is damaged or has other joints.
        ImportError: If the form needs a package that is not there.
    """
    return _motion_capture(read_recordings(path), every=_EVERY)


def read_with_detections(
    path: str | Path, detections: str | Path
) -> tuple[MotionCapture, Float32[np.ndarray, "frames cameras 13 2"]]:
    """Read all 3D poses, 50 a second, and what was detected of each in the cameras' pictures.

    Args:
        path: See `read`.
        detections: See `read_detections`.

    Returns:
        The poses, as `read` gives them, and the keypoints of the same frames in pixels. Where a recording has more
        frames in the one than in the other, the last are left out.

    Raises:
        FileNotFoundError: As `read`, and if there is no file of detections.
        ValueError: As `read` and `read_detections`, and if a recording has no detections or another number of cameras.
        ImportError: As `read`.
    """
    found = read_detections(detections)
    cameras = len(next(iter(found.values())))
    recordings, seen = [], []
    for recording in read_recordings(path):
        views = found.get((recording.subject, recording.action))
        if views is None or len(views) != cameras:
            has = "none" if views is None else f"those of {len(views)} cameras, not {cameras},"
            raise ValueError(f"{detections} has {has} of {recording.subject}'s {recording.action}; {_OWNER.get_it()}")
        frames = min(views.shape[1], len(recording.positions))
        recordings.append(Recording(recording.subject, recording.action, recording.positions[:frames]))
        seen.append(views[:, :frames].swapaxes(0, 1))
    return _motion_capture(recordings, every=1), np.concatenate(seen)


def read_recordings(path: str | Path) -> list[Recording]:
    """Read the 32 joints of all recordings, by person and action; see `read` for what is raised."""
    path = Path(path)
    if path.is_file() or (path / ARCHIVE).exists():
        recordings = _read_archive(path if path.is_file() else path / ARCHIVE)
    else:
        recordings = _read_folder(path)
    kept = [recording for recording in recordings if (recording.subject, recording.action) != _LEFT_OUT]
    for subject in _SUBJECTS:
        count = sum(recording.subject == subject for recording in kept)
        wanted = _RECORDINGS - (subject == _LEFT_OUT[0])
        if count != wanted:
            raise FileNotFoundError(f"{path} has {count} of the {wanted} recordings of {subject}; {_OWNER.get_it()}")
    return sorted(kept, key=lambda recording: (_SUBJECTS.index(recording.subject), recording.action))


def read_detections(path: str | Path) -> dict[tuple[str, str], Float32[np.ndarray, "_cameras _frames 13 2"]]:
    """Read 2D poses as VideoPose3D writes them: `data_2d_h36m_cpn_ft_h36m_dbb.npz`, `data_2d_h36m_gt.npz` and others.

    Returns:
        By person and action: pixels, from as many frames of each camera as all of them have. Joint 0 is the head's in
        files of the skeleton `h36m`, the nose in files of `coco`. A joint that is not finite was not found.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is damaged, no such file, or of another skeleton.
    """
    [path] = _OWNER.require(path)
    arrays = _load(path, "positions_2d")
    skeleton = SKELETONS[_layout(path, arrays.get("metadata"))]
    detections = {}
    for subject, action, views in _entries(path, arrays["positions_2d"]):
        for view in views:
            if np.shape(view)[1:] != (skeleton.num_joints, 2):
                wanted = f"(frames, {skeleton.num_joints}, 2)"
                raise ValueError(f"{path}: {subject}'s {action} has shape {np.shape(view)}; wanted {wanted}")
        frames = min(len(view) for view in views)
        picked = [np.asarray(view, np.float32)[:frames, list(skeleton.indices)] for view in views]
        detections[subject, _usual_name(action)] = np.stack(picked)
    if not detections:
        raise ValueError(f"{path} has no detections; {_OWNER.get_it()}")
    return detections


def _motion_capture(recordings: list[Recording], *, every: int) -> MotionCapture:
    clips = []
    for r in recordings:
        points = r.positions[::every][:, _JOINTS_13]
        points[:, 0] = r.positions[::every][:, list(_HEAD)].mean(1)
        points = np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)  # y up
        clips.append(
            clip_of_points(
                points,
                name=f"{r.subject}_{r.action}",
                subject=r.subject,
                source=NAME,
                fps=FPS / every,
                action=_plain(r.action),
                split="train" if r.subject in TRAIN_SUBJECTS else "val",
            )
        )
    return from_clips(clips)


def _read_archive(path: Path) -> list[Recording]:
    [path] = _OWNER.require(path)
    entries = _entries(path, _load(path, "positions_3d")["positions_3d"])
    return [_recording(path, subject, action, positions) for subject, action, positions in entries]


def _read_folder(path: Path) -> list[Recording]:
    _OWNER.require(path)
    for pattern, reader in _FORMS.items():
        if any(True for _ in path.glob(f"S*/{pattern}")):
            files = _OWNER.require(path, *(f"{subject}/{pattern}" for subject in _SUBJECTS))
            progress = tqdm(files, desc=NAME, unit="file", disable=None)
            return [
                _recording(file, file.relative_to(path).parts[0], file.stem, reader(file) / 1000) for file in progress
            ]
    raise FileNotFoundError(f"{path} has no {LOOKS_LIKE}; {_OWNER.get_it()}, and unpack it")


def _read_h5(file: Path) -> np.ndarray:
    need_package("h5py")
    with _OWNER.opening(file):
        positions = np.asarray(read_h5(file, ["3D_positions"])["3D_positions"])
    if positions.dtype.kind != "f" or math.prod(positions.shape[:-1]) != 96:
        raise ValueError(f"{file}: 3D_positions has shape {positions.shape}; wanted (96, frames)")
    return positions.reshape(32, 3, -1).transpose(2, 0, 1)


def _read_cdf(file: Path) -> np.ndarray:
    need_package("cdflib")
    with _OWNER.opening(file):
        positions = np.asarray(read_cdf(file, ["Pose"])["Pose"])
    if positions.dtype.kind != "f" or positions.shape[-1] != 96:
        raise ValueError(f"{file}: Pose has shape {positions.shape}; wanted (1, frames, 96)")
    return positions.reshape(-1, 32, 3)


_FORMS: dict[str, Callable[[Path], np.ndarray]] = {
    "MyPoses/3D_positions/*.h5": _read_h5,
    "MyPoseFeatures/D3_Positions/*.cdf": _read_cdf,
    "Poses_D3_Positions/*.cdf": _read_cdf,
}


def _recording(path: Path, subject: str, action: str, positions: np.ndarray) -> Recording:
    if np.shape(positions)[1:] != (32, 3):
        raise ValueError(f"{path}: {subject}'s {action} has shape {np.shape(positions)}; wanted (frames, 32, 3)")
    return Recording(subject, _usual_name(action), np.asarray(positions, np.float32))


def _load(path: Path, wanted: str) -> dict[str, Any]:
    with _OWNER.opening(path):
        arrays = read_npz(path)
    if not isinstance(arrays.get(wanted), dict):
        raise ValueError(f"{path} holds no dictionary {wanted}, but {', '.join(arrays) or 'nothing'}")
    return arrays


def _entries(path: Path, by_subject: dict[str, Any]) -> list[tuple[str, str, Any]]:
    for subject, by_action in by_subject.items():
        if not isinstance(by_action, dict):
            raise ValueError(f"{path}: {subject} holds a {type(by_action).__name__} instead of actions by name")
    return [(s, action, value) for s, by_action in by_subject.items() for action, value in by_action.items()]


def _layout(path: Path, metadata: Any) -> str:
    """The skeleton of 2D poses; some files name it, all say which joints are on the left."""
    known = metadata if isinstance(metadata, dict) else {}
    left = [int(joint) for joint in next(iter(known.get("keypoints_symmetry", ())), ())]
    name = known.get("layout_name") or next((n for n, joints in _LEFT_JOINTS.items() if joints == left), None)
    if name not in _LEFT_JOINTS:
        raise ValueError(f"{path}: its metadata says {name or left or 'nothing'} of the skeleton; wanted h36m or coco")
    return str(name)


def _usual_name(action: str) -> str:
    return action.replace("TakingPhoto", "Photo").replace("WalkingDog", "WalkDog")


def _plain(action: str) -> str:
    return action.rstrip(" 0123456789")
