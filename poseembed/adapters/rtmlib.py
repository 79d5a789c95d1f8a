"""What rtmlib's solutions return."""

from poseembed.adapters.base import Keypoints, pick_joints, to_array
from poseembed.skeleton import SKELETONS, Skeleton, SkeletonName, get_skeleton

_BODIES = {17: "coco", 26: "halpe26", 133: "coco_wholebody"}


def from_rtmlib(result: object, *, skeleton: SkeletonName | Skeleton | None = None) -> Keypoints:
    """The people in one picture: `from_rtmlib(body(image))`.

    The number of joints tells the skeleton: `Body` gives 17, `BodyWithFeet` 26, `Wholebody` 133, and each one more
    with `to_openpose=True`. Rows without a score above 0 are left out: RTMO returns one of zeros when it finds nobody.
    The other models then take the whole picture for a person, whose scores tell.

    Args:
        result: The tuple (keypoints, scores), (people, joints, 2) pixels and (people, joints).
        skeleton: Name of the skeleton of a model of your own; None goes by the number of joints.

    Raises:
        TypeError: If it is not such a tuple.
        ValueError: If it is the result of a 3D model, or the number of joints is not one of the above or not that of
            the skeleton.

    Examples:
        >>> from poseembed.adapters import from_rtmlib
        >>> body_with_feet = np.full((2, 26, 2), 200.0), np.full((2, 26), 0.9)  # what BodyWithFeet()(image) returns
        >>> keypoints, confidence = from_rtmlib(body_with_feet)
        >>> keypoints.shape, confidence.shape
        ((2, 13, 2), (2, 13))
    """
    if not isinstance(result, tuple | list):
        raise TypeError(
            f"got {type(result).__name__}; pass the tuple that the model returns, from_rtmlib(body(image)), "
            "or make one, from_rtmlib((keypoints, scores))"
        )
    if len(result) == 4:
        raise ValueError(
            "got four arrays, as a 3D model returns them; pass its 2D points: from_rtmlib((result[3], result[1]))"
        )
    if len(result) != 2:
        raise TypeError(f"got a {type(result).__name__} of {len(result)}; wanted (keypoints, scores) of one picture")
    points, scores = to_array(result[0], "keypoints"), to_array(result[1], "scores")
    if skeleton is None and points.ndim == 3:
        skeleton = _skeleton_of(points.shape[1])
        points, scores = points[:, : skeleton.num_joints], scores[..., : skeleton.num_joints]
    source = get_skeleton(skeleton or "coco")  # without a joint axis it is nobody, or refused, whatever the skeleton
    people = pick_joints(points, scores, source)
    found = (people.confidence > 0).any(-1)
    return Keypoints(people.keypoints[found], people.confidence[found])


def _skeleton_of(count: int) -> Skeleton:
    """The skeleton whose joints are the first of so many."""
    if count - 1 in _BODIES:  # to_openpose=True: a neck more, and the first 18 are OpenPose's
        return SKELETONS["openpose_coco"]
    if count not in _BODIES:
        raise ValueError(
            f"got {count} joints; rtmlib's Body, BodyWithFeet and Wholebody give 17, 26 and 133, or one more with "
            "to_openpose=True. For another model of people name its skeleton, or pick the joints in the order of "
            "poseembed.JOINTS yourself and pass skeleton='poseembed13'"
        )
    return SKELETONS[_BODIES[count]]
