"""The 13-joint skeleton that the encoder reads, and the source skeletons that map onto it.

A map is one source index for each of the 13 joints, so a missing source joint is a missing joint here, and
nothing is averaged or invented. All joints are named from the person's point of view: left is the person's left.
"""

from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

Points = TypeVar("Points", np.ndarray, Tensor)

SkeletonName: TypeAlias = Literal[
    "poseembed13",
    "coco",
    "coco_wholebody",
    "mediapipe",
    "openpose_body25",
    "openpose_body25b",
    "openpose_coco",
    "crowdpose",
    "halpe26",
    "halpe136",
    "h36m",
    "h36m_legacy",
    "mpii",
    "mpi_inf_3dhp",
    "kinect_v1",
    "kinect_v2",
    "azure_kinect",
    "panoptic",
    "smpl24",
    "jhmdb",
    "penn_action",
]
"""What `skeleton=` may say: the names of `SKELETONS`."""

JOINTS: tuple[str, ...] = (
    "nose",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""The joints of every pose inside the library, in order."""

NUM_JOINTS = len(JOINTS)

BONES: tuple[tuple[int, int], ...] = (
    (0, 1),
    (0, 2),
    (1, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
    (1, 7),
    (2, 8),
    (7, 8),
    (7, 9),
    (8, 10),
    (9, 11),
    (10, 12),
)
"""Pairs of joint indices to draw as segments."""

SHOULDERS = (1, 2)
HIPS = (7, 8)
SHOULDER_JOINTS, HIP_JOINTS = slice(1, 3), slice(7, 9)
"""The same as slices, for tensors: a tuple of indices is copied to a GPU at each use, which holds it up."""

MIRRORED: tuple[int, ...] = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)
"""For each joint, the index of the same joint on the other side of the body."""


@dataclass(frozen=True)
class Skeleton:
    """A source of keypoints: how many joints it has, and which of them are the 13.

    `SKELETONS` has those of many sources by name. Any other one can be passed as `skeleton=` itself.

    Attributes:
        name: What to pass as `skeleton=` for one of `SKELETONS`; of any other, what to call it in errors.
        num_joints: Length of the joint axis that the source gives.
        indices: For each of `JOINTS`, the source's index of it.
        description: Where the skeleton comes from, and what its joint 0 stands for when that is not the nose.

    Raises:
        TypeError: If a number is none.
        ValueError: If there are not 13 indices, or one of them is not that of a joint of the source.

    Examples:
        >>> from poseembed import JOINTS, SKELETONS
        >>> halpe = SKELETONS["halpe26"]
        >>> halpe.num_joints, halpe.indices[JOINTS.index("left_wrist")]
        (26, 9)
        >>> from poseembed import Poses, Skeleton
        >>> mine = Skeleton("mine", 21, (0, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11))
        >>> Poses.from_arrays(np.zeros((50, 21, 2)), skeleton=mine).keypoints.shape
        (50, 13, 2)
    """

    name: str
    num_joints: int
    indices: tuple[int, ...]
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse what picks no 13 joints out of a source."""
        try:
            count, indices = index(self.num_joints), tuple(map(index, self.indices))
        except TypeError as error:
            raise TypeError(f"num_joints and indices of the skeleton {self.name!r} must be whole numbers") from error
        if len(indices) != NUM_JOINTS or not all(0 <= place < count for place in indices):
            raise ValueError(
                f"got indices {indices} of the skeleton {self.name!r} of {count} joints; wanted {NUM_JOINTS} from 0 to "
                f"{count - 1}: of the {', '.join(JOINTS)}"
            )
        object.__setattr__(self, "indices", indices)

    def select(self, points: Points, *, axis: int = -2) -> Points:
        """The 13 joints, in the order of `JOINTS`, out of the source's.

        Args:
            points: One entry a joint of the source along an axis, numpy or torch: (..., joints, 2) points, say.
            axis: Which axis that is; -1 for (..., joints) scores.

        Returns:
            A new array of the same kind, 13 long on that axis.

        Raises:
            ValueError: If there is no such axis, or it does not have the source's number of joints.

        Examples:
            >>> from poseembed import SKELETONS
            >>> points, scores = np.zeros((5, 17, 2)), np.ones((5, 17))
            >>> SKELETONS["coco"].select(points).shape, SKELETONS["coco"].select(scores, axis=-1).shape
            ((5, 13, 2), (5, 13))
        """
        if not -points.ndim <= axis < points.ndim:
            raise ValueError(f"got shape {tuple(points.shape)}, which has no axis {axis} for the joints")
        check_joint_count(points.shape[axis], self)
        if isinstance(points, Tensor):
            return points.index_select(axis, self._places.to(points.device))
        return points.take(self.indices, axis)

    @cached_property
    def _places(self) -> Tensor:
        """The indices, as torch wants them."""
        return torch.tensor(self.indices)


_ALL = (
    Skeleton("poseembed13", 13, tuple(range(13)), "This library's own order, see JOINTS (also poem's 2DSTD13)."),
    Skeleton(
        "coco", 17, (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), "COCO-17; also Ultralytics, ViTPose, RTMPose."
    ),
    Skeleton(
        "coco_wholebody",
        133,
        (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
        "COCO-WholeBody: 17 body joints, then 6 of the feet, 68 of the face and 42 of the hands.",
    ),
    Skeleton(
        "mediapipe",
        33,
        (0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28),
        "MediaPipe / BlazePose landmarks, after multiplying x by the picture's width and y by its height.",
    ),
    Skeleton("openpose_body25", 25, (0, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11), "OpenPose BODY_25."),
    Skeleton(
        "openpose_body25b",
        25,
        (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
        "OpenPose BODY_25B, the experimental model: COCO-17, upper neck, top of the head, 6 of the feet.",
    ),
    Skeleton("openpose_coco", 18, (0, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10), "OpenPose COCO-18: COCO plus a neck."),
    Skeleton(
        "crowdpose",
        14,
        (12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
        "CrowdPose-14 (left shoulder first, top of the head and neck last); the top of the head stands for the nose.",
    ),
    Skeleton("halpe26", 26, (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), "Halpe-26 (AlphaPose, RTMPose body26)."),
    Skeleton(
        "halpe136",
        136,
        (0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
        "Halpe full body: the 26 joints, then 68 of the face and 42 of the hands.",
    ),
    Skeleton(
        "h36m",
        17,
        (10, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3),
        "Human3.6M-17 as VideoPose3D, MotionBERT and MMPose order it (hip, right leg, left leg, spine, thorax, "
        "neck, head, left arm, right arm); the head stands for the nose.",
    ),
    Skeleton(
        "h36m_legacy",
        17,
        (1, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16),
        "Human3.6M-17 as google-research/poem orders it (LEGACY_3DH36M17); the head stands for the nose.",
    ),
    Skeleton(
        "mpii",
        16,
        (9, 13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0),
        "MPII-16 (right ankle first); the top of the head (index 9) stands for the nose.",
    ),
    Skeleton(
        "mpi_inf_3dhp",
        17,
        (16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10),
        "MPI-INF-3DHP-17, its test set's order (head top, neck, right arm, left arm, right leg, left leg, pelvis, "
        "spine, head); the head (index 16) stands for the nose.",
    ),
    Skeleton(
        "kinect_v1",
        20,
        (3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18),
        "Kinect v1-20 (hip centre, spine, shoulder centre, head, left arm, right arm, left leg, right leg); "
        "the head stands for the nose.",
    ),
    Skeleton(
        "kinect_v2",
        25,
        (3, 4, 8, 5, 9, 6, 10, 12, 16, 13, 17, 14, 18),
        "Kinect v2-25 as in NTU RGB+D; the head stands for the nose.",
    ),
    Skeleton(
        "azure_kinect",
        32,
        (27, 5, 12, 6, 13, 7, 14, 18, 22, 19, 23, 20, 24),
        "Azure Kinect body tracking-32, the order of k4abt_joint_id_t.",
    ),
    Skeleton(
        "panoptic",
        19,
        (1, 3, 9, 4, 10, 5, 11, 6, 12, 7, 13, 8, 14),
        "CMU Panoptic Studio-19, its coco19 (neck, nose, middle of the hips, left limbs, right limbs, eyes and ears).",
    ),
    Skeleton(
        "smpl24",
        24,
        (15, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8),
        "SMPL-24 body joints; the head joint, at the base of the skull, stands for the nose.",
    ),
    Skeleton(
        "jhmdb",
        15,
        (2, 4, 3, 8, 7, 12, 11, 6, 5, 10, 9, 14, 13),
        "JHMDB-15 (neck, belly, face, right before left); the face stands for the nose.",
    ),
    Skeleton(
        "penn_action",
        13,
        (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11),
        "Penn Action-13 as downloaded. Its files name the sides as the viewer sees them, so this map swaps them; "
        "the head stands for the nose.",
    ),
)

SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in _ALL}
"""The source skeletons by name."""


def get_skeleton(name: SkeletonName | Skeleton) -> Skeleton:
    """Look a source skeleton up; one that is given itself is that.

    Raises:
        ValueError: If there is no skeleton of that name; the message lists those there are.
    """
    if isinstance(name, Skeleton):
        return name
    if not isinstance(name, str) or name not in SKELETONS:
        raise ValueError(f"unknown skeleton {name!r}; known are: {', '.join(SKELETONS)}; or pass a Skeleton")
    return SKELETONS[name]


def check_joint_count(count: int, skeleton: Skeleton) -> None:
    """Refuse keypoints whose joint axis does not have the length that the skeleton says.

    Raises:
        ValueError: Naming the skeletons that do have `count` joints.
    """
    if count == skeleton.num_joints:
        return
    fitting = [f"skeleton={other.name!r}" for other in _ALL if other.num_joints == count]
    way_out = (
        f"pass {' or '.join(fitting)}" if fitting else "pass a Skeleton, or 13 joints picked in the order of JOINTS"
    )
    raise ValueError(
        f"got {count} joints, but skeleton={skeleton.name!r} has {skeleton.num_joints}; for {count} joints {way_out}"
    )


def mirror(keypoints: Points, *, axis: float = 0.0) -> Points:
    """Reflect poses left to right: x is reflected about an axis and the left and right joints change places.

    Without the second half the person's left hand would become a right hand at the wrong side of the body.

    Args:
        keypoints: 13-joint points (x, y), shape (..., 13, 2), numpy or torch.
        axis: The x that stays where it is: 0 for centred keypoints, half the picture's width for pixels.

    Returns:
        A new array of the same kind and shape; whole numbers become floating-point ones.

    Raises:
        TypeError: If it is neither a numpy array nor a tensor.
        ValueError: If the last two axes are not (13, 2).

    Examples:
        >>> from poseembed import JOINTS, mirror
        >>> keypoints = np.zeros((13, 2))
        >>> keypoints[JOINTS.index("left_wrist")] = [500, 120]
        >>> mirror(keypoints, axis=640 / 2)[JOINTS.index("right_wrist")]  # in a picture 640 wide
        array([140., 120.])
    """
    if not isinstance(keypoints, np.ndarray | Tensor):
        raise TypeError(f"keypoints must be a numpy array or a torch tensor, got {type(keypoints).__name__}")
    if keypoints.shape[-2:] != (NUM_JOINTS, 2):
        raise ValueError(
            f"got shape {tuple(keypoints.shape)}; mirror() wants (..., 13, 2) points in the order of JOINTS"
        )
    flipped = keypoints[..., list(MIRRORED), :] * 1.0  # a copy in floating point: whole numbers can hold no half pixel
    flipped[..., 0] = 2 * axis - flipped[..., 0]
    return flipped
