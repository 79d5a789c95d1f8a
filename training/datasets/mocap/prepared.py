"""Motion capture in `.npz` files, as `training.datasets.prepare` makes them: writing and reading.

The arrays (clip `i` is rows `offsets[i]:offsets[i + 1]`):

| name | what |
|---|---|
| `joints` | (N, 13, 3) float16: metres from the middle of the hips, y up, right-handed; joint 0 is the head's centre |
| `nose` | (N, 3) float16: 10 cm in front of the head's centre, same frame |
| `ok` | (N) bool: False near a tracking error |
| `offsets` | (clips + 1) int64 |
| `joint_names` | (13) text |
| `source`, `clip`, `subject`, `action`, `split` | (clips) text |
| `fps` | (clips) float64: frames per second |
"""

from pathlib import Path

import numpy as np

from poseembed.files.arrays import need_arrays
from poseembed.files.atomic import replacing
from poseembed.skeleton import JOINTS, NUM_JOINTS
from training.datasets.mocap.capture import MotionCapture

_OF_FRAMES = ("joints", "nose", "ok")
_OF_CLIPS = ("source", "clip", "subject", "action", "fps", "split")
_KINDS = {"joints": "f", "nose": "f", "ok": "biu", "offsets": "iu", **dict.fromkeys(_OF_CLIPS, "U"), "fps": "fiuU"}


def write(path: Path, capture: MotionCapture) -> None:
    """Write such a file; it appears under its name only when it is whole.

    Raises:
        OSError: If it cannot be written.
    """
    arrays = {
        "joints": capture.joints.astype(np.float16),
        "nose": capture.nose.astype(np.float16),
        "ok": capture.ok,
        "offsets": capture.offsets,
        "joint_names": np.array(["head", *JOINTS[1:]]),
        **{name: getattr(capture, name) for name in _OF_CLIPS},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> MotionCapture:
    """Read such a file.

    A file without `fps` or `source` is refused as one without any other array: how fast somebody moved cannot be
    told from the poses, and 30 would be a guess.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it is another kind of file or damaged, or arrays are missing or do not fit together.
    """
    try:
        arrays = need_arrays(path, _KINDS)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged, or no motion capture: {error}; copy it again, or make it again with "
            "training.datasets.prepare (training/datasets/mocap/prepared.py lists the arrays)"
        ) from error
    _check(path, arrays)
    arrays["joints"] = arrays["joints"].astype(np.float32)
    arrays["nose"] = arrays["nose"].astype(np.float32)
    arrays["ok"] = arrays["ok"].astype(bool)  # whole numbers would select rows by number
    arrays["fps"] = arrays["fps"].astype(np.float64)
    return MotionCapture(**arrays)


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Refuse arrays that do not describe the same clips."""
    frames, clips = (array.shape[0] if array.ndim else 0 for array in (arrays["joints"], arrays["clip"]))
    wanted = {"joints": (frames, NUM_JOINTS, 3), "nose": (frames, 3), "ok": (frames,), "offsets": (clips + 1,)}
    wanted |= dict.fromkeys(_OF_CLIPS, (clips,))
    for key, shape in wanted.items():
        if arrays[key].shape != shape:
            raise ValueError(f"{path}: {key} has shape {arrays[key].shape}; {frames} rows, {clips} clips need {shape}")
    ends = arrays["offsets"].astype(np.int64)
    if ends[0] != 0 or ends[-1] != frames or (np.diff(ends) < 0).any():
        raise ValueError(f"{path}: offsets must rise from 0 to the number of rows, {frames}")
    fps = arrays["fps"]
    if fps.dtype.kind not in "fiu" or not (np.isfinite(fps) & (fps > 0)).all():
        raise ValueError(f"{path}: fps must be numbers above 0, the frames per second of each clip; got {fps}")
