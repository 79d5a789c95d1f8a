"""Northwestern-UCLA (Wang et al., CVPR 2014): performances that three Kinects (version 1) saw at the same time.

Read from the folder of clips in JSON that skeleton-based recognition uses, or from one `.npz` file:

- folder (`all_sqe`): `a01_s01_e00_v01.json` and so on, named by action number, subject, episode and view; each
  `{"file_name": ..., "skeletons": [frames x 20 x [x, y, z]], "label": 1-10}`.
- `.npz`: `joints3d` (frames, 20, 3), `joint_names` (20), `offsets` (clips + 1), and `action` (1-6, 8, 9, 11, 12),
  `subject` (1-10) and `view` (1-3) for each clip.

Joints are in Kinect v1's order, each clip's in its own sensor's frame: metres, x to the sensor's left, y up, z away
from it.

The skeletons come from the sensor's own tracker. It takes everybody to face it: the left shoulder is on the picture's
right in 98 % of all frames, also in those where people turn their back, so left is the person's left only while they
do face the sensor.
"""

import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int64
from tqdm import tqdm

from poseembed.files.arrays import need_arrays
from poseembed.files.tables import load_json
from poseembed.skeleton import HIPS, JOINTS, SKELETONS
from training.datasets.actions.clips import ActionClips
from training.datasets.missing import DataSet

NUCLA = DataSet("Northwestern-UCLA", "https://wangjiangb.github.io/my_data.html")

NUM_CLIPS = 1484

ACTIONS: dict[int, str] = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
"""Names of the data set's action numbers; 7 and 10 were never used."""

TRAIN_SUBJECTS = (1, 2, 3, 4, 5)
"""People to train on; the others (6-10) are there to test on."""

_SKELETON = SKELETONS["kinect_v1"]
_ARRAYS = {"joints3d": "iuf", "joint_names": "US", **dict.fromkeys(("offsets", "action", "subject", "view"), "iu")}
_CLIP_NAME = re.compile(r"a(\d\d)_s(\d\d)_e\d\d_v(\d\d)")


@dataclass(frozen=True)
class _Recordings:
    """All clips, with the 13 joints in the sensor's frame, NaN where the tracker delivered none."""

    joints: Float32[np.ndarray, "frames 13 3"]
    offsets: Int64[np.ndarray, " bounds"]
    actions: Int64[np.ndarray, " clips"]
    subjects: Int64[np.ndarray, " clips"]
    views: Int64[np.ndarray, " clips"]


def read(path: str | PathLike[str]) -> ActionClips:
    """Read N-UCLA as what each sensor saw: 2D poses in a picture of focal length 1.

    Args:
        path: The folder or the `.npz` file that the module describes.

    Returns:
        Clips of points (-x / z, -y / z), without unit (multiples of the focal length); joint 0 is the middle of the
        head; a joint that the tracker did not deliver (all zeros, or not in front of the sensor) is NaN. Views are
        "1", "2" and "3".

    Raises:
        FileNotFoundError: If `path` does not exist, or the folder has no clips.
        ValueError: If an array is missing in the `.npz` file, the joints are not Kinect v1's, an action number is not
            one of `ACTIONS`, the folder has fewer than the data set's 1484 clips, or a file is damaged.
    """
    recordings = _read(path)
    numbers = recordings.actions
    if unknown := sorted(set(numbers.tolist()) - set(ACTIONS)):
        raise ValueError(f"action numbers {unknown} are not among N-UCLA's {list(ACTIONS)}")
    return ActionClips(
        keypoints=-recordings.joints[..., :2] / recordings.joints[..., 2:],
        offsets=recordings.offsets,
        labels=np.searchsorted(np.array(list(ACTIONS)), numbers).astype(np.int64),
        classes=tuple(ACTIONS.values()),
        views=recordings.views.astype(str),
        train=np.isin(recordings.subjects, TRAIN_SUBJECTS),
        subjects=recordings.subjects,
    )


def read_body_centred(path: str | PathLike[str]) -> Float32[np.ndarray, "frames 13 3"]:
    """Read the 3D joints that belong to the frames of `read`, in the same order.

    Args:
        path: The folder or the `.npz` file that the module describes.

    Returns:
        Metres from the middle of the hips, y up, right-handed, turned as the sensor stands (x to its left, z away
        from it); missing joints are NaN, and so is the whole frame where a hip is missing.

    Raises:
        FileNotFoundError: As `read`.
        ValueError: As `read`, but for the action numbers.
    """
    joints = _read(path).joints
    centred: np.ndarray = joints - joints[:, list(HIPS)].mean(1, keepdims=True)
    return centred


def _read(path: str | PathLike[str]) -> _Recordings:
    return _read_folder(Path(path)) if Path(path).is_dir() else _read_npz(path)


def _read_npz(path: str | PathLike[str]) -> _Recordings:
    [archive] = NUCLA.require(path)
    with NUCLA.opening(archive):
        file = need_arrays(archive, _ARRAYS)
        names = file["joint_names"].astype(str)
        if names.shape != (_SKELETON.num_joints,) or file["joints3d"].shape[1:] != (_SKELETON.num_joints, 3):
            raise ValueError(f"joint_names and joints3d are not of Kinect v1's {_SKELETON.num_joints} joints")
        names = names[list(_SKELETON.indices)]
        if tuple(names) != ("head", *JOINTS[1:]):  # the head stands for the nose
            raise ValueError(
                f"joint_names are not in Kinect v1's order: at the places of {JOINTS} stand {names.tolist()}"
            )
        return _Recordings(
            joints=_thirteen(file["joints3d"]),
            offsets=file["offsets"].astype(np.int64),
            actions=file["action"].astype(np.int64),
            subjects=file["subject"].astype(np.int64),
            views=file["view"].astype(np.int64),
        )


def _read_folder(root: Path) -> _Recordings:
    named = [(path, _CLIP_NAME.fullmatch(path.stem)) for path in NUCLA.require(root, "*.json")]
    clips = {path: tuple(map(int, match.groups())) for path, match in named if match}
    if len(clips) < NUM_CLIPS:
        raise ValueError(
            f"{root} has {len(clips)} clips such as a01_s01_e00_v01.json, but {NUCLA.name} has {NUM_CLIPS}: it was "
            f"downloaded or unpacked only in part; {NUCLA.get_it()}"
        )
    actions, subjects, views = np.array(list(clips.values())).T
    skeletons = [_read_clip(path, action) for path, (action, *_) in tqdm(clips.items(), NUCLA.name, unit="clip")]
    return _Recordings(
        joints=_thirteen(np.concatenate(skeletons)),
        offsets=np.cumsum([0, *map(len, skeletons)]),
        actions=actions,
        subjects=subjects,
        views=views,
    )


def _read_clip(path: Path, action: int) -> Float32[np.ndarray, "frames 20 3"]:
    # A ragged list is a ValueError; numpy raises TypeError and OverflowError for what is no number to it.
    with NUCLA.opening(path, TypeError, OverflowError):
        clip = load_json(path)
        if not isinstance(clip, dict) or not {"skeletons", "label"} <= clip.keys():
            raise ValueError("it is not an object with skeletons and label")
        skeletons = np.array(clip["skeletons"])
        if skeletons.dtype.kind not in "iuf" or (np.abs(skeletons) > np.finfo(np.float32).max).any():
            raise ValueError(f"skeletons have elements of {skeletons.dtype}; wanted numbers that float32 holds")
        if skeletons.shape[1:] != (_SKELETON.num_joints, 3) or not len(skeletons):
            raise ValueError(f"skeletons have shape {skeletons.shape}, wanted (frames, {_SKELETON.num_joints}, 3)")
        if action in ACTIONS and clip["label"] != list(ACTIONS).index(action) + 1:
            raise ValueError(f"its label {clip['label']!r} is not that of action {action}, after which it is named")
    return skeletons.astype(np.float32)


def _thirteen(joints: Float[np.ndarray, "frames 20 3"]) -> Float32[np.ndarray, "frames 13 3"]:
    """The library's joints; NaN where the tracker delivered none."""
    chosen: np.ndarray = joints[:, list(_SKELETON.indices)].astype(np.float32)
    chosen[chosen[..., 2] <= 0] = np.nan
    return chosen
