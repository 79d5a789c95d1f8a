"""`from_rtmlib`: tuples as rtmlib's models return them, and its own conversion where it is installed."""

from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.rtmlib import from_rtmlib

from ..test_skeleton import COCO as COCO_JOINTS

COCO = COCO_JOINTS.split()
_OPENPOSE = """nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee
right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear"""
OPENPOSE = _OPENPOSE.split()
STYLES = {17: COCO, 26: COCO, 133: COCO, 18: OPENPOSE, 27: OPENPOSE, 134: OPENPOSE}


def two_people(joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Each joint of each person at a place and with a score of its own; in float64, as rtmlib computes."""
    number = np.arange(2.0 * joints).reshape(2, joints)
    return np.stack([10 + number, 900 - 2 * number], axis=-1), 0.1 + number / 400


@pytest.mark.parametrize(("count", "names"), STYLES.items())
def test_joint_by_joint(count: int, names: list[str]) -> None:
    given, given_scores = two_people(count)
    keypoints, confidence = from_rtmlib((given, given_scores))
    assert keypoints.shape == (2, 13, 2) and keypoints.dtype == confidence.dtype == np.float32
    for joint, points, scores in zip(JOINTS, keypoints.swapaxes(0, 1), confidence.T, strict=True):
        np.testing.assert_array_equal(points, given[:, names.index(joint)])
        np.testing.assert_array_equal(scores, given_scores[:, names.index(joint)].astype(np.float32))


@pytest.mark.parametrize("count", [17, 26, 133])
def test_openpose_style_is_the_same_people(count: int) -> None:
    """By the package's own conversion."""
    tools = pytest.importorskip("rtmlib.tools.pose_estimation.post_processings")
    people = two_people(count)
    for plain, converted in zip(from_rtmlib(people), from_rtmlib(tools.convert_coco_to_openpose(*people)), strict=True):
        np.testing.assert_array_equal(plain, converted)


@pytest.mark.parametrize(
    ("skeleton", "names"),
    [("coco17", COCO), ("halpe26", COCO), ("coco133", COCO), ("openpose18", OPENPOSE), ("openpose134", OPENPOSE)],
)
def test_names_are_those_of_the_package(skeleton: str, names: list[str]) -> None:
    joints = getattr(pytest.importorskip("rtmlib.visualization.skeleton"), skeleton)["keypoint_info"]
    assert [joints[i]["name"] for i in range(len(names))] == names


def test_a_row_without_scores_is_nobody() -> None:
    """RTMO returns one of zeros when it finds nobody."""
    keypoints, confidence = from_rtmlib((np.zeros((1, 17, 2)), np.zeros((1, 17))))
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)
    given, scores = two_people(17)
    scores[0] = -0.01  # as RTMPose scores a joint that it puts outside the picture
    np.testing.assert_array_equal(from_rtmlib((given, scores)).keypoints[:, 0], given[1:, 0])


def test_what_the_package_makes_of_a_network_s_output() -> None:
    """RTMO with and without a box above its threshold, RTMPose with a peak for each joint."""
    rtmlib = pytest.importorskip("rtmlib")
    rtmo, rtmpose = rtmlib.RTMO.__new__(rtmlib.RTMO), rtmlib.RTMPose.__new__(rtmlib.RTMPose)  # no ONNX files here
    given, scores = two_people(17)
    people = np.concatenate([given, scores[..., None]], axis=-1)[None]
    for sure, rows in ((0.9, 2), (0.1, 0)):
        boxes = np.array([[[0, 0, 50, 99, sure], [400, 0, 450, 99, sure]]])
        keypoints, confidence = from_rtmlib(rtmo.postprocess([boxes, people], 0.5, nms_thr=0.45, score_thr=0.7))
        np.testing.assert_array_equal(np.sort(keypoints[:, 0], axis=0), np.sort(2 * given[:rows, 0], axis=0))
        assert confidence.shape == (rows, 13)

    rtmpose.model_input_size = (192, 256)
    peaks = np.zeros((2, 1, 17, 512))
    for joint in range(17):
        peaks[0, 0, joint, 10 + 2 * joint] = peaks[1, 0, joint, 400 - 4 * joint] = 1.0
    centre, size = np.array([300.0, 200.0]), np.array([192.0, 256.0])
    keypoints, confidence = from_rtmlib(rtmpose.postprocess([peaks[0, :, :, :384], peaks[1]], centre, size))
    for joint, name in enumerate(JOINTS):
        row = COCO.index(name)
        np.testing.assert_allclose(keypoints[0, joint], centre - size / 2 + (5 + row, 200 - 2 * row))
    assert (confidence == 1).all()


@pytest.mark.parametrize("nothing", [([], []), (np.empty((0, 17, 2)), np.empty((0, 17))), (np.array([]), np.array([]))])
def test_nobody_as_the_tracker_returns_it(nothing: Any) -> None:
    keypoints, confidence = from_rtmlib(nothing)
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


def test_scores_beyond_one_are_brought_to_one() -> None:
    given, scores = two_people(133)
    assert (from_rtmlib((given, scores + 5)).confidence == 1).all()


def test_a_skeleton_can_be_named() -> None:
    given, scores = two_people(17)
    np.testing.assert_array_equal(from_rtmlib((given, scores), skeleton="h36m").keypoints[:, 0], given[:, 10])
    with pytest.raises(ValueError, match="got 17 joints, but skeleton='halpe26' has 26"):
        from_rtmlib((given, scores), skeleton="halpe26")


@pytest.mark.parametrize("count", [21, 25, 20])
def test_other_numbers_of_joints_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"got {count} joints; rtmlib's Body, BodyWithFeet and Wholebody give 17, 26"):
        from_rtmlib(two_people(count))


def test_four_arrays_of_a_3d_model_are_refused() -> None:
    given, scores = two_people(133)
    four = (np.dstack([given, scores]), scores, np.dstack([given, scores]), given)
    with pytest.raises(ValueError, match=r"from_rtmlib\(\(result\[3\], result\[1\]\)\)"):
        from_rtmlib(four)
    np.testing.assert_array_equal(from_rtmlib((four[3], four[1])).keypoints, from_rtmlib((given, scores)).keypoints)


def test_wrong_shapes_are_refused() -> None:
    given, scores = two_people(17)
    with pytest.raises(ValueError, match=r"confidence of shape \(1, 17\) with keypoints of shape \(2, 17, 2\)"):
        from_rtmlib((given, scores[:1]))
    with pytest.raises(ValueError, match=r"shape \(17, 2\); wanted \(people, joints, 2\)"):
        from_rtmlib((given[0], scores[0]))
    with pytest.raises(ValueError, match=r"shape \(2, 17, 3\); wanted \(people, joints, 2\)"):
        from_rtmlib((np.dstack([given, scores]), scores))


@pytest.mark.parametrize("other", [two_people(17)[0], (two_people(17)[0],), None, {"keypoints": []}])
def test_other_objects_are_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"from_rtmlib\(\(keypoints, scores\)\)|wanted \(keypoints, scores\)"):
        from_rtmlib(other)


@pytest.mark.parametrize("other", [("body", "scores"), (two_people(17)[0], None)])
def test_what_is_not_numbers_is_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"(keypoints|scores) must be an array of numbers, got (str|NoneType)"):
        from_rtmlib(other)
