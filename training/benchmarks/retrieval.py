"""Cross-view retrieval: find the same 3D pose among what another camera saw.

`python -m training.benchmarks.retrieval --data FILE... --weights NAME_OR_FOLDER --out results.json`

A trial draws 3,000 poses of a file (of its `val` split, if it has one) and two virtual cameras for each: one sees
the query, the other the gallery's picture of it. For each query the whole gallery is ranked; it is a hit at k if one
of the first k has an NP-MPJPE under 0.1 to the query, which counts near-identical frames of the same motion as the
same pose. Cameras: any azimuth, elevation and roll within 30 degrees, 3 to 12 torso lengths away.

Compared are the pose vectors of each checkpoint, by cosine; and by Euclidean distance the means of a Pr-VIPE one, the
normalised 2D keypoints themselves and the distances between all pairs of joints in torso lengths (the usual hand-made
embedding).

Pictures are complete and exact, or lack joints (other ones in each view), or also show the rest a little out of place,
by Gaussian noise with a standard deviation given as a share of the torso. The last two representations see a missing
joint at the centre of the hips.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from training.datasets import mocap
from training.evaluation.report import write_json
from training.scene.cameras import CameraRange
from training.scene.metrics import np_mpjpe
from training.scene.world import to_world

GALLERY = 3000
"""Poses in a trial."""

SAME_POSE = 0.1
"""NP-MPJPE under which two poses are the same, torso lengths."""

RANKS = (1, 10, 20)


@dataclass(frozen=True)
class Condition:
    """What becomes of the pictures.

    Attributes:
        missing: Joints missing in each picture.
        noise: Standard deviation of the others' places, torso lengths.
    """

    missing: int = 0
    noise: float = 0.0

    def __str__(self) -> str:
        noise = f", noise of {100 * self.noise:g} % of the torso" if self.noise else ""
        return f"{self.missing} of 13 joints missing{noise}"


Embed = Callable[[Float[Tensor, "poses 13 2"], Bool[Tensor, "poses 13"]], Float[Tensor, "poses dim"]]


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


@dataclass(frozen=True)
class Result:
    """What one representation found in one trial; `hits` holds the share of queries with a hit at each of `RANKS`."""

    data: str
    representation: str
    condition: Condition
    trial: int
    hits: dict[int, float]


def raw_keypoints(points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]) -> Float[Tensor, "poses 26"]:
    """The keypoints as the encoder reads them."""
    return normalize_keypoints(points, visible).flatten(1)


def joint_distances(
    points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]
) -> Float[Tensor, "poses 78"]:
    """Distances between all pairs of joints, in torso lengths."""
    normalized = normalize_keypoints(points, visible)
    first, second = torch.triu_indices(13, 13, offset=1)
    return (normalized[:, first] - normalized[:, second]).norm(dim=-1)


def means(encoder: PoseEncoder) -> Embed:
    """The encoder's pose vectors as they are; Pr-VIPE's, the means of its Gaussians, are so compared by distance."""

    def embed(points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]) -> Float[Tensor, "poses dim"]:
        z_pose: Tensor = encoder.embed(points, visible.float()).z_pose
        return z_pose

    return embed


def pose_vectors(encoder: PoseEncoder) -> Embed:
    """The encoder's pose vectors at unit length, so that Euclidean distance ranks as cosine does."""
    as_they_are = means(encoder)
    return lambda points, visible: normalize(as_they_are(points, visible), dim=-1)


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


def make_trial(poses: Float[np.ndarray, "frames 13 3"], condition: Condition, *, seed: int) -> Trial:
    """Draw a trial's poses, cameras and missing joints.

    Args:
        poses: Metres, y up; each torso is brought to length 1.
        condition: What becomes of the pictures; the poses and the cameras do not depend on it.
        seed: Of the draw.

    Raises:
        ValueError: If there are fewer poses than a gallery holds.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_poses(poses, GALLERY, generator)
    (query, query_torso), (gallery, gallery_torso) = (_picture(drawn, generator) for _ in range(2))
    shown = tuple(torch.rand(GALLERY, 13, generator=generator).argsort(-1) >= condition.missing for _ in range(2))
    query, gallery = (
        points + condition.noise * torso[:, None, None] * torch.randn(points.shape, generator=generator)
        for points, torso in ((query, query_torso), (gallery, gallery_torso))
    )
    return Trial(drawn, (query, gallery), (shown[0], shown[1]))


def _picture(
    poses: Float[Tensor, "poses 13 3"], generator: Generator
) -> tuple[Float[Tensor, "poses 13 2"], Float[Tensor, " poses"]]:
    """What random cameras see, and how long a torso is in each picture."""
    camera = CameraRange().sample(len(poses), generator=generator)
    return camera.look(poses), camera.torso


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
    nearest = torch.cdist(query, gallery).topk(max(ranks), largest=False).indices
    same = np_mpjpe(trial.poses[:, None].expand(-1, max(ranks), -1, -1), trial.poses[nearest]) < SAME_POSE
    return {rank: same[:, :rank].any(1).float().mean().item() for rank in ranks}


def run(
    data: dict[str, Float[np.ndarray, "frames 13 3"]],
    representations: dict[str, tuple[Embed, Embed | None]],
    *,
    conditions: Sequence[Condition],
    trials: int,
) -> Iterator[Result]:
    """Measure everything; yields results as soon as each is there.

    Args:
        data: Poses by the data set's name.
        representations: Of the queries, and of the gallery where that is another; by label.
        conditions: What becomes of the pictures.
        trials: Draws of poses and cameras.
    """
    for (name, poses), condition, seed in product(data.items(), conditions, range(trials)):
        trial = make_trial(poses, condition, seed=seed)
        for label, (query, gallery) in representations.items():
            yield Result(name, label, condition, seed, hit_rates(trial, query, embed_gallery=gallery))


def table(results: Sequence[Result]) -> str:
    """Lay results out as text: per cent, mean and standard deviation over trials."""
    width = max(len(result.representation) for result in results)
    groups = {_key(r): [s for s in results if _key(s) == _key(r)] for r in results}
    lines: list[str] = []
    title = None
    for (data, condition, name), group in groups.items():
        if title != (data, condition):
            title = (data, condition)
            lines += [
                "",
                f"{data}, {condition}",
                " " * width + "".join(f"{f'hit@{k}':>14}" for k in RANKS),
            ]
        hits = 100 * np.array([[result.hits[k] for k in RANKS] for result in group])
        deviation = hits.std(0, ddof=1) if len(hits) > 1 else np.zeros(len(RANKS))
        lines.append(
            f"{name:{width}}" + "".join(f"{m:8.1f} ± {d:3.1f}" for m, d in zip(hits.mean(0), deviation, strict=True))
        )
    return "\n".join(lines[1:])


def _key(result: Result) -> tuple[str, Condition, str]:
    return result.data, result.condition, result.representation


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.retrieval`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.retrieval", description=summary)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="NAME_OR_FOLDER", help="checkpoint; may be repeated"
    )
    parser.add_argument(
        "--pr-vipe", action="append", default=[], metavar="FOLDER", help="checkpoint of that recipe; may be repeated"
    )
    parser.add_argument(
        "--gallery",
        metavar="NAME_OR_FOLDER",
        help="search a gallery of this checkpoint's vectors too, with those of each of --weights",
    )
    parser.add_argument(
        "--missing", type=int, nargs="+", default=[0, 4, 4], metavar="N", help="joints missing (default: 0 4 4)"
    )
    parser.add_argument(
        "--noise",
        type=float,
        nargs="+",
        default=[0.0, 0.0, 0.05],
        metavar="SHARE",
        help="noise that goes with each value of --missing, torso lengths (default: 0 0 0.05)",
    )
    parser.add_argument("--trials", type=int, default=3, help="draws of poses and cameras (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if options.trials < 1 or not all(0 <= lost <= 11 for lost in options.missing):
        parser.error("--trials must be at least 1 and --missing from 0 to 11")
    if len(options.missing) != len(options.noise) or min(options.noise) < 0:
        parser.error("--noise must have one value, at least 0, for each of --missing")
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    try:
        files = mocap.by_name(options.data)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    data = {name: mocap.read(path).held_out() for name, path in files.items()}
    representations: dict[str, tuple[Embed, Embed | None]] = {
        "raw 2D keypoints": (raw_keypoints, None),
        "joint-pair distances": (joint_distances, None),
    }
    gallery = PoseEncoder.from_pretrained(options.gallery) if options.gallery else None
    for weights in options.weights:
        encoder = PoseEncoder.from_pretrained(weights)
        representations[f"z_pose {weights}"] = pose_vectors(encoder), None
        if gallery:
            if gallery.pose_dim != encoder.pose_dim:
                parser.error(f"pose vectors of {weights} and of {options.gallery} differ in length")
            both = pose_vectors(encoder), pose_vectors(gallery)
            representations[f"z_pose {weights}, gallery of {options.gallery}"] = both
    for weights in options.pr_vipe:
        representations[f"Pr-VIPE {weights}"] = means(PoseEncoder.from_pretrained(weights)), None
    conditions = [Condition(*values) for values in zip(options.missing, options.noise, strict=True)]
    measured = run(data, representations, conditions=conditions, trials=options.trials)
    total = len(data) * len(conditions) * options.trials * len(representations)
    results = list(tqdm(measured, total=total, unit="ranking"))
    write_json(options.out, [asdict(result) for result in results])
    print(table(results))


if __name__ == "__main__":
    main()
