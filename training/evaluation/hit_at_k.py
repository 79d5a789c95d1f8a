"""Hit@k between cameras that stand still, as Pr-VIPE reported it.

Several cameras see the same frames. For every ordered pair of them, each frame of the one queries all frames of the
other; it is a hit at k if one of the k nearest has an NP-MPJPE under `SAME_POSE` to the query's 3D pose. The figures
are means over queries and pairs. Frames are virtually filmed motion capture, or those of data sets with real cameras.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from training.datasets.mocap import human36m, mpi_inf_3dhp
from training.evaluation.compared import Compared
from training.evaluation.representations import Embed, joint_distances, raw_keypoints
from training.evaluation.retrieval import same_pose
from training.scene.metrics import np_mpjpe
from training.scene.rigs import RIGS, film, place_in_room

FRAMES = 1500
"""Frames in a trial, if so many differ."""

NEARLY_SAME = 0.02
"""NP-MPJPE under which only one of two frames is taken, torso lengths."""

RANKS = (1, 5, 10, 20)

TRIALS = 3

Rigs: TypeAlias = Mapping[str, Float[Tensor, "_cameras frames 13 2"]]
"""By the rig's name, what its cameras see of the same frames; NaN is a missing joint."""


@dataclass(frozen=True)
class Filmed:
    """Frames that fixed cameras saw at once.

    Attributes:
        poses: All frames that a trial can draw from; any unit and orientation.
        pictures: Gives what each rig's cameras saw of some of these frames, by their numbers.
    """

    poses: Float[Tensor, "all_frames 13 3"]
    pictures: Callable[[Int[Tensor, " frames"], Generator], Rigs]


@dataclass(frozen=True)
class RigResult:
    """What one representation found in one trial; `hits` holds the share of queries with a hit at each of `RANKS`."""

    data: str
    rig: str
    representation: str
    trial: int
    frames: int
    hits: dict[int, float]


def filmed_virtually(poses: Float[np.ndarray, "frames 13 3"]) -> Filmed:
    """Motion capture (any unit, y up) as the virtual cameras of `RIGS` see it."""
    joints = torch.from_numpy(poses)

    def pictures(frames: Int[Tensor, " frames"], generator: Generator) -> Rigs:
        placed = place_in_room(joints[frames], generator)
        return {name: film(placed, rig) for name, rig in RIGS.items()}

    return Filmed(joints, pictures)


def filmed_really(
    poses: Float[np.ndarray, "frames 13 3"],
    pictures: Float[np.ndarray, "cameras frames 13 2"],
    rigs: Mapping[str, Sequence[int]],
) -> Filmed:
    """Recordings of real cameras.

    Args:
        poses: The 3D pose of each frame, in any unit and orientation.
        pictures: What each camera saw of it: points (x, y), y down; NaN is a missing joint.
        rigs: Which cameras belong together, by a name for them.
    """
    seen = torch.from_numpy(pictures)
    return Filmed(
        torch.from_numpy(poses),
        lambda frames, _: {name: seen[list(cameras)][:, frames] for name, cameras in rigs.items()},
    )


def film_human36m(path: Path, detections: Path) -> Filmed:
    """Human3.6M's S9 and S11, and their 2D keypoints in the four cameras; see `human36m.read_with_detections`."""
    capture, seen = human36m.read_with_detections(path, detections)
    held_out = capture.rows("val")
    return filmed_really(capture.joints[held_out], seen[held_out].swapaxes(0, 1), {"Human3.6M": range(seen.shape[1])})


def film_mpi_inf_3dhp(path: Path) -> Filmed:
    """All people of MPI-INF-3DHP, in all cameras below the ceiling; see `mpi_inf_3dhp.read_views`."""
    everybody = (*mpi_inf_3dhp.TRAIN_SUBJECTS, *mpi_inf_3dhp.VAL_SUBJECTS)
    views = mpi_inf_3dhp.read_views(path, subjects=everybody)
    chest = [views.cameras.index(camera) for camera in mpi_inf_3dhp.CHEST_HIGH]
    rigs = {"3DHP chest": chest, "3DHP all": range(len(views.cameras))}
    return filmed_really(views.joints3d, views.keypoints, rigs)


def distinct_frames(
    poses: Float[Tensor, "frames 13 3"], generator: Generator, *, count: int = FRAMES
) -> Int[Tensor, " kept"]:
    """Draw so many frames, or as many as there are, leaving out those that are nearly the same as one before them.

    Raises:
        ValueError: If too few are left for the last of `RANKS`.
    """
    kept: list[int] = []
    for frame in torch.randperm(len(poses), generator=generator).tolist():
        others = poses[kept]
        if not (np_mpjpe(poses[frame].expand_as(others), others) < NEARLY_SAME).any():
            kept.append(frame)
        if len(kept) == count:
            break
    if len(kept) <= max(RANKS):
        raise ValueError(f"got {len(kept)} frames that differ; hit@{max(RANKS)} takes more than {max(RANKS)}")
    return torch.tensor(kept)


def rank_of_hit(
    query: Float[Tensor, "queries dim"], gallery: Float[Tensor, "pictures dim"], same: Bool[Tensor, "queries pictures"]
) -> Int[Tensor, " queries"]:
    """The place of each query's first hit, from 1, in the gallery ranked by Euclidean distance.

    Where a hit and a miss are as near as each other the miss comes first, so vectors that are all alike find nothing.
    """
    distance = torch.cdist(query, gallery).nan_to_num(nan=torch.inf)  # a picture without joints has no vector
    hit = distance.masked_fill(~same, torch.inf).amin(1, keepdim=True)
    return ((distance <= hit) & ~same).sum(1) + 1


def hit_rates(
    pictures: Float[Tensor, "cameras frames 13 2"], embed: Embed, same: Bool[Tensor, "frames frames"]
) -> dict[int, float]:
    """Share of the queries of all ordered pairs of cameras with a hit at each of `RANKS`."""
    vectors = [embed(points, ~points.isnan().any(-1)) for points in pictures]
    ranks = torch.stack([rank_of_hit(query, gallery, same) for query, gallery in permutations(vectors, 2)])
    return {rank: (ranks <= rank).float().mean().item() for rank in RANKS}


def representations(compared: Sequence[Compared]) -> dict[str, Embed]:
    """All that is compared, by name: hand-made representations, and encoders each by its own distance.

    An encoder without a view vector is Pr-VIPE's. Its vectors are means of Gaussians, so they are also compared by
    Euclidean distance, as its authors do.
    """
    rows: dict[str, Embed] = {"raw 2D keypoints": raw_keypoints, "joint-pair distances": joint_distances}
    for one in compared:
        distances = [one.distance] if one.encoder.view_dim else dict.fromkeys([one.distance, "euclidean"])
        for distance in distances:
            rows[f"{one.label}, {distance}"] = Compared(one.label, one.encoder, distance).pose_vectors
    return rows


def run(data: Mapping[str, Filmed], rows: Mapping[str, Embed], *, frames: int = FRAMES) -> Iterator[RigResult]:
    """Measure everything; yields results as soon as each is there.

    Args:
        data: What to retrieve from, by name.
        rows: What to retrieve with, see `representations`.
        frames: In a trial, if so many differ.
    """
    for name, filmed in data.items():
        for trial in range(TRIALS):
            generator = torch.Generator().manual_seed(trial)
            drawn = distinct_frames(filmed.poses, generator, count=frames)
            same = same_pose(filmed.poses[drawn])
            for rig, pictures in filmed.pictures(drawn, generator).items():
                for label, embed in rows.items():
                    yield RigResult(name, rig, label, trial, len(drawn), hit_rates(pictures, embed, same))
