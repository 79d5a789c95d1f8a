"""Pairs of views, and which of them show the same pose."""

import numpy as np
import torch
from torch.testing import assert_close

from training.evaluation.pairs import balance, compare_views
from training.evaluation.retrieval import same_pose


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


def test_weights_make_matches_half() -> None:
    match = torch.tensor([True, False, False, False, True])
    weights = balance(match)
    assert_close(weights, torch.tensor([1 / 4, 1 / 6, 1 / 6, 1 / 6, 1 / 4], dtype=torch.float64))


def test_near_identical_bodies_are_the_same_pose_wherever_they_stand() -> None:
    poses = torch.from_numpy(bodies(3))
    near = poses[:1].clone()
    near[0, 5] += 0.01
    turned = 3 * poses[1:2] @ torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + 5
    same = same_pose(torch.cat([poses, near, turned]))
    wanted = torch.eye(5, dtype=torch.bool)
    wanted[0, 3] = wanted[3, 0] = wanted[1, 4] = wanted[4, 1] = True
    assert torch.equal(same, wanted)


def test_all_first_views_are_compared_with_all_second_ones() -> None:
    first, second = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    match = torch.tensor([[True, False, False], [False, True, True], [False, True, True]])
    pairs = compare_views(first, second, match)
    cosine = torch.nn.functional.cosine_similarity(first[:, None], second[None], dim=-1)
    assert_close(pairs.cosine, cosine.flatten())
    assert torch.equal(pairs.match, match.flatten())
