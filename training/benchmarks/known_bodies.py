"""How much two incomplete pictures hold: cross-view retrieval by a reader without an encoder, that knows 3D bodies.

`python -m training.benchmarks.known_bodies --data FILE --out results.json`

The trials are those of `training.benchmarks.retrieval`. A picture is read as a distribution over a set of bodies: how
likely each is to have been seen so by some camera, over a grid of azimuths, elevations and distances, with the roll
and the scale fitted and every joint off by Gaussian noise. Two pictures are as alike as their distributions overlap
(Bhattacharyya's coefficient). The bodies are either the gallery's own, which no encoder knows and which show what the
pictures tell; or poses of the `train` split, which is what an encoder has to go by.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor
from tqdm import tqdm

from training.benchmarks.retrieval import GALLERY, RANKS, SAME_POSE, Condition, Trial, draw_poses, make_trial
from training.datasets import mocap
from training.evaluation.report import write_json
from training.scene.cameras import Camera, CameraRange
from training.scene.metrics import np_mpjpe

STEP = math.pi / 30
"""Between the grid's azimuths, and its elevations."""

DISTANCES = 3
"""Of the grid, evenly spaced in their inverse, for that is what bends a picture."""


@dataclass(frozen=True)
class Result:
    """What the reader found; `hits` holds the share of the queries with a hit at each of `RANKS`."""

    data: str
    bodies: str
    deviation: float
    condition: Condition
    hits: dict[int, float]


@dataclass(frozen=True)
class CameraGrid:
    """Cameras at evenly spaced places of a `CameraRange`, none of them rolled, and how likely each is to be drawn.

    Attributes:
        camera: All of them.
        log_prior: Up to a constant.
    """

    camera: Camera
    log_prior: Float[Tensor, " cameras"]


def camera_grid(cameras: CameraRange, *, step: float, distances: int) -> CameraGrid:
    """Lay the grid."""
    azimuths = torch.arange(*cameras.azimuth, step)
    low, high = cameras.elevation
    elevations = torch.linspace(low, high, round((high - low) / step) + 1)
    near, far = cameras.distance
    inverses = torch.linspace(1 / far, 1 / near, distances)
    azimuth, elevation, inverse = (
        axis.flatten() for axis in torch.meshgrid(azimuths, elevations, inverses, indexing="ij")
    )
    # Distances are drawn evenly, so their inverses with a density that falls with the square.
    camera = Camera(azimuth, elevation, torch.zeros_like(azimuth), 1 / inverse)
    return CameraGrid(camera, -2 * inverse.log())


def log_likelihood(
    bodies: Float[Tensor, "bodies 13 3"],
    points: Float[Tensor, "pictures 13 2"],
    visible: Bool[Tensor, "pictures 13"],
    *,
    deviation: float,
    cameras: CameraRange,
    grid: CameraGrid,
) -> Float[Tensor, "pictures bodies"]:
    """How likely it is that a picture shows a body, up to a constant of the picture.

    Points are complex numbers, so that turning and scaling is one product, and the best place, turn and scale of a
    picture on a projection have a closed form. It is the picture that is moved onto the projection, where a torso's
    length is 1: `deviation` is then the noise of both.

    Args:
        bodies: z up, from the hips, in torso lengths.
        points: Picture points (x, y), y down, in any unit.
        visible: Which of them count.
        deviation: Of a visible joint from its place, torso lengths.
        cameras: How far a picture may be rolled (as far to one side as to the other).
        grid: Where the cameras stand.
    """
    roll = cameras.roll[1]
    shown = visible.float()
    count = shown.sum(1)
    picture = torch.view_as_complex(points.contiguous()) * shown
    picture = (picture - (picture.sum(1) / count)[:, None]) * shown
    picture = picture / picture.abs().square().sum(1).sqrt()[:, None]
    along = torch.cat([picture.real, picture.imag], 1).mT
    across = torch.cat([picture.imag, -picture.real], 1).mT
    mean = (shown / count.sqrt()[:, None]).mT
    likelihood = torch.empty(len(points), len(bodies))
    for index, body in enumerate(bodies):
        x, y = (grid.camera.look(body) * grid.camera.distance[:, None, None]).unbind(-1)
        both = torch.cat([x, y], 1)
        cosine, sine = both @ along, (both @ across).abs()
        size = (x * x + y * y) @ shown.mT - (x @ mean).square() - (y @ mean).square()
        # The turn is free up to the range's end, where a picture that would need more has to stay.
        at_end = (cosine * math.cos(roll) + sine * math.sin(roll)).clamp_min(0).square()
        explained = torch.where(cosine * math.tan(roll) >= sine, cosine * cosine + sine * sine, at_end)
        likelihood[:, index] = ((explained - size) / (2 * deviation**2) + grid.log_prior[:, None]).logsumexp(0)
    return likelihood


def read(
    trial: Trial, bodies: Float[Tensor, "bodies 13 3"], *, queries: int, deviation: float, label: str
) -> Float[Tensor, "queries gallery"]:
    """How alike the first queries and the gallery's pictures are: the overlap of their distributions over `bodies`."""
    cameras = CameraRange()
    grid = camera_grid(cameras, step=STEP, distances=DISTANCES)
    chunks = list(zip(trial.points[0][:queries].split(250), trial.visible[0][:queries].split(250), strict=True))
    asked = len(chunks)
    chunks += zip(trial.points[1].split(250), trial.visible[1].split(250), strict=True)
    roots = [
        log_likelihood(bodies, points, visible, deviation=deviation, cameras=cameras, grid=grid).softmax(1).sqrt()
        for points, visible in tqdm(chunks, desc=label, unit="chunk")
    ]
    return torch.cat(roots[:asked]) @ torch.cat(roots[asked:]).mT


def hit_rates(trial: Trial, similarity: Float[Tensor, "queries gallery"]) -> dict[int, float]:
    """Share of the queries with a hit at each of `RANKS`."""
    best = similarity.topk(max(RANKS)).indices
    of_query = trial.poses[: len(best), None].expand(-1, max(RANKS), -1, -1)
    same = np_mpjpe(of_query, trial.poses[best]) < SAME_POSE
    return {rank: same[:, :rank].any(1).float().mean().item() for rank in RANKS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.known_bodies`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.known_bodies", description=summary)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="motion capture with splits, .npz")
    parser.add_argument("--queries", type=int, default=500, help="of the trial's 3,000 (default: %(default)s)")
    parser.add_argument("--train-bodies", type=int, default=6000, help="of the train split (default: %(default)s)")
    parser.add_argument("--missing", type=int, default=4, help="joints missing (default: %(default)s)")
    parser.add_argument("--noise", type=float, default=0.05, help="torso lengths (default: %(default)s)")
    parser.add_argument(
        "--body-deviation",
        type=float,
        default=0.1,
        help="how far a joint of the nearest train body is off, torso lengths (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if not 1 <= options.queries <= GALLERY or not 0 <= options.missing <= 11:
        parser.error(f"--queries must be from 1 to {GALLERY}, --missing from 0 to 11")
    if not (options.noise > 0 and options.body_deviation >= 0):
        parser.error(
            "--noise must be above 0, for an exact picture fits no camera of a grid, --body-deviation at least 0"
        )
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    try:
        recordings = mocap.read(options.data)
        held_out, known = recordings.poses("val")[0], recordings.poses("train")[0]
        trial = make_trial(held_out, Condition(options.missing, options.noise), seed=0)
        if not 1 <= options.train_bodies <= len(known):
            parser.error(f"--train-bodies must be from 1 to {len(known)}, the poses of the train split")
        train = draw_poses(known, options.train_bodies, Generator().manual_seed(1))
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    condition = Condition(options.missing, options.noise)
    results = []
    readers = {
        "the gallery's own": (trial.poses, options.noise),
        "of train": (train, math.hypot(options.noise, options.body_deviation)),
    }
    for label, (bodies, deviation) in readers.items():
        similarity = read(trial, bodies, queries=options.queries, deviation=deviation, label=label)
        hits = hit_rates(trial, similarity)
        results.append(Result(options.data.stem, label, deviation, condition, hits))
        write_json(options.out, [asdict(result) for result in results])
    print(f"{condition}; bodies known: " + " ".join(f"{f'hit@{rank}':>8}" for rank in RANKS))
    for result in results:
        print(f"{result.bodies:20}" + " ".join(f"{100 * result.hits[rank]:8.1f}" for rank in RANKS))


if __name__ == "__main__":
    main()
