"""Nearest neighbours in pose space and in view space, as in Figure 4 of the paper.

A trial draws poses and two virtual cameras for each, as retrieval does. The pictures of the first camera are queries,
those of the second the gallery. A pose vector should find the same pose, from whatever side: hit@k, with an NP-MPJPE
under 0.1. A view vector should find the same side, in whatever pose: the angle between the directions from the hips to
the two cameras, each in the frame of its own body's heading. Chance is the median over all pictures of the gallery; the
best possible takes the gallery's nearest direction. Both vectors are compared by one distance, the one that suited the
system's pose vectors on the val split (`training.evaluation.compared`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from training.evaluation.compared import Compared
from training.evaluation.neighbours_picture import Neighbour, Row
from training.evaluation.retrieval import GALLERY, Trial, draw_poses, hit_rates
from training.scene.cameras import CameraRange
from training.scene.metrics import degrees_of_chord, np_mpjpe
from training.scene.world import heading

TRIALS = 3

RANKS = (1, 5, 10, 20)

NEIGHBOURS = 5
"""Neighbours in the picture; those in view space are also measured together."""

BOUNDS = ("best possible", "chance")
"""What finds the directions nearest to the query's, and what finds any pictures."""


@dataclass(frozen=True)
class Views:
    """What one camera after the other saw of poses.

    Attributes:
        points: Picture points (x, y), y down.
        towards: The direction from the hips to the camera in the frame of the body's heading, a unit vector.
    """

    points: Float[Tensor, "poses 13 2"]
    towards: Float[Tensor, "poses 3"]


@dataclass(frozen=True)
class Gallery:
    """Poses, and two pictures of each.

    Attributes:
        poses: Torso lengths, z up, from the hips.
        queries: The pictures to search for.
        pictures: The pictures to search in.
    """

    poses: Float[Tensor, "poses 13 3"]
    queries: Views
    pictures: Views


@dataclass(frozen=True)
class NeighboursResult:
    """What one system found in one trial.

    Attributes:
        data: File that the poses are from.
        system: Whose vectors, or one of `BOUNDS`.
        trial: Seed of the draw.
        hits: Share of the queries with a hit at each of `RANKS` in pose space; empty for bounds.
        degrees: Median angle between the directions to the query's camera and to that of the nearest picture in view
            space, and of the nearest `NEIGHBOURS`, by these numbers. Empty without a view vector.
    """

    data: str
    system: str
    trial: int
    hits: dict[int, float]
    degrees: dict[int, float]


def draw_gallery(poses: Float[np.ndarray, "frames 13 3"], *, seed: int, size: int = GALLERY) -> Gallery:
    """Draw a trial's poses and cameras.

    Args:
        poses: Metres, y up.
        seed: Of the draw.
        size: Poses in the trial.

    Raises:
        ValueError: If there are fewer poses than that.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_poses(poses, size, generator)
    return Gallery(drawn, _see(drawn, generator), _see(drawn, generator))


def _see(poses: Float[Tensor, "poses 13 3"], generator: Generator) -> Views:
    camera = CameraRange().sample(len(poses), generator=generator)
    return Views(camera.look(poses), camera.viewpoint(heading(poses)).direction)


def degrees_apart(
    first: Float[Tensor, "queries 3"], second: Float[Tensor, "pictures 3"]
) -> Float[Tensor, "queries pictures"]:
    """Angles between unit vectors."""
    chord = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")
    return degrees_of_chord(chord)


def nearest(
    queries: Float[Tensor, "queries dim"], pictures: Float[Tensor, "pictures dim"], count: int
) -> Int[Tensor, "queries count"]:
    """The pictures nearest to each query by Euclidean distance, the nearest first."""
    return torch.cdist(queries, pictures).topk(count, largest=False).indices


def measure(gallery: Gallery, compared: Compared) -> tuple[dict[int, float], dict[int, float]]:
    """`NeighboursResult.hits` and `NeighboursResult.degrees` of a system."""
    everything = torch.ones(gallery.queries.points.shape[:2], dtype=torch.bool)
    pair = (gallery.queries.points, gallery.pictures.points)
    hits = hit_rates(Trial(gallery.poses, pair, (everything, everything)), compared.pose_vectors, RANKS)
    if not compared.encoder.view_dim:
        return hits, {}
    queries, pictures = (compared.view_vectors(points, everything) for points in pair)
    found = nearest(queries, pictures, NEIGHBOURS)
    return hits, _medians(degrees_apart(gallery.queries.towards, gallery.pictures.towards).gather(1, found))


def measure_bounds(gallery: Gallery) -> dict[str, dict[int, float]]:
    """`NeighboursResult.degrees` of each of `BOUNDS`."""
    apart = degrees_apart(gallery.queries.towards, gallery.pictures.towards)
    chance = apart.median().item()
    best = _medians(apart.topk(NEIGHBOURS, largest=False).values)
    return dict(zip(BOUNDS, (best, dict.fromkeys(best, chance)), strict=True))


def _medians(error: Float[Tensor, "queries neighbours"]) -> dict[int, float]:
    return {count: error[:, :count].median().item() for count in (1, NEIGHBOURS)}


def look_up(gallery: Gallery, compared: Compared, queries: Sequence[int]) -> list[Row]:
    """Some queries with their `NEIGHBOURS` nearest neighbours in either space."""
    everything = torch.ones(gallery.queries.points.shape[:2], dtype=torch.bool)
    chosen = list(queries)
    apart = degrees_apart(gallery.queries.towards[chosen], gallery.pictures.towards)
    spaces = []
    for embed in (compared.pose_vectors, compared.view_vectors):
        asked = embed(gallery.queries.points[chosen], everything[chosen])
        found = nearest(asked, embed(gallery.pictures.points, everything), NEIGHBOURS)
        errors = np_mpjpe(gallery.poses[chosen][:, None].expand(-1, NEIGHBOURS, -1, -1), gallery.poses[found])
        rows = zip(gallery.pictures.points[found], errors.tolist(), apart.gather(1, found).tolist(), strict=True)
        spaces.append([list(map(Neighbour, *row)) for row in rows])
    return list(map(Row, gallery.queries.points[chosen], *spaces))


def run(
    data: Mapping[str, Float[np.ndarray, "_frames 13 3"]], compared: Sequence[Compared], *, size: int = GALLERY
) -> Iterator[NeighboursResult]:
    """Measure everything, in trials of `size` poses; yields results as soon as each is there."""
    for name, poses in data.items():
        for trial in range(TRIALS):
            gallery = draw_gallery(poses, seed=trial, size=size)
            for one in compared:
                yield NeighboursResult(name, one.label, trial, *measure(gallery, one))
            for bound, degrees in measure_bounds(gallery).items():
                yield NeighboursResult(name, bound, trial, {}, degrees)
