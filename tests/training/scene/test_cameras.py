"""Virtual cameras; the official code's numbers come as (y, x, z) and (y, x), ours are (x, y, z) and (x, y)."""

import math
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.skeleton import JOINTS
from training.datasets.mocap import read
from training.scene.cameras import MIN_DEPTH, Camera, CameraRange, project
from training.scene.world import heading, to_world

PI = math.pi
HALF = PI / 2
LEGACY17_TO_13 = [1, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16]
C8_MIRRORED = (-1 / 5, 2 / 5)
FRONT = PI  # the azimuth of a camera that people who face +x look into

STANDING = {  # z up, facing +x, torso length 1
    "nose": (0.1, 0.0, 1.4),
    "left_shoulder": (0.0, 0.3, 1.0),
    "right_shoulder": (0.0, -0.3, 1.0),
    "left_elbow": (0.0, 0.4, 0.5),
    "right_elbow": (0.0, -0.4, 0.5),
    "left_wrist": (0.1, 0.45, 0.1),
    "right_wrist": (0.1, -0.45, 0.1),
    "left_hip": (0.0, 0.2, 0.0),
    "right_hip": (0.0, -0.2, 0.0),
    "left_knee": (0.05, 0.2, -0.9),
    "right_knee": (0.05, -0.2, -0.9),
    "left_ankle": (0.0, 0.2, -1.8),
    "right_ankle": (0.0, -0.2, -1.8),
}


def camera(azimuth: float = 0.0, elevation: float = 0.0, roll: float = 0.0, distance: float = 5.0) -> Camera:
    return Camera(*torch.tensor([azimuth, elevation, roll, distance], dtype=torch.float64))


def official_rotation(azimuth: float, elevation: float, roll: float) -> Tensor:
    """The same three rotations in the other order: Rz(azimuth) Ry(elevation) Rx(roll)."""
    return camera(azimuth).rotation @ camera(elevation=elevation).rotation @ camera(roll=roll).rotation


def swap(points: Tensor) -> Tensor:
    """Exchange the first two coordinates: (y, x, ...) to (x, y, ...) and back."""
    return torch.cat([points[..., [1, 0]], points[..., 2:]], -1)


def see_official(points_yxz: Tensor, angles: tuple[float, float, float], distance: float = 2.0) -> Tensor:
    """Rotate and project points (y, x, z) to (y, x)."""
    return swap(project(swap(points_yxz), official_rotation(*angles), torch.tensor(distance, dtype=torch.float64)))


def standing() -> Tensor:
    return torch.tensor([STANDING[name] for name in JOINTS], dtype=torch.float64)


def picture(
    azimuth: float = 0.0, elevation: float = 0.0, roll: float = 0.0, distance: float = 5.0
) -> dict[str, Tensor]:
    seen = camera(azimuth, elevation, roll, distance).look(standing())
    return dict(zip(JOINTS, seen, strict=True))


@pytest.mark.parametrize(
    ("angles", "matrix"),
    [
        ((HALF, -HALF, PI), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
        ((0.0, 0.0, 0.0), [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ((-PI, -PI / 6, -PI / 6), [[-0.8660254, -0.25, 0.4330127], [0, -0.8660254, -0.5], [0.5, -0.4330127, 0.75]]),
        ((PI, PI / 6, PI / 6), [[-0.8660254, -0.25, -0.4330127], [0, -0.8660254, 0.5], [-0.5, 0.4330127, 0.75]]),
    ],
)
def test_official_rotation_matrices(angles: tuple[float, float, float], matrix: list[list[float]]) -> None:  # C1, C5
    assert_close(official_rotation(*angles), torch.tensor(matrix, dtype=torch.float64), atol=1e-7, rtol=0)


@pytest.mark.parametrize(
    ("angles", "rotated"),
    [
        ((HALF, 0.0, 0.0), (1, -2, 3)),
        ((0.0, HALF, 0.0), (2, 3, -1)),
        ((0.0, 0.0, HALF), (-3, 1, 2)),
        ((HALF, -HALF, PI), (3, 2, 1)),
    ],
)
def test_officially_rotated_point(angles: tuple[float, float, float], rotated: tuple[int, int, int]) -> None:  # C2
    point = swap(torch.tensor([2.0, 1, 3], dtype=torch.float64))
    ours = swap(official_rotation(*angles) @ point)
    assert_close(ours, torch.tensor(rotated, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("point", "seen"),
    [
        ((2, 1, 3), (-1 / 4, -3 / 4)),
        ((5, 4, 6), (-4 / 7, -6 / 7)),
        ((8, 7, 9), (-7 / 10, -9 / 10)),
        ((11, 10, 12), (-10 / 13, -12 / 13)),
        ((14, 13, 15), (-13 / 16, -15 / 16)),
    ],
)
def test_officially_projected_point(point: tuple[int, int, int], seen: tuple[float, float]) -> None:  # C3
    ours = see_official(torch.tensor([point], dtype=torch.float64), (HALF, -HALF, PI))
    assert_close(ours, torch.tensor([seen], dtype=torch.float64))


def test_officially_projected_skeleton() -> None:  # C4
    v = torch.tensor([0, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15], dtype=torch.float64) / 100
    ours = see_official(torch.stack([2 + v, 1 + v, 3 + v], -1), (HALF, -HALF, PI))
    assert_close(ours, torch.stack([-(1 + v) / (4 + v), -(3 + v) / (4 + v)], -1))


LOW = [-0.08777856, 0, -0.1613905, -0.22400928]
MIXED = [-0.03107818, 0.191008, 0.14718375, 0.10647015, 0.06854735]


@pytest.mark.parametrize(
    ("first_joints", "expected"),
    [
        (None, [LOW[i] for i in (0, 1, 0, 2, 3, 1, 0, 3, 1, 0, 2, 3, 3)]),
        (
            [(11, 12, 13), (13, 14, 15), (15, 16, 17), (17, 18, 19)],
            [MIXED[i] for i in (0, 1, 2, 3, 4, 1, 2, 4, 1, 2, 3, 4, 4)],
        ),
    ],
)
def test_official_chain_of_17_joints(first_joints: list[tuple[int, int, int]] | None, expected: list[float]) -> None:
    cycle = [(1, 2, 3), (3, 4, 5), (5, 6, 7), (7, 8, 9)]  # C6
    joints = torch.tensor((first_joints or cycle) + cycle * 3 + [(7, 8, 9)], dtype=torch.float64)
    spine = (joints[0] - joints[10]).norm() + (joints[10] - joints[3]).norm()
    ours = see_official(((joints - joints[0]) / spine)[LEGACY17_TO_13], (HALF, -HALF, PI))
    column = torch.tensor(expected, dtype=torch.float64)
    assert_close(ours, torch.stack([column, column], -1), atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize(
    ("angles", "seen"),
    [((0.0, 0.0, 0.0), (-0.22727273, -0.13636364)), ((0.7, 0.2, -0.3), (-0.17702818, -0.26346637))],
)
def test_officially_oblique_view(angles: tuple[float, float, float], seen: tuple[float, float]) -> None:  # C7
    ours = see_official(torch.tensor([[0.3, 0.2, 0.5]], dtype=torch.float64), angles)
    assert_close(ours, torch.tensor([seen], dtype=torch.float64), atol=1e-8, rtol=1e-6)


def test_views_are_not_mirrored_as_in_the_first_official_code() -> None:  # C8
    (ours,) = see_official(torch.tensor([[1.0, 2, 3]], dtype=torch.float64), (HALF, -HALF, PI)).tolist()
    assert ours == pytest.approx((-2 / 3, -1))
    assert ours != pytest.approx(C8_MIRRORED, abs=0.1)


def test_a_batch_of_cameras_has_proper_rotations() -> None:
    angles = torch.linspace(-3, 3, 15, dtype=torch.float64).reshape(3, 5)
    rotations = Camera(*angles, torch.ones(5, dtype=torch.float64)).rotation
    assert rotations.shape == (5, 3, 3)
    assert_close(rotations @ rotations.mT, torch.eye(3, dtype=torch.float64).expand(5, 3, 3))
    assert_close(torch.linalg.det(rotations), torch.ones(5, dtype=torch.float64))


def test_both_orders_of_rotation_agree_on_one_angle_only() -> None:
    for angles in ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5)):
        assert_close(camera(*angles).rotation, official_rotation(*angles))
    assert not torch.allclose(camera(0.5, 0.4, 0.3).rotation, official_rotation(0.5, 0.4, 0.3), atol=1e-2)


def test_upright_body_is_seen_upright() -> None:
    seen = picture()
    assert seen["nose"][1] < seen["left_shoulder"][1] < seen["left_hip"][1] < seen["left_ankle"][1]
    assert_close(seen["left_hip"] + seen["right_hip"], torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize(("azimuth", "left_is_on_the_right"), [(FRONT, True), (0.0, False)])
def test_sides_from_the_front_and_from_behind(azimuth: float, left_is_on_the_right: bool) -> None:
    seen = picture(azimuth)
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert (seen[f"left_{joint}"][0] > seen[f"right_{joint}"][0]).item() is left_is_on_the_right


def camera_position(azimuth: float, elevation: float, roll: float = 0.0) -> Tensor:
    """The unit vector from the body to the camera: the point that the rotation brings to the camera's place."""
    return camera(azimuth, elevation, roll).rotation.mT @ torch.tensor([-1.0, 0, 0], dtype=torch.float64)


def test_azimuth_walks_around_the_body() -> None:
    around = [camera_position(azimuth, 0.0).tolist() for azimuth in (0.0, HALF, PI, 3 * HALF)]
    for ours, expected in zip(around, [(-1, 0, 0), (0, 1, 0), (1, 0, 0), (0, -1, 0)], strict=True):
        assert ours == pytest.approx(expected)
    behind, aside = (picture(azimuth, distance=1e6) for azimuth in (0.0, 2.0))
    for joint in JOINTS:  # far away, walking around changes no height
        assert behind[joint][1].item() == pytest.approx(aside[joint][1].item(), abs=1e-10)


@pytest.mark.parametrize("azimuth", [0.0, 1.0, FRONT])
def test_elevation_is_the_same_from_every_side(azimuth: float) -> None:
    assert camera_position(azimuth, 0.4)[2].item() == pytest.approx(-math.sin(0.4))  # positive: from below


def test_a_camera_above_sees_the_head_larger_than_the_feet() -> None:
    seen = picture(FRONT, elevation=-0.5)
    shoulders = (seen["left_shoulder"] - seen["right_shoulder"]).norm() / 0.6
    ankles = (seen["left_ankle"] - seen["right_ankle"]).norm() / 0.4
    assert shoulders > 1.2 * ankles
    assert camera_position(FRONT, -0.5)[2] > 0


def test_roll_turns_the_picture_about_its_centre() -> None:
    straight, rolled = picture(2.0, 0.3), picture(2.0, 0.3, 0.25)
    cos, sin = math.cos(0.25), math.sin(0.25)
    clockwise = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)  # y points down
    for joint in JOINTS:
        assert_close(rolled[joint], clockwise @ straight[joint])
    assert picture(roll=0.25)["nose"][0] > 0


def test_depth_has_a_floor() -> None:
    behind = torch.tensor([[-3.0, 1.0, 1.0]], dtype=torch.float64)
    seen = project(behind, torch.eye(3, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64))
    assert_close(seen, torch.tensor([[-1 / MIN_DEPTH, -1 / MIN_DEPTH]], dtype=torch.float64))


@pytest.mark.parametrize("place", [(), (1,), (6,)])
def test_one_camera_or_many_look_at_many_bodies(place: tuple[int, ...]) -> None:
    one = camera(0.4, 0.2, -0.3, 4.0)
    many = Camera(*(value.expand(place) for value in (one.azimuth, one.elevation, one.roll, one.distance)))
    assert_close(many.look(standing()[None]), one.look(standing()).expand(*(place or (1,)), 13, 2))


def test_a_torso_that_faces_the_camera_is_as_long_as_it_says() -> None:
    front = camera(FRONT, distance=7.0)
    seen = front.look(standing())
    assert_close(seen[7:9].mean(0)[1] - seen[1:3].mean(0)[1], front.torso)


@pytest.mark.parametrize("facing", [0.0, 0.7, -2.5])
def test_a_viewpoint_is_where_the_body_sees_the_camera(facing: float) -> None:
    angle = torch.tensor(facing, dtype=torch.float64)
    viewpoint = camera(FRONT - facing + HALF, -0.3, 0.2).viewpoint(angle)  # a quarter clockwise from the front
    expected = torch.tensor([0, -math.cos(0.3), math.sin(0.3)], dtype=torch.float64)
    assert_close(viewpoint.direction, expected)
    assert viewpoint.roll.item() == pytest.approx(0.2)


def test_one_camera_has_a_viewpoint_for_every_body() -> None:
    bodies = torch.stack([standing(), standing().flip(-1)])
    direction, roll = Camera(*torch.tensor([[0.4], [0.2], [-0.3], [4.0]])).viewpoint(heading(bodies).float())
    assert direction.shape == (2, 3)
    assert roll.tolist() == pytest.approx([-0.3, -0.3])


def draw(ranges: CameraRange) -> tuple[Tensor, ...]:
    drawn = ranges.sample(2000, generator=torch.Generator().manual_seed(0))
    return drawn.azimuth, drawn.elevation, drawn.roll, drawn.distance


def test_cameras_stay_in_their_ranges_and_fill_them() -> None:
    ranges = CameraRange((-1.0, 2.0), (0.1, 0.2), (0.5, 0.5), (3.0, 12.0))
    draws = draw(ranges)
    wanted = (ranges.azimuth, ranges.elevation, ranges.roll, ranges.distance)
    for values, (low, high) in zip(draws, wanted, strict=True):
        assert values.shape == (2000,)
        assert values.min() >= low - 1e-6
        assert values.max() <= high + 1e-6
        assert values.mean().item() == pytest.approx((low + high) / 2, abs=0.03 * (high - low) + 1e-6)
    assert all(torch.equal(first, second) for first, second in zip(draws, draw(ranges), strict=True))
    correlations = torch.corrcoef(torch.stack([draws[0], draws[1], draws[3]]))
    assert_close(correlations, torch.eye(3), atol=0.07, rtol=0)


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of mocap_*.npz")
@pytest.mark.parametrize("name", ["mocap_cmu", "mocap_hdm05"])
def test_real_people_have_their_left_on_the_right_of_a_picture_from_the_front(name: str) -> None:
    path = Path(os.environ["POSEEMBED_DATA"]) / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    joints, _ = read(path).poses()
    points = to_world(torch.from_numpy(joints[::20]))
    # Knees bend one way only: in front of the line from hip to ankle. This tells the front without naming a side.
    bends = points[:, 9:11] - (points[:, 7:9] + points[:, 11:13]) / 2
    front = bends.sum(1)
    trunk = points[:, 1:3].mean(1)
    bent = (front[:, :2].norm(dim=-1) > 0.3) & (trunk[:, 2] > 0.9)  # and the trunk upright
    assert bent.sum() > 100
    points, front = points[bent], front[bent]
    # The rotation turns the front by the azimuth; the camera looks along +x, so the front must end at -x.
    azimuth = PI - torch.atan2(front[:, 1], front[:, 0])
    level = torch.zeros_like(azimuth)
    seen = Camera(azimuth, level, level, level + 5).look(points)
    for left, right in ((1, 2), (7, 8)):
        assert (seen[:, left, 0] > seen[:, right, 0]).float().mean() > 0.95


def aside(left: float, up: float, distance: float = 4.0) -> Camera:
    zero = torch.zeros(1)
    return Camera(zero, zero, zero, torch.tensor([distance]), torch.tensor([[left, up]]))


def test_who_is_looked_past_stands_at_that_angle_from_the_middle_of_the_picture() -> None:
    hips = torch.zeros(1, 1, 3)
    assert_close(aside(0.3, 0.0).look(hips), torch.tensor([[[math.tan(0.3), 0.0]]]))  # looked past on the left
    assert_close(aside(0.0, 0.3).look(hips), torch.tensor([[[0.0, math.tan(0.3)]]]))  # above: lower in the picture
    assert_close(aside(0.0, 0.0).look(hips), torch.zeros(1, 1, 2))


def test_looking_aside_changes_the_picture_as_a_turn_of_the_rays_does() -> None:
    points = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    straight, turned = aside(0.0, 0.0).look(points)[0], aside(0.2, 0.0).look(points)[0]
    # the same rays, seen in a picture plane that is turned about the vertical
    rays = torch.cat([torch.ones(20, 1), straight], dim=1)
    cos, sin = math.cos(0.2), math.sin(0.2)
    depth, x = cos * rays[:, 0] - sin * rays[:, 1], sin * rays[:, 0] + cos * rays[:, 1]
    assert_close(turned, torch.stack([x / depth, rays[:, 2] / depth], dim=-1), atol=1e-5, rtol=1e-5)


def test_cameras_look_aside_only_where_they_are_told_to() -> None:
    assert CameraRange().sample(5).aside is None
    camera = CameraRange(aside=0.4).sample(2000, generator=torch.Generator().manual_seed(0))
    assert camera.aside is not None
    assert (camera.aside.amin(0) < -0.39).all() and (camera.aside.amax(0) > 0.39).all()
    assert camera.aside.abs().max() <= 0.4
    straight = CameraRange().sample(2000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(camera.azimuth, straight.azimuth) and torch.equal(camera.distance, straight.distance)


def test_cameras_of_a_body_are_rolled_together() -> None:
    generator = torch.Generator().manual_seed(0)
    camera = CameraRange(rolled=0.3).sample(8000, views=2, generator=generator)
    beyond = (camera.roll.abs() > math.pi / 6).unflatten(0, (2, 4000))
    assert beyond.float().mean().item() == pytest.approx(0.3 * 5 / 6, abs=0.02)
    assert beyond.all(0).float().mean().item() == pytest.approx(0.3 * 25 / 36, abs=0.02)
    assert camera.roll.abs().max() > 3.1
