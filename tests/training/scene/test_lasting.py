"""What lasts in a video: that it lasts as long, and is as large, as `Film` says."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.clip_network import SLOTS
from poseembed.skeleton import MIRRORED
from training.scene.detector import UNSTEADY, Detector
from training.scene.lasting import MIDDLE, Film

CPU = torch.device("cpu")
VIEWS = 4000
STILL = Film(steady=0.0, likeness=0.0, lasting=0.0, slow=0.0, cut=0.0, lost=0.0, tempo=1.0, pan=0.0)


def points(views: int = VIEWS) -> Tensor:
    """The same points in all frames: joint j at (j, 10 j)."""
    place = torch.arange(13.0)
    return torch.stack([place, 10 * place], dim=-1).expand(views, SLOTS, 13, 2).clone()


def runs(shown: Tensor) -> Tensor:
    """How often each row begins to be True."""
    before = torch.nn.functional.pad(shown[:, :-1], (1, 0))
    return (shown & ~before).sum(-1)


def test_without_tempo_slots_are_frames() -> None:
    assert_close(STILL.draw_offsets(3, CPU), (torch.arange(SLOTS) - MIDDLE).float().expand(3, -1))


def test_movements_are_played_faster_and_slower_about_the_middle() -> None:
    offsets = replace(STILL, tempo=1.5).draw_offsets(VIEWS, CPU)
    assert (offsets[:, MIDDLE] == 0).all()
    pace = offsets[:, -1] / MIDDLE
    assert 1 / 1.5 - 1e-6 <= pace.min() < 0.7 and 1.45 < pace.max() <= 1.5 + 1e-6


def test_a_still_film_has_all_frames() -> None:
    assert STILL.draw_frames(10, CPU).all()


def test_frames_of_a_slow_video_are_evenly_apart_and_one_is_in_the_middle() -> None:
    frames = replace(STILL, slow=1.0).draw_frames(VIEWS, CPU)
    assert frames[:, MIDDLE].all()
    gaps = [torch.diff(row.nonzero().squeeze(1)) for row in frames if row.sum() > 1]
    assert all(gap.max() - gap.min() <= 1 for gap in gaps)  # rounded to whole slots
    fewest = frames.sum(1).min()
    assert fewest <= 5  # five frames a second: every sixth slot


def test_tracks_begin_and_end_within_a_window_and_hold_its_middle() -> None:
    frames = replace(STILL, cut=1.0).draw_frames(VIEWS, CPU)
    assert frames[:, MIDDLE].all() and (runs(frames) == 1).all()
    assert 0.4 < frames[:, 0].logical_not().float().mean() <= 1


def test_nobody_is_found_for_one_stretch_of_time() -> None:
    lost = ~replace(STILL, lost=1.0).draw_frames(VIEWS, CPU)
    assert (runs(lost) <= 2).all()  # one, parted where the middle had to be kept
    assert 0.2 < lost[:, MIDDLE].float().mean() < 0.8
    assert (~lost).any(-1).all()


def test_cameras_turn_slowly_and_stand_as_drawn_in_the_middle() -> None:
    turns = replace(STILL, pan=0.3).draw_pan(VIEWS, CPU)
    assert (turns[..., MIDDLE] == 0).all()
    assert 0.13 < turns.abs().max() <= 0.15
    assert_close(turns.diff(dim=-1).std(-1), torch.zeros(2, VIEWS), atol=1e-6, rtol=0)


@pytest.mark.parametrize("steady", [0.0, 0.4, 1.0])
def test_size_and_steadiness_of_the_errors(steady: float) -> None:
    torch.manual_seed(0)
    seen = points()
    moved = replace(STILL, steady=steady).shift(Detector(noise=0.1), seen, torch.ones(VIEWS)) - seen
    assert_close(moved.square().mean((0, 1, 3)).sqrt(), 0.1 / 3**0.5 * torch.tensor(UNSTEADY), rtol=0.05, atol=0)
    likeness = (moved[:, 0] * moved[:, -1]).mean() / moved.square().mean()
    assert likeness.item() == pytest.approx(steady, abs=0.03)


def test_errors_of_neighbouring_frames_are_alike() -> None:
    torch.manual_seed(0)
    seen = points()
    moved = replace(STILL, likeness=1.0).shift(Detector(noise=0.1), seen, torch.ones(VIEWS)) - seen
    # between 0 and 1, evenly: a half on average after one frame, a third after two, a quarter after three
    for apart in (1, 2, 3):
        likeness = (moved[:, :-apart] * moved[:, apart:]).mean() / moved.square().mean()
        assert likeness.item() == pytest.approx(1 / (apart + 1), abs=0.03)


def test_sides_are_taken_for_each_other_for_one_stretch_of_time() -> None:
    torch.manual_seed(0)
    seen = points()
    taken = STILL.swap(Detector(sides=0.05), seen)
    swapped = (taken != seen).any(-1).any(-1)
    assert (runs(swapped) <= 1).all()
    assert 0.03 < swapped.float().mean() < 0.1
    assert_close(taken[swapped], points(1)[0, :1, list(MIRRORED)].expand_as(taken[swapped]))


def test_lasting_losses_are_stretches_and_others_flicker() -> None:
    torch.manual_seed(0)
    detector = Detector(occluded=1.0, joints=0.8, limb=0.0, cropped=0.0)
    lasting, anew = ((~replace(STILL, lasting=share).see(detector, points())).mT.flatten(0, 1) for share in (1.0, 0.0))
    assert (runs(lasting) <= 2).float().mean() > 0.99  # parted where fewer than two joints would be left
    assert runs(anew).float().mean() > 2
    assert 0.15 < lasting.float().mean() < 0.3 and 0.3 < anew.float().mean() < 0.5


def test_two_joints_at_least_are_seen() -> None:
    detector = Detector(occluded=1.0, joints=1.0, limb=1.0, cropped=1.0)
    assert (Film().see(detector, points()).sum(-1) >= 2).all()
