"""People seen by several synchronised real cameras, through a real keypoint detector.

Such a recording is an `.npz` file of these arrays:

| name | what |
|---|---|
| `keypoints` | (cameras, frames, people, 13, 2): points (x, y), y down, pixels; NaN where the detector found nothing |
| `confidence` | (cameras, frames, people, 13): the detector's scores |
| `fps` | frames per second, of all cameras |
| `pairs` | (pairs, 2): cameras that see the people from different sides |
| `joints3d` | (pairs, people, frames, 13, 3): triangulated from both; any scale, NaN is unknown |
| `meta` | JSON text: at least the `detector`, and the `source` with its `terms` |
"""

import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import numpy as np
from jaxtyping import Bool, Float, Int

from poseembed.skeleton import NUM_JOINTS

LIMBS = ((1, 3), (2, 4), (3, 5), (4, 6), (7, 9), (8, 10), (9, 11), (10, 12))
"""Upper arms, forearms, thighs and shins: bones whose lengths do not change."""

LENGTH_TOLERANCE = 0.35
"""Where a limb is further from its median length than this share of it, the triangulation has gone wrong."""

_ARRAYS = ("keypoints", "confidence", "fps", "pairs", "joints3d", "meta")


@dataclass(frozen=True)
class MultiviewRecording:
    """One performance as several cameras saw it.

    Attributes:
        keypoints: Points (x, y), y down, pixels; NaN where the detector found nothing.
        confidence: The detector's scores.
        fps: Frames per second.
        pairs: Pairs of cameras.
        joints3d: For each pair, what it triangulated; any scale, NaN where unknown.
        detector: What found the keypoints.
    """

    keypoints: Float[np.ndarray, "cameras frames people 13 2"]
    confidence: Float[np.ndarray, "cameras frames people 13"]
    fps: float
    pairs: Int[np.ndarray, "pairs 2"]
    joints3d: Float[np.ndarray, "pairs people frames 13 3"]
    detector: str

    def trusted(self, pair: int, person: int) -> Bool[np.ndarray, " frames"]:
        """Frames whose 3D pose is whole, and has limbs of about the lengths that they have in the others."""
        joints = self.joints3d[pair, person]
        first, second = zip(*LIMBS, strict=True)
        lengths = np.linalg.norm(joints[:, first] - joints[:, second], axis=-1)
        whole = np.isfinite(joints).all((1, 2))
        if not whole.any():
            return whole
        median = np.median(lengths[whole], axis=0)
        with np.errstate(invalid="ignore"):  # what is unknown compares as False
            plausible: np.ndarray = (np.abs(lengths / median - 1) <= LENGTH_TOLERANCE).all(1)
        return whole & plausible


def read(path: Path) -> MultiviewRecording:
    """Read a recording.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, is damaged, or its arrays do not fit together.
    """
    if path.is_file() and not is_zipfile(path):
        raise ValueError(f"{path} is damaged, or no .npz file; copy it again")
    try:
        with np.load(path) as archive:
            if missing := [name for name in _ARRAYS if name not in archive]:
                raise ValueError(f"{path} has no {', '.join(missing)}; wanted a recording by several cameras")
            arrays = {name: archive[name] for name in _ARRAYS}
        detector = json.loads(str(arrays["meta"]))["detector"]
    except (BadZipFile, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged, or no recording by several cameras ({error!r})") from error
    keypoints, pairs, joints = arrays["keypoints"], arrays["pairs"], arrays["joints3d"]
    if keypoints.ndim != 5 or keypoints.shape[3:] != (NUM_JOINTS, 2):
        raise ValueError(f"{path}: got keypoints of shape {keypoints.shape}; wanted (cameras, frames, people, 13, 2)")
    cameras, frames, people = keypoints.shape[:3]
    if arrays["confidence"].shape != keypoints.shape[:4]:
        raise ValueError(f"{path}: got confidence of shape {arrays['confidence'].shape}; wanted {keypoints.shape[:4]}")
    wanted = (len(pairs), people, frames, NUM_JOINTS, 3)
    if pairs.shape != (len(pairs), 2) or joints.shape != wanted:
        raise ValueError(f"{path}: got pairs of shape {pairs.shape} and joints3d of {joints.shape}; wanted {wanted}")
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < cameras:
        raise ValueError(f"{path} has pairs of cameras that it does not have; there are {cameras}")
    fps = float(arrays["fps"])
    if not fps > 0:
        raise ValueError(f"{path} has {fps} frames per second")
    return MultiviewRecording(
        keypoints=keypoints.astype(np.float32),
        confidence=arrays["confidence"].astype(np.float32),
        fps=fps,
        pairs=pairs.astype(np.int64),
        joints3d=joints.astype(np.float32),
        detector=str(detector),
    )
