"""`from_supervision`: objects with the same attributes, and the package's own where it is installed."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.supervision import from_supervision

from ..test_skeleton import COCO as COCO_JOINTS

COCO = COCO_JOINTS.split()
LEFT_WRIST, RIGHT_KNEE = JOINTS.index("left_wrist"), JOINTS.index("right_knee")

Make = Callable[..., Any]


def fake(xy: np.ndarray, keypoint_confidence: Any = None, visible: Any = None) -> Any:
    return SimpleNamespace(xy=xy, keypoint_confidence=keypoint_confidence, visible=visible)


def before_029(xy: np.ndarray, keypoint_confidence: Any = None, visible: Any = None) -> Any:
    if visible is not None:
        pytest.skip("there was no mask")
    return SimpleNamespace(xy=xy, confidence=keypoint_confidence)


def real(*args: Any, **kwargs: Any) -> Any:
    return pytest.importorskip("supervision").KeyPoints(*args, **kwargs)


@pytest.fixture(params=[fake, before_029, real])
def key_points(request: pytest.FixtureRequest) -> Make:
    """Makes key points from their arrays."""
    return request.param


def two_people(joints: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """Each joint of each person at a place and with a score of its own."""
    number = np.arange(2 * joints, dtype=np.float32).reshape(2, joints)
    return np.stack([10 + number, 400 - 3 * number], axis=-1), 0.1 + 0.02 * number


def test_joint_by_joint(key_points: Make) -> None:
    given, given_scores = two_people()
    keypoints, confidence = from_supervision(key_points(given, keypoint_confidence=given_scores))
    assert keypoints.shape == (2, 13, 2) and keypoints.dtype == confidence.dtype == np.float32
    for joint, points, scores in zip(JOINTS, keypoints.swapaxes(0, 1), confidence.T, strict=True):
        np.testing.assert_array_equal(points, given[:, COCO.index(joint)])
        np.testing.assert_array_equal(scores, given_scores[:, COCO.index(joint)])


def test_a_joint_at_zero_is_missing_and_others_without_confidence_are_certain(key_points: Make) -> None:
    given, _ = two_people()
    given[1, COCO.index("left_wrist")] = 0
    keypoints, confidence = from_supervision(key_points(given))
    assert np.isnan(keypoints[1, LEFT_WRIST]).all() and np.isnan(keypoints).sum() == 2
    assert confidence[1, LEFT_WRIST] == 0 and confidence.sum() == 25
    assert (given[1, COCO.index("left_wrist")] == 0).all()


def test_hidden_joints_are_missing(key_points: Make) -> None:
    given, scores = two_people()
    visible = np.ones((2, 17), bool)
    visible[0, COCO.index("right_knee")] = False
    keypoints, _ = from_supervision(key_points(given, keypoint_confidence=scores, visible=visible))
    assert np.isnan(keypoints[0, RIGHT_KNEE]).all() and np.isnan(keypoints).sum() == 2


def test_nobody(key_points: Make) -> None:
    keypoints, confidence = from_supervision(key_points(np.empty((0, 0, 2), np.float32)))
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


def test_other_skeletons_are_named(key_points: Make) -> None:
    given, scores = two_people(33)
    blazepose = key_points(given, keypoint_confidence=scores)
    with pytest.raises(ValueError, match="got 33 joints.*pass skeleton='mediapipe'"):
        from_supervision(blazepose)
    np.testing.assert_array_equal(
        from_supervision(blazepose, skeleton="mediapipe").keypoints[:, LEFT_WRIST], given[:, 15]
    )


def test_3d_points_are_refused(key_points: Make) -> None:
    given, scores = two_people()
    with pytest.raises(ValueError, match=r"shape \(2, 17, 3\); wanted \(people, joints, 2\)"):
        from_supervision(key_points(np.dstack([given, scores]), keypoint_confidence=scores))


@pytest.mark.parametrize(
    "other",
    [
        SimpleNamespace(xyxy=np.zeros((1, 4)), confidence=np.zeros(1)),
        SimpleNamespace(xy=np.zeros((1, 17, 2)), conf=None),
        np.zeros((1, 17, 2)),
        None,
    ],
    ids=["Detections", "Ultralytics' keypoints", "an array", "None"],
)
def test_other_objects_are_refused(other: Any) -> None:
    with pytest.raises(TypeError, match="pass supervision.KeyPoints, which have xy"):
        from_supervision(other)


def test_empty_key_points_of_the_package() -> None:
    nothing = pytest.importorskip("supervision").KeyPoints.empty()
    assert from_supervision(nothing).keypoints.shape == (0, 13, 2)
