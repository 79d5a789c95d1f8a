"""Northwestern-UCLA (Wang et al., CVPR 2014): performances that three Kinects (version 1) saw at the same time.

Read from one `.npz` file: `joints3d` (frames, 20, 3), each in its own sensor's frame (metres, x to the sensor's left,
y up, z away from it), `joint_names` (20), `offsets` (clips + 1), and `action` (1-6, 8, 9, 11, 12), `subject` (1-10)
and `view` (1-3) for each clip.

The skeletons come from the sensor's own tracker. It takes everybody to face it: the left shoulder is on the picture's
right in 98 % of all frames, also in those where people turn their back, so left is the person's left only while they
do face the sensor.
"""

from os import PathLike

import numpy as np
from jaxtyping import Float32

from poseembed.skeleton import HIPS, JOINTS, SKELETONS
from training.datasets.actions import ActionClips

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


def read(path: str | PathLike[str]) -> ActionClips:
    """Read N-UCLA as what each sensor saw: 2D poses in a picture of focal length 1.

    Args:
        path: The `.npz` file that the module describes.

    Returns:
        Clips of points (-x / z, -y / z), without unit (multiples of the focal length); joint 0 is the middle of the
        head; a joint that the tracker did not deliver (all zeros, or not in front of the sensor) is NaN. Views are
        "1", "2" and "3".

    Raises:
        KeyError: If an array is missing in the file.
        ValueError: If the joints are not Kinect v1's, or an action number is not one of `ACTIONS`.
    """
    with np.load(path) as file:
        joints = _read_joints(file)
        numbers, subjects = file["action"].astype(np.int64), file["subject"].astype(np.int64)
        views, offsets = file["view"].astype(str), file["offsets"].astype(np.int64)
    known = np.array(list(ACTIONS))
    if unknown := sorted(set(numbers.tolist()) - set(ACTIONS)):
        raise ValueError(f"action numbers {unknown} are not among N-UCLA's {list(ACTIONS)}")
    return ActionClips(
        keypoints=-joints[..., :2] / joints[..., 2:],
        offsets=offsets,
        labels=np.searchsorted(known, numbers).astype(np.int64),
        classes=tuple(ACTIONS.values()),
        views=views,
        train=np.isin(subjects, TRAIN_SUBJECTS),
        subjects=subjects,
    )


def read_body_centred(path: str | PathLike[str]) -> Float32[np.ndarray, "frames 13 3"]:
    """Read the 3D joints that belong to the frames of `read`, in the same order.

    Args:
        path: The `.npz` file that the module describes.

    Returns:
        Metres from the middle of the hips, y up, right-handed, turned as the sensor stands (x to its left, z away
        from it); missing joints are NaN, and so is the whole frame where a hip is missing.

    Raises:
        KeyError: If an array is missing in the file.
        ValueError: If the joints are not Kinect v1's.
    """
    with np.load(path) as file:
        joints = _read_joints(file)
    centred: np.ndarray = joints - joints[:, list(HIPS)].mean(1, keepdims=True)
    return centred


def _read_joints(file: np.lib.npyio.NpzFile) -> Float32[np.ndarray, "frames 13 3"]:
    """The 13 joints in the sensor's frame; NaN where the tracker delivered none."""
    names = file["joint_names"].astype(str)[list(_SKELETON.indices)]
    if tuple(names) != ("head", *JOINTS[1:]):  # the head stands for the nose
        raise ValueError(f"joint_names are not in Kinect v1's order: at the places of {JOINTS} stand {names.tolist()}")
    joints: np.ndarray = file["joints3d"][:, list(_SKELETON.indices)].astype(np.float32)
    joints[joints[..., 2] <= 0] = np.nan
    return joints
