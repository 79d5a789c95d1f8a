"""Views that training draws: what a virtual detector does to them, and that they are views of the same pose."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig
from poseembed.skeleton import JOINTS
from training.cameras import CameraRange, orbit_matrix, project, y_up_to_z_up
from training.views import LIMBS, Detector, ViewSampler

CPU = torch.device("cpu")
PERFECT = Detector()
WITH_MASK, WITHOUT_MASK = NetworkConfig(mask_input=True), NetworkConfig()


def poses(count: int) -> np.ndarray:
    """Metres, y up, hips at the origin, all different."""
    joints = np.random.default_rng(0).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    joints[:, 0] += [0, 0.8, 0]
    return joints - joints[:, 7:9].mean(1, keepdims=True)


def still_camera(azimuth: float = 0.0, elevation: float = 0.0, roll: float = 0.0, distance: float = 5.0) -> CameraRange:
    return CameraRange(*((value, value) for value in (azimuth, elevation, roll, distance)))


def sample(
    joints: np.ndarray,
    pairs: int,
    cameras: CameraRange,
    detector: Detector = PERFECT,
    network: NetworkConfig = WITH_MASK,
    nose: np.ndarray | None = None,
) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return ViewSampler(joints, joints[:, 0] if nose is None else nose, cameras, detector, network).sample(pairs)


def points(inputs: Tensor) -> Tensor:
    """The coordinates in network inputs of either layout."""
    return inputs.unflatten(-1, (13, -1))[..., :2]


def visible(inputs: Tensor) -> Tensor:
    return inputs.unflatten(-1, (13, 3))[..., 2].bool()


def test_a_perfect_detector_sees_everything_where_it_is() -> None:
    seen = torch.randn(5, 13, 2)
    assert PERFECT.shift(seen, torch.ones(5)) is seen
    assert PERFECT.see(1000, CPU).all()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_share_of_views_that_lose_joints(share: float) -> None:
    torch.manual_seed(0)
    lossy = (~Detector(occluded=share, limb=1.0).see(20_000, CPU)).any(-1).float().mean()  # a limb always goes
    assert lossy.item() == pytest.approx(share, abs=0.02)


def test_scattered_losses_are_as_frequent_as_they_should_be() -> None:
    torch.manual_seed(0)
    lost = ~Detector(occluded=1.0, joints=0.4, limb=0.0).see(20_000, CPU)
    assert_close(lost.float().mean(0), torch.full((13,), 0.2), atol=0.02, rtol=0)


def test_limbs_go_missing_as_a_whole() -> None:
    torch.manual_seed(0)
    lost = ~Detector(occluded=1.0, joints=0.0, limb=1.0).see(2000, CPU)
    assert {tuple(row.nonzero().flatten().tolist()) for row in lost} == {tuple(sorted(limb)) for limb in LIMBS}


@pytest.mark.parametrize("joints", [0.3, 1.0, 100.0])
def test_two_joints_at_least_are_seen(joints: float) -> None:
    torch.manual_seed(0)
    shown = Detector(occluded=1.0, joints=joints, limb=1.0).see(5000, CPU).sum(-1)
    assert shown.min() >= 2
    assert (shown < 13).any()


def test_size_of_the_noise() -> None:
    torch.manual_seed(0)
    torso = torch.full((20_000,), 0.1)
    moved = Detector(noise=0.03).shift(torch.zeros(20_000, 13, 2), torso)
    deviation = moved.flatten(1).std(-1)  # of each view, drawn from 0 to 0.03 torsos
    assert moved.square().mean().sqrt().item() == pytest.approx(0.003 / math.sqrt(3), rel=0.02)
    assert deviation.min() < 0.0003 < 0.0025 < deviation.max() < 0.003 * 2
    assert_close(moved.mean((0, 1)), torch.zeros(2), atol=1e-5, rtol=0)


def test_noise_is_in_torso_lengths_at_any_distance() -> None:
    joints = poses(1).repeat(500, 0)
    clean, noise = PERFECT, Detector(noise=0.05)
    sizes = []
    for distance in (10.0, 100.0):
        near = [points(sample(joints, 500, still_camera(distance=distance), d)[0]) for d in (clean, noise)]
        sizes.append((near[1] - near[0])[:, 3:7].square().mean().sqrt().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    assert sizes[0] > 0.005


@pytest.mark.parametrize("network", [WITH_MASK, WITHOUT_MASK], ids=["39 inputs", "26 inputs"])
def test_inputs_are_the_projected_and_normalized_pose(network: NetworkConfig) -> None:
    joints, camera = poses(1), still_camera(0.7, 0.2, -0.1, 4.0)
    anchor, positive = sample(joints, 3, camera, network=network)
    assert anchor.shape == positive.shape == (3, network.input_dim)
    whole = torch.from_numpy(joints[0])
    torso = (whole[1:3].mean(0) - whole[7:9].mean(0)).norm()
    rotation = orbit_matrix(*torch.tensor([0.7, 0.2, -0.1]))
    seen = project(y_up_to_z_up(whole / torso), rotation, torch.tensor(4.0))
    expected = normalize_keypoints(seen, torch.ones(13, dtype=torch.bool))
    for inputs in (anchor, positive):
        assert_close(points(inputs), expected.expand(3, 13, 2), atol=1e-5, rtol=1e-5)
    if network.mask_input:
        assert visible(anchor).all()


@pytest.mark.parametrize("network", [WITH_MASK, WITHOUT_MASK], ids=["39 inputs", "26 inputs"])
def test_rows_are_views_of_the_same_pose(network: NetworkConfig) -> None:
    joints = poses(50)
    anchor, positive = sample(joints, 200, still_camera(), network=network)
    assert_close(anchor, positive)  # one camera: the same picture
    assert len(anchor.unique(dim=0)) > 40  # of many poses
    anchor, positive = sample(joints, 200, CameraRange(), network=network)
    assert ((anchor - positive).abs().amax(-1) > 1e-3).all()  # two cameras


def test_views_are_normalized() -> None:
    anchor, positive = sample(poses(20), 100, CameraRange(), Detector(noise=0.03), WITHOUT_MASK)
    for seen in (points(anchor), points(positive)):
        assert seen.isfinite().all()
        assert_close(seen[:, 7] + seen[:, 8], torch.zeros(100, 2), atol=1e-5, rtol=0)
        torso = seen[:, [1, 2, 7, 8]]
        assert_close(torch.cdist(torso, torso).amax((1, 2)), torch.full((100,), 0.5), atol=1e-4, rtol=0)


def test_lost_joints_are_zero_and_differ_between_the_views() -> None:
    anchor, positive = sample(poses(20), 200, CameraRange(), Detector(occluded=1.0))
    for inputs in (anchor, positive):
        assert not points(inputs)[~visible(inputs)].any()
        assert points(inputs)[visible(inputs)].any(-1).float().mean() > 0.9
        assert (~visible(inputs)).any()
    assert not torch.equal(visible(anchor), visible(positive))


def test_joint_0_lies_between_the_head_and_the_nose() -> None:
    joints = poses(1)
    nose = joints[:, 0] + np.array([0.4, 0, 0], np.float32)
    camera = still_camera()
    anchor, positive = sample(joints, 500, camera, network=WITHOUT_MASK, nose=nose)
    head, end = (
        points(sample(j, 1, camera, network=WITHOUT_MASK)[0])[0, 0] for j in (joints, _with_head(joints, nose))
    )
    drawn = torch.cat([points(anchor)[:, 0], points(positive)[:, 0]])
    share = (drawn - head) @ (end - head) / (end - head).square().sum()
    assert share.min() > -1e-3
    assert share.max() < 1 + 1e-3
    assert share.mean().item() == pytest.approx(0.5, abs=0.05)
    assert not torch.allclose(points(anchor)[:, 0], points(positive)[:, 0], atol=1e-3)
    assert_close(points(anchor)[:, 1:], points(positive)[:, 1:])


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
    for seen in sample(joints, 4, still_camera(azimuth), network=WITHOUT_MASK):
        left, right = (points(seen)[:, JOINTS.index(f"{which}_wrist")] for which in ("left", "right"))
        assert (side * left[:, 0] > 0).all()
        assert (side * right[:, 0] < 0).all()
        assert (left[:, 1] < right[:, 1]).all()  # raised, and y points down


def test_poses_are_drawn_from_all_there_are() -> None:
    sampler = ViewSampler(poses(7), poses(7)[:, 0], still_camera(), PERFECT, WITHOUT_MASK)
    assert len(sampler) == 7
    torch.manual_seed(0)
    assert len(sampler.sample(200)[0].unique(dim=0)) >= 7


def test_the_seed_decides_the_views() -> None:
    first, second = (sample(poses(9), 5, CameraRange(), Detector(0.03, 0.5)) for _ in range(2))
    assert torch.equal(torch.cat(first), torch.cat(second))


def test_size_and_place_of_the_body_do_not_matter() -> None:
    joints = poses(5)
    moved = 3 * joints + np.float32(2)
    first, second = (sample(j, 20, CameraRange(), network=WITHOUT_MASK)[0] for j in (joints, moved))
    assert_close(first, second, atol=1e-3, rtol=1e-3)
