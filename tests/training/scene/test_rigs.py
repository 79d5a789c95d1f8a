"""Rigs of virtual cameras, against cameras that are built another way."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.scene.bodies import heading
from training.scene.cameras import y_up_to_z_up
from training.scene.metrics import np_mpjpe
from training.scene.rigs import RIGS, ROOM, Camera, film, place_in_room


def bodies(count: int) -> Tensor:
    """Poses that have nothing in common, about as large as people; metres, y up."""
    joints = 0.3 * np.random.default_rng(0).normal(size=(count, 13, 3))
    return torch.from_numpy(joints.astype(np.float32))


def look_at_the_middle(points: Tensor, camera: Camera) -> Tensor:
    """The picture of an upright camera that looks from its place to the origin."""
    bearing, height = math.radians(camera.bearing), math.radians(camera.height)
    up = math.cos(height)
    place = camera.distance * torch.tensor([up * math.cos(bearing), up * math.sin(bearing), math.sin(height)])
    ahead = -place / camera.distance
    right = torch.linalg.cross(ahead, torch.tensor([0.0, 0, 1]))
    right = right / right.norm()
    down = torch.linalg.cross(ahead, right)
    seen = points - place
    return torch.stack([seen @ right, seen @ down], -1) / (seen @ ahead)[..., None]


@pytest.mark.parametrize("rig", RIGS)
def test_cameras_stand_where_they_say_and_look_at_the_middle(rig: str) -> None:
    placed = place_in_room(bodies(20), torch.Generator().manual_seed(0))
    pictures = film(placed, RIGS[rig])
    assert pictures.shape == (len(RIGS[rig]), 20, 13, 2)
    for picture, camera in zip(pictures, RIGS[rig], strict=True):
        assert_close(picture, look_at_the_middle(placed, camera), atol=1e-4, rtol=1e-4)


def test_people_keep_their_pose_and_stand_all_over_the_floor() -> None:
    poses = bodies(1).expand(4000, -1, -1)
    placed = place_in_room(poses, torch.Generator().manual_seed(0))
    assert np_mpjpe(y_up_to_z_up(poses), placed).amax() < 1e-4
    hips = placed[:, 7:9].mean(1)
    assert_close(hips[:, 2], torch.zeros(4000), atol=1e-5, rtol=0)
    away = hips[:, :2].norm(dim=-1)
    assert 0.99 * ROOM < away.amax() <= ROOM + 1e-5
    assert (away < ROOM / 2).float().mean() == pytest.approx(1 / 4, abs=0.03)  # a quarter of the floor
    for angle in (heading(placed), torch.atan2(hips[:, 1], hips[:, 0])):
        assert_close(torch.histc(angle, 4, -math.pi, math.pi) / 4000, torch.full((4,), 0.25), atol=0.03, rtol=0)


def test_rigs_are_those_of_the_data_sets() -> None:
    assert [len(rig) for rig in RIGS.values()] == [4, 5, 11]
    chest, everywhere = RIGS["like 3DHP chest"], RIGS["like 3DHP all"]
    assert set(chest) < set(everywhere)
    heights = [camera.height for camera in chest]
    assert max(heights) - min(heights) == 15
    assert sum(camera.height == 45 for camera in everywhere) == 5
