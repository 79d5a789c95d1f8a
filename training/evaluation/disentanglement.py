"""Disentanglement: what can be read from the pose vector and from the view vector, by probes.

Read are the camera, as the direction to it in the frame of the body's heading and its roll, and the pose, as the 13
joints in 3D of the body turned to face +x: neither says anything about the other. A pose vector that is the same from
every camera leaves a probe at chance for the camera; a view vector that holds nothing else leaves it there for the
pose. Chance is what the best constant answer gets: a quarter turn for the camera, the mean pose.

Bodies are as recorded, one view each; cameras are those of retrieval: any azimuth, elevation and roll within 30
degrees, 3 to 12 torso lengths away. Both vectors are read at unit length, for pose vectors are compared by cosine (and
reading them as they come changes next to nothing). The reference is what an encoder reads: normalised 2D keypoints, 0
where a joint is missing, and which ones are there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig, network_input
from training.evaluation.command import recordings
from training.evaluation.conditions import DAMAGED, EXACT, Condition
from training.evaluation.probes import Probe, constant, linear, mlp
from training.scene.cameras import CameraRange
from training.scene.metrics import degrees_of_chord, mpjpe
from training.scene.world import heading, to_world, turn

FIT, TEST = 20_000, 5_000
"""Views that probes are fitted on, and tested on in each file."""

CHANCE = "nothing (chance)"
PROBES: dict[str, Probe] = {"linear": linear, "MLP": mlp}

CONDITIONS = (EXACT, DAMAGED)


@dataclass(frozen=True)
class LabelledViews:
    """Pictures, and what is to be read from them.

    Attributes:
        points: What the camera sees (x, y), y down.
        visible: Which joints are there.
        camera: The direction from the hips to the camera in the frame of `body` (a unit vector), and sine and cosine
            of the camera's roll; as in `training.scene.views.Batch`.
        body: The 13 joints, turned about the vertical to face +x (z up, torso lengths from the hips).
    """

    points: Float[Tensor, "views 13 2"]
    visible: Bool[Tensor, "views 13"]
    camera: Float[Tensor, "views 5"]
    body: Float[Tensor, "views 13 3"]


@dataclass(frozen=True)
class ProbeResult:
    """What one probe read from one representation, on views of poses that it was not fitted on.

    Attributes:
        data: File that the poses are from.
        condition: What became of the pictures.
        representation: What the probe read.
        probe: The name of a probe, or "constant".
        seed: Of the draw of views, and of the probe.
        measures: How far it was from the truth, see `measure`.
    """

    data: str
    condition: Condition
    representation: str
    probe: str
    seed: int
    measures: dict[str, float]


def draw_views(poses: Float[np.ndarray, "poses 13 3"], count: int, condition: Condition, *, seed: int) -> LabelledViews:
    """Draw poses and a camera for each; which these are does not depend on the condition.

    Args:
        poses: Metres, y up; each torso is brought to length 1. A pose may be drawn again.
        count: How many views.
        condition: What becomes of them.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(poses), (count,), generator=generator)
    placed = to_world(torch.from_numpy(poses)[chosen])
    camera = CameraRange().sample(count, generator=generator)
    shift = condition.noise / camera.distance[:, None, None] * torch.randn(count, 13, 2, generator=generator)
    visible = torch.rand(count, 13, generator=generator).argsort(-1) >= condition.missing
    facing = heading(placed)
    seen_from = camera.viewpoint(facing).encode()
    return LabelledViews(camera.look(placed) + shift, visible, seen_from, turn(placed, -facing[:, None]))


def represent(views: LabelledViews, encoders: Mapping[str, PoseEncoder]) -> dict[str, Float[Tensor, "views _dim"]]:
    """All that probes read, by name."""
    keypoints = normalize_keypoints(views.points, views.visible)
    flat = network_input(keypoints, views.visible, NetworkConfig(mask_input=True))
    vectors = {CHANCE: flat[:, :0], "raw 2D keypoints": flat}
    for name, encoder in encoders.items():
        z_pose, z_view = encoder.embed(views.points, views.visible.float())
        vectors[f"z_pose {name}"] = normalize(z_pose, dim=-1)
        if encoder.view_dim:
            vectors[f"z_view {name}"] = normalize(z_view, dim=-1)
    return vectors


def measure(
    views: LabelledViews,
    camera: Float[Tensor, "views 5"],
    body: Float[Tensor, "views 39"],
    mean_body: Float[Tensor, "39"],
) -> dict[str, float]:
    """How far what was read is from the truth.

    Args:
        views: The truth.
        camera: What was read; the vectors in it may have any length.
        body: What was read.
        mean_body: The mean of the poses that the probe was fitted on.

    Returns:
        Median and mean angle between the directions to the camera, and between the rolls, degrees; mean distance of
        the joints (MPJPE), torso lengths; and how much of the poses' squared distance from the mean pose was read:
        1 is all, 0 is chance, less is worse than chance.
    """
    direction = _angles(camera[:, :3], views.camera[:, :3])
    roll = _angles(camera[:, 3:], views.camera[:, 3:])
    truth = views.body.flatten(1)
    return {
        "camera_median": direction.median().item(),
        "camera_mean": direction.mean().item(),
        "roll_median": roll.median().item(),
        "roll_mean": roll.mean().item(),
        "pose_mpjpe": mpjpe(body.unflatten(1, (13, 3)), views.body).mean().item(),
        "pose_explained": 1 - ((body - truth).square().sum() / (mean_body - truth).square().sum()).item(),
    }


def _angles(first: Float[Tensor, "views n"], second: Float[Tensor, "views n"]) -> Float[Tensor, " views"]:
    """Angles between vectors, degrees."""
    chord = (normalize(first, dim=-1) - normalize(second, dim=-1)).norm(dim=-1)
    return degrees_of_chord(chord)


def run(
    fitted_on: Float[np.ndarray, "poses 13 3"],
    data: Mapping[str, Float[np.ndarray, "_frames 13 3"]],
    encoders: Mapping[str, PoseEncoder],
    *,
    seeds: int,
    conditions: Sequence[Condition] = CONDITIONS,
    probes: Mapping[str, Probe] = PROBES,
    fit: int = FIT,
    test: int = TEST,
) -> Iterator[ProbeResult]:
    """Fit and test all probes; yields results as soon as each is there.

    Args:
        fitted_on: Poses to fit on; metres, y up.
        data: Poses to test on, by the name of their file.
        encoders: Whose vectors to read, by name.
        seeds: How often to draw views and fit probes.
        conditions: What becomes of the pictures.
        probes: What reads, by name.
        fit: Views that probes are fitted on.
        test: Views of each file that they are tested on.
    """
    for condition, seed in product(conditions, range(seeds)):
        known = draw_views(fitted_on, fit, condition, seed=2 * seed)
        tests = {file: draw_views(poses, test, condition, seed=2 * seed + 1) for file, poses in data.items()}
        read_in = {file: represent(views, encoders) for file, views in tests.items()}
        bodies = known.body.flatten(1)
        for representation, vectors in represent(known, encoders).items():
            of_it = {"constant": constant} if representation == CHANCE else probes
            for label, probe in of_it.items():
                camera, body = probe(vectors, known.camera, seed), probe(vectors, bodies, seed)
                for file, views in tests.items():
                    rows = read_in[file][representation]
                    measures = measure(views, camera(rows), body(rows), bodies.mean(0))
                    yield ProbeResult(file, condition, representation, label, seed, measures)


def split_poses(
    paths: Sequence[Path],
) -> tuple[Float[np.ndarray, "poses 13 3"], dict[str, Float[np.ndarray, "_frames 13 3"]]]:
    """Poses to fit on, of all files together, and poses to test on by the name of their file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file cannot be read, holds out nothing that probes are not fitted on, or has the name of
            another one; if none has a `train` split.
    """
    fitted_on, data = [], {}
    for name, recording in recordings(paths).items():
        if "train" in recording.split:
            if "val" not in recording.split:
                raise ValueError(f"{name} has a train split but no val split to test on")
            fitted_on.append(recording.poses("train")[0])
        data[name] = recording.held_out()
    if not fitted_on:
        raise ValueError("no file has a train split to fit probes on; add one that has, such as mocap_cmu.npz")
    return np.concatenate(fitted_on), data
