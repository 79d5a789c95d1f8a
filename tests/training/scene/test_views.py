"""Views that training draws: that they are views of the same pose, and what is known of them."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.keypoints import normalize_keypoints
from poseembed.skeleton import JOINTS
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import Camera, CameraRange
from training.scene.detector import Detector
from training.scene.views import Batch, ViewSampler
from training.scene.world import heading, y_up_to_z_up

PERFECT, AS_RECORDED = Detector(), Variation()


class View(NamedTuple):
    """What a batch has of the anchors, or of the positives."""

    points: Tensor
    visible: Tensor


def poses(count: int) -> np.ndarray:
    """Metres, y up, hips at the origin, all different."""
    joints = np.random.default_rng(0).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    joints[:, 0] += [0, 0.8, 0]
    return joints - joints[:, 7:9].mean(1, keepdims=True)


def still_camera(azimuth: float = 0.0, elevation: float = 0.0, roll: float = 0.0, distance: float = 5.0) -> CameraRange:
    return CameraRange(*((value, value) for value in (azimuth, elevation, roll, distance)))


def draw_batch(
    joints: np.ndarray,
    pairs: int,
    cameras: CameraRange,
    detector: Detector = PERFECT,
    nose: np.ndarray | None = None,
    variation: Variation = AS_RECORDED,
) -> Batch:
    bodies = Bodies(joints, joints[:, 0] if nose is None else nose, variation)
    torch.manual_seed(0)
    return ViewSampler(bodies, cameras, detector).sample(pairs)


def sample(
    joints: np.ndarray,
    pairs: int,
    cameras: CameraRange,
    detector: Detector = PERFECT,
    nose: np.ndarray | None = None,
) -> tuple[View, View]:
    """The anchors and the positives."""
    batch = draw_batch(joints, pairs, cameras, detector, nose)
    anchor, positive = map(View, batch.points, batch.visible)
    return anchor, positive


def test_noise_is_in_torso_lengths_at_any_distance() -> None:
    joints = poses(1).repeat(500, 0)
    clean, noise = PERFECT, Detector(noise=0.05)
    sizes = []
    for distance in (10.0, 100.0):
        near = [sample(joints, 500, still_camera(distance=distance), d)[0].points for d in (clean, noise)]
        sizes.append((near[1] - near[0])[:, 3:7].square().mean().sqrt().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    assert sizes[0] > 0.005


def test_views_are_the_projected_and_normalized_pose() -> None:
    joints = poses(1)
    anchor, positive = sample(joints, 3, still_camera(0.7, 0.2, -0.1, 4.0))
    whole = torch.from_numpy(joints[0])
    torso = (whole[1:3].mean(0) - whole[7:9].mean(0)).norm()
    seen = Camera(*torch.tensor([0.7, 0.2, -0.1, 4.0])).look(y_up_to_z_up(whole / torso))
    expected = normalize_keypoints(seen, torch.ones(13, dtype=torch.bool))
    for view in (anchor, positive):
        assert_close(view.points, expected.expand(3, 13, 2), atol=1e-5, rtol=1e-5)
        assert view.visible.all()


def test_rows_are_views_of_the_same_pose() -> None:
    joints = poses(50)
    anchor, positive = sample(joints, 200, still_camera())
    assert_close(anchor.points, positive.points)  # one camera: the same picture
    assert len(anchor.points.flatten(1).unique(dim=0)) > 40  # of many poses
    anchor, positive = sample(joints, 200, CameraRange())
    assert ((anchor.points - positive.points).abs().amax((1, 2)) > 1e-3).all()  # two cameras


def test_views_are_normalized() -> None:
    anchor, positive = sample(poses(20), 100, CameraRange(), Detector(noise=0.03))
    for seen in (anchor.points, positive.points):
        assert seen.isfinite().all()
        assert_close(seen[:, 7] + seen[:, 8], torch.zeros(100, 2), atol=1e-5, rtol=0)
        torso = seen[:, [1, 2, 7, 8]]
        assert_close(torch.cdist(torso, torso).amax((1, 2)), torch.full((100,), 0.5), atol=1e-4, rtol=0)


def test_lost_joints_are_zero_and_differ_between_the_views() -> None:
    anchor, positive = sample(poses(20), 200, CameraRange(), Detector(occluded=1.0))
    for points, visible in (anchor, positive):
        assert not points[~visible].any()
        assert points[visible].any(-1).float().mean() > 0.9
        assert (~visible).any()
    assert not torch.equal(anchor.visible, positive.visible)


def test_joint_0_lies_between_the_head_and_the_nose() -> None:
    joints = poses(1)
    nose = joints[:, 0] + np.array([0.4, 0, 0], np.float32)
    camera = still_camera()
    anchor, positive = sample(joints, 500, camera, nose=nose)
    head, end = (sample(j, 1, camera)[0].points[0, 0] for j in (joints, _with_head(joints, nose)))
    drawn = torch.cat([anchor.points[:, 0], positive.points[:, 0]])
    share = (drawn - head) @ (end - head) / (end - head).square().sum()
    assert share.min() > -1e-3
    assert share.max() < 1 + 1e-3
    assert share.mean().item() == pytest.approx(0.5, abs=0.05)
    assert not torch.allclose(anchor.points[:, 0], positive.points[:, 0], atol=1e-3)
    assert_close(anchor.points[:, 1:], positive.points[:, 1:])


def _with_head(joints: np.ndarray, head: np.ndarray) -> np.ndarray:
    changed = joints.copy()
    changed[:, 0] = head
    return changed


@pytest.mark.parametrize(("azimuth", "side"), [(math.pi, 1), (0.0, -1)], ids=["from the front", "from behind"])
def test_a_raised_left_hand_stays_on_its_side(azimuth: float, side: int) -> None:
    # y up, facing +z; the person's left is +x: seen from the front it is on the picture's right
    joints = np.zeros((1, 13, 3), np.float32)
    for name, x, y in [("shoulder", 0.2, 0.5), ("elbow", 0.4, 0.5), ("wrist", 0.6, 0.4), ("hip", 0.1, 0.0)]:
        joints[0, JOINTS.index(f"left_{name}")] = (x, y, 0)
        joints[0, JOINTS.index(f"right_{name}")] = (-x, y, 0)
    joints[0, JOINTS.index("left_wrist")] = (0.5, 0.9, 0)
    joints[0, 0] = (0, 0.8, 0.1)
    for seen in sample(joints, 4, still_camera(azimuth)):
        left, right = (seen.points[:, JOINTS.index(f"{which}_wrist")] for which in ("left", "right"))
        assert (side * left[:, 0] > 0).all()
        assert (side * right[:, 0] < 0).all()
        assert (left[:, 1] < right[:, 1]).all()  # raised, and y points down


def test_a_detector_that_swaps_limbs_shows_them_on_the_other_side() -> None:
    clean, swapped = (
        sample(poses(20), 100, CameraRange(), detector)[0] for detector in (PERFECT, Detector(swapped=1.0))
    )
    mirrored = [0, 1, 2, 4, 3, 6, 5, 7, 8, 10, 9, 12, 11]
    assert_close(swapped.points, clean.points[:, mirrored])


def test_a_crop_takes_the_feet_of_upright_people_and_not_their_heads() -> None:
    joints = poses(20)
    joints[:, 9:] -= np.array([0, 1.5, 0], np.float32)
    level = CameraRange(elevation=(0.0, 0.0), roll=(0.0, 0.0))
    detector = Detector(occluded=1.0, joints=0.0, limb=0.0, cropped=1.0)
    seen = torch.cat([view.visible for view in sample(joints, 500, level, detector)]).float().mean(0)
    assert seen[0] > 0.93
    assert seen[11:].max() < 0.6


def test_poses_are_drawn_from_all_there_are() -> None:
    sampler = ViewSampler(Bodies(poses(7), poses(7)[:, 0], AS_RECORDED), still_camera(), PERFECT)
    assert len(sampler.bodies) == 7
    torch.manual_seed(0)
    assert len(sampler.sample(200).points[0].unique(dim=0)) >= 7


def test_the_seed_decides_the_views() -> None:
    detector = Detector(noise=0.03, bad=0.1, swapped=0.1, occluded=0.5, cropped=0.3)
    variation = Variation(mirror=0.5, recombine=0.5, shape=0.1, joints=0.1, bend=0.1, tilt=0.5)
    first, second = (draw_batch(poses(9), 5, CameraRange(), detector, variation=variation) for _ in range(2))
    for one, other in zip(vars(first).values(), vars(second).values(), strict=True):
        assert torch.equal(one, other)


def test_size_and_place_of_the_body_do_not_matter() -> None:
    joints = poses(5)
    moved = 3 * joints + np.float32(2)
    first, second = (sample(j, 20, CameraRange())[0].points for j in (joints, moved))
    assert_close(first, second, atol=1e-3, rtol=1e-3)


# --- what the virtual world knows -------------------------------------------------------------------------------------


def turned(joints: np.ndarray, angle: float) -> np.ndarray:
    """The same poses after a turn about the vertical, which is y, from z (ahead) towards x (their left)."""
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)


def upright() -> np.ndarray:
    """Somebody who stands and faces +z, y up: after the change of axes, +x."""
    joints = poses(1)
    for joint, x, y in ((1, 0.2, 0.5), (2, -0.2, 0.5), (7, 0.1, 0.0), (8, -0.1, 0.0)):
        joints[0, joint] = (x, y, 0)
    return joints


def look(body: Tensor, camera: Tensor, distance: Tensor) -> Tensor:
    """The picture that a camera takes from where it is said to be: 13 points, y down."""
    direction, (sin, cos) = camera[:3], camera[3:]
    ahead = -direction
    right = torch.linalg.cross(ahead, torch.tensor([0.0, 0.0, 1.0]))
    right = right / right.norm()
    up = torch.linalg.cross(right, ahead)
    depth = (body - distance * direction) @ ahead
    x, y = body @ right / depth, -(body @ up) / depth
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)  # clockwise, for y points down


@pytest.mark.parametrize("distance", [12.0, 50.0])
def test_body_and_camera_say_what_the_views_show(distance: float) -> None:
    joints = np.concatenate([turned(poses(10), angle) for angle in (0.0, 1.0, 2.5, -2.0)])
    cameras = CameraRange(elevation=(-1.2, 1.2), roll=(-1.0, 1.0), distance=(distance, distance))
    batch = draw_batch(joints, 60, cameras)
    everything = torch.ones(13, dtype=torch.bool)
    for views, cameras_of in zip(batch.points, batch.known_camera(), strict=True):
        for view, body, camera in zip(views, batch.body, cameras_of, strict=True):
            picture = look(body, camera, torch.tensor(distance))
            assert_close(view, normalize_keypoints(picture, everything), atol=1e-4, rtol=1e-4)


def test_shapes_of_a_batch() -> None:
    batch = draw_batch(poses(3), 7, CameraRange())
    shapes = [tuple(value.shape) for value in vars(batch).values()]
    assert shapes == [(2, 7, 13, 2), (2, 7, 13), (7, 13, 3), (2, 7, 5)]


def test_the_body_faces_x_wherever_it_faced() -> None:
    joints = poses(30)
    body = draw_batch(joints, 100, CameraRange()).body
    assert_close(heading(body), torch.zeros(100), atol=1e-5, rtol=0)
    for angle in (0.7, -2.0, math.pi):
        assert_close(draw_batch(turned(joints, angle), 100, CameraRange()).body, body, atol=1e-4, rtol=0)


def test_the_body_is_the_recorded_pose_with_the_centre_of_its_head() -> None:
    joints = upright()
    body = draw_batch(turned(joints, 1.2), 4, CameraRange(), nose=joints[:, 0] + np.float32(0.3)).body
    whole = y_up_to_z_up(torch.from_numpy(joints[0]))
    assert_close(body, (whole / 0.5).expand(4, 13, 3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("facing", [0.0, 0.5 * math.pi, -2.0])
@pytest.mark.parametrize(
    ("azimuth", "direction"),
    [(math.pi, (1, 0, 0)), (0.0, (-1, 0, 0)), (math.pi / 2, (0, 1, 0)), (-math.pi / 2, (0, -1, 0))],
    ids=["before", "behind", "left", "right"],
)
def test_the_camera_is_where_the_body_sees_it(azimuth: float, direction: tuple[int, int, int], facing: float) -> None:
    camera = still_camera(azimuth - facing, roll=0.3)  # cameras walk clockwise, bodies turn the other way
    batch = draw_batch(turned(upright(), facing), 3, camera)
    expected = torch.tensor([*direction, math.sin(0.3), math.cos(0.3)])
    assert_close(batch.known_camera(), expected.expand(2, 3, 5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("elevation", [0.4, -0.9])
def test_the_camera_is_below_the_body_at_positive_elevations(elevation: float) -> None:
    camera = draw_batch(poses(5), 20, CameraRange(elevation=(elevation, elevation))).known_camera()
    assert_close(camera[..., 2], torch.full((2, 20), -math.sin(elevation)))
    assert_close(camera[..., :3].norm(dim=-1), torch.ones(2, 20))


def test_cameras_are_drawn_apart_from_the_bodies_and_from_each_other() -> None:
    batch = draw_batch(poses(200), 4000, CameraRange())
    first, second = batch.known_camera()
    columns = torch.cat([first[:, :4], second[:, :4], batch.body[:, [1, 3, 6, 11]].flatten(1)], 1)
    correlations = torch.corrcoef(columns.T)
    assert correlations[:8, 8:].abs().max() < 0.07
    assert correlations[:4, 4:8].abs().max() < 0.07


def test_all_that_a_batch_needs_is_made_where_the_bodies_are() -> None:
    variation = Variation(mirror=0.5, recombine=0.5, shape=0.1, joints=0.1, bend=0.1, tilt=0.5, rare=0.5)
    bodies = Bodies(poses(20), poses(20)[:, 0], variation).to("meta")
    detector = Detector(noise=0.03, bad=0.1, swapped=0.1, occluded=0.5, cropped=0.3)
    sampler = ViewSampler(bodies, CameraRange(), detector)
    assert sampler.device.type == "meta"
    assert {value.device.type for value in vars(sampler.sample(6)).values()} == {"meta"}
