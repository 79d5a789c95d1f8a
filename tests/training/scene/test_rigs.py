"""Rigs of virtual cameras, against cameras that are built another way."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.scene.metrics import np_mpjpe
from training.scene.rigs import RIGS, ROOM, film, level_camera, place_in_room
from training.scene.world import heading, y_up_to_z_up


def bodies(count: int) -> Tensor:
    """Poses that have nothing in common, about as large as people; metres, y up."""
    joints = 0.3 * np.random.default_rng(0).normal(size=(count, 13, 3))
    return torch.from_numpy(joints.astype(np.float32))


def look_at_the_middle(points: Tensor, bearing: float, height: float, distance: float) -> Tensor:
    """The picture of an upright camera that looks from its place, in degrees, to the origin."""
    bearing, height = math.radians(bearing), math.radians(height)
    up = math.cos(height)
    place = distance * torch.tensor([up * math.cos(bearing), up * math.sin(bearing), math.sin(height)])
    ahead = -place / distance
    right = torch.linalg.cross(ahead, torch.tensor([0.0, 0, 1]))
    right = right / right.norm()
    down = torch.linalg.cross(ahead, right)
    seen = points - place
    return torch.stack([seen @ right, seen @ down], -1) / (seen @ ahead)[..., None]


def test_cameras_stand_where_they_say_and_look_at_the_middle() -> None:
    places = [(bearing, height, 7.0) for bearing in (0.0, 70.0, -116.0, 288.0) for height in (-8.0, 5.0, 45.0)]
    placed = place_in_room(bodies(20), torch.Generator().manual_seed(0))
    pictures = film(placed, [level_camera(*place) for place in places])
    assert pictures.shape == (12, 20, 13, 2)
    for picture, place in zip(pictures, places, strict=True):
        assert_close(picture, look_at_the_middle(placed, *place), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("rig", "places"),
    [
        ("like Human3.6M", [(70, 7, 10.6), (-71, 7, 10.8), (110, 6, 11), (-116, 9, 8.3)]),
        ("like 3DHP chest", [(0, 5, 7), (72, -3, 6), (144, 8, 7), (216, 1, 8), (288, 12, 6)]),
    ],
)
def test_cameras_of_a_rig(rig: str, places: list[tuple[float, float, float]]) -> None:
    placed = place_in_room(bodies(5), torch.Generator().manual_seed(0))
    for picture, place in zip(film(placed, RIGS[rig]), places, strict=True):
        assert_close(picture, look_at_the_middle(placed, *place), atol=1e-4, rtol=1e-4)


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
    heights = [-math.degrees(camera.elevation) for camera in chest]
    assert max(heights) - min(heights) == pytest.approx(15)
    above = [camera for camera in everywhere if -math.degrees(camera.elevation) == pytest.approx(45)]
    assert len(above) == 5
