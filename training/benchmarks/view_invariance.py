"""The picture of view-invariance: `python -m training.benchmarks.view_invariance --data FILE --out FILE.png`.

A camera walks once around each of some hundred poses that training has not seen. The lines show how similar what it
sees stays to its first picture of the same pose, and to its first picture of other poses: for normalised 2D keypoints
and for pose vectors.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from poseembed.plot import draw_skeleton
from training.datasets import mocap
from training.evaluation.command import CommandParser
from training.scene.cameras import Camera
from training.scene.world import to_world

POSES = 300
CAMERAS = 25
"""Stops of the camera on its way around; the last is the first again."""

SHOWN = 7
"""How many of them are drawn as skeletons."""

DISTANCE = 8.0
"""Of the camera, torso lengths: about 4 m."""


def walk_around(poses: Float[Tensor, "poses 13 3"]) -> Float[Tensor, "cameras poses 13 2"]:
    """What a level camera sees of each pose from `CAMERAS` places around it."""
    azimuth = torch.linspace(0, 2 * torch.pi, CAMERAS)[:, None].expand(-1, len(poses))
    level = torch.zeros_like(azimuth)
    return Camera(azimuth, level, level, level + DISTANCE).look(poses)


def similarities(
    pictures: Float[Tensor, "cameras poses 13 2"], embed: Callable[[Tensor], Tensor]
) -> tuple[Float[Tensor, "cameras poses"], Float[Tensor, "cameras others"]]:
    """Cosine to the first picture of the same pose, and to those of the others."""
    vectors = normalize(embed(pictures), dim=-1)
    cosine = vectors @ vectors[0].T
    others = ~torch.eye(cosine.shape[-1], dtype=torch.bool)
    return cosine.diagonal(dim1=-2, dim2=-1), cosine[:, others]


def draw(path: Path, pictures: Float[Tensor, "cameras poses 13 2"], encoder: PoseEncoder) -> None:
    """Draw the walk around the first pose, and the similarities of all."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 3), squeeze=False)[:, 0]
    degrees = np.linspace(0, 360, CAMERAS)
    stops = np.linspace(0, CAMERAS - 1, SHOWN).round().astype(int)
    for axes, stop in zip(above.subplots(1, SHOWN), stops, strict=True):
        draw_skeleton(axes, pictures[stop, 0])
        axes.axis("off")
        axes.set_title(f"{degrees[stop]:.0f}°", fontsize=10)
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "normalised 2D keypoints": lambda p: normalize_keypoints(p, torch.ones_like(p[..., 0]) > 0).flatten(-2),
        "z_pose": lambda p: encoder.embed(p).z_pose,
    }
    for axes, (name, embed) in zip(below.subplots(1, 2, sharey=True), kinds.items(), strict=True):
        for values, label, colour in zip(
            similarities(pictures, embed), ("the same pose", "other poses"), ("tab:green", "0.5"), strict=True
        ):
            low, middle, high = np.quantile(values.numpy(), (0.1, 0.5, 0.9), axis=1)
            axes.plot(degrees, middle, color=colour, label=label)
            axes.fill_between(degrees, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.set(title=name, xlabel="camera, degrees around the body", xlim=(0, 360), ylim=(-1.02, 1.02))
        axes.set_xticks(range(0, 361, 60))
        axes.legend(loc="lower left", title="median and middle 80 %")
    below.axes[0].set_ylabel("cosine to the view from 0°")
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.view_invariance`."""
    parser = CommandParser("training.benchmarks.view_invariance", __doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_weights()
    parser.add_seed("of the choice of poses")
    parser.add_out("picture, .png")
    options = parser.parse(arguments)
    with parser.refusing():
        joints = mocap.read(options.data).held_out()
        encoder = PoseEncoder.from_pretrained(options.weights)
    chosen = np.random.default_rng(options.seed).choice(len(joints), min(POSES, len(joints)), replace=False)
    poses = to_world(torch.from_numpy(joints[chosen]))
    draw(options.out, walk_around(poses), encoder)


if __name__ == "__main__":
    main()
