"""What lasts in a video: a detector's errors stay for a while, a camera turns slowly, a track begins and ends.

Everything here is drawn for windows of as many frames as `poseembed.clip_network` has slots, a slot apart in time.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.clip_network import SLOTS, STEP
from poseembed.skeleton import NUM_JOINTS
from training.scene.detector import LIMBS, Detector, beyond_a_line, exchange, in_limb

MIDDLE = SLOTS // 2


@dataclass(frozen=True)
class Film:
    """How a video differs from pictures that were taken one by one.

    Attributes:
        steady: Share of the variance of a detector's errors that stays the same throughout a window.
        likeness: Most that the rest of the errors of one frame and the next have in common, as a correlation; each view
            has a value between 0 and this.
        lasting: Share of the views that lose joints for a stretch of time rather than anew in each frame.
        slow: Share of the pairs that have fewer than 30 frames a second: from 5 on.
        cut: Share of the windows that begin late, and again of those that end early.
        lost: Share of the views in which the detector finds nobody for a while.
        tempo: Most that movements are played faster or slower, as a factor.
        pan: Most that a camera turns about the person and about its axis in a window's time, radians.
    """

    steady: float = 0.3
    likeness: float = 0.95
    lasting: float = 0.7
    slow: float = 0.4
    cut: float = 0.4
    lost: float = 0.15
    tempo: float = 1.3
    pan: float = 0.3

    def draw_offsets(self, pairs: int, device: torch.device) -> Float[Tensor, "pairs 27"]:
        """How far each slot of a window is from the middle, in slots of the recording: its tempo."""
        tempo = torch.exp(math.log(self.tempo) * (2 * torch.rand(pairs, 1, device=device) - 1))
        return tempo * (torch.arange(SLOTS, device=device) - MIDDLE)

    def draw_frames(self, views: int, device: torch.device) -> Bool[Tensor, "views 27"]:
        """Which slots of views hold a frame: the frame rate, where the track begins and ends, where nobody is found."""
        chance = torch.rand(5, views, 1, device=device)
        place = torch.rand(3, views, 1, device=device)
        slot = torch.arange(SLOTS, device=device) - MIDDLE
        apart = 1 / STEP / (5 + 25 * chance[0])  # slots from one frame to the next
        nearest = (torch.round(torch.round(slot / apart) * apart) == slot) | (chance[1] >= self.slow)
        begun = (slot >= -torch.floor(place[0] * (MIDDLE + 1))) | (chance[2] >= self.cut)
        not_over = (slot <= torch.floor(place[1] * (MIDDLE + 1))) | (chance[3] >= self.cut)
        lost = _stretch(views, device) & (chance[4] < self.lost)
        frames = nearest & begun & not_over & ~lost
        nobody = ~frames.any(-1, keepdim=True)
        return frames | (nobody & (slot == 0))

    def draw_pan(self, views: int, device: torch.device) -> Float[Tensor, "2 views 27"]:
        """Turns of cameras about the person and about their axes, to be added to azimuth and roll."""
        rate = self.pan * (2 * torch.rand(2, views, 1, device=device) - 1)
        return rate * (torch.arange(SLOTS, device=device) - MIDDLE) / SLOTS

    def swap(self, detector: Detector, points: Float[Tensor, "views 27 13 2"]) -> Float[Tensor, "views 27 13 2"]:
        """Take left for right, for stretches of time: a third of a window on average."""
        views, device = len(points), points.device
        chance = torch.rand(3, views, 1, device=device)
        shares = (detector.swapped, detector.swapped, detector.sides)
        where = [_stretch(views, device) & (draw < 3 * share) for draw, share in zip(chance, shares, strict=True)]
        return exchange(points, *where)

    def shift(
        self, detector: Detector, points: Float[Tensor, "views 27 13 2"], torso: Float[Tensor, " views"]
    ) -> Float[Tensor, "views 27 13 2"]:
        """Add noise that is partly the same in all frames, and partly wanders."""
        views, device = len(points), points.device
        fresh = torch.randn(views, SLOTS, NUM_JOINTS * 2, device=device)
        alike = self.likeness * torch.rand(views, 1, 1, device=device)
        wandering = (_autoregression(alike) @ fresh).unflatten(-1, (NUM_JOINTS, 2))
        stays = torch.randn(views, 1, NUM_JOINTS, 2, device=device)
        unit = math.sqrt(self.steady) * stays + math.sqrt(1 - self.steady) * wandering
        return points + detector.deviation(points, torso) * unit

    def see(self, detector: Detector, points: Float[Tensor, "views 27 13 2"]) -> Bool[Tensor, "views 27 13"]:
        """Draw which joints are visible: in some views anew in each frame, in others for stretches of time."""
        views, device = len(points), points.device
        of_view = torch.rand(views, 7, 1, 1, device=device)
        odds = of_view[:, 0] * detector.joints
        anew = torch.rand(views, SLOTS, NUM_JOINTS, device=device) < odds
        joint_lost = torch.rand(views, NUM_JOINTS, device=device) < 2 * odds.squeeze(-1)
        stretches = _stretch(views * NUM_JOINTS, device).unflatten(0, (views, NUM_JOINTS)).mT
        lasting = joint_lost[:, None] & stretches
        lost = torch.where(of_view[:, 6] < self.lasting, lasting, anew)
        limb = in_limb(torch.randint(len(LIMBS), (views,), device=device))[:, None]
        lost |= limb & _stretch(views, device)[..., None] & (of_view[:, 1] < detector.limb)
        line = beyond_a_line(points, of_view[:, 3, 0].expand(views, SLOTS), of_view[:, 4, 0].expand(views, SLOTS))
        lost |= line & (of_view[:, 5] < detector.cropped)
        lost &= of_view[:, 2] < detector.occluded
        return torch.where((~lost).sum(-1, keepdim=True) < 2, True, ~lost)


def _stretch(count: int, device: torch.device) -> Bool[Tensor, "count 27"]:
    """For each a stretch of slots, from one on to all of them, anywhere; a third of them on average or more."""
    length, place = torch.rand(2, count, 1, device=device)
    length = 1 + (SLOTS - 1) * length
    start = place * (SLOTS + length) - length
    slot = torch.arange(SLOTS, device=device)
    return (slot >= start) & (slot < start + length)


def _autoregression(alike: Float[Tensor, "views 1 1"]) -> Float[Tensor, "views 27 27"]:
    """What makes of white noise one of unit variance whose neighbours correlate so."""
    slot = torch.arange(SLOTS, device=alike.device)
    apart = slot[:, None] - slot
    weights = torch.where(apart >= 0, alike.clamp_min(1e-6) ** apart.clamp_min(0), 0.0)
    return weights * torch.where(slot == 0, 1.0, (1 - alike.square()).sqrt())
