"""Errors of detectors, on detections whose errors are made."""

from dataclasses import replace

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from training.datasets.multiview import MultiviewRecording
from training.evaluation.detectors import JointErrors, find_camera, measure, project

FRAMES = 200


def cameras(count: int = 2) -> np.ndarray:
    """Some that look at the origin from the front, with a focal length of 800 pixels."""
    inside = np.array([[800.0, 0, 640], [0, 800, 360], [0, 0, 1]])
    found = []
    for angle in np.linspace(0, 1.0, count):
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        found.append(inside @ np.c_[turn, [0, 0, 6]])
    return np.stack(found)


def recording(count: int = 2) -> MultiviewRecording:
    """Somebody who moves all joints, seen without error."""
    rng = np.random.default_rng(0)
    standing = rng.normal(scale=0.3, size=(13, 3))
    standing[1:3] += [0, -0.6, 0]
    joints = standing + rng.normal(scale=0.1, size=(FRAMES, 1, 3)) + rng.normal(scale=0.1, size=(FRAMES, 13, 3))
    seen = np.stack([project(camera, joints.reshape(-1, 3)).reshape(FRAMES, 13, 2) for camera in cameras(count)])
    return MultiviewRecording(
        seen[:, :, None],
        np.ones((count, FRAMES, 1, 13)),
        30.0,
        np.array([[0, 1]]),
        joints[None, None],
        "eyes",
    )


def of(recording: MultiviewRecording, joint: str) -> JointErrors:
    return next(one for one in measure("made up", recording).joints if one.joint == joint)


def torso(recording: MultiviewRecording) -> float:
    """In pixels, in the first camera, as `measure` takes it."""
    seen = recording.keypoints[0, :, 0]
    return float(np.percentile(np.linalg.norm(seen[:, 1:3].mean(1) - seen[:, 7:9].mean(1), axis=-1), 90))


def test_a_camera_is_found_from_what_it_saw_even_if_some_of_it_is_wrong() -> None:
    rng = np.random.default_rng(1)
    points, wanted = rng.normal(size=(100, 3)), cameras()[1]
    seen = project(wanted, points)
    seen[:10] += rng.normal(scale=300, size=(10, 2))
    found = find_camera(points, seen)
    np.testing.assert_allclose(found / found[2, 3], wanted / wanted[2, 3], rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="got 5 points"):
        find_camera(points[:5], seen[:5])


def test_who_sees_without_error_has_none() -> None:
    result = measure("made up", recording())
    assert [one.joint for one in result.joints] == list(JOINTS)
    assert all(one.median < 1e-6 and one.bias < 1e-6 and one.spread < 1e-6 for one in result.joints)
    assert result.swapped == {"arms": 0, "legs": 0}
    assert np.isnan(result.score_knows)


def test_bias_spread_and_outliers_are_told_apart() -> None:
    rng = np.random.default_rng(2)
    wrong = recording()
    length = torso(wrong)
    wrong.keypoints[0, :, 0, 5] += [0.1 * length, 0]  # one of two cameras has it beside its place
    wrong.keypoints[:, :, 0, 9] += 0.03 * length * rng.normal(size=(2, FRAMES, 2))
    wrong.keypoints[:, :20, 0, 11] += 2 * length
    wrong.keypoints[:, :50, 0, 0] = np.nan
    assert of(wrong, "left_wrist").bias == pytest.approx(0.05, rel=0.1)
    assert of(wrong, "left_wrist").spread < 0.01
    assert of(wrong, "left_knee").spread == pytest.approx(0.03, rel=0.15)
    assert of(wrong, "left_knee").bias < 0.01
    assert abs(of(wrong, "left_knee").likeness) < 0.2
    assert of(wrong, "left_ankle").outliers == 0.1
    assert of(wrong, "left_ankle").spread < 0.01
    assert of(wrong, "nose").missing == 0.25


def test_errors_that_last_are_like_themselves_a_little_later() -> None:
    wrong = recording()
    slow = np.sin(np.arange(FRAMES) / 20)[None, :, None]
    wrong.keypoints[:, :, 0, 9] += 0.05 * torso(wrong) * slow
    assert of(wrong, "left_knee").likeness > 0.9


def test_swapped_limbs_are_counted() -> None:
    wrong = recording()
    arms = wrong.keypoints[0, :60, 0, 3:7].copy()
    wrong.keypoints[0, :60, 0, 3:7] = arms[:, [1, 0, 3, 2]]
    result = measure("made up", wrong)
    assert result.swapped["arms"] == pytest.approx(60 / (2 * FRAMES), abs=0.01)
    assert result.swapped["legs"] == 0


def test_a_score_that_knows_orders_the_joints_by_their_errors() -> None:
    rng = np.random.default_rng(3)
    wrong = recording()
    size = rng.uniform(0, 0.1, size=(2, FRAMES, 13, 1)) * torso(wrong)
    angle = rng.uniform(0, 2 * np.pi, size=(2, FRAMES, 13))
    wrong.keypoints[:, :, 0] += size * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    sure = 1 - size[..., 0] / size.max()
    assert measure("made up", replace(wrong, confidence=sure[:, :, None])).score_knows < -0.9
    assert measure("made up", replace(wrong, confidence=1 - sure[:, :, None])).score_knows > 0.9
