"""`from_transformers`: dictionaries as ViTPose's post-processing makes them, and its own where it is installed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import JOINTS
from poseembed.adapters.transformers import from_transformers

from ..test_skeleton import COCO as COCO_JOINTS

COCO = COCO_JOINTS.split()
LEFT_WRIST = JOINTS.index("left_wrist")


def person(kept: Any = range(17), start: float = 0.0) -> dict[str, torch.Tensor]:
    """Some joints, each at a place and with a score of its own."""
    labels = torch.as_tensor(list(kept), dtype=torch.int64)
    number = start + labels
    return {
        "keypoints": torch.stack([10 + number, 400 - 2 * number], dim=-1),
        "scores": 0.2 + number / 200,
        "labels": labels,
        "bbox": torch.tensor([0.0, 0.0, 100.0, 200.0]),
    }


def test_joint_by_joint() -> None:
    people = [person(), person(start=100)]
    keypoints, confidence = from_transformers(people)
    assert keypoints.shape == (2, 13, 2) and keypoints.dtype == confidence.dtype == np.float32
    for points, scores, given in zip(keypoints, confidence, people, strict=True):
        for joint, point, score in zip(JOINTS, points, scores, strict=True):
            np.testing.assert_array_equal(point, given["keypoints"][COCO.index(joint)])
            assert score == given["scores"][COCO.index(joint)]


def test_labels_tell_which_joints_a_threshold_left() -> None:
    kept = [0, 3, 6, 9, 14]
    some, whole = from_transformers([person(kept)]), from_transformers([person()])
    for joint, name in enumerate(JOINTS):
        if COCO.index(name) in kept:
            np.testing.assert_array_equal(some.keypoints[0, joint], whole.keypoints[0, joint])
            assert some.confidence[0, joint] == whole.confidence[0, joint]
        else:
            assert np.isnan(some.keypoints[0, joint]).all() and some.confidence[0, joint] == 0


def test_a_person_of_whom_nothing_is_left_stays_a_row() -> None:
    keypoints, confidence = from_transformers([person([]), person()])
    assert np.isnan(keypoints[0]).all() and (confidence[0] == 0).all()
    assert np.isfinite(keypoints[1]).all()


def test_nobody() -> None:
    keypoints, confidence = from_transformers([])
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


@pytest.mark.parametrize(
    "people",
    [[[person()], [person()]], [[]], person(), [{"boxes": 1}], SimpleNamespace(heatmaps=1), None],
    ids=["all pictures", "all pictures, nobody", "a single person", "boxes", "the model's output", "None"],
)
def test_other_objects_are_refused(people: Any) -> None:
    with pytest.raises(TypeError, match=r"post_process_pose_estimation\(outputs, boxes\)\[0\]"):
        from_transformers(people)


def test_other_skeletons_are_refused() -> None:
    whole = [person(range(133))]
    with pytest.raises(ValueError, match="got a joint of label 132, but skeleton='coco' has 17 joints"):
        from_transformers(whole)
    np.testing.assert_array_equal(
        from_transformers(whole, skeleton="coco_wholebody").keypoints, from_transformers([person()]).keypoints
    )


def test_arrays_of_different_lengths_are_refused() -> None:
    one = person() | {"scores": torch.zeros(16)}
    with pytest.raises(ValueError, match=r'"scores" of \(16,\) and "labels" of \(17,\); wanted \(k, 2\), \(k,\)'):
        from_transformers([one])


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_what_the_package_s_post_processing_gives(threshold: float | None) -> None:
    """Two people of one picture from heat maps with a peak a joint, some of them low."""
    vitpose = pytest.importorskip("transformers.models.vitpose.image_processing_pil_vitpose")
    processor = vitpose.VitPoseImageProcessorPil()
    heatmaps = torch.zeros(2, 17, 64, 48)
    for joint in range(17):
        heatmaps[:, joint, 5 + 3 * joint, 4 + 2 * joint] = 0.9 if joint != COCO.index("left_wrist") else 0.4
    boxes = [[[100.0, 50.0, 120.0, 160.0], [300.0, 50.0, 120.0, 160.0]]]  # x, y, width, height
    people = processor.post_process_pose_estimation(SimpleNamespace(heatmaps=heatmaps), boxes, threshold=threshold)[0]
    keypoints, confidence = from_transformers(people)
    assert keypoints.shape == (2, 13, 2)
    missing = np.isnan(keypoints).any(-1)
    assert missing.any() == (threshold is not None)
    assert not missing[:, np.arange(13) != LEFT_WRIST].any()
    for joint, name in enumerate(JOINTS):
        row = COCO.index(name)
        share = np.array([(4 + 2 * row) / 47, (5 + 3 * row) / 63])  # of the box, which is padded to 1.25 of its size
        corner = np.array([[100, 50], [300, 50]]) - 0.125 * np.array([120, 160])
        if not missing[:, joint].any():
            assert np.abs(keypoints[:, joint] - (corner + 1.25 * share * np.array([120, 160]))).max() < 4
            np.testing.assert_allclose(confidence[:, joint], 0.4 if joint == LEFT_WRIST else 0.9)
