"""Procrustes alignment and the distances built on it (group D of the reference cases)."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.scene.metrics import mpjpe, np_mpjpe, pa_mpjpe, procrustes_align

Points = list[list[float]]

TARGET: Points = [[1, 1, 0], [5, 2, 2], [4, 0, 0], [-1, -2, 3]]
SOURCE: Points = [[3, 1, 5], [-2, 3, 0], [1, -1, 1], [8, 3, -2]]
ROTATION = [
    [-0.87982, -0.47514731, 0.01232074],
    [-0.31623112, 0.60451691, 0.73113418],
    [-0.35484453, 0.63937027, -0.68212243],
]
SCALE = 0.63716284347
TRANSLATION = [4.17980137, 0.02171898, 0.96621997]


def tensor(points: object) -> Tensor:
    return torch.tensor(points, dtype=torch.float64)


def body(seed: int = 0) -> Tensor:
    """A random pose of 13 joints, not planar."""
    return torch.randn(13, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_mpjpe_is_the_mean_distance() -> None:  # D1
    error = mpjpe(tensor([[0, 1, 2], [2, 3, 4]]), tensor([[1, 0, 2], [2, -1, 3]]))
    assert error.item() == pytest.approx(2.76866, abs=1e-5)


@pytest.mark.parametrize("factor", [1, 2])
def test_alignment_is_the_known_similarity(factor: int) -> None:  # D2
    aligned = procrustes_align(factor * tensor(TARGET), factor * tensor(SOURCE))
    expected = SCALE * factor * tensor(SOURCE) @ tensor(ROTATION) + factor * tensor(TRANSLATION)
    assert_close(aligned, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "source", "error"),
    [
        ([[1, 1, 1], [0, 0, 0], [1, 1, 1]], [[2, 2, 2], [-1.5, -1, 0], [2.5, 1.3, 1.4]], 0.133016),  # D3
        ([[2, 2, 2], [-1.5, -1, 0], [2.5, 1.3, 1.4]], [[1, 1, 1], [0, 0, 0], [1, 1, 1]], 0.3496029),
        (TARGET, TARGET, 0),  # D4
        (TARGET, [[1.5, 0.5, 0], [5, 2, 2.2], [4.1, 0, -1], [-1, -2.5, -2]], 1.00227),
        (TARGET, [[-10, -24.5, -49.5], [-9, -22.5, -49], [-10, -23, -50], [-8.5, -25.5, -51]], 0),
    ],
)
def test_pa_mpjpe(target: Points, source: Points, error: float) -> None:
    assert pa_mpjpe(tensor(target), tensor(source)).item() == pytest.approx(error, rel=1e-5, abs=1e-5)


def test_reflections_are_not_removed() -> None:  # D6
    pose = body()
    mirrored = pose * tensor([-1, 1, 1])
    assert pa_mpjpe(pose, mirrored) > 0.1
    flat = pose * tensor([1, 1, 0])
    assert pa_mpjpe(flat, flat * tensor([-1, 1, 1])).item() == pytest.approx(0, abs=1e-9)  # a turn does it


def test_similarities_of_a_pose_are_the_same_pose() -> None:
    pose = body()
    turn, _ = torch.linalg.qr(body(1)[:3])
    turn = turn * torch.linalg.det(turn)
    assert np_mpjpe(pose, 2.5 * pose @ turn + tensor([4, -1, 7])).item() == pytest.approx(0, abs=1e-9)


def test_np_mpjpe_is_in_torso_lengths() -> None:
    pose, other = body(2), body(3)
    assert np_mpjpe(pose, other) > 0.1
    assert_close(np_mpjpe(10 * pose, other + 3), np_mpjpe(pose, other))
    torso = (pose[1:3].mean(0) - pose[7:9].mean(0)).norm()
    assert_close(np_mpjpe(pose, other), pa_mpjpe(pose, other) / torso)


def test_poses_of_a_batch_do_not_mix() -> None:
    poses = torch.stack([body(seed) for seed in range(4)])
    others = torch.stack([body(seed) for seed in range(4, 8)])
    each = torch.stack([np_mpjpe(pose, other) for pose, other in zip(poses, others, strict=True)])
    assert_close(np_mpjpe(poses.reshape(2, 2, 13, 3), others.reshape(2, 2, 13, 3)), each.reshape(2, 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_single_point_stays_on_the_targets_mean(dtype: torch.dtype) -> None:
    pose = 100 * body().to(dtype)
    aligned = procrustes_align(pose, torch.zeros(13, 3, dtype=dtype))
    assert_close(aligned, pose.mean(0).expand(13, 3))
    assert_close(procrustes_align(torch.ones(13, 3, dtype=dtype), pose), torch.ones(13, 3, dtype=dtype))
