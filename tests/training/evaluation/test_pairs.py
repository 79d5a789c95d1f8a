"""Pairs of views, and which of them show the same pose."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.calibration import MatchCalibration
from training.evaluation.pairs import Pairs, balance, compare_views
from training.evaluation.retrieval import same_pose

from ..made_up import people


def test_weights_make_matches_half() -> None:
    match = torch.tensor([True, False, False, False, True])
    weights = balance(match)
    assert_close(weights, torch.tensor([1 / 4, 1 / 6, 1 / 6, 1 / 6, 1 / 4], dtype=torch.float64))


def test_near_identical_bodies_are_the_same_pose_wherever_they_stand() -> None:
    poses = torch.from_numpy(people(3))
    near = poses[:1].clone()
    near[0, 5] += 0.01
    turned = 3 * poses[1:2] @ torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + 5
    same = same_pose(torch.cat([poses, near, turned]))
    wanted = torch.eye(5, dtype=torch.bool)
    wanted[0, 3] = wanted[3, 0] = wanted[1, 4] = wanted[4, 1] = True
    assert torch.equal(same, wanted)


def test_all_first_views_are_compared_with_all_second_ones_that_show_something(encoder: PoseEncoder) -> None:
    encoder.config = replace(encoder.config, calibration=MatchCalibration((3.0,), (1.0,), (0.5,)))
    first, second = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    second[1] = torch.nan
    match = torch.tensor([[True, False, False], [False, True, True], [False, True, True]])
    pairs = compare_views(encoder, first, second, match)
    assert_close(pairs.probability, encoder.match_probability(first.double(), second[[0, 2]].double()).flatten())
    assert pairs.match.tolist() == [True, False, False, True, False, True]
    assert pairs.share == 0.5


@pytest.mark.parametrize("prior", [0.5, 0.01, 0.9])
def test_probabilities_with_another_prior_are_those_of_the_encoder(encoder: PoseEncoder, prior: float) -> None:
    encoder.config = replace(encoder.config, calibration=MatchCalibration((30.0,), (1.0,), (8.0,)))
    first, second = torch.randn(2, 30, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pairs = compare_views(encoder, first, second, torch.eye(30, dtype=torch.bool))
    assert_close(pairs.at(prior), encoder.match_probability(first, second, prior=prior).flatten(), atol=1e-9, rtol=1e-6)
    both = Pairs.join([pairs, pairs])
    assert len(both.match) == 1800 and both.share == pytest.approx(1 / 30)
