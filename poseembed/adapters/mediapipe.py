"""MediaPipe pose results, of the Tasks API and of the older `mp.solutions`."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from poseembed.adapters.base import Keypoints, check_image_size, pick_joints, to_array
from poseembed.skeleton import SKELETONS

_SKELETON = SKELETONS["mediapipe"]


@runtime_checkable
class _Landmark(Protocol):
    """What is read of a landmark of either API."""

    x: float
    y: float
    visibility: float | None


def from_mediapipe(result: object, image_size: tuple[float, float]) -> Keypoints:
    """The people in a MediaPipe pose result.

    Takes what `PoseLandmarker.detect*` and `HolisticLandmarker.detect*` return (`pose_landmarks`: people, or one
    person's landmarks), and what `mp.solutions.pose.Pose().process` returns (`pose_landmarks.landmark`, or None).

    Landmarks are shares of the picture's width and height, so without its size their proportions are not known.
    MediaPipe places every landmark, also outside the picture; its `visibility` says which are seen, and is the
    confidence here (`presence` is 0 throughout in the older results). Where it is not set it counts as 1.

    Args:
        result: One picture's result.
        image_size: (width, height) of that picture in pixels; `image.shape[1::-1]` of an OpenCV picture.

    Raises:
        TypeError: If `result` has no pose landmarks: that of a hand or face model, say, or only a part of a result.
        ValueError: If a person does not have 33 landmarks, or `image_size` is not two numbers above 1.

    Examples:
        >>> from types import SimpleNamespace  # for what PoseLandmarker.detect(image) returns
        >>> from poseembed.adapters import from_mediapipe
        >>> person = [SimpleNamespace(x=0.5, y=0.25, visibility=0.9)] * 33
        >>> keypoints, confidence = from_mediapipe(SimpleNamespace(pose_landmarks=[person]), image_size=(640, 480))
        >>> keypoints.shape, keypoints[0, 0].tolist()
        ((1, 13, 2), [320.0, 120.0])
    """
    width, height = check_image_size(image_size)
    people = _people(result)
    for landmarks in people:
        if len(landmarks) != _SKELETON.num_joints:
            raise ValueError(
                f"got a person of {len(landmarks)} landmarks; MediaPipe's pose models give {_SKELETON.num_joints}, "
                "other counts are of hands, faces or other models"
            )
        if not all(isinstance(mark, _Landmark) for mark in landmarks):
            raise TypeError("got a landmark without x, y and visibility; pass the result as MediaPipe gives it")
    try:
        points = [[(mark.x * width, mark.y * height) for mark in landmarks] for landmarks in people]
    except OverflowError as error:  # a whole number of more than 308 digits
        raise ValueError(f"got a landmark beyond all numbers: {error}") from error
    seen = [[1.0 if mark.visibility is None else mark.visibility for mark in landmarks] for landmarks in people]
    return pick_joints(to_array(points, "landmarks"), to_array(seen, "visibility"), _SKELETON)


def _people(result: object) -> Sequence[Sequence[_Landmark]]:
    """The landmarks of each person."""
    if not hasattr(result, "pose_landmarks"):
        raise TypeError(
            f"got {type(result).__name__}, which has no pose_landmarks; pass the whole result of "
            "PoseLandmarker.detect() or of mp.solutions.pose.Pose().process()"
        )
    found = result.pose_landmarks
    if found is None:
        return []
    if hasattr(found, "landmark"):
        return [found.landmark]
    if len(found) and hasattr(found[0], "x"):
        return [found]
    return found
