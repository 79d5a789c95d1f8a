"""What MMPose's inferencers yield."""

from collections.abc import Mapping
from typing import Any

from poseembed.adapters.base import Keypoints, pick_joints, to_array
from poseembed.skeleton import get_skeleton


def from_mmpose(result: object, *, skeleton: str = "coco") -> Keypoints:
    """The people in one picture, as `MMPoseInferencer` yields them.

    A top-down model whose detector found nobody takes the whole picture for a person, whose scores tell.

    Args:
        result: `next(inferencer(image))`, or one element of its "predictions": a list of people, each a dictionary
            with "keypoints" (joints, 2) and "keypoint_scores" (joints,). The JSON files that `pred_out_dir=` leaves
            hold such lists.
        skeleton: Name of the model's skeleton: "coco" for 'human' and 'body', "halpe26" for 'body26',
            "coco_wholebody" for 'wholebody', "h36m" for models of Human3.6M (which have 17 joints too).

    Raises:
        TypeError: If it is something else, such as the generator that a call of the inferencer returns.
        ValueError: If it holds several pictures, or the number of joints is not that of the skeleton, or the points
            are 3D.

    Examples:
        >>> from poseembed.adapters import from_mmpose
        >>> person = {"keypoints": [[200.0, 100.0]] * 17, "keypoint_scores": [0.9] * 17}
        >>> keypoints, confidence = from_mmpose({"predictions": [[person, person]]})  # next(inferencer(image))
        >>> keypoints.shape, confidence.shape
        ((2, 13, 2), (2, 13))
    """
    source = get_skeleton(skeleton)
    people = _people(result)
    points = to_array([person["keypoints"] for person in people], "keypoints")
    confidence = to_array([person["keypoint_scores"] for person in people], "keypoint_scores")
    return pick_joints(points, confidence, source)


def _people(result: object) -> list[Mapping[str, Any]]:
    """The people of one picture."""
    people = result
    if isinstance(result, Mapping) and "predictions" in result:
        pictures = result["predictions"]
        if len(pictures) != 1:
            raise ValueError(
                f"got the predictions of {len(pictures)} pictures; pass one at a time: "
                '[from_mmpose(people) for people in result["predictions"]]'
            )
        people = pictures[0]
    if not isinstance(people, list) or not all(
        isinstance(person, Mapping) and {"keypoints", "keypoint_scores"} <= person.keys() for person in people
    ):
        raise TypeError(
            f"got {type(people).__name__}; pass next(inferencer(image)), called without return_datasamples=True, "
            'whose "predictions" list the people as dictionaries with "keypoints" and "keypoint_scores"'
        )
    return people
