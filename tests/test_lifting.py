"""Lifting poses to 3D: the frame, shapes and kinds of arrays, and what is refused."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import JOINTS, PoseEncoder

from .conftest import STANDING

HEAD, LEFT_SHOULDER, LEFT_WRIST, LEFT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = 0, 1, 5, 9, 11, 12
SMALL = "poseembed-small"


@pytest.fixture(scope="module")
def small() -> PoseEncoder:
    return PoseEncoder.from_pretrained(SMALL)


def standing(azimuth: float) -> np.ndarray:
    """(13, 2) pixels of somebody who raises the left arm to the side."""
    body = STANDING.copy()
    body[3:6:2] = [(0.5, -1.42, 0.0), (0.75, -1.44, 0.0)]
    x = body[:, 0] * np.cos(azimuth) + body[:, 2] * np.sin(azimuth)
    return 300 + 150 * np.stack([x, body[:, 1]], axis=-1)


@pytest.mark.parametrize("azimuth", [0.0, 0.8, 2.5, -1.2])
def test_bodies_stand_in_a_frame_of_their_own_whatever_the_camera(small: PoseEncoder, azimuth: float) -> None:
    body = small.lift(standing(azimuth))
    torso = 0.5
    truth = np.stack([-STANDING[:, 2], STANDING[:, 0], -STANDING[:, 1] - 0.9], axis=-1) / torso
    truth[3:6:2] = [(0, 1.0, 1.04), (0, 1.5, 1.08)]
    off = np.linalg.norm(body.joints - truth, axis=-1)
    assert off.mean() < 0.25 and (off < 4 * body.spread).all()
    assert body.joints[LEFT_WRIST, 1] > 1 > body.joints[LEFT_SHOULDER, 1] > 0.1
    assert body.joints[HEAD, 2] > 1 and (body.joints[[LEFT_ANKLE, RIGHT_ANKLE], 2] < -1).all()


def test_neither_place_nor_size_nor_company_matters(small: PoseEncoder, poses: np.ndarray) -> None:
    body, moved = small.lift(poses), small.lift(3 * poses.astype(np.float64) + [40, -7])
    np.testing.assert_allclose(moved.joints, body.joints, atol=1e-3)
    alone = small.lift(poses[5:6], batch_size=1)
    np.testing.assert_allclose(alone.joints[0], body.joints[5], atol=1e-4)
    np.testing.assert_allclose(small.lift(poses, batch_size=7).covariance, body.covariance, rtol=1e-3, atol=1e-5)


def test_what_is_missing_is_less_sure(small: PoseEncoder) -> None:
    points = np.stack([standing(azimuth) for azimuth in np.linspace(0, 6, 13)])
    confidence = np.ones((13, 13))
    confidence[:, [LEFT_KNEE, LEFT_ANKLE]] = 0.1
    whole, hidden = small.lift(points), small.lift(points, confidence)
    wider = hidden.spread.mean(0) / whole.spread.mean(0)
    assert wider[[LEFT_KNEE, LEFT_ANKLE]].min() > max(1.05, wider[[0, 1, 2, 7, 8]].max())  # than head and trunk get
    points[:, [LEFT_KNEE, LEFT_ANKLE]] = np.nan
    np.testing.assert_array_equal(small.lift(points).joints, hidden.joints)


def test_a_picture_says_least_of_what_lies_along_its_line_of_sight(small: PoseEncoder) -> None:
    variance = np.diagonal(small.lift(standing(0.0)).covariance[LEFT_WRIST])
    assert variance[0] > 2 * variance[1] and variance[0] > 2 * variance[2]  # from the front: forth and back


def test_shapes_and_kinds_of_arrays(small: PoseEncoder, poses: np.ndarray) -> None:
    coco = np.random.default_rng(0).normal(300, 100, size=(2, 3, 17, 2))
    body = small.lift(coco, skeleton="coco")
    assert body.joints.shape == (2, 3, 13, 3) and body.covariance.shape == (2, 3, 13, 3, 3)
    assert body.joints.dtype == body.covariance.dtype == np.float32 and body.spread.shape == (2, 3, len(JOINTS))
    of_tensor = small.lift(torch.from_numpy(coco), skeleton="coco")
    assert_close(of_tensor.joints, torch.from_numpy(body.joints))
    assert isinstance(of_tensor.spread, torch.Tensor) and not of_tensor.joints.requires_grad
    assert small.lift(poses[:0]).spread.shape == (0, 13)
    poses[4] = np.nan
    joints, covariance = small.lift(poses)
    assert np.isnan(joints[4]).all() and np.isnan(covariance[4]).all()
    assert np.isfinite(np.delete(joints, 4, axis=0)).all()


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_other_precisions(small: PoseEncoder, poses: np.ndarray, precision: str) -> None:
    other = PoseEncoder.from_pretrained(SMALL, precision=precision)
    body, wanted = other.lift(torch.from_numpy(poses)), small.lift(torch.from_numpy(poses))
    assert body.joints.dtype == (torch.float64 if precision == "float64" else torch.float32)
    far = (body.joints - wanted.joints).norm(dim=-1).mean()
    assert far < (1e-4 if precision == "float64" else 0.1)


@pytest.mark.unchecked_types
def test_refused(small: PoseEncoder, encoder: PoseEncoder, poses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no decoder, so it cannot lift poses to 3D; poseembed-base and"):
        encoder.lift(poses)
    with pytest.raises(ValueError, match="17 joints"):
        small.lift(np.zeros((2, 17, 2)))
    with pytest.raises(TypeError, match="keypoints must be a numpy array or a torch tensor"):
        small.lift([1.0])  # type: ignore[type-var]
    with pytest.raises(ValueError, match="batch_size=0"):
        small.lift(poses, batch_size=0)
