"""What others do with the same pictures: what a pose takes, what a query takes, and what it finds.

- MediaPipe's own 3D landmarks, compared by Procrustes: a query is aligned with every pose of the gallery, as there is
  no vector to index. They come with the 2D ones, so they take no time of their own.
- Pr-VIPE: 20 samples of a Gaussian for each pose, compared all with all. An untrained network of the recipe takes as
  long as a trained one, and what it finds is not measured.
- Pose vectors, compared by `poseembed.search`.

A query is one pose among `GALLERY`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from poseembed.keypoints import normalize_keypoints
from poseembed.network import fold_batch_norm
from poseembed.search import search
from poseembed.skeleton import SKELETONS
from poseembed.video.capture import Video
from poseembed.video.landmarker import Landmarker
from training.datasets.multiview import MultiviewRecording
from training.evaluation.multiview import first_hits, ground_truth
from training.evaluation.speed import Speed, seconds
from training.objectives.pr_vipe import PrVipe, matching_probability
from training.running.recipe import load_recipe
from training.scene.metrics import np_mpjpe

GALLERY = 4096
"""Poses that a query is compared with."""

PR_VIPE = "poseembed_base_pr_vipe"
"""Recipe of Pr-VIPE with the network of `poseembed-base`."""

World = Float[np.ndarray, "frames 13 3"]


def world_landmarks(video: Path, model: Path) -> World:
    """MediaPipe's 3D landmarks of whoever it finds in each frame of a video, metres, y down; NaN where nobody is."""
    found = []
    with Video(video) as opened, Landmarker(model, num_poses=1) as landmarker:
        for frame in opened.frames():
            people = landmarker.result(frame).pose_world_landmarks
            found.append([(mark.x, mark.y, mark.z) for mark in people[0]] if people else np.full((33, 3), np.nan))
    return np.asarray(found, dtype=np.float32)[:, SKELETONS["mediapipe"].indices]


def procrustes(recording: MultiviewRecording, cameras: Sequence[World]) -> Iterator[Speed]:
    """What 3D landmarks find between the cameras of a recording of one person, and what a query by them takes.

    Raises:
        ValueError: If the cameras, their frames or the people are not as many as in the recording.
    """
    shapes = [len(seen) for seen in cameras]
    if shapes != [recording.keypoints.shape[1]] * recording.keypoints.shape[0] or recording.keypoints.shape[2] != 1:
        raise ValueError(
            f"got videos of {shapes} frames; wanted those of the first recording, of one person by "
            f"{recording.keypoints.shape[0]} cameras, {recording.keypoints.shape[1]} frames each"
        )
    shares = []
    for pair, (first, second) in enumerate(recording.pairs.tolist()):
        hits = first_hits(_likeness(cameras[first], cameras[second]), *ground_truth(recording, pair, 0))
        shares.append(hits[0].mean())
    gallery = torch.from_numpy(np.resize(np.concatenate(cameras), (GALLERY, 13, 3))).nan_to_num()
    took = seconds(lambda: np_mpjpe(gallery[:1].expand_as(gallery), gallery), calls=3)
    yield _query("MediaPipe's 3D landmarks, Procrustes", took, float(np.mean(shares)))


def pr_vipe(points: Float[Tensor, "poses 13 2"]) -> Iterator[Speed]:
    """What samples of Gaussians take, of poses and of a query."""
    recipe = load_recipe(PR_VIPE)
    objective = recipe.objective(recipe.network)
    assert isinstance(objective, PrVipe)
    objective.encoder = fold_batch_norm(objective.encoder)
    visible = ~points.isnan().any(-1)

    @torch.inference_mode()
    def sample() -> Float[Tensor, "poses samples dim"]:
        inputs = objective.encoder.layout(normalize_keypoints(points, visible), visible)
        mean, deviation = (each.unsqueeze(1) for each in objective.embed(inputs))
        return mean + deviation * torch.randn(len(points), objective.config.samples, mean.shape[-1])

    name = f"Pr-VIPE, {objective.config.samples} samples a pose"
    yield Speed("quality", f"{name}, {len(points):,} at once", len(points) / seconds(sample, calls=3), "poses/s")
    some = sample()
    gallery = some[torch.arange(GALLERY) % len(some)]
    yield _query(name, seconds(lambda: matching_probability(torch.cdist(some[:1], gallery), 1.0, 0.0).mean((1, 2)), 3))


def vectors(name: str, z_pose: Float[np.ndarray, "poses dim"]) -> Iterator[Speed]:
    """What a query by pose vectors takes."""
    gallery = np.resize(z_pose, (GALLERY, z_pose.shape[1]))
    yield _query(f"{name}, search()", seconds(lambda: search(gallery[:1], gallery), calls=3))


def _query(name: str, took: float, found: float | None = None) -> Speed:
    return Speed("quality", f"{name}, a query among {GALLERY:,}", 1e3 * took, "ms/query", found=found)


def _likeness(one: World, other: World) -> Float[np.ndarray, "n m"]:
    """How alike the poses of two cameras are; NaN where nobody is."""
    first, second = (torch.from_numpy(each).double() for each in (one, other))
    pairs = (len(first), len(second), 13, 3)
    apart = np_mpjpe(first.nan_to_num()[:, None].expand(pairs), second.nan_to_num()[None].expand(pairs))
    nobody = first.isnan().any(-1).any(-1)[:, None] | second.isnan().any(-1).any(-1)
    likeness: np.ndarray = (-apart).masked_fill(nobody, torch.nan).numpy()
    return likeness
