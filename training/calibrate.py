"""Fit how sure an encoder is, and what cosines are worth: `python -m training.calibrate FOLDER --data FILE...`.

Two things are fitted together to a finished encoder, whose directions stay as they are: the layer that gives each pose
vector a length, how sure the encoder is of the pose; and the polynomials of `poseembed.calibration.MatchCalibration`,
which turn the cosine and the lengths of two vectors into the probability of a match. Both go into the checkpoint. (One
that has such a layer gets a new one.)

What they learn from are galleries of the `train` split (`training.evaluation.galleries`). Two cameras see each pose,
from up to 60 degrees above and 30 below, and every first picture is compared with every second one. Whether two poses
match is known exactly: the NP-MPJPE of their bodies is under 0.1. The pictures of most galleries show the same part
of the body (`training.scene.parts`), those of the others any parts; all have the noise and the exchanged sides of
`DETECTOR` and `EXCHANGED`. The cross entropy of the probabilities is made small, matches and other pairs counting half
each in every gallery: a probability is right at even odds, and any prior can be put in later.

A probability is right for the mixture that it was fitted on. `training.benchmarks.reliability` shows how far it is off
where pictures or galleries are of one kind.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize, softplus
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.calibration import MatchCalibration, log_odds
from poseembed.keypoints import normalize_keypoints
from poseembed.network import Encoder, certainty_of
from poseembed.skeleton import MIRRORED
from training.datasets import mocap
from training.evaluation.command import CommandParser
from training.evaluation.galleries import Gallery, draw_galleries
from training.evaluation.pairs import balance
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.parts import PARTS, show
from training.scene.views import with_face

SIZE = 128
"""Most poses in a gallery."""

GALLERIES, STEPS, AT_ONCE = 400, 1000, 4
"""Galleries to compare pictures of, steps, and galleries a step; each is seen anew whenever it comes up."""

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


class Fitted(nn.Module):
    """What is fitted: the layer that gives lengths, and polynomials whose coefficients are held where they may be.

    Args:
        features: Last hidden layer of some pictures; the layer learns from what is scaled by their mean and spread.
    """

    def __init__(self, features: Float[Tensor, "pictures width"]) -> None:
        super().__init__()
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-3
        self.read = nn.Linear(features.shape[1], 1)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)
        steep, flat, shift = ([first] + [0.0] * (DEGREE - 1) for first in (12.0, -1.0, 4.0))
        self.steep, self.flat, self.shift = (nn.Parameter(torch.tensor(values)) for values in (steep, flat, shift))

    def certainty(self, features: Float[Tensor, "pictures width"]) -> Float[Tensor, " pictures"]:
        """How sure the encoder is of pictures."""
        return certainty_of(self.read((features - self.mean) / self.spread)).squeeze(-1)

    def logit(
        self, cosine: Float[Tensor, "n m"], first: Float[Tensor, " n"], second: Float[Tensor, " m"]
    ) -> Float[Tensor, "n m"]:
        """Of a match, at even odds."""
        coefficients = softplus(self.steep), softplus(self.flat), self.shift
        return log_odds(cosine, first[:, None] * second, *coefficients)

    def layer(self) -> nn.Linear:
        """The layer as the encoder has it, with weights that float16 holds."""
        layer = nn.Linear(len(self.mean), 1)
        layer.weight.data.copy_((self.read.weight / self.spread).half())
        layer.bias.data.copy_((self.read.bias - layer.weight @ self.mean).half())  # so what was rounded is made up for
        return layer

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
            weight = balance(gallery.match.flatten()).float().view_as(logit)
            loss += binary_cross_entropy_with_logits(logit, gallery.match.float(), weight, reduction="sum") / AT_ONCE
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    last = losses[-max(1, steps // 10) :]
    return fitted.layer(), fitted.calibration(), sum(last) / len(last)


def give_lengths(network: Encoder, layer: nn.Linear | None) -> Encoder:
    """A copy of a network without batch norm, with another layer that gives its pose vectors their lengths, or none."""
    config = replace(network.config, certainty=layer is not None)
    other = Encoder(config, batch_norm=False, dropout=0.0)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("certainty.")}
    if layer is not None:
        state |= {f"certainty.{name}": value for name, value in layer.state_dict().items()}
    other.load_state_dict(state)
    return other.eval().requires_grad_(False)


def write_calibration(
    folder: Path, calibration: MatchCalibration, how: dict[str, Any], network: Encoder | None = None
) -> None:
    """Put a calibration, how it was made and, if it is given, a network with new lengths into a checkpoint."""
    saved = checkpoint.read(folder)
    network = network or saved.network
    training = {**saved.config.training, "calibration": how}
    config = replace(saved.config, network=network.config, calibration=calibration, training=training)
    checkpoint.write(folder, replace(saved, config=config, network=network))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.calibrate`."""
    parser = CommandParser("training.calibrate", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to calibrate")
    parser.add_data()
    parser.add_count("--galleries", GALLERIES, "galleries to compare pictures of", least=AT_ONCE)
    parser.add_count("--steps", STEPS, f"steps, of {AT_ONCE} galleries each")
    parser.add_seed("of galleries, cameras and detector")
    options = parser.parse(arguments)
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    torch.set_flush_denormal(True)
    with parser.refusing():
        network = give_lengths(checkpoint.read(options.folder).network, None)
        recordings = [mocap.read(path) for path in options.data]
        drawn = draw_galleries(recordings, "train", SIZE, torch.Generator().manual_seed(options.seed))
        galleries = list(tqdm(islice(drawn, options.galleries), total=options.galleries, unit="gallery"))
    layer, calibration, loss = fit(network, galleries, steps=options.steps, seed=options.seed)
    how = {
        "data": [path.name for path in options.data],
        "galleries": len(galleries),
        "matches": sum(int(gallery.match.sum()) for gallery in galleries),
        "steps": options.steps,
        "detector": asdict(DETECTOR),
        "seed": options.seed,
    }
    write_calibration(options.folder, calibration, how, give_lengths(network, layer))
    print(f"cross entropy {loss:.3f} (of knowing nothing: {math.log(2):.3f}); {calibration}")
    print("probability of a match at even odds, by how sure the encoder is of both poses")
    certainties, cosines = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), torch.tensor([0.0, 0.4, 0.6, 0.8, 0.9, 1.0])
    print("   cosine" + "".join(f"{sure:8.1f}" for sure in certainties.tolist()))
    for cosine in cosines:
        row = calibration.probability(cosine.expand_as(certainties), certainties.square())
        print(f"{cosine:9.1f}" + "".join(f"{chance:8.3f}" for chance in row.tolist()))


if __name__ == "__main__":
    main()
