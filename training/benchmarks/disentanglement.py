"""Disentanglement: what can be read from the pose vector and from the view vector, by probes.

`python -m training.benchmarks.disentanglement --data FILE... --weights NAME_OR_FOLDER... --run RUN --out results.json`

Measured are checkpoints and all finished systems of a comparison (`training.compare`), which also go into `RESULTS.md`.

Read are the camera, as the direction to it in the frame of the body's heading and its roll, and the pose, as the 13
joints in 3D of the body turned to face +x: neither says anything about the other. A pose vector that is the same from
every camera leaves a probe at chance for the camera; a view vector that holds nothing else leaves it there for the
pose. Chance is what the best constant answer gets: a quarter turn for the camera, the mean pose.

Probes (`training.evaluation.probes`) are linear, for what lies open, and MLPs, for what is folded up. More training
reads a little more out, so an error is a bound on what a vector holds, to compare with those beside it. Probes are
fitted on views of poses of the files' `train` splits, all together, and tested on views of what each file holds out:
its `val` split or, in a file without splits, everything. No clip is on both sides, and in `mocap_cmu.npz` no subject.
The encoder may have been trained on the poses that probes are fitted on, but on none that they are tested on; so what
they read is what serves for new people. Each condition has probes of its own.

Bodies are as recorded, one view each; cameras are those of the retrieval benchmark: any azimuth, elevation and roll
within 30 degrees, 3 to 12 torso lengths away. Both vectors are read at unit length, for pose vectors are compared by
cosine (and reading them as they come changes next to nothing). The reference is what an encoder reads: normalised 2D
keypoints, 0 where a joint is missing, and which ones are there.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig, network_input
from training.benchmarks.retrieval import Condition
from training.datasets import mocap
from training.evaluation.compared import command
from training.evaluation.markdown import markdown_table
from training.evaluation.probes import Probe, constant, linear, mlp
from training.evaluation.report import write_json
from training.evaluation.results_document import RESULTS, write_section
from training.evaluation.systems import load_trained
from training.scene.cameras import CameraRange
from training.scene.metrics import degrees_of_chord, mpjpe
from training.scene.world import heading, to_world, turn

FIT, TEST = 20_000, 5_000
"""Views that probes are fitted on, and tested on in each file."""

CHANCE = "nothing (chance)"
PROBES: dict[str, Probe] = {"linear": linear, "MLP": mlp}


CONDITIONS = (Condition(), Condition(missing=4, noise=0.05))


@dataclass(frozen=True)
class Views:
    """Pictures, and what is to be read from them.

    Attributes:
        points: What the camera sees (x, y), y down.
        visible: Which joints are there.
        camera: From where they see `body`, as `poseembed.decoder.Viewpoint.encode` writes it.
        body: The 13 joints, turned about the vertical to face +x (z up, torso lengths from the hips).
    """

    points: Float[Tensor, "views 13 2"]
    visible: Bool[Tensor, "views 13"]
    camera: Float[Tensor, "views 5"]
    body: Float[Tensor, "views 13 3"]


@dataclass(frozen=True)
class Result:
    """What one probe read from one representation, on views of poses that it was not fitted on.

    Attributes:
        data: File that the poses are from.
        condition: What became of the pictures.
        representation: What the probe read.
        probe: One of `PROBES`, or "constant".
        seed: Of the draw of views, and of the probe.
        measures: How far it was from the truth, see `measure`.
    """

    data: str
    condition: Condition
    representation: str
    probe: str
    seed: int
    measures: dict[str, float]


def draw_views(poses: Float[np.ndarray, "poses 13 3"], count: int, condition: Condition, *, seed: int) -> Views:
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
    return Views(camera.look(placed) + shift, visible, seen_from, turn(placed, -facing[:, None]))


def represent(views: Views, encoders: Mapping[str, PoseEncoder]) -> dict[str, Float[Tensor, "views dim"]]:
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
    views: Views, camera: Float[Tensor, "views 5"], body: Float[Tensor, "views 39"], mean_body: Float[Tensor, "39"]
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
    data: Mapping[str, Float[np.ndarray, "frames 13 3"]],
    encoders: Mapping[str, PoseEncoder],
    *,
    seeds: int,
    conditions: Sequence[Condition] = CONDITIONS,
) -> Iterator[Result]:
    """Fit and test all probes; yields results as soon as each is there.

    Args:
        fitted_on: Poses to fit on; metres, y up.
        data: Poses to test on, by the name of their file.
        encoders: Whose vectors to read, by name.
        seeds: How often to draw views and fit probes.
        conditions: What becomes of the pictures.
    """
    for condition, seed in product(conditions, range(seeds)):
        known = draw_views(fitted_on, FIT, condition, seed=2 * seed)
        tests = {file: draw_views(poses, TEST, condition, seed=2 * seed + 1) for file, poses in data.items()}
        read_in = {file: represent(views, encoders) for file, views in tests.items()}
        bodies = known.body.flatten(1)
        for representation, vectors in represent(known, encoders).items():
            probes = {"constant": constant} if representation == CHANCE else PROBES
            for label, probe in probes.items():
                camera, body = probe(vectors, known.camera, seed), probe(vectors, bodies, seed)
                for file, views in tests.items():
                    rows = read_in[file][representation]
                    measures = measure(views, camera(rows), body(rows), bodies.mean(0))
                    yield Result(file, condition, representation, label, seed, measures)


def table(results: Sequence[Result]) -> str:
    """Lay results out as text: means over seeds and, if there are several, standard deviations."""
    width = max(len(result.representation) for result in results)
    heads = "".join(f"{name.replace('_', ' '):>16}" for name in results[0].measures)
    lines: list[str] = []
    for data, condition in dict.fromkeys((result.data, result.condition) for result in results):
        groups: dict[tuple[str, str], list[dict[str, float]]] = {}
        for result in results:
            if (result.data, result.condition) == (data, condition):
                groups.setdefault((result.representation, result.probe), []).append(result.measures)
        lines += ["", f"{data}, {condition}; degrees, torso lengths, share", " " * (width + 10) + heads]
        for (representation, probe), group in groups.items():
            cells = ""
            for name in group[0]:
                values, digits = np.array([measures[name] for measures in group]), 3 if "pose" in name else 1
                deviation = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
                cells += f"{f'{values.mean():.{digits}f}{deviation}':>16}"
            lines.append(f"{representation:{width}}  {probe:8}{cells}")
    return "\n".join(lines[1:])


def section(results: Sequence[Result], made_by: str) -> str:
    """What `RESULTS.md` says: for complete pictures, who can be read from what, in a row a system."""
    complete = [result for result in results if result.condition == Condition()]
    parts = [
        f"```bash\n{made_by}\n```",
        "What probes read (linear / MLP), on views of poses that they were not fitted on. Camera: median error of the "
        "direction to it, degrees. Pose: share of the variance of the 13 joints in 3D, in the frame of the body. A "
        "pose vector that is the same from every camera leaves the camera at chance; a view vector without the pose, "
        "the pose at 0. The paper shows this by pictures alone (Figure 4).",
    ]
    head = ["", "camera from z_pose", "pose from z_view", "pose from z_pose", "camera from z_view"]
    for data in dict.fromkeys(result.data for result in complete):
        found: dict[str, dict[str, dict[str, float]]] = {}
        for result in complete:
            if result.data == data and result.seed == 0:
                found.setdefault(result.representation, {})[result.probe] = result.measures
        chance = f"{found.pop(CHANCE)['constant']['camera_median']:.0f}"
        rows = [["chance", chance, "0%", "0%", chance]]
        for name in dict.fromkeys(name.removeprefix("z_pose ").removeprefix("z_view ") for name in found):
            pose, view = found.get(f"z_pose {name}", found.get(name, {})), found.get(f"z_view {name}", {})
            rows.append(
                [
                    name,
                    _pair(pose, "camera_median", "{:.0f}"),
                    _pair(view, "pose_explained", "{:.0%}"),
                    _pair(pose, "pose_explained", "{:.0%}"),
                    _pair(view, "camera_median", "{:.0f}"),
                ]
            )
        parts += [f"### {data}", markdown_table(head, rows)]
    return "\n\n".join(parts)


def _pair(probes: dict[str, dict[str, float]], measure: str, form: str) -> str:
    """What the linear probe and the MLP found, or a dash where there is no such vector."""
    return " / ".join(form.format(probes[probe][measure]) for probe in PROBES) if probes else "-"


def split_poses(
    paths: Sequence[Path],
) -> tuple[Float[np.ndarray, "poses 13 3"], dict[str, Float[np.ndarray, "frames 13 3"]]]:
    """Poses to fit on, of all files together, and poses to test on by the name of their file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file cannot be read, holds out nothing that probes are not fitted on, or has the name of
            another one; if none has a `train` split.
    """
    fitted_on, data = [], {}
    for name, path in mocap.by_name(paths).items():
        recordings = mocap.read(path)
        if "train" in recordings.split:
            if "val" not in recordings.split:
                raise ValueError(f"{path} has a train split but no val split to test on")
            fitted_on.append(recordings.poses("train")[0])
        data[name] = recordings.held_out()
    if not fitted_on:
        raise ValueError("no file has a train split to fit probes on; add one that has, such as mocap_cmu.npz")
    return np.concatenate(fitted_on), data


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.disentanglement`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.disentanglement", description=summary)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument(
        "--weights", nargs="+", action="extend", default=[], metavar="NAME_OR_FOLDER", help="checkpoints"
    )
    parser.add_argument(
        "--complete", action="store_true", help="complete and exact pictures alone, which is what RESULTS.md shows"
    )
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="comparison of systems, see training.compare")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="document for --run (RESULTS.md)")
    parser.add_argument("--seeds", type=int, default=1, help="draws of views and of probes (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    if options.out.is_dir():
        parser.error(f"{options.out} is a folder; name a file in it")
    try:
        fitted_on, data = split_poses(options.data)
        trained = load_trained(options.run).values() if options.run else ()
        encoders = {system.system.label: system.encoder for system in trained}
        encoders |= {weights: PoseEncoder.from_pretrained(weights) for weights in options.weights}
    except (OSError, ValueError) as error:
        parser.error(str(error))
    vectors = 1 + sum(2 if encoder.view_dim else 1 for encoder in encoders.values())
    conditions = CONDITIONS[: 1 if options.complete else None]
    total = options.seeds * len(conditions) * len(data) * (1 + len(PROBES) * vectors)
    results = list(
        tqdm(run(fitted_on, data, encoders, seeds=options.seeds, conditions=conditions), total=total, unit="probe")
    )
    write_json(options.out, [asdict(result) for result in results])
    if options.run:
        given = {
            "--data": options.data,
            "--run": [options.run],
            "--weights": options.weights,
            "--seeds": [str(options.seeds), *(["--complete"] if options.complete else [])],
            "--out": [options.out],
        }
        made_by = command("training.benchmarks.disentanglement", given)
        write_section(options.results, "Disentanglement", section(results, made_by))
    print(table(results))


if __name__ == "__main__":
    main()
