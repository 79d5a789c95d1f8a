"""The world frame: recorded poses in it, turns about its vertical, and where a body faces."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.scene.world import heading, normalize_3d, to_world, turn, y_up_to_z_up

HALF = torch.pi / 2

STANDING = torch.tensor(
    [  # z up, facing +x, torso length 1; in the order of JOINTS
        (0.1, 0.0, 1.4),
        (0.0, 0.3, 1.0),
        (0.0, -0.3, 1.0),
        (0.0, 0.4, 0.5),
        (0.0, -0.4, 0.5),
        (0.1, 0.45, 0.1),
        (0.1, -0.45, 0.1),
        (0.0, 0.2, 0.0),
        (0.0, -0.2, 0.0),
        (0.05, 0.2, -0.9),
        (0.05, -0.2, -0.9),
        (0.0, 0.2, -1.8),
        (0.0, -0.2, -1.8),
    ],
    dtype=torch.float64,
)


def turned(angle: float) -> Tensor:
    """The matrix of a turn about z."""
    sin, cos = np.sin(angle), np.cos(angle)
    return torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)


def test_normalized_poses_have_the_hips_at_the_origin_and_a_unit_torso() -> None:
    moved = STANDING * 0.37 + torch.tensor([3.0, -2.0, 5.0], dtype=torch.float64)
    assert_close(normalize_3d(moved), STANDING)
    assert_close(normalize_3d(moved.expand(4, 2, 13, 3)), STANDING.expand(4, 2, 13, 3))
    assert_close(normalize_3d(torch.full((13, 3), 7.0)), torch.zeros(13, 3))


def test_axes_are_renamed_without_mirroring() -> None:
    assert y_up_to_z_up(torch.tensor([1.0, 2, 3])).tolist() == [3, 1, 2]
    assert torch.linalg.det(y_up_to_z_up(torch.eye(3))).item() == pytest.approx(1)


def test_recorded_poses_come_into_the_world() -> None:
    recorded = 0.4 * STANDING[:, [1, 2, 0]] + torch.tensor([3.0, 1.0, -2.0], dtype=torch.float64)  # y up, facing +z
    assert_close(to_world(recorded), STANDING)


def test_turning_about_the_vertical_goes_from_x_towards_y() -> None:
    quarter = turn(torch.tensor([[1.0, 0, 2], [0.0, 1, 2]]), torch.tensor(HALF))
    assert_close(quarter, torch.tensor([[0.0, 1, 2], [-1.0, 0, 2]]))
    angles = torch.linspace(-4, 4, 9, dtype=torch.float64)
    matrices = torch.stack([turned(angle) for angle in angles.tolist()])
    assert_close(turn(STANDING.expand(9, 13, 3), angles[:, None]), STANDING @ matrices.mT)
    assert_close(turn(STANDING[None, 3], angles), STANDING[3] @ matrices.mT)  # one point by many angles


@pytest.mark.parametrize("angle", [0.0, 1.0, -2.5, 3.1])
def test_heading_is_counted_from_x_towards_y(angle: float) -> None:
    assert heading(STANDING @ turned(angle).T).item() == pytest.approx(angle)


def test_heading_turns_with_the_body() -> None:
    torch.manual_seed(0)
    points, angles = STANDING + 0.1 * torch.randn(50, 13, 3).double(), torch.linspace(-3, 3, 50).double()
    difference = heading(turn(points, angles[:, None])) - heading(points) - angles
    assert_close(difference.cos(), torch.ones(50).double())
    assert heading(points.reshape(5, 10, 13, 3)).shape == (5, 10)


def test_bowing_does_not_change_the_heading() -> None:
    for angle in (0.5, 1.5, 3.0, -1.0):
        bow = torch.linalg.matrix_exp(
            torch.tensor([[0, 0, angle], [0, 0, 0], [-angle, 0, 0]], dtype=torch.float64)
        )  # about y, which points left
        assert heading(STANDING @ bow.T).item() == pytest.approx(0, abs=1e-6)
