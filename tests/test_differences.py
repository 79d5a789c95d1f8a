"""Comparing the joints of two performances, with bodies that are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from poseembed import Body, Poses
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.differences import PLACEMENT, WINDOW, JointComparison, around, compare_joints
from poseembed.network import NetworkConfig

FRAMES, LEFT_ELBOW, LEFT_WRIST = 50, 3, 5
STANDING = np.array(
    [
        (0.1, 0.0, 1.4),
        (0.0, 0.35, 1.0),
        (0.0, -0.35, 1.0),
        (0.0, 0.45, 0.5),
        (0.0, -0.45, 0.5),
        (0.1, 0.5, 0.0),
        (0.1, -0.5, 0.0),
        (0.0, 0.17, 0.0),
        (0.0, -0.17, 0.0),
        (0.05, 0.18, -0.8),
        (0.05, -0.18, -0.8),
        (0.0, 0.19, -1.6),
        (0.0, -0.19, -1.6),
    ]
)
DEPTH, ACROSS = 0.3, 0.1
COVARIANCE = np.diag([DEPTH**2, ACROSS**2, ACROSS**2])


def compare(first: np.ndarray, second: np.ndarray, hidden: tuple[int, ...] = ()) -> JointComparison:
    """Compare bodies frame by frame; the first's camera looks from the front."""
    performances = []
    for start, bodies in ((0, first), (len(first), second)):
        keypoints = 100 * bodies[..., 1:] * [1, -1]
        keypoints[:, 0, 0] = start + np.arange(len(bodies))
        confidence = np.ones((len(bodies), 13))
        confidence[:, hidden] = 0
        poses = Poses.from_arrays(keypoints, confidence)
        performances.append(replace(poses, z_pose=np.ones((len(bodies), 2)), z_view=np.ones((len(bodies), 2))))
    decoder = Decoder(NetworkConfig(pose_dim=2, view_dim=2), DecoderConfig(1))
    with torch.no_grad():
        decoder.read_camera.weight.zero_()
        decoder.read_camera.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1]))
    rows = np.repeat(np.arange(len(first))[:, None], 2, axis=1)

    def lift(keypoints: np.ndarray, confidence: np.ndarray) -> Body[np.ndarray]:
        bodies = np.concatenate([first, second])[keypoints[:, 0, 0].astype(int)]  # x of the first joint counts them
        return Body(bodies, np.tile(COVARIANCE, (len(bodies), 13, 1, 1)))

    return compare_joints(*performances, rows, lift, decoder)


def moving() -> np.ndarray:
    """(50, 13, 3) of somebody who swings the left forearm."""
    bodies = np.tile(STANDING, (FRAMES, 1, 1))
    angle = np.linspace(0, 1, FRAMES)
    bodies[:, LEFT_WRIST] = bodies[:, LEFT_ELBOW] + 0.5 * np.stack([np.sin(angle), 0 * angle, -np.cos(angle)], axis=-1)
    return bodies


def test_other_bones_are_no_difference() -> None:
    longer = moving()
    longer[:, 11:] += 0.3 * (longer[:, 11:] - longer[:, 9:11])  # the shins
    compared = compare(moving(), longer)
    np.testing.assert_allclose(compared.differences, 0, atol=1e-9)
    np.testing.assert_allclose(compared.deviations, 0, atol=1e-9)


def test_what_the_pictures_leave_open_counts_less() -> None:
    """The upper arm swings forth, and to the side: as far, but one of it is seen."""
    forth, aside = moving(), moving()
    for bodies, axis in ((forth, 0), (aside, 1)):
        arm = bodies[:, LEFT_ELBOW] - bodies[:, 1]
        arm[:, axis] += 0.3
        arm *= np.linalg.norm(STANDING[LEFT_ELBOW] - STANDING[1]) / np.linalg.norm(arm, axis=-1, keepdims=True)
        bodies[:, LEFT_WRIST] += bodies[:, 1] + arm - bodies[:, LEFT_ELBOW]
        bodies[:, LEFT_ELBOW] = bodies[:, 1] + arm
    for bodies, spread in ((forth, DEPTH), (aside, ACROSS)):
        compared = compare(moving(), bodies)
        moved = bodies - moving()
        np.testing.assert_allclose(compared.differences, np.linalg.norm(moved, axis=-1), atol=1e-9)
        doubt = 2 * COVARIANCE + PLACEMENT**2 * np.eye(3)
        wanted = np.sqrt(moved[0, LEFT_ELBOW] @ np.linalg.inv(doubt) @ moved[0, LEFT_ELBOW])
        np.testing.assert_allclose(compared.deviations[:, LEFT_ELBOW], wanted)
        assert wanted == pytest.approx(compared.differences[0, LEFT_ELBOW] / (np.sqrt(2) * spread), rel=0.35)
    assert compare(moving(), aside).deviations.max() > 1.5 * compare(moving(), forth).deviations.max()


def test_what_passes_quickly_is_taken_for_noise() -> None:
    once, long = moving(), moving()
    once[20, LEFT_WRIST, 1] += 0.4
    long[15:25, LEFT_WRIST, 1] += 0.4
    short, lasting = (compare(moving(), bodies) for bodies in (once, long))
    assert short.differences[20, LEFT_WRIST] > 0.3 and lasting.differences[20, LEFT_WRIST] > 0.3
    assert lasting.deviations[20, LEFT_WRIST] > 5 * short.deviations[20, LEFT_WRIST] > 0


def test_the_second_is_drawn_where_the_first_camera_would_see_it() -> None:
    raised = moving()
    raised[:, LEFT_WRIST] = raised[:, LEFT_ELBOW] + [0.0, 0.0, 0.5]
    compared = compare(moving(), raised, hidden=(0,))
    seen = 100 * raised[:, 1:, 1:] * [1, -1]
    np.testing.assert_allclose(compared.guides[:, 1:], seen, atol=3)  # the place of the hidden head sets no size


def test_a_hidden_joint_has_no_difference() -> None:
    compared = compare(moving(), moving() + 0.0, hidden=(4, 6))
    for values in (compared.differences, compared.deviations):
        assert np.isnan(values[:, [4, 6]]).all() and np.isfinite(np.delete(values, [4, 6], axis=1)).all()


def test_means_are_of_the_steps_around_that_show_a_joint() -> None:
    values = np.arange(20.0)[:, None, None] * np.ones((20, 13, 1))
    shown = np.ones((20, 13), dtype=bool)
    shown[9, 5] = False
    means = around(values, shown)[..., 0]
    reach = round(WINDOW * 20 / 2)
    assert reach == 2
    np.testing.assert_allclose(means[2:-2, 0], np.arange(2, 18))
    assert means[0, 0] == 1 and means[10, 5] == (8 + 10 + 11 + 12) / 4
