"""Motion capture in the `.npz` files that `training.datasets.prepare` writes."""

from pathlib import Path
from zipfile import BadZipFile, is_zipfile
from zlib import error as ZlibError

import numpy as np

from poseembed.skeleton import NUM_JOINTS
from training.datasets.mocap.capture import MotionCapture

_REQUIRED = ("joints", "nose", "ok", "offsets", "subject", "action", "clip", "split")


def read(path: Path) -> MotionCapture:
    """Read such a file.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is another kind of file or damaged, or arrays are missing or do not fit together.
    """
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
