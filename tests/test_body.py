"""Bodies in 3D: how far off their joints are, and a pose on other bones."""

import numpy as np
import pytest

from poseembed.body import Body, bone_lengths, on_bones

LEFT_KNEE, LEFT_ANKLE = 9, 11


@pytest.fixture
def bodies() -> np.ndarray:
    """(4, 13, 3) from the middle of their hips."""
    joints = np.random.default_rng(0).normal(size=(4, 13, 3))
    return joints - joints[:, 7:9].mean(1, keepdims=True)


def test_spread_is_the_root_of_the_mean_squared_distance() -> None:
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    covariance = axes @ np.diag([0.04, 0.09, 0.03]) @ axes.T
    assert Body(np.zeros((13, 3)), np.tile(covariance, (13, 1, 1))).spread == pytest.approx(np.full(13, 0.4))


def test_a_body_on_its_own_bones_is_itself(bodies: np.ndarray) -> None:
    np.testing.assert_allclose(on_bones(bodies, bone_lengths(bodies)), bodies, atol=1e-12)


def test_bones_of_another_length_point_where_they_did(bodies: np.ndarray) -> None:
    lengths = bone_lengths(bodies[0])
    on = on_bones(bodies, lengths)
    np.testing.assert_allclose(bone_lengths(on), np.tile(lengths, (4, 1)), atol=1e-12)
    shin, new = (points[:, LEFT_ANKLE] - points[:, LEFT_KNEE] for points in (bodies, on))
    cosine = (shin * new).sum(1) / np.linalg.norm(shin, axis=1) / np.linalg.norm(new, axis=1)
    np.testing.assert_allclose(cosine, 1)
    np.testing.assert_allclose(on_bones(on, bone_lengths(bodies)), bodies, atol=1e-12)


def test_a_bone_without_length_has_no_direction_to_keep(bodies: np.ndarray) -> None:
    flat = bodies.copy()
    flat[:, LEFT_ANKLE] = flat[:, LEFT_KNEE]
    np.testing.assert_allclose(on_bones(flat, bone_lengths(bodies))[:, LEFT_ANKLE], flat[:, LEFT_ANKLE], atol=1e-12)
