"""Fit a decoder to a finished encoder: `python -m training.decoder FOLDER --data FILE...` adds it to the checkpoint.

The encoder stays as it is. Bodies of the `train` split, made and seen much as the checkpoint's own training made and
saw them, go through it; the decoder learns to tell the 3D body from the last hidden layer and the camera from the view
vector (`poseembed.decoder`). A body counts by the mean distance of its joints, so that what cannot be known from a
picture is answered by a median body and not by a blurred mean. How far off each joint may be is learnt by the
likelihood of what was wrong.

Then performances of the `val` split are filmed by two cameras each and compared. From the deviations that are found
where nothing differs the line is chosen from which on joints count as different.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from poseembed import PoseEncoder, checkpoint
from poseembed.decoder import Decoder, DecoderConfig, Viewpoint
from poseembed.network import Encoder
from poseembed.skeleton import JOINTS
from training.datasets import mocap
from training.datasets.mocap import read_poses
from training.evaluation.alignment import DETECTORS, SHORTEST, Performance, performances
from training.evaluation.command import CommandParser, start
from training.evaluation.joints import choose_line, deviations_of_one
from training.evaluation.report import Table
from training.running.recipe import Recipe, load_recipe
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import ViewSampler

BATCH = 64
"""Bodies a step, each seen by two cameras."""

SCALE_WEIGHT = 0.02
"""Of the likelihood beside the distance in torso lengths, so that doubts do not cost what is read of joints."""

PAIRS, COMPARISONS, MEASURED = 1_000_000, 100, 10_000
"""Pairs of views to learn from, comparisons of performances, a file and kind of keypoints, to choose the line from, and
pairs of views that the errors are measured on, a kind of keypoints."""

REGIONS = (0.5, 0.9)
"""Shares of the errors that the regions should hold in which `Errors.coverage` counts them."""


@dataclass(frozen=True)
class Errors:
    """What a decoder gets wrong.

    Attributes:
        body: Mean distance of each of the 13 joints in 3D, torso lengths.
        coverage: For each of `REGIONS`, the share of the errors of each joint within it.
        direction: Median angle between the camera's direction and the one that was read, degrees.
    """

    body: Float[Tensor, "13"]
    coverage: Float[Tensor, "regions 13"]
    direction: float


def views(
    recipe: Recipe, joints: Float[np.ndarray, "poses 13 3"], nose: Float[np.ndarray, "poses 3"], device: torch.device
) -> ViewSampler:
    """Poses as a recipe shows them to the encoder, but for what only an encoder has to bear with.

    Which way is down has to be told, so that few bodies are tipped over, and no camera is that nobody held upright; the
    body is the one that the picture shows; and its poses are those that people take.
    """
    variation = replace(recipe.variation, people=0.0, tilt=0.05, rare=0.5, bend=0.02, recombine=0.03)
    cameras, detector = replace(recipe.cameras, rolled=0.0), replace(recipe.detector, noise=0.05)
    return ViewSampler(Bodies(joints, nose, variation).to(device), cameras, detector)


def fit(encoder: Encoder, sampler: ViewSampler, config: DecoderConfig, *, pairs: int, seed: int) -> Decoder:
    """A decoder for an encoder; seeds torch's global random state."""
    torch.manual_seed(seed)
    device = sampler.device
    decoder = Decoder(encoder.config, config).to(device)
    steps = -(-pairs // BATCH)
    optimizer = AdamW(decoder.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    for _ in (progress := tqdm(range(steps), unit="step", miniters=100)):
        batch = sampler.sample(BATCH)
        inputs = encoder.layout(batch.points, batch.visible).flatten(0, 1)
        with torch.no_grad():
            features = encoder.features(inputs)
            _, z_view = encoder.heads(features)
        joints, whitening = decoder.whitened(features, inputs)
        wrong = joints - batch.body.repeat(2, 1, 1)
        body = wrong.norm(dim=-1).mean()
        doubt = _unlikelihood(wrong.detach(), whitening).mean()
        camera = (decoder.read_camera(z_view) - batch.known_camera().flatten(0, 1)).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(body + SCALE_WEIGHT * doubt + camera)
        optimizer.step()
        schedule.step()
        progress.set_postfix(body=f"{body.item():.3f}", camera=f"{camera.item():.3f}", refresh=False)
    return decoder.eval()


@torch.no_grad()
def evaluate(encoder: Encoder, decoder: Decoder, sampler: ViewSampler, *, pairs: int, seed: int) -> Errors:
    """Errors on views of `sampler`; seeds torch's global random state."""
    torch.manual_seed(seed)
    batch = sampler.sample(pairs)
    inputs = encoder.layout(batch.points, batch.visible).flatten(0, 1)
    features = encoder.features(inputs)
    joints, whitening = decoder.whitened(features, inputs)
    wrong = joints - batch.body.repeat(2, 1, 1)
    rank = _region(_size(wrong, whitening))
    truth = Viewpoint.decode(batch.known_camera().flatten(0, 1))
    cosine = (decoder.viewpoint(encoder.heads(features)[1]).direction * truth.direction).sum(-1).clamp(-1, 1)
    return Errors(
        body=wrong.norm(dim=-1).mean(0),
        coverage=torch.stack([(rank < share).float().mean(0) for share in REGIONS]),
        direction=cosine.arccos().rad2deg().median().item(),
    )


def _size(wrong: Float[Tensor, "n 13 3"], whitening: Float[Tensor, "n 13 3 3"]) -> Float[Tensor, "n 13"]:
    """Errors in units of the scale that was read for them."""
    return (whitening @ wrong[..., None])[..., 0].norm(dim=-1)


def _unlikelihood(wrong: Float[Tensor, "n 13 3"], whitening: Float[Tensor, "n 13 3 3"]) -> Float[Tensor, "n 13"]:
    """Minus the logarithm of the density that `Decoder.whitened` states, but for a constant."""
    return _size(wrong, whitening) - whitening.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _region(size: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Share of a Laplace distribution of three dimensions that lies nearer to its middle: a gamma distribution's."""
    return torch.special.gammainc(torch.full_like(size, 3), size)


def kept(data: Sequence[Path]) -> Iterator[list[Performance]]:
    """The performances of the `val` split of each file that has any."""
    for path in data:
        recording = mocap.read(path)
        if recording.evaluation_splits() and (found := performances(recording)):
            yield found


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.decoder`."""
    parser = CommandParser("training.decoder", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to fit a decoder to")
    parser.add_data()
    parser.add_argument("--recipe", default="poseembed_base", help="whose bodies and detector (default: %(default)s)")
    parser.add_count("--width", 512, "units of a hidden layer")
    parser.add_count("--pairs", PAIRS, "of views to learn from")
    parser.add_count(
        "--comparisons", COMPARISONS, "of performances, a file and kind of keypoints, to choose the line from"
    )
    parser.add_seed("of everything random")
    parser.add_device()
    options = parser.parse(arguments)
    if not options.folder.is_dir():
        parser.error(f"no such folder: {options.folder}")
    device = start(options.device)
    saved = checkpoint.read(options.folder)
    if saved.config.network.view_dim == 0:
        parser.error(f"{options.folder} has no view vectors, so there is no camera to read")
    recipe, encoder = load_recipe(options.recipe), saved.network.to(device)
    # to find none after the work is too late
    unseen, compared = Bodies(*read_poses(options.data, "val"), Variation()).to(device), list(kept(options.data))
    if not compared:
        parser.error(f"the val split has no well-tracked clip of {SHORTEST} frames, so there is nothing to compare")
    decoder = (
        fit(
            encoder,
            views(recipe, *read_poses(options.data, "train"), device),
            DecoderConfig(options.width),
            pairs=options.pairs,
            seed=options.seed,
        )
        .half()
        .float()
    )  # as it is written, so that what is measured is what is shipped
    for name, detector in DETECTORS.items():
        sampler = ViewSampler(unseen, CameraRange(), detector or Detector())
        print(text(name, evaluate(encoder, decoder, sampler, pairs=MEASURED, seed=options.seed)))
    how = {
        "data": [path.name for path in options.data],
        "recipe": options.recipe,
        "pairs": options.pairs,
        "comparisons": options.comparisons,
        "seed": options.seed,
    }
    config = replace(saved.config, training={**saved.config.training, "decoder": how})
    fitted = replace(saved, config=config, network=encoder.cpu()).fitted(decoder.cpu())
    reader, several, seed = PoseEncoder(fitted), options.comparisons, options.seed
    line = choose_line(
        [
            list(deviations_of_one(clips, reader, {name: detector}, pairs=several, seed=seed))
            for clips in compared
            for name, detector in DETECTORS.items()
        ]
    )
    decoder.config = replace(decoder.config, line=line)
    checkpoint.write(options.folder, fitted.fitted(decoder))
    print(f"joints of two performances differ from {line:g} standard deviations on")


def text(keypoints: str, errors: Errors) -> str:
    """What is printed of errors: their means, and by joint."""
    shares = ", ".join(
        f"{100 * row.mean():.0f} % where {100 * share:.0f} % should be"
        for share, row in zip(REGIONS, errors.coverage, strict=True)
    )
    rows = [
        [joint.replace("_", " "), f"{error:.3f}", *(f"{100 * share:.0f} %" for share in within)]
        for joint, error, within in zip(JOINTS, errors.body, errors.coverage.T, strict=True)
    ]
    table = Table(
        ["joint", "off", *(f"of {100 * share:.0f} %" for share in REGIONS)], rows, f"val, keypoints {keypoints}"
    )
    return (
        f"{table.text()}\nbody {errors.body.mean():.3f} torso lengths a joint, {shares}; "
        f"camera {errors.direction:.1f} degrees"
    )


if __name__ == "__main__":
    main()
