"""New bodies out of recorded ones: other shapes, other combinations of limbs, other attitudes.

Motion capture shows few people, mostly upright. Here a pose is taken apart into bones, each limb in the frame of the
girdle that it hangs from, so that limbs of one frame fit another and every bone can be turned or stretched by itself.

The frame is that of `training.scene.world`.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, one_hot

from poseembed.skeleton import HIP_JOINTS, MIRRORED, NUM_JOINTS, SHOULDER_JOINTS
from training.scene.proportions import draw_people
from training.scene.world import Constant, heading, normalize_3d, times, to_world, turn

NOSE = NUM_JOINTS
"""Index of the nose among the 14 points of a body; joint 0 is the centre of its head."""

_BONES: dict[str, dict[int, float]] = {
    # half of the line from right to left
    "shoulders": {1: 0.5, 2: -0.5},
    "hips": {7: 0.5, 8: -0.5},
    "spine": {1: 0.5, 2: 0.5, 7: -0.5, 8: -0.5},
    "neck": {0: 1, 1: -0.5, 2: -0.5},
    "face": {NOSE: 1, 0: -1},
    "left_upper_arm": {3: 1, 1: -1},
    "right_upper_arm": {4: 1, 2: -1},
    "left_forearm": {5: 1, 3: -1},
    "right_forearm": {6: 1, 4: -1},
    "left_thigh": {9: 1, 7: -1},
    "right_thigh": {10: 1, 8: -1},
    "left_shin": {11: 1, 9: -1},
    "right_shin": {12: 1, 10: -1},
}
"""Each bone as a sum of points; together with hips around the origin they say where all points are."""

_TORSO, _ARMS, _LEGS = slice(0, 3), slice(3, 9), slice(9, 13)  # arms: all that hangs from the shoulders
_TAKE_APART = torch.tensor([[bone.get(point, 0.0) for point in range(NUM_JOINTS + 1)] for bone in _BONES.values()])
_PUT_TOGETHER = Constant(torch.linalg.pinv(_TAKE_APART))
_SHAPES = Constant(torch.tensor([0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8]))  # left and right share a length
_SPINE = 2
_MEASURED = torch.tensor([0, 1, 3, 5, 6, 7, 8])  # places of `proportions.MEASURED` among those lengths
_OF_MEASURED = Constant(one_hot(_MEASURED, 9).float())
_TINY = 1e-6
_MIRROR_POINTS = (*MIRRORED, NOSE)


@dataclass(frozen=True)
class Variation:
    """How far new bodies stray from the recorded ones. The default is not at all.

    Attributes:
        mirror: Share of the bodies that are mirrored.
        recombine: Probability that arms and head come from another frame, and again that its legs do.
        proportions: How far people's proportions differ, as a multiple of how far those of real people do, see
            `training.scene.proportions`.
        shape: Standard deviation of the logarithm of each bone's length, of each by itself, besides; the spine is the
            unit.
        joints: Standard deviation of where hips and shoulders are taken to be along the spine, torso lengths:
            motion capture rigs, annotators and detectors disagree on it.
        people: How far the two views of a pair show different people: the share of the variance of `proportions`,
            `shape` and `joints` that each view has to itself. 0 is one body, 1 are two that have nothing in common.
        bend: Standard deviation of each bone's turn about either axis across it, radians.
        tilt: Share of the bodies that are tipped over, by any angle about any horizontal axis.
        rare: Poses are drawn with a probability that grows as this power of how far they lie from the others.
    """

    mirror: float = 0.0
    recombine: float = 0.0
    proportions: float = 0.0
    shape: float = 0.0
    joints: float = 0.0
    people: float = 0.0
    bend: float = 0.0
    tilt: float = 0.0
    rare: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a share that is none.

        Raises:
            ValueError: If `people` is not from 0 to 1.
        """
        if not 0 <= self.people <= 1:
            raise ValueError(f"people must be from 0 to 1, got {self.people}")


@dataclass(frozen=True)
class Build:
    """What makes bodies in one pose those of different people, as different tools see them.

    Attributes:
        stretch: Logarithm of how much longer each of the nine kinds of bones is; see `_SHAPES`.
        move: How far shoulders, and hips, are taken to be along the spine, in its lengths.
    """

    stretch: Float[Tensor, "count 1 9"]
    move: Float[Tensor, "2 count 1 1 1"]

    def mixed_with(self, own: "Build", share: float) -> "Build":
        """A build of the same variance, of which `share` is of another."""
        kept, new = math.sqrt(1 - share), math.sqrt(share)
        return Build(kept * self.stretch + new * own.stretch, kept * self.move + new * own.move)


class Bodies(nn.Module):
    """Recorded poses to draw variations of, on one device.

    Args:
        joints: Metres, y up, in any place; joint 0 is the centre of the head.
        nose: Its nose, same frame.
        variation: What to draw.

    Raises:
        ValueError: If the shoulders or the hips of a pose lie on one spot, or in line with its spine: nothing says then
            which way the limbs point.
    """

    torso: Tensor
    limbs: Tensor
    odds: Tensor

    def __init__(
        self, joints: Float[np.ndarray, "poses 13 3"], nose: Float[np.ndarray, "poses 3"], variation: Variation
    ) -> None:
        super().__init__()
        self.variation, self.recorded = variation, len(joints)
        self._digest = hashlib.sha256(joints.tobytes() + nose.tobytes()).hexdigest()
        whole = torch.cat([torch.from_numpy(joints), torch.from_numpy(nose)[:, None]], dim=1).float()
        points = to_world(whole)
        if variation.mirror:
            mirrored = points[:, _MIRROR_POINTS] * torch.tensor([1.0, -1.0, 1.0])
            points = torch.cat([points, mirrored])
        bones = _TAKE_APART @ points
        torso = bones[:, _TORSO]
        across = [torch.linalg.cross(line, torso[:, _SPINE], dim=-1).norm(dim=-1) for line in torso.unbind(1)[:_SPINE]]
        if flat := int((torch.stack(across).amin(0) < _TINY).sum()):
            raise ValueError(f"{flat} poses have shoulders or hips on one spot or along the spine; leave them out")
        shoulders, hips = _girdles(torso)
        limbs = torch.cat([bones[:, _ARMS] @ shoulders, bones[:, _LEGS] @ hips], dim=1)
        self.register_buffer("torso", torso.contiguous(), persistent=False)
        self.register_buffer("limbs", limbs.contiguous(), persistent=False)
        odds = torch.ones(len(joints))
        if variation.rare:
            odds = _distance_to_others(points[: len(joints)]) ** variation.rare
        if variation.mirror:  # as rare as what they mirror
            odds = torch.cat([odds * (1 - variation.mirror), odds * variation.mirror])
        # to be looked up by a uniform number: `multinomial` takes no more than 2^24 weights
        self.register_buffer("odds", odds.double().cumsum(0) / odds.double().sum(), persistent=False)

    def __len__(self) -> int:
        """Number of recorded poses."""
        return self.recorded

    def digest(self) -> str:
        """A fingerprint of the recorded poses."""
        return self._digest

    def sample(self, count: int) -> Float[Tensor, "count 14 3"]:
        """Draw bodies from torch's global random state: the 13 joints and the nose."""
        return self.vary(self.draw(count))

    def sample_pairs(self, count: int) -> tuple[Float[Tensor, "count 14 3"], Float[Tensor, "2 count 14 3"]]:
        """Draw poses from torch's global random state, and two bodies in each; see `pairs`."""
        chosen = self.draw(count)
        body, seen = self.pairs(chosen[:, None], self.draw_others(chosen)[:, None])
        return body.squeeze(1), seen.squeeze(2)

    def pairs(
        self, chosen: Int[Tensor, "count frames"], others: Int[Tensor, "count frames"]
    ) -> tuple[Float[Tensor, "count frames 14 3"], Float[Tensor, "2 count frames 14 3"]]:
        """Vary poses, by number, and show each on two bodies.

        Args:
            chosen: Poses, or the frames of movements: what varies is the same in all frames of one.
            others: Those that `Variation.recombine` takes limbs from.

        Returns:
            The poses on one body, and on the bodies that two views of them show, which differ from that one as far as
            `Variation.people` says.
        """
        vary = self.variation
        bones, build, tilt = self._draw_parts(chosen, others)
        body = _assemble(bones, build, tilt)
        if vary.people == 0:
            return body, body.expand(2, -1, -1, -1, -1)
        own = [build.mixed_with(self._draw_build(len(chosen)), vary.people) for _ in range(2)]
        return body, torch.stack([_assemble(bones, of_view, tilt) for of_view in own])

    def vary(self, chosen: Int[Tensor, " count"]) -> Float[Tensor, "count 14 3"]:
        """Vary some of the poses, by number: the joints and the nose of new bodies."""
        return _assemble(*self._draw_parts(chosen[:, None], self.draw_others(chosen)[:, None])).squeeze(1)

    def _draw_parts(
        self, chosen: Int[Tensor, "count frames"], others: Int[Tensor, "count frames"]
    ) -> tuple[Float[Tensor, "count frames 13 3"], Build, Float[Tensor, "count 1 3 3"] | None]:
        """Bones in a pose, girdles in the world and limbs in the frames of the girdles; a build; how it is tipped."""
        vary, device, count = self.variation, self.torso.device, len(chosen)
        torso, limbs = self.torso[chosen], self.limbs[chosen]
        arms, legs = limbs[:, :, :6], limbs[:, :, 6:]
        if vary.recombine:
            other = self.limbs[others]
            swap = torch.rand(2, count, 1, 1, 1, device=device) < vary.recombine
            arms = torch.where(swap[0], other[:, :, :6], arms)
            legs = torch.where(swap[1], other[:, :, 6:], legs)
        bones = torch.cat([torso, arms, legs], dim=2)
        if vary.bend:
            length = bones.norm(dim=-1, keepdim=True)
            turned = vary.bend * length * torch.randn_like(bones[:, :1])
            bones = normalize(bones + turned, dim=-1) * length
        build = self._draw_build(count)
        tilt = _tilts(count, vary.tilt, device)[:, None] if vary.tilt else None
        return bones, build, tilt

    def _draw_build(self, count: int) -> Build:
        vary, device = self.variation, self.torso.device
        stretch, move = torch.zeros(count, 1, 9, device=device), torch.zeros(2, count, 1, 1, 1, device=device)
        if vary.shape:
            by_itself = vary.shape * torch.randn(count, 1, 9, device=device)
            by_itself[..., _SPINE] = 0
            stretch = stretch + by_itself
        if vary.proportions:
            people = vary.proportions * draw_people(count, device=device)
            stretch = stretch + (people @ _OF_MEASURED.on(device))[:, None]
        if vary.joints:
            move = vary.joints * torch.randn_like(move)
        return Build(stretch, move)

    def draw_others(self, chosen: Int[Tensor, " count"]) -> Int[Tensor, " count"]:
        """Draw poses to take limbs from, for some; themselves where nothing is recombined."""
        return self.draw(len(chosen)) if self.variation.recombine else chosen

    def draw(self, count: int) -> Int[Tensor, " count"]:
        """Draw numbers of poses; those from the number of recorded ones on are their mirror images."""
        chance = torch.rand(count, device=self.odds.device, dtype=self.odds.dtype)
        drawn = torch.searchsorted(self.odds, chance, right=True)  # nothing is drawn that has no odds
        return drawn.clamp_max(len(self.odds) - 1)


def _assemble(
    bones: Float[Tensor, "count frames 13 3"], build: Build, tilt: Float[Tensor, "count 1 3 3"] | None
) -> Float[Tensor, "count frames 14 3"]:
    """Put bones together on a build: the joints and the nose of bodies."""
    device = bones.device
    bones = bones * build.stretch.exp()[..., _SHAPES.on(device), None]
    torso = bones[:, :, _TORSO]
    if tilt is not None:
        torso = times(torso, tilt.mT)
    shoulders, hips = _girdles(torso)
    arms, legs = times(bones[:, :, _ARMS], shoulders.mT), times(bones[:, :, _LEGS], hips.mT)
    points = linear(torch.cat([torso, arms, legs], dim=2).mT, _PUT_TOGETHER.on(device)).mT.contiguous()
    spine = torso[:, :, _SPINE, None]
    points[:, :, SHOULDER_JOINTS] += build.move[0] * spine
    points[:, :, HIP_JOINTS] += build.move[1] * spine
    return normalize_3d(points)


def _girdles(
    torso: Float[Tensor, "*count 3 3"],
) -> tuple[Float[Tensor, "*count 3 3"], Float[Tensor, "*count 3 3"]]:
    """Rotations from the frames of shoulders and hips to the world; their columns are left, forward and up."""
    up = torso[..., _SPINE, :]
    frames = []
    for line in (torso[..., 0, :], torso[..., 1, :]):
        left = normalize(line, dim=-1)
        forward = normalize(torch.linalg.cross(left, up), dim=-1)
        frames.append(torch.stack([left, forward, torch.linalg.cross(forward, left)], dim=-1))
    return frames[0], frames[1]


def _tilts(count: int, share: float, device: torch.device) -> Float[Tensor, "count 3 3"]:
    """Rotations by any angle about horizontal axes, for a share of the bodies; none for the others."""
    angle, axis, chance = torch.rand(3, count, device=device)
    angle, axis = math.pi * angle * (chance < share), 2 * math.pi * axis
    cos, sin, x, y = angle.cos(), angle.sin(), axis.cos(), axis.sin()
    rest = 1 - cos
    rows = (
        cos + x * x * rest,
        x * y * rest,
        y * sin,
        x * y * rest,
        cos + y * y * rest,
        -x * sin,
        -y * sin,
        x * sin,
        cos,
    )
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def _distance_to_others(
    points: Float[Tensor, "poses 14 3"], *, landmarks: int = 2000, neighbor: int = 5
) -> Float[Tensor, " poses"]:
    """How far each pose lies from its fifth neighbour among evenly taken ones; facings do not count."""
    facing = turn(points, -heading(points)[:, None]).flatten(1)
    some = facing[:: max(1, len(facing) // landmarks)]
    count = min(neighbor, len(some))
    near = [torch.cdist(part, some).topk(count, dim=1, largest=False).values[:, -1] for part in facing.split(8192)]
    return torch.cat(near).clamp_min(1e-3)
