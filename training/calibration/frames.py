"""How sure an encoder is of single frames, and what cosines are worth.

Two things are fitted together to a finished encoder, whose directions stay as they are: the layer that gives each pose
vector a length, how sure the encoder is of the pose; and the polynomials of `poseembed.calibration.MatchCalibration`,
which turn the cosine and the lengths of two vectors into the probability of a match.

What they learn from are galleries of the `train` split (`training.evaluation.galleries`). Two cameras see each pose,
from up to 60 degrees above and 30 below, and every first picture is compared with every second one. Whether two poses
match is known exactly: the NP-MPJPE of their bodies is under 0.1. The pictures of most galleries show the same part
of the body (`training.scene.parts`), those of the others any parts; all have the noise and the exchanged sides of
`DETECTOR` and `EXCHANGED`. The cross entropy of the probabilities is made small, matches and other pairs counting half
each in every gallery: a probability is right at even odds, and any prior can be put in later.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from poseembed.calibration import MatchCalibration, log_odds
from poseembed.keypoints import normalize_keypoints
from poseembed.network import Encoder
from poseembed.skeleton import MIRRORED
from training.calibration.lengths import AT_ONCE, Lengths, cross_entropy
from training.evaluation.galleries import Gallery
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.parts import PARTS, show
from training.scene.views import with_face

DEGREE = 3
"""Coefficients of each polynomial."""

CAMERAS = CameraRange(elevation=(-math.pi / 3, math.pi / 6))
DETECTOR = Detector(noise=0.06)
EXCHANGED = 0.01
"""Share of the pictures in which all that is left is taken for right."""

ALIKE = 0.75
"""Share of the galleries whose pictures all show the same part."""

ODDS = dict(zip(PARTS, (4.0, 2.5, 2.0, 3.0, 1.0, 3.0, 2.0, 1.0, 0.7), strict=True))
"""How often pictures show each part."""


class Fitted(Lengths):
    """What is fitted: the lengths, and polynomials whose coefficients are held where they may be."""

    def __init__(self, features: Float[Tensor, "pictures width"]) -> None:
        super().__init__(features)
        steep, flat, shift = ([first] + [0.0] * (DEGREE - 1) for first in (12.0, -1.0, 4.0))
        self.steep, self.flat, self.shift = (nn.Parameter(torch.tensor(values)) for values in (steep, flat, shift))

    def logit(
        self, cosine: Float[Tensor, "n m"], first: Float[Tensor, " n"], second: Float[Tensor, " m"]
    ) -> Float[Tensor, "n m"]:
        """Of a match, at even odds."""
        coefficients = softplus(self.steep), softplus(self.flat), self.shift
        return log_odds(cosine, first[:, None] * second, *coefficients)

    def calibration(self) -> MatchCalibration:
        """The polynomials."""
        a, b, c = (tuple(of.tolist()) for of in (softplus(self.steep), softplus(self.flat), self.shift))
        return MatchCalibration(a, b, c)


def photograph(
    bodies: Float[Tensor, "poses 14 3"], part: str | None
) -> tuple[Float[Tensor, "poses 13 2"], Bool[Tensor, "poses 13"]]:
    """What cameras and a detector make of bodies, from torch's global random state.

    Returns:
        Normalised points, 0 where nothing is visible, and which joints are; all pictures show `part`, or each its own
        if that is None.
    """
    count = len(bodies)
    seen = with_face(bodies, torch.rand(count))
    camera = CAMERAS.sample(count)
    points = camera.look(seen)
    points = torch.where(torch.rand(count, 1, 1) < EXCHANGED, points[:, MIRRORED], points)
    points = DETECTOR.shift(points, camera.torso)
    if part is None:
        drawn = torch.multinomial(torch.tensor(list(ODDS.values())), count, replacement=True)
        visible = torch.stack([show(name, count) for name in ODDS])[drawn, torch.arange(count)]
    else:
        visible = show(part, count)
    return normalize_keypoints(points, visible), visible


def compare(
    network: Encoder, bodies: Float[Tensor, "poses 14 3"]
) -> tuple[Float[Tensor, "poses poses"], Float[Tensor, "poses width"], Float[Tensor, "poses width"]]:
    """Cosines of all first pictures of bodies with all second ones, and the last hidden layer of both."""
    alike = torch.rand(()).item() < ALIKE
    part = list(ODDS)[int(torch.multinomial(torch.tensor(list(ODDS.values())), 1))] if alike else None
    with torch.no_grad():
        first, second = (network.features(network.layout(*photograph(bodies, part))) for _ in range(2))
        one, other = (normalize(network.heads(features)[0], dim=-1) for features in (first, second))
        return one @ other.T, first, second


def fit(
    network: Encoder, galleries: Sequence[Gallery], *, steps: int, seed: int
) -> tuple[nn.Linear, MatchCalibration, float]:
    """Fit the layer and the polynomials; seeds torch's global random state.

    Returns:
        Both, and the mean cross entropy of the last tenth of the steps, in nats: log 2 is knowing nothing.
    """
    torch.manual_seed(seed)
    some = torch.cat([torch.cat(compare(network, gallery.bodies)[1:]) for gallery in galleries[:AT_ONCE]])
    fitted = Fitted(some)
    groups: list[dict[str, Any]] = [
        {"params": fitted.read.parameters(), "weight_decay": 0.01},
        {"params": [fitted.steep, fitted.flat, fitted.shift]},
    ]
    optimizer = AdamW(groups, weight_decay=0)
    schedule = OneCycleLR(optimizer, [3e-3, 3e-2], total_steps=steps)
    losses = []
    for _ in (progress := tqdm(range(steps), unit="step")):
        loss = torch.zeros(())
        for chosen in torch.randint(len(galleries), (AT_ONCE,)).tolist():
            gallery = galleries[chosen]
            cosine, *views = compare(network, gallery.bodies)
            logit = fitted.logit(cosine, *(fitted.certainty(features) for features in views))
            loss += cross_entropy(logit, gallery.match) / AT_ONCE
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    last = losses[-max(1, steps // 10) :]
    return fitted.layer(), fitted.calibration(), sum(last) / len(last)
