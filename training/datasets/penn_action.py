"""Penn Action (Zhang et al., ICCV 2013): 2D joints annotated by hand in real videos, seen from four sides.

Read from one `.npz` file: `keypoints` (frames, 13, 2) as downloaded, `visibility` (frames, 13), `offsets` (clips + 1),
and `action`, `view` (left, right, front, back) and `train` (the official split) for each clip.

Three things about the annotations matter:

- **Sides.** The files name them as the viewer sees them: in actions done square to the camera (jumping jacks,
  pull-ups, squats) the "left" shoulder of a person seen from the front is on the picture's left. `read` swaps the
  columns, so that left is the person's left.
- **Joints without an annotation** (9 % of all) stand at the picture's corner: at 0, or at 1 times how much the picture
  was scaled, up to 1.53. No other joint is within 5 pixels of it. They become NaN.
- **Occluded joints** (14 %; `visibility` is False, but there are coordinates) were placed by the annotators where the
  joint must be: they move with the body. They are kept. `visibility` is False for every joint without an annotation,
  so it adds nothing and is not read.
"""

from os import PathLike

import numpy as np
from jaxtyping import Bool, Float32

from poseembed.skeleton import SKELETONS
from training.datasets.actions import ActionClips

DROPPED_ACTION = "strum_guitar"
"""Left out as in the CV-MIM paper, which keeps the other 14."""

_SKELETON = SKELETONS["penn_action"]  # swaps the sides
_LARGEST_UNANNOTATED = 2.0  # pixels


def read(path: str | PathLike[str]) -> ActionClips:
    """Read the 14 actions of Penn Action that the CV-MIM paper uses.

    The paper also leaves out clips in which "the target is invisible" without naming them; here all clips stay.

    Args:
        path: The `.npz` file that the module describes.

    Returns:
        Clips in pixels; joint 0 is the head (its middle, not the nose); no subjects.

    Raises:
        KeyError: If an array is missing in the file.
        ValueError: If the arrays do not fit together.
    """
    with np.load(path) as file:
        keypoints, offsets, names = file["keypoints"], file["offsets"].astype(np.int64), file["action"].astype(str)
        views, train = file["view"].astype(str), file["train"].astype(bool)
    keep = names != DROPPED_ACTION
    frames, offsets = _select(keep, offsets)
    classes, labels = np.unique(names[keep], return_inverse=True)
    return ActionClips(
        keypoints=_persons_own_sides(keypoints[frames].astype(np.float32)),
        offsets=offsets,
        labels=labels.astype(np.int64),
        classes=tuple(classes.tolist()),
        views=views[keep],
        train=train[keep],
    )


def _persons_own_sides(keypoints: Float32[np.ndarray, "frames 13 2"]) -> Float32[np.ndarray, "frames 13 2"]:
    """Joints in the library's order, left being the person's left, and NaN where nothing was annotated."""
    swapped = keypoints[:, list(_SKELETON.indices)]
    swapped[(swapped <= _LARGEST_UNANNOTATED).all(-1)] = np.nan
    return swapped


def _select(keep: Bool[np.ndarray, " clips"], offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which frames belong to the clips to keep (a mask over all frames), and the offsets of those clips."""
    lengths = np.diff(offsets)
    return np.repeat(keep, lengths), np.concatenate([[0], np.cumsum(lengths[keep])])
