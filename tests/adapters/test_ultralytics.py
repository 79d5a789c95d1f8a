"""`from_ultralytics`: objects with the same attributes, and the package's own where it is installed."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import JOINTS
from poseembed.adapters.ultralytics import from_ultralytics

from ..test_skeleton import COCO as COCO_JOINTS

COCO = COCO_JOINTS.split()
LEFT_WRIST, RIGHT_KNEE = JOINTS.index("left_wrist"), JOINTS.index("right_knee")

Make = Callable[[Any], Any]


def fake(data: Any) -> Any:
    keypoints = SimpleNamespace(xy=data[..., :2], conf=data[..., 2] if data.shape[-1] == 3 else None)
    return SimpleNamespace(keypoints=keypoints)


def real(data: Any) -> Any:
    engine = pytest.importorskip("ultralytics.engine.results")
    return engine.Results(np.zeros((480, 640, 3), np.uint8), path="x.jpg", names={0: "person"}, keypoints=data)


@pytest.fixture(params=[fake, real])
def results(request: pytest.FixtureRequest) -> Make:
    """Makes the results of one picture from (people, joints, 2 or 3) data."""
    return request.param


def two_people(joints: int = 17) -> np.ndarray:
    """Each joint of each person at a place and with a score of its own."""
    number = np.arange(2 * joints, dtype=np.float32).reshape(2, joints)
    return np.stack([10 + number, 400 - 3 * number, 0.6 + 0.01 * number], axis=-1)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_joint_by_joint(results: Make, kind: Any) -> None:
    data = two_people()
    keypoints, confidence = from_ultralytics(results(kind(data)))
    assert keypoints.shape == (2, 13, 2) and keypoints.dtype == confidence.dtype == np.float32
    for joint, points, scores in zip(JOINTS, keypoints.swapaxes(0, 1), confidence.T, strict=True):
        np.testing.assert_array_equal(points, data[:, COCO.index(joint), :2])
        np.testing.assert_array_equal(scores, data[:, COCO.index(joint), 2])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(results: Make, dtype: torch.dtype) -> None:
    data = torch.from_numpy(two_people()).to(dtype)
    keypoints, confidence = from_ultralytics(results(data))
    np.testing.assert_array_equal(keypoints[:, 0], data[:, 0, :2].float())
    np.testing.assert_array_equal(confidence[:, 0], data[:, 0, 2].float())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_results_on_a_device(results: Make) -> None:
    data = two_people()
    np.testing.assert_array_equal(
        from_ultralytics(results(torch.from_numpy(data).cuda())).keypoints[:, 0], data[:, 0, :2]
    )


def test_a_hidden_joint_is_missing_and_the_corner_of_the_picture_is_a_place(results: Make) -> None:
    data = two_people()
    data[0, COCO.index("left_wrist")] = 0, 0, 0.4  # what some versions make of a score under 0.5
    data[0, COCO.index("right_knee")] = 0, 0, 0.9
    keypoints, confidence = from_ultralytics(results(torch.from_numpy(data)))
    assert np.isnan(keypoints[0, LEFT_WRIST]).all()
    assert (keypoints[0, RIGHT_KNEE] == 0).all()
    np.testing.assert_allclose(confidence[0, [LEFT_WRIST, RIGHT_KNEE]], [0.4, 0.9])
    assert np.isnan(keypoints).sum() == 2


def test_a_joint_of_low_confidence_stays_where_it_is() -> None:
    data = two_people()
    data[0, COCO.index("left_wrist"), 2] = 0.4
    keypoints, confidence = from_ultralytics(fake(data))
    np.testing.assert_array_equal(keypoints[0, LEFT_WRIST], data[0, COCO.index("left_wrist"), :2])
    assert confidence[0, LEFT_WRIST] == np.float32(0.4)


def test_without_confidence_missing_joints_have_zero_and_others_one(results: Make) -> None:
    data = two_people()[..., :2]
    data[1, COCO.index("left_wrist")] = 0
    keypoints, confidence = from_ultralytics(results(torch.from_numpy(data)))
    assert np.isnan(keypoints[1, LEFT_WRIST]).all() and confidence[1, LEFT_WRIST] == 0
    assert np.isnan(keypoints).sum() == 2 and confidence.sum() == 25


@pytest.mark.parametrize("shape", [(0, 17, 3), (0, 17, 2)])
def test_nobody(results: Make, shape: tuple[int, ...]) -> None:
    keypoints, confidence = from_ultralytics(results(torch.empty(shape)))
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


def test_nobody_as_some_versions_write_it() -> None:
    nothing = SimpleNamespace(keypoints=SimpleNamespace(xy=torch.empty(1, 0, 2), conf=None))
    assert from_ultralytics(nothing).keypoints.shape == (0, 13, 2)


def test_the_detector_s_arrays_stay_as_they_are() -> None:
    data = two_people()
    data[:, 0] = 0
    from_ultralytics(fake(data))
    assert (data[:, 0] == 0).all()


def test_a_list_of_one_picture(results: Make) -> None:
    one = results(torch.from_numpy(two_people()))
    np.testing.assert_array_equal(from_ultralytics([one]).keypoints, from_ultralytics(one).keypoints)


@pytest.mark.parametrize("count", [0, 2])
def test_lists_of_other_lengths_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"{count} pictures; pass one at a time: \[from_ultralytics\(result\) for"):
        from_ultralytics([fake(two_people())] * count)


def test_results_of_a_model_without_keypoints_are_refused(results: Make) -> None:
    boxes = results(torch.from_numpy(two_people()))
    boxes.keypoints = None
    with pytest.raises(ValueError, match="no keypoints; use a pose model"):
        from_ultralytics(boxes)


@pytest.mark.parametrize("other", [(result for result in ()), fake(two_people()).keypoints, None, np.zeros((1, 17, 3))])
def test_other_objects_are_refused(other: Any) -> None:
    with pytest.raises(TypeError, match=r"pass the Results of one picture: model\(image\)\[0\]"):
        from_ultralytics(other)


def test_other_skeletons_are_named(results: Make) -> None:
    body26 = results(torch.from_numpy(two_people(26)))
    with pytest.raises(ValueError, match="got 26 joints.*pass skeleton='halpe26'"):
        from_ultralytics(body26)
    np.testing.assert_array_equal(
        from_ultralytics(body26, skeleton="halpe26").keypoints[:, 0], two_people(26)[:, 0, :2]
    )


def test_names_are_those_of_the_package() -> None:
    ultralytics = pytest.importorskip("ultralytics.utils")
    config = ultralytics.YAML.load(ultralytics.ROOT / "cfg/datasets/coco-pose.yaml")
    assert config["kpt_names"][0] == COCO
