"""Cross-view retrieval, on trials whose outcome is known."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from training.evaluation.conditions import Condition
from training.evaluation.representations import raw_keypoints
from training.evaluation.retrieval import RANKS, Trial, check_enough, hit_rates, make_trial, same_pose
from training.scene.metrics import np_mpjpe

from ..made_up import strewn

GALLERY = 40
EVERYTHING = torch.ones(GALLERY, 13, dtype=torch.bool)
draw = partial(make_trial, size=GALLERY)


def numbered_trial(poses: Tensor, gallery_numbers: Tensor) -> Trial:
    """A trial whose pictures hold nothing but numbers: the query's own and, for the gallery, those given."""
    query, gallery = (n.float()[:, None, None].expand(-1, 13, 2) for n in (torch.arange(GALLERY), gallery_numbers))
    return Trial(poses, (query, gallery), (EVERYTHING, EVERYTHING))


def number(points: Tensor, _: Tensor) -> Tensor:
    return points[:, 0, :1]


def test_an_embedding_that_knows_the_pose_always_hits() -> None:
    trial = numbered_trial(torch.from_numpy(strewn(GALLERY)), torch.arange(GALLERY))
    assert hit_rates(trial, number) == {1: 1.0, 10: 1.0, 20: 1.0}


def test_an_embedding_that_knows_nothing_hits_by_chance() -> None:
    trial = numbered_trial(torch.from_numpy(strewn(GALLERY)), torch.arange(GALLERY))
    generator = torch.Generator().manual_seed(0)
    rates = [hit_rates(trial, lambda p, _: torch.randn(len(p), 8, generator=generator)) for _ in range(20)]
    for rank in RANKS:
        assert np.mean([rate[rank] for rate in rates]) == pytest.approx(rank / GALLERY, abs=0.05)


def test_an_embedding_that_is_wrong_by_one_pose_hits_at_ten() -> None:
    trial = numbered_trial(torch.from_numpy(strewn(GALLERY)), torch.arange(GALLERY) - 1)
    rates = hit_rates(trial, number)  # the nearest of query i is i + 1, but of the last query it is the last
    assert rates == pytest.approx({1: 1 / GALLERY, 10: 1.0, 20: 1.0})


def test_a_gallery_may_have_an_embedding_of_its_own() -> None:
    trial = numbered_trial(torch.from_numpy(strewn(GALLERY)), torch.arange(GALLERY))
    assert hit_rates(trial, number, embed_gallery=lambda points, _: GALLERY - 1 - number(points, _))[1] == 0
    backwards = numbered_trial(trial.poses, GALLERY - 1 - torch.arange(GALLERY))
    assert hit_rates(backwards, number, embed_gallery=lambda points, _: GALLERY - 1 - number(points, _))[1] == 1


def test_the_same_pose_in_another_place_is_a_hit() -> None:
    poses = torch.from_numpy(strewn(GALLERY // 2)).repeat_interleave(2, 0)  # 0 and 1 are alike, 2 and 3, ...
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    poses[1::2] = 2 * poses[1::2] @ (turn * torch.linalg.det(turn)) + 5
    rates = hit_rates(numbered_trial(poses, torch.arange(GALLERY) - 1), number)
    assert rates[1] == pytest.approx((GALLERY / 2 + 1) / GALLERY)  # every other query, and the last


@pytest.mark.parametrize(("moved", "hit"), [(0.6, True), (0.8, False)])
def test_poses_that_differ_by_a_tenth_of_a_torso_are_the_same(moved: float, hit: bool) -> None:
    poses = torch.from_numpy(strewn(GALLERY))
    torso = (poses[0, 1:3].mean(0) - poses[0, 7:9].mean(0)).norm()
    poses[1] = poses[0]
    poses[1, 5] += moved * torso * torch.tensor([1.0, 0, 0])  # NP-MPJPE 0.087 and 0.116
    numbers = torch.arange(GALLERY)
    numbers[:2] = torch.tensor([1, 0])  # queries 0 and 1 find each other
    assert hit_rates(numbered_trial(poses, numbers), number)[1] == pytest.approx(1 if hit else 1 - 2 / GALLERY)


def test_trials_follow_from_their_seed() -> None:
    poses = strewn(100)
    first, again, other = (draw(poses, Condition(4, 0.05), seed=seed) for seed in (1, 1, 2))
    for a, b, c in (
        (first.poses, again.poses, other.poses),
        *zip(first.points, again.points, other.points, strict=True),
        *zip(first.visible, again.visible, other.visible, strict=True),
    ):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.mark.parametrize("missing", [0, 4, 11])
def test_joints_missing_from_each_picture(missing: int) -> None:
    trial = draw(strewn(GALLERY), Condition(missing), seed=0)
    for visible in trial.visible:
        assert (13 - visible.sum(-1) == missing).all()
    assert torch.equal(*trial.visible) == (missing == 0)


def test_missing_joints_do_not_change_poses_and_cameras() -> None:
    poses = strewn(100)
    whole, partial = (draw(poses, Condition(missing), seed=3) for missing in (0, 4))
    assert torch.equal(whole.poses, partial.poses)
    assert torch.equal(torch.stack(whole.points), torch.stack(partial.points))


def test_noise_is_in_torso_lengths_and_differs_between_pictures() -> None:
    poses = np.repeat(strewn(1), GALLERY, 0)
    clean, noisy = (draw(poses, Condition(noise=noise), seed=3) for noise in (0, 0.05))
    moved = torch.stack(noisy.points) - torch.stack(clean.points)
    torso = torch.stack(clean.points)[:, :, [1, 2]].mean(2) - torch.stack(clean.points)[:, :, [7, 8]].mean(2)
    assert 0.04 < (moved.std((2, 3)) / torso.norm(dim=-1)).quantile(0.1) < 0.08  # where no torso is foreshortened
    assert not torch.isclose(moved[0], moved[1]).any()


def test_pictures_are_of_the_drawn_poses_from_two_sides() -> None:
    poses = np.repeat(strewn(1), GALLERY, 0)
    trial = draw(poses, Condition(), seed=0)
    query, gallery = trial.points
    assert query.shape == gallery.shape == (GALLERY, 13, 2)
    assert len(query.unique(dim=0)) == GALLERY  # a camera for each, although the pose is the same
    assert not torch.isclose(query, gallery, atol=1e-3).all(-1).any(0)[:7].all()
    assert hit_rates(trial, raw_keypoints)[1] == 1


def test_a_trial_needs_a_whole_gallery() -> None:
    with pytest.raises(ValueError, match="got 39 poses; a gallery takes 40"):
        draw(strewn(GALLERY - 1), Condition(), seed=0)


def test_the_query_is_the_target_of_the_comparison() -> None:
    poses = torch.from_numpy(strewn(8))
    errors = torch.stack([np_mpjpe(query.expand_as(poses), poses) for query in poses])
    near = errors < errors.median()
    assert not torch.equal(near, near.T)  # the query's torso is the unit
    assert torch.equal(same_pose(poses, limit=errors.median().item()), near)


def test_data_that_are_too_few_are_named() -> None:
    check_enough({"one": strewn(GALLERY), "two": strewn(GALLERY)}, GALLERY)
    with pytest.raises(ValueError, match="two: got 39 poses; a gallery takes 40, or as many as --poses says"):
        check_enough({"one": strewn(GALLERY), "two": strewn(GALLERY - 1)}, GALLERY)
