"""A reader without an encoder, that knows 3D bodies: how much two pictures hold.

A picture is read as a distribution over a set of bodies: how likely each is to have been seen so by some camera, over a
grid of azimuths, elevations and distances, with the roll and the scale fitted and every joint off by Gaussian noise.
Two pictures are as alike as their distributions overlap (Bhattacharyya's coefficient).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from tqdm import tqdm

from training.evaluation.conditions import Condition
from training.evaluation.retrieval import RANKS, SAME_POSE, Trial
from training.scene.cameras import Camera, CameraRange
from training.scene.metrics import np_mpjpe

STEP = math.pi / 30
"""Between the grid's azimuths, and its elevations, radians."""

DISTANCES = 3
"""Of the grid, evenly spaced in their inverse, for that is what bends a picture."""


@dataclass(frozen=True)
class KnownBodiesResult:
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
    trial: Trial,
    bodies: Float[Tensor, "bodies 13 3"],
    *,
    queries: int,
    deviation: float,
    label: str,
    step: float = STEP,
) -> Float[Tensor, "queries gallery"]:
    """How alike the first queries and the gallery's pictures are: the overlap of their distributions over `bodies`.

    Args:
        trial: The pictures.
        bodies: z up, from the hips, in torso lengths.
        queries: How many of the trial's are asked.
        deviation: Of a visible joint from its place, torso lengths.
        label: Of the progress bar.
        step: Between the grid's azimuths, and its elevations, radians.
    """
    cameras = CameraRange()
    grid = camera_grid(cameras, step=step, distances=DISTANCES)
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
