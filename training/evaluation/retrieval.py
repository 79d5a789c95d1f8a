"""Cross-view retrieval: trials, and how many of their queries find the same pose.

A trial draws poses and two virtual cameras for each: one sees the query, the other the gallery's picture of it. For
each query the whole gallery is ranked; it is a hit at k if one of the first k has an NP-MPJPE under `SAME_POSE` to the
query, which counts near-identical frames of the same motion as the same pose. Cameras, unless it is said otherwise: any
azimuth, elevation and roll within 30 degrees, 3 to 12 torso lengths away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from training.evaluation.conditions import Condition
from training.evaluation.report import Table, spread
from training.evaluation.representations import Embed
from training.scene.cameras import CameraRange
from training.scene.metrics import np_mpjpe
from training.scene.world import to_world

GALLERY = 3000
"""Poses in a trial."""

SAME_POSE = 0.1
"""NP-MPJPE under which two poses are the same, torso lengths."""

RANKS = (1, 10, 20)

_AT_ONCE = 2**16  # pairs of poses that are compared together: a few of them are slow, many need memory


@dataclass(frozen=True)
class Trial:
    """Poses and the two pictures of each.

    Attributes:
        poses: The 3D poses, z up, in any unit.
        points: Query and gallery pictures (x, y), y down.
        visible: Which joints they show.
    """

    poses: Float[Tensor, "poses 13 3"]
    points: tuple[Float[Tensor, "poses 13 2"], Float[Tensor, "poses 13 2"]]
    visible: tuple[Bool[Tensor, "poses 13"], Bool[Tensor, "poses 13"]]


AnyCondition = TypeVar("AnyCondition")
"""What becomes of pictures, or of clips; its text says it."""


@dataclass(frozen=True)
class RetrievalResult(Generic[AnyCondition]):
    """What one representation found in one trial; `hits` holds the share of queries with a hit at each of `RANKS`."""

    data: str
    representation: str
    condition: AnyCondition
    trial: int
    hits: dict[int, float]


def tables(results: Sequence[RetrievalResult[Any]]) -> Iterator[Table]:
    """A table a file and condition: per cent, mean and standard deviation over trials."""
    for data, condition in dict.fromkeys((result.data, result.condition) for result in results):
        here = [result for result in results if (result.data, result.condition) == (data, condition)]
        rows = []
        for name in dict.fromkeys(result.representation for result in here):
            trials = [result.hits for result in here if result.representation == name]
            rows.append([name, *(spread([100 * hits[rank] for hits in trials]) for rank in RANKS)])
        yield Table(["", *(f"hit@{rank}" for rank in RANKS)], rows, f"{data}, {condition}")


def draw_poses(
    poses: Float[np.ndarray, "frames 13 3"], count: int, generator: Generator
) -> Float[Tensor, "count 13 3"]:
    """Draw a gallery's poses, each once, and place them as cameras see them: z up, the torso 1 long.

    Raises:
        ValueError: If there are fewer.
    """
    if len(poses) < count:
        raise ValueError(f"got {len(poses)} poses; a gallery takes {count}")
    chosen = torch.randperm(len(poses), generator=generator)[:count]
    return to_world(torch.from_numpy(poses)[chosen])


def make_trial(
    poses: Float[np.ndarray, "frames 13 3"],
    condition: Condition,
    *,
    seed: int,
    size: int = GALLERY,
    cameras: CameraRange | None = None,
) -> Trial:
    """Draw a trial's poses, cameras and missing joints.

    Args:
        poses: Metres, y up; each torso is brought to length 1.
        condition: What becomes of the pictures; the poses and the cameras do not depend on it.
        seed: Of the draw.
        size: Poses in the trial.
        cameras: Where the cameras stand; None is `CameraRange()`.

    Raises:
        ValueError: If there are fewer poses than that.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_poses(poses, size, generator)
    stand = cameras or CameraRange()
    (query, query_torso), (gallery, gallery_torso) = (_picture(drawn, stand, generator) for _ in range(2))
    shown = tuple(torch.rand(size, 13, generator=generator).argsort(-1) >= condition.missing for _ in range(2))
    query, gallery = (
        points + condition.noise * torso[:, None, None] * torch.randn(points.shape, generator=generator)
        for points, torso in ((query, query_torso), (gallery, gallery_torso))
    )
    return Trial(drawn, (query, gallery), (shown[0], shown[1]))


def _picture(
    poses: Float[Tensor, "poses 13 3"], cameras: CameraRange, generator: Generator
) -> tuple[Float[Tensor, "poses 13 2"], Float[Tensor, " poses"]]:
    """What random cameras see, and how long a torso is in each picture."""
    camera = cameras.sample(len(poses), generator=generator)
    return camera.look(poses), camera.torso


def check_enough(data: Mapping[str, Float[np.ndarray, "_frames 13 3"]], size: int) -> None:
    """Refuse data from which no trial can be drawn, before anything is measured.

    Raises:
        ValueError: If a data set has fewer poses than a trial.
    """
    for name, poses in data.items():
        if len(poses) < size:
            raise ValueError(f"{name}: got {len(poses)} poses; a gallery takes {size}, or as many as --poses says")


def same_pose(poses: Float[Tensor, "poses 13 3"], *, limit: float = SAME_POSE) -> Bool[Tensor, "poses poses"]:
    """Whether each pose (a row) as a query counts each pose (a column) as a hit: NP-MPJPE below `limit`."""
    count = len(poses)
    rows = [
        np_mpjpe(queries[:, None].expand(-1, count, -1, -1), poses.expand(len(queries), -1, -1, -1)) < limit
        for queries in poses.split(max(1, _AT_ONCE // count))
    ]
    return torch.cat(rows)


def hit_rates(
    trial: Trial, embed: Embed, ranks: Sequence[int] = RANKS, *, embed_gallery: Embed | None = None
) -> dict[int, float]:
    """Share of the queries with a hit at each of `ranks`.

    Args:
        trial: The pictures.
        embed: Represents them.
        ranks: At least 1.
        embed_gallery: Represents the gallery's; the same as the queries if None.
    """
    embeds = embed, embed_gallery or embed
    query, gallery = (of(*seen) for of, *seen in zip(embeds, trial.points, trial.visible, strict=True))
    return hits(query, gallery, trial.poses, ranks)


def hits(
    query: Float[Tensor, "poses dim"],
    gallery: Float[Tensor, "poses dim"],
    poses: Float[Tensor, "poses 13 3"],
    ranks: Sequence[int] = RANKS,
) -> dict[int, float]:
    """Share of the queries with a hit at each of `ranks`, of vectors of the same poses in two views."""
    nearest = torch.cdist(query, gallery).topk(max(ranks), largest=False).indices
    same = np_mpjpe(poses[:, None].expand(-1, max(ranks), -1, -1), poses[nearest]) < SAME_POSE
    return {rank: same[:, :rank].any(1).float().mean().item() for rank in ranks}


def run(
    data: dict[str, Float[np.ndarray, "_frames 13 3"]],
    representations: dict[str, tuple[Embed, Embed | None]],
    *,
    conditions: Sequence[Condition],
    trials: int,
    size: int = GALLERY,
    cameras: CameraRange | None = None,
) -> Iterator[RetrievalResult[Condition]]:
    """Measure everything; yields results as soon as each is there.

    Args:
        data: Poses by the data set's name.
        representations: Of the queries, and of the gallery where that is another; by label.
        conditions: What becomes of the pictures.
        trials: Draws of poses and cameras.
        size: Poses in a trial.
        cameras: Where the cameras stand; None is `CameraRange()`.

    Raises:
        ValueError: If there are fewer poses than that.
    """
    for (name, poses), condition, seed in product(data.items(), conditions, range(trials)):
        trial = make_trial(poses, condition, seed=seed, size=size, cameras=cameras)
        for label, (query, gallery) in representations.items():
            yield RetrievalResult(name, label, condition, seed, hit_rates(trial, query, embed_gallery=gallery))
