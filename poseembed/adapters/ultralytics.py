"""Results of Ultralytics pose models (YOLOv8-pose and later)."""

import numpy as np

from poseembed.adapters.base import Keypoints, check_people, pick_joints, to_array
from poseembed.skeleton import Skeleton, SkeletonName, get_skeleton

HIDDEN_BELOW = 0.5
"""Ultralytics of 2023-10 (8.0.192) to 2025 (some 8.3) moved joints of lower confidence to (0, 0); 8.4 does not."""


def from_ultralytics(results: object, *, skeleton: SkeletonName | Skeleton = "coco") -> Keypoints:
    """The people in one picture's `Results`.

    Some versions of Ultralytics write (0, 0) for a joint of a confidence under 0.5, and models without a confidence
    do so for a missing one: such joints are NaN here. With a confidence of 0.5 and more, (0, 0) is a place, where
    Ultralytics puts what lies beyond that corner of the picture. Without confidences those of the others are 1.

    Args:
        results: `model(image)[0]`, or `model(image)` of a single picture.
        skeleton: Name of the model's skeleton; the models that Ultralytics offers have COCO's.

    Raises:
        TypeError: If it is not such an object.
        ValueError: If it is the result of several pictures, or of a model without keypoints, or the number of joints
            is not that of the skeleton.

    Examples:
        >>> from types import SimpleNamespace  # for what model(image)[0] is
        >>> from poseembed.adapters import from_ultralytics
        >>> found = SimpleNamespace(xy=np.full((2, 17, 2), 200.0), conf=np.full((2, 17), 0.9))
        >>> keypoints, confidence = from_ultralytics(SimpleNamespace(keypoints=found))
        >>> keypoints.shape, confidence.shape
        ((2, 13, 2), (2, 13))
    """
    source = get_skeleton(skeleton)
    if isinstance(results, list | tuple):
        if len(results) != 1:
            raise ValueError(
                f"got the results of {len(results)} pictures; pass one at a time: "
                "[from_ultralytics(result) for result in results]"
            )
        results = results[0]
    if not hasattr(results, "keypoints"):
        raise TypeError(
            f"got {type(results).__name__}; pass the Results of one picture: model(image)[0], or each of "
            "model(video, stream=True)"
        )
    if results.keypoints is None:
        raise ValueError("these results hold no keypoints; use a pose model, such as yolo11n-pose.pt")
    if not (hasattr(results.keypoints, "xy") and hasattr(results.keypoints, "conf")):
        raise TypeError(
            f"its keypoints are {type(results.keypoints).__name__}; wanted Ultralytics' Keypoints, xy and conf"
        )
    points = to_array(results.keypoints.xy, "keypoints.xy")
    confidence = None if results.keypoints.conf is None else to_array(results.keypoints.conf, "keypoints.conf")
    if points.size == 0:
        return pick_joints(points, None, source)
    check_people(points)
    hidden = (points == 0).all(-1)
    if confidence is not None and confidence.shape == hidden.shape:  # else what follows says what is wrong
        hidden &= confidence < HIDDEN_BELOW
    points[hidden] = np.nan
    return pick_joints(points, confidence, source)
