"""`KeyPoints` of the supervision library."""

import numpy as np

from poseembed.adapters.base import Keypoints, check_people, pick_joints, to_array
from poseembed.skeleton import Skeleton, SkeletonName, get_skeleton


def from_supervision(key_points: object, *, skeleton: SkeletonName | Skeleton = "coco") -> Keypoints:
    """The people in one picture's `supervision.KeyPoints`.

    Joints that its `visible` mask hides are NaN here, and so are those at exactly (0, 0), which is how supervision
    marks a missing one. Without confidences those of the others are 1.

    Args:
        key_points: With `xy` (people, joints, 2) in pixels, and `keypoint_confidence` (`confidence` before version
            0.29) (people, joints) or None.
        skeleton: Name of the skeleton, which the object does not know: that of the model it was made from.

    Raises:
        TypeError: If it is not such an object: `Detections`, say, which are boxes.
        ValueError: If the number of joints is not that of the skeleton, or the points are 3D.

    Examples:
        >>> from types import SimpleNamespace  # for supervision.KeyPoints
        >>> from poseembed.adapters import from_supervision
        >>> key_points = SimpleNamespace(xy=np.full((2, 17, 2), 200.0), keypoint_confidence=None)
        >>> key_points.xy[1, 0] = 0  # the nose of the second was not found
        >>> keypoints, confidence = from_supervision(key_points)
        >>> keypoints.shape, keypoints[1, 0].tolist(), confidence[1, :2].tolist()
        ((2, 13, 2), [nan, nan], [0.0, 1.0])
    """
    source = get_skeleton(skeleton)
    name = "keypoint_confidence" if hasattr(key_points, "keypoint_confidence") else "confidence"
    if not (hasattr(key_points, "xy") and hasattr(key_points, name)):
        raise TypeError(f"got {type(key_points).__name__}; pass supervision.KeyPoints, which have xy and a confidence")
    points, scores = to_array(key_points.xy, "xy"), getattr(key_points, name)
    if points.size == 0:
        return pick_joints(points, None, source)
    check_people(points)
    missing = (points == 0).all(-1)
    visible = getattr(key_points, "visible", None)
    if visible is not None:
        missing |= ~np.asarray(visible, dtype=bool)
    points[missing] = np.nan
    return pick_joints(points, None if scores is None else to_array(scores, name), source)
