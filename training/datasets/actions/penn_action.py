"""Penn Action (Zhang et al., ICCV 2013): 2D joints annotated by hand in real videos, seen from four sides.

Read from the folder as downloaded, or from one `.npz` file with the same arrays:

- folder: `labels/0001.mat` to `labels/2326.mat` (MATLAB 5), one file a clip, with `action`, `pose` (the view: left,
  right, front, back), `x` and `y` (frames, 13), and `train` (1 or -1, the official split). The pictures are not needed.
- `.npz`: `keypoints` (frames, 13, 2) as downloaded, `offsets` (clips + 1), and `action`, `view` and `train` (True or
  False) for each clip.

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

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64
from tqdm import tqdm

from poseembed.files.arrays import need_arrays
from poseembed.skeleton import NUM_JOINTS, SKELETONS
from training.datasets.actions.clips import ActionClips
from training.datasets.formats.isolated import read_mat
from training.datasets.missing import DataSet, need_package

PENN_ACTION = DataSet("Penn Action", "https://dreamdragon.github.io/PennAction/")

NUM_CLIPS = 2326

ACTIONS = (
    "baseball_pitch",
    "baseball_swing",
    "bench_press",
    "bowl",
    "clean_and_jerk",
    "golf_swing",
    "jump_rope",
    "jumping_jacks",
    "pullup",
    "pushup",
    "situp",
    "squat",
    "strum_guitar",
    "tennis_forehand",
    "tennis_serve",
)
"""The 15 actions of the data set, as nearly all of its files name them."""

DROPPED_ACTION = "strum_guitar"
"""Left out as in the CV-MIM paper, which keeps the other 14."""

_VARIABLES = ("action", "pose", "x", "y", "train")
_ARRAYS = {"keypoints": "iuf", "offsets": "iu", "action": "US", "view": "US", "train": "biu"}

_VARIANTS = {
    "bowling": "bowl",
    "pull_ups": "pullup",
    "push_ups": "pushup",
    "sit_ups": "situp",
    "squats": "squat",
    "strumming_guitar": "strum_guitar",
}
"""Other names of the same actions, used by the data set's own README and, some of them, reported of its files."""

_VIEWS = ("left", "right", "front", "back")
_SKELETON = SKELETONS["penn_action"]  # swaps the sides
_LARGEST_UNANNOTATED = 2.0  # pixels


@dataclass(frozen=True)
class _Annotations:
    """All clips as downloaded."""

    keypoints: Float32[np.ndarray, "frames 13 2"]
    offsets: Int64[np.ndarray, " bounds"]
    actions: np.ndarray
    views: np.ndarray
    train: Bool[np.ndarray, " clips"]


def read(path: str | PathLike[str]) -> ActionClips:
    """Read the 14 actions of Penn Action that the CV-MIM paper uses.

    The paper also leaves out clips in which "the target is invisible" without naming them; here all clips stay.

    Args:
        path: The folder (`Penn_Action`) or the `.npz` file that the module describes.

    Returns:
        Clips in pixels, in the order of the files; joint 0 is the head (its middle, not the nose); no subjects.

    Raises:
        FileNotFoundError: If `path` does not exist, or one of the folder's 2326 label files does not.
        ImportError: If scipy, which reads `.mat` files, is not installed.
        ValueError: If a file is damaged, lacks an array or holds something else than the module describes.
    """
    clips = _read_labels(Path(path)) if Path(path).is_dir() else _read_npz(path)
    keep = clips.actions != DROPPED_ACTION
    frames, offsets = _select(keep, clips.offsets)
    classes, labels = np.unique(clips.actions[keep], return_inverse=True)
    return ActionClips(
        keypoints=_persons_own_sides(clips.keypoints[frames]),
        offsets=offsets,
        labels=labels.astype(np.int64),
        classes=tuple(classes.tolist()),
        views=clips.views[keep],
        train=clips.train[keep],
    )


def _read_npz(path: str | PathLike[str]) -> _Annotations:
    [archive] = PENN_ACTION.require(path)
    with PENN_ACTION.opening(archive):
        file = need_arrays(archive, _ARRAYS)
        return _Annotations(
            keypoints=file["keypoints"].astype(np.float32),
            offsets=file["offsets"].astype(np.int64),
            actions=file["action"].astype(str),
            views=file["view"].astype(str),
            train=file["train"].astype(bool),
        )


def _read_labels(root: Path) -> _Annotations:
    paths = PENN_ACTION.require(root, *(f"labels/{clip:04d}.mat" for clip in range(1, NUM_CLIPS + 1)))
    keypoints, actions, views, train = zip(*map(_read_label_file, tqdm(paths, "Penn Action", unit="clip")), strict=True)
    return _Annotations(
        keypoints=np.concatenate(keypoints),
        offsets=np.cumsum([0, *map(len, keypoints)]),
        actions=np.array(actions),
        views=np.array(views),
        train=np.array(train),
    )


def _read_label_file(path: Path) -> tuple[Float32[np.ndarray, "frames 13 2"], str, str, bool]:
    """Keypoints as downloaded, action, view, and whether the clip is there to train on."""
    need_package("scipy")
    with PENN_ACTION.opening(path):
        content = read_mat(path, _VARIABLES)
        if absent := [name for name in _VARIABLES if name not in content]:
            raise ValueError(f"it has no {', '.join(absent)}")
        label = {name: values for name, values in content.items() if isinstance(values, np.ndarray) and values.size}
        if cells := [name for name in _VARIABLES if name not in label]:
            raise ValueError(f"its {', '.join(cells)} should be arrays, and not empty")
        if texts := [name for name in ("x", "y", "train") if label[name].dtype.kind not in "biuf"]:
            raise ValueError(f"its {', '.join(texts)} should be numbers")
        x, y = label["x"], label["y"]
        if x.shape != y.shape or x.ndim != 2 or x.shape[1] != NUM_JOINTS or not len(x):
            raise ValueError(f"x has shape {x.shape} and y {y.shape}, wanted (frames, {NUM_JOINTS}) for both")
        action, view = str(label["action"].item()), str(label["pose"].item())
        action = _VARIANTS.get(action, action)
        if action not in ACTIONS or view not in _VIEWS:
            raise ValueError(f"action {action!r} seen from {view!r}: wanted one of {ACTIONS} from one of {_VIEWS}")
        if (train := label["train"].item()) not in (-1, 1):
            raise ValueError(f"train is {train}, wanted 1 or -1")
    return np.stack((x, y), -1).astype(np.float32), action, view, train == 1


def _persons_own_sides(keypoints: Float32[np.ndarray, "frames 13 2"]) -> Float32[np.ndarray, "frames 13 2"]:
    """Joints in the library's order, left being the person's left, and NaN where nothing was annotated."""
    swapped = keypoints[:, list(_SKELETON.indices)]
    swapped[(swapped <= _LARGEST_UNANNOTATED).all(-1)] = np.nan
    return swapped


def _select(keep: Bool[np.ndarray, " clips"], offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which frames belong to the clips to keep (a mask over all frames), and the offsets of those clips."""
    lengths = np.diff(offsets)
    return np.repeat(keep, lengths), np.concatenate([[0], np.cumsum(lengths[keep])])
