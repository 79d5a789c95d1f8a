"""Poses of transformers' ViTPose, after its image processor's post-processing."""

from collections.abc import Mapping

import numpy as np

from poseembed.adapters.base import Keypoints, pick_joints, to_array
from poseembed.skeleton import Skeleton, SkeletonName, get_skeleton


def from_transformers(people: object, *, skeleton: SkeletonName | Skeleton = "coco") -> Keypoints:
    """The people in one picture: `from_transformers(processor.post_process_pose_estimation(outputs, boxes)[0])`.

    With `threshold=` the post-processing leaves joints out; "labels" tell which are left, and the others are NaN
    here, with confidence 0. A person of whom nothing is left stays a row.

    Args:
        people: A list of dictionaries, each with "keypoints" (k, 2) in pixels, "scores" (k,) and "labels" (k,).
        skeleton: Name of the model's skeleton; the published ViTPose models have COCO's.

    Raises:
        TypeError: If it is not such a list: that of all pictures, say, or a single person.
        ValueError: If a label is not a joint of the skeleton, or a person's arrays differ in length.

    Examples:
        >>> from poseembed.adapters import from_transformers
        >>> labels = np.arange(5, 17)  # all but the face
        >>> person = {"keypoints": np.full((12, 2), 200.0), "scores": np.full(12, 0.9), "labels": labels}
        >>> keypoints, confidence = from_transformers([person])  # post_process_pose_estimation(outputs, boxes)[0]
        >>> keypoints.shape, keypoints[0, 0].tolist(), confidence[0, :2].tolist()
        ((1, 13, 2), [nan, nan], [0.0, 0.9])
    """
    source = get_skeleton(skeleton)
    wanted = {"keypoints", "scores", "labels"}
    if not isinstance(people, list | tuple) or not all(
        isinstance(person, Mapping) and wanted <= person.keys() for person in people
    ):
        raise TypeError(
            f"got {type(people).__name__}; pass one picture's people, post_process_pose_estimation(outputs, boxes)[0]: "
            'a list of dictionaries with "keypoints", "scores" and "labels"'
        )
    points = np.full((len(people), source.num_joints, 2), np.nan)
    scores = np.zeros((len(people), source.num_joints))
    for row, person in enumerate(people):
        labels = to_array(person["labels"], "labels")
        given, confidence = to_array(person["keypoints"], "keypoints"), to_array(person["scores"], "scores")
        if given.shape != (len(labels), 2) or confidence.shape != labels.shape:
            raise ValueError(
                f'got "keypoints" of shape {given.shape}, "scores" of {confidence.shape} and "labels" of '
                f"{labels.shape}; wanted (k, 2), (k,) and (k,)"
            )
        wrong = labels[~np.isin(labels, np.arange(source.num_joints))]
        if len(wrong):
            raise ValueError(
                f"got a joint of label {wrong.max():g}, but skeleton={skeleton!r} has {source.num_joints} joints, "
                "labelled from 0; pass skeleton= of the model"
            )
        places = labels.astype(int)
        points[row, places], scores[row, places] = given, confidence
    return pick_joints(points, scores, source)
