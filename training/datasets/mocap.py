"""Motion capture as training reads it: `.npz` files of `training.datasets.prepare`, and data sets as they come."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile
from zlib import error as ZlibError

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from poseembed.skeleton import NUM_JOINTS
from training.datasets.mocap_clips import Clip

_log = logging.getLogger(__name__)

_REQUIRED = ("joints", "nose", "ok", "offsets", "subject", "action", "clip", "split")


@dataclass(frozen=True)
class MotionCapture:
    """Recordings of 3D poses, lying end to end.

    Attributes:
        joints: Metres, x y z, y up, right-handed, from the middle of the hips; joint 0 is the centre of the head.
        nose: Where a 2D detector would see the nose, same frame.
        ok: False near a tracking error.
        offsets: Clip `i` is rows `offsets[i]` up to `offsets[i + 1]`.
        subject: Who moved, a clip.
        action: What they did, a clip.
        clip: The clip's name.
        split: "train", "val" or "eval", a clip.
    """

    joints: Float[np.ndarray, "frames 13 3"]
    nose: Float[np.ndarray, "frames 3"]
    ok: Bool[np.ndarray, " frames"]
    offsets: Int[np.ndarray, " clips_and_one"]
    subject: Shaped[np.ndarray, " clips"]
    action: Shaped[np.ndarray, " clips"]
    clip: Shaped[np.ndarray, " clips"]
    split: Shaped[np.ndarray, " clips"]

    def rows(self, *splits: str) -> Bool[np.ndarray, " frames"]:
        """Which frames are well tracked and of some splits (of any, when none is named)."""
        wanted = np.isin(self.split, splits) if splits else np.ones(len(self.split), dtype=bool)
        rows: np.ndarray = np.repeat(wanted, np.diff(self.offsets)) & self.ok
        return rows

    def poses(self, *splits: str) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"]]:
        """Joints and noses of the well-tracked frames of some splits (of all, when none is named).

        Raises:
            ValueError: If there are none.
        """
        keep = self.rows(*splits)
        if not keep.any():
            raise ValueError(
                f"no well-tracked poses in split {', '.join(splits) or 'any'}; "
                f"this file has {', '.join(np.unique(self.split))}"
            )
        return self.joints[keep], self.nose[keep]

    def held_out(self) -> Float[np.ndarray, "poses 13 3"]:
        """Joints to evaluate on: of the `val` split or, in a file without one, of all well-tracked frames."""
        joints, _ = self.poses(*(["val"] if "val" in self.split else []))
        return joints


def from_clips(clips: Sequence[Clip], splits: Sequence[str], actions: Sequence[str]) -> MotionCapture:
    """Lay clips end to end, with the split and the action of each."""
    return MotionCapture(
        joints=np.concatenate([clip.joints for clip in clips]).astype(np.float32),
        nose=np.concatenate([clip.nose for clip in clips]).astype(np.float32),
        ok=np.concatenate([clip.ok for clip in clips]),
        offsets=np.cumsum([0, *(len(clip.joints) for clip in clips)], dtype=np.int64),
        subject=np.array([clip.subject for clip in clips]),
        action=np.array(actions),
        clip=np.array([clip.name for clip in clips]),
        split=np.array(splits),
    )


def read(path: str | Path) -> MotionCapture:
    """Read motion capture: an `.npz` file of `training.datasets.prepare`, or a data set as its owner gives it out.

    Such data sets are Human3.6M (`training.datasets.human36m`), MPI-INF-3DHP (`training.datasets.mpi_inf_3dhp`), and
    whatever lies in BVH or ASF/AMC files, as CMU and HDM05 do (`training.datasets.motion_files`).

    Raises:
        FileNotFoundError: If it does not exist, or a data set lacks a file.
        ValueError: If it is none of these, a file is damaged, or arrays do not fit together.
        ImportError: If the package that reads such files is missing.
    """
    from training.datasets import human36m, motion_files, mpi_inf_3dhp  # they make what this module defines

    path = Path(path)
    readers = (human36m, mpi_inf_3dhp, motion_files)
    for reader in readers:
        if reader.recognises(path):
            _log.info("%s: read as %s", path, reader.NAME)
            return reader.read(path)
    if path.is_dir():
        known = "; ".join(f"{reader.NAME} ({reader.LOOKS_LIKE})" for reader in readers)
        raise ValueError(f"{path} is none of the data sets that are read as they come: {known}")
    return _read_prepared(path)


def _read_prepared(path: Path) -> MotionCapture:
    if path.is_file() and not is_zipfile(path):
        raise ValueError(f"{path} is not a whole .npz file; copy or make it again")
    try:
        with np.load(path) as archive:
            missing = [key for key in _REQUIRED if key not in archive]
            if missing:
                raise ValueError(f"{path} has no {', '.join(missing)}; make it with training.datasets.prepare")
            arrays = {key: archive[key] for key in _REQUIRED}
    except (BadZipFile, EOFError, ZlibError) as error:
        raise ValueError(f"{path} is damaged ({error}); copy or make it again") from error
    frames, clips = len(arrays["joints"]), len(arrays["clip"])
    wanted = {"joints": (frames, NUM_JOINTS, 3), "nose": (frames, 3), "ok": (frames,), "offsets": (clips + 1,)}
    wanted |= dict.fromkeys(("subject", "action", "split"), (clips,))
    for key, shape in wanted.items():
        if arrays[key].shape != shape:
            raise ValueError(f"{path}: {key} has shape {arrays[key].shape}; {frames} rows, {clips} clips need {shape}")
    ends = arrays["offsets"]
    if ends[0] != 0 or ends[-1] != frames or (np.diff(ends) < 0).any():
        raise ValueError(f"{path}: offsets must rise from 0 to the number of rows, {frames}")
    arrays["joints"] = arrays["joints"].astype(np.float32)
    arrays["nose"] = arrays["nose"].astype(np.float32)
    arrays["ok"] = arrays["ok"].astype(bool)  # whole numbers would select rows by number
    return MotionCapture(**arrays)


def by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Files and folders by the names that results are told apart by.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If two have one name.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file: {path}")
        if path.stem in files:
            raise ValueError(f"two data files are called {path.stem}; their results could not be told apart")
        files[path.stem] = path
    return files


def read_poses(
    paths: Sequence[str | Path], *splits: str
) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"]]:
    """Joints and noses of several files' well-tracked frames, one after the other; see `MotionCapture.poses`."""
    joints, noses = zip(*(read(path).poses(*splits) for path in paths), strict=True)
    return np.concatenate(joints), np.concatenate(noses)
