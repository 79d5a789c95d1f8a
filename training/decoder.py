"""Fit a decoder to a finished encoder: `python -m training.decoder FOLDER --data FILE...` adds it to the checkpoint.

The encoder stays as it is. Bodies of the `train` split, made and seen as the checkpoint's own training made and saw
them, give it pairs of vectors; the decoder learns to tell the 3D body from the pose vector and the camera from the view
vector (`poseembed.decoder`). A body counts by the mean distance of its joints, so that what cannot be known from a
picture is answered by a median body and not by a blurred mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.decoder import Decoder, DecoderConfig, Viewpoint, look
from poseembed.network import Encoder
from training.datasets.mocap import read_poses
from training.evaluation.command import CommandParser, start
from training.running.recipe import load_recipe
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import ViewSampler

BATCH = 512
"""Bodies a step, each seen by two cameras."""


@dataclass(frozen=True)
class Errors:
    """What a decoder gets wrong on complete views, from the same and from another camera.

    Attributes:
        body: Mean distance of the joints in 3D, torso lengths.
        direction: Median angle between the camera's direction and the one that was read, degrees.
        guide: Mean distance of the joints in the picture, torso lengths, where the pose comes from one view and the
            camera from another.
    """

    body: float
    direction: float
    guide: float


def fit(encoder: Encoder, sampler: ViewSampler, config: DecoderConfig, *, pairs: int, seed: int) -> Decoder:
    """A decoder for an encoder; seeds torch's global random state."""
    torch.manual_seed(seed)
    device = sampler.device
    decoder = Decoder(encoder.config, config).to(device)
    steps = -(-pairs // BATCH)
    optimizer = AdamW(decoder.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    for _ in (progress := tqdm(range(steps), unit="step")):
        batch = sampler.sample(BATCH)
        with torch.no_grad():
            z_pose, z_view = encoder(encoder.layout(batch.points, batch.visible).flatten(0, 1))
        body = (decoder.body(z_pose) - batch.body.repeat(2, 1, 1)).norm(dim=-1).mean()
        camera = (decoder.read_camera(z_view) - batch.known_camera().flatten(0, 1)).square().mean()
        optimizer.zero_grad()
        torch.autograd.backward(body + camera)
        optimizer.step()
        schedule.step()
        progress.set_postfix(body=f"{body.item():.3f}", camera=f"{camera.item():.3f}", refresh=False)
    return decoder.eval()


@torch.no_grad()
def evaluate(encoder: Encoder, decoder: Decoder, sampler: ViewSampler, *, pairs: int, seed: int) -> Errors:
    """Errors on views of `sampler`; seeds torch's global random state."""
    torch.manual_seed(seed)
    batch = sampler.sample(pairs)
    (pose, _), (_, view) = (encoder(inputs) for inputs in encoder.layout(batch.points, batch.visible))
    truth = Viewpoint.decode(batch.known_camera()[1])
    cosine = (decoder.viewpoint(view).direction * truth.direction).sum(-1).clamp(-1, 1)
    return Errors(
        body=_distance(decoder.body(pose), batch.body),
        direction=cosine.arccos().rad2deg().median().item(),
        guide=_distance(decoder(pose, view), look(batch.body, truth)),
    )


def _distance(first: Float[Tensor, "n 13 dims"], second: Float[Tensor, "n 13 dims"]) -> float:
    return (first - second).norm(dim=-1).mean().item()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.decoder`."""
    parser = CommandParser("training.decoder", __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="checkpoint to fit a decoder to")
    parser.add_data()
    parser.add_argument("--recipe", default="poseembed_base", help="whose bodies and detector (default: %(default)s)")
    parser.add_count("--width", 512, "units of a hidden layer")
    parser.add_count("--pairs", 3_000_000, "of views to learn from")
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

    def sampler(split: str, variation: Variation, cameras: CameraRange, detector: Detector) -> ViewSampler:
        bodies = Bodies(*read_poses(options.data, split), variation).to(device)
        return ViewSampler(bodies, cameras, detector)

    complete = sampler("val", Variation(), CameraRange(), Detector())  # to find none after the work is too late
    decoder = (
        fit(
            encoder,
            sampler("train", recipe.variation, recipe.cameras, recipe.detector),
            DecoderConfig(options.width),
            pairs=options.pairs,
            seed=options.seed,
        )
        .half()
        .float()
    )  # as it is written, so that what is measured is what is shipped
    errors = evaluate(encoder, decoder, complete, pairs=10_000, seed=options.seed)
    how = {
        "data": [path.name for path in options.data],
        "recipe": options.recipe,
        "pairs": options.pairs,
        "seed": options.seed,
    }
    config = replace(saved.config, training={**saved.config.training, "decoder": how})
    checkpoint.write(options.folder, replace(saved, config=config, network=encoder.cpu()).fitted(decoder.cpu()))
    print(
        f"val, complete views: body {errors.body:.3f} torso lengths a joint, camera {errors.direction:.1f} degrees, "
        f"body of one view before the camera of another {errors.guide:.3f} torso lengths a joint"
    )


if __name__ == "__main__":
    main()
