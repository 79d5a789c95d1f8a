"""Motion capture as training reads it: the `.npz` files that `training.datasets.prepare` writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile
from zlib import error as ZlibError

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from poseembed.skeleton import NUM_JOINTS

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

    def poses(self, *splits: str) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"]]:
        """Joints and noses of the well-tracked frames of some splits (of all, when none is named).

        Raises:
            ValueError: If there are none.
        """
        wanted = np.isin(self.split, splits) if splits else np.ones(len(self.split), dtype=bool)
        keep = np.repeat(wanted, np.diff(self.offsets)) & self.ok
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


def read(path: str | Path) -> MotionCapture:
    """Read one file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or its arrays do not fit together.
    """
    path = Path(path)
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
    """Files by the names that results are told apart by.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If two have one name.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
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
