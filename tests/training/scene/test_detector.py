"""The virtual detector: how often it loses, swaps and misplaces joints, and by how much."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.skeleton import JOINTS, MIRRORED
from training.scene.detector import LIMBS, UNSTEADY, Detector

PERFECT = Detector()


def pictures(count: int) -> Tensor:
    return torch.randn(count, 13, 2, generator=torch.Generator().manual_seed(1))


def test_a_perfect_detector_sees_everything_where_and_as_it_is() -> None:
    seen = pictures(1000)
    assert PERFECT.swap(seen) is seen
    assert PERFECT.shift(seen, torch.ones(1000)) is seen
    assert PERFECT.see(seen).all()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_share_of_views_that_lose_joints(share: float) -> None:
    torch.manual_seed(0)
    lossy = (~Detector(occluded=share, limb=1.0).see(pictures(20_000))).any(-1).float().mean()  # a limb always goes
    assert lossy.item() == pytest.approx(share, abs=0.02)


def test_scattered_losses_are_as_frequent_as_they_should_be() -> None:
    torch.manual_seed(0)
    lost = ~Detector(occluded=1.0, joints=0.4, limb=0.0).see(pictures(20_000))
    assert_close(lost.float().mean(0), torch.full((13,), 0.2), atol=0.02, rtol=0)


def test_limbs_go_missing_as_a_whole() -> None:
    torch.manual_seed(0)
    lost = ~Detector(occluded=1.0, joints=0.0, limb=1.0).see(pictures(2000))
    assert {tuple(row.nonzero().flatten().tolist()) for row in lost} == {tuple(sorted(limb)) for limb in LIMBS}


@pytest.mark.parametrize("cropped", [0.0, 1.0])
@pytest.mark.parametrize("joints", [0.3, 1.0, 100.0])
def test_two_joints_at_least_are_seen(joints: float, cropped: float) -> None:
    torch.manual_seed(0)
    shown = Detector(occluded=1.0, joints=joints, limb=1.0, cropped=cropped).see(pictures(5000)).sum(-1)
    assert shown.min() >= 2
    assert (shown < 13).any()


def test_a_crop_leaves_four_tenths_of_a_picture_at_least() -> None:
    torch.manual_seed(0)
    column = torch.stack([torch.zeros(13), torch.arange(13.0)], -1).expand(20_000, 13, 2)
    lost = ~Detector(occluded=1.0, joints=0.0, limb=0.0, cropped=1.0).see(column)
    expected = ((torch.arange(13.0) - 0.4 * 12) / (0.6 * 12)).clamp(0, 1)
    assert_close(lost.float().mean(0), expected, atol=0.02, rtol=0)
    assert (lost.int().diff(dim=-1) >= 0).all()  # whatever is under a lost joint is lost too


def test_a_crop_comes_from_either_side_as_often() -> None:
    torch.manual_seed(0)
    row = torch.stack([torch.arange(13.0), torch.zeros(13)], -1).expand(20_000, 13, 2)
    lost = ~Detector(occluded=1.0, joints=0.0, limb=0.0, cropped=1.0).see(row)
    assert not lost[:, 0].logical_and(lost[:, 12]).any()
    assert lost[:, 0].logical_or(lost[:, 12]).all()
    assert lost[:, 0].float().mean().item() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_share_of_lossy_views_that_are_cropped(share: float) -> None:
    torch.manual_seed(0)
    lossy = (~Detector(occluded=0.5, joints=0.0, limb=0.0, cropped=share).see(pictures(20_000))).any(-1).float().mean()
    assert lossy.item() == pytest.approx(0.5 * share, abs=0.02)


def test_crops_and_lost_limbs_come_independently() -> None:
    torch.manual_seed(0)
    lost = ~Detector(occluded=1.0, joints=0.0, limb=0.5, cropped=0.5).see(pictures(20_000))
    assert lost.any(-1).float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_a_crop_depends_on_the_pose_alone_and_not_on_its_size_and_place() -> None:
    detector = Detector(occluded=1.0, joints=0.0, limb=0.0, cropped=1.0)
    seen = []
    for picture in (pictures(500), 64 * pictures(500), pictures(500) + 0.5):
        torch.manual_seed(0)
        seen.append(detector.see(picture))
    assert torch.equal(seen[0], seen[1])
    assert (seen[0] == seen[2]).float().mean() > 0.999


def test_nothing_is_cropped_unless_joints_can_be_lost() -> None:
    assert Detector(occluded=0.0, cropped=1.0).see(pictures(100)).all()


def test_swapped_arms_and_legs_change_sides() -> None:
    torch.manual_seed(0)
    seen = pictures(50)
    expected = seen.clone()
    for limb in ("elbow", "wrist", "knee", "ankle"):
        left, right = (JOINTS.index(f"{side}_{limb}") for side in ("left", "right"))
        expected[:, left], expected[:, right] = seen[:, right], seen[:, left]
    assert torch.equal(Detector(swapped=1.0).swap(seen), expected)
    assert torch.equal(seen, pictures(50))


def test_share_of_views_with_swapped_limbs() -> None:
    torch.manual_seed(0)
    seen = pictures(20_000)
    moved = (Detector(swapped=0.3).swap(seen) != seen).any(-1)
    assert torch.equal(moved[:, [3, 4, 5]], moved[:, [6, 6, 6]])  # both joints of both arms, or none
    assert torch.equal(moved[:, [9, 10, 11]], moved[:, [12, 12, 12]])
    arms, legs = moved[:, 3], moved[:, 9]
    for swapped, share in ((arms, 0.3), (legs, 0.3), (arms & legs, 0.09)):
        assert swapped.float().mean().item() == pytest.approx(share, abs=0.02)


def test_swapped_sides_change_everything_but_the_head() -> None:
    torch.manual_seed(0)
    seen = pictures(20_000)
    swapped = Detector(sides=0.3).swap(seen)
    changed = (swapped != seen).any(-1)
    assert not changed[:, 0].any()
    assert torch.equal(changed[:, 1:], changed[:, 1:2].expand(-1, 12))
    assert changed[:, 1].float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(swapped[changed[:, 1]], seen[changed[:, 1]][:, list(MIRRORED)])


def test_size_of_the_noise() -> None:
    torch.manual_seed(0)
    torso = torch.full((20_000,), 0.1)
    moved = Detector(noise=0.03).shift(torch.zeros(20_000, 13, 2), torso)
    deviation = moved.flatten(1).std(-1)  # of each view, drawn from 0 to 0.03 torsos
    expected = 0.003 / math.sqrt(3) * torch.tensor(UNSTEADY)
    assert_close(moved.square().mean((0, 2)).sqrt(), expected, rtol=0.03, atol=0)
    assert deviation.min() < 0.0003 < 0.0025 < deviation.max() < 0.003 * 2
    assert_close(moved.mean((0, 1)), torch.zeros(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_badly_placed_joints_have_four_times_the_noise(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(torch, "randn_like", torch.ones_like)  # joints move by their standard deviation
    moved = Detector(noise=0.03, bad=share).shift(torch.zeros(5000, 13, 2), torch.full((5000,), 0.1))
    assert torch.equal(moved[..., 0], moved[..., 1])
    deviation = moved[..., 0] / torch.tensor(UNSTEADY)
    others = deviation.amin(-1, keepdim=True) / (4 if share == 1 else 1)
    bad = deviation > 2 * others
    assert_close(deviation, torch.where(bad, 4 * others, others))
    assert_close(bad.float().mean(0), torch.full((13,), share), atol=0.03, rtol=0)
    assert others.max().item() == pytest.approx(0.003, rel=0.01)


def test_no_noise_places_no_joint_badly() -> None:
    seen = pictures(5)
    assert Detector(bad=1.0).shift(seen, torch.ones(5)) is seen
