"""Comparing performances filmed by different cameras: what the score tells apart, and what is said of the joints.

`python -m training.benchmarks.alignment --data FILE... --weights NAME_OR_FOLDER --out results.json --plot FILE.png`

A clip is filmed by one virtual camera and aligned (`poseembed.align`) with what another camera sees: of the same
performance, of the same action performed once more (often by somebody else), or of another action. Cameras are those of
the retrieval benchmark. The score's error rate at `poseembed.align.SAME_PERFORMANCE` is the mean of the share of same
performances that score less and of the other actions that score more. Of the same performance the true alignment is
known: the error is the mean distance from it, in frames of the second video. Its joints do not differ at all, so the
differences that are found are the noise below which a difference says nothing.

Where the same action is performed twice, the joints that differ most are known too: both bodies, turned to face one
way, seen by the first's camera. The ranks of the 13 differences are compared with the true ones (Spearman), and the
joint that is said to differ most is right if it is among the three that do. The rival is what one can do without a
view-invariant encoder: differences of the keypoints as the two videos show them, normalised, frame by frame of the
same path.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import spearmanr
from torch import Tensor
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.align import SAME_PERFORMANCE, Alignment, align
from poseembed.decoder import Viewpoint, look
from poseembed.keypoints import normalize_keypoints
from training.calibrate import DETECTOR
from training.datasets import mocap
from training.datasets.mocap import MotionCapture
from training.evaluation.report import write_json
from training.scene.detector import Detector
from training.scene.film import film, random_camera
from training.scene.world import heading, to_world, turn

KINDS = ("same performance", "same action", "other action")
DETECTORS = {"complete and exact": None, "as a detector gives them": DETECTOR}
"""What becomes of the keypoints."""

SHORTEST = 15
"""Frames of the shortest clip that is compared."""


@dataclass(frozen=True)
class Clip:
    """A performance: its 3D joints (metres, y up), the name of its action, and its frames a second."""

    joints: Float[Tensor, "frames 13 3"]
    action: str
    fps: float


@dataclass(frozen=True)
class Joints:
    """How well differences of joints are told, on average over the steps of a path.

    Attributes:
        rank_correlation: Spearman's, with the true differences.
        top: Share of the steps whose most different joint is among the true three.
    """

    rank_correlation: float
    top: float


@dataclass(frozen=True)
class Result:
    """One comparison.

    Attributes:
        data: Name of the file.
        detector: One of `DETECTORS`.
        kind: One of `KINDS`.
        score: Of the alignment.
        error: Mean distance from the true alignment in frames, of the same performance.
        noise: Median and 95th percentile of the decoded differences, torso lengths, of the same performance.
        joints: Of the decoded differences, for the same action.
        rival: Of the differences of the normalised keypoints, likewise.
    """

    data: str
    detector: str
    kind: str
    score: float
    error: float | None = None
    noise: tuple[float, float] | None = None
    joints: Joints | None = None
    rival: Joints | None = None


def clips(data: MotionCapture) -> list[Clip]:
    """The well-tracked performances to evaluate on, of the `val` split if there is one."""
    return [
        Clip(torch.from_numpy(clip.joints), clip.action, clip.fps)
        for clip in data.clips(*data.evaluation_splits())
        if clip.ok.all() and len(clip) >= SHORTEST
    ]


def compare(first: Clip, second: Clip, encoder: PoseEncoder, detector: Detector | None, *, seed: int) -> Alignment:
    """Film two performances by two cameras, and align what they see."""
    one, other = (
        film(clip.joints, random_camera(number), fps=clip.fps, detector=detector, seed=number)
        for clip, number in ((first, 2 * seed), (second, 2 * seed + 1))
    )
    return align(one, other, encoder)


def run(
    name: str,
    data: Sequence[Clip],
    encoder: PoseEncoder,
    detectors: dict[str, Detector | None],
    *,
    pairs: int,
    seed: int,
) -> Iterator[Result]:
    """Compare so many pairs of each of `KINDS` with each detector; yields results as soon as each is there.

    Raises:
        ValueError: If no action was performed twice, or all are the same.
    """
    rng = np.random.default_rng(seed)
    partners = {
        "same performance": [[clip] for clip in data],
        "same action": [[c for c in data if c.action == clip.action and c is not clip] for clip in data],
        "other action": [[c for c in data if c.action != clip.action] for clip in data],
    }
    for kind, of_clip in partners.items():
        able = [index for index, others in enumerate(of_clip) if others]
        if not able:
            raise ValueError(f"{name}: no two performances of the {kind} to compare")
        for pair in range(pairs):
            index = able[rng.integers(len(able))]
            first, second = data[index], of_clip[index][rng.integers(len(of_clip[index]))]
            for label, detector in detectors.items():
                alignment = compare(first, second, encoder, detector, seed=seed + pair)
                result = Result(name, label, kind, alignment.score)
                if kind == "same performance":
                    rows, others = alignment.rows.T
                    result = replace(result, error=float(np.abs(rows - others).mean()))
                    if alignment.joint_differences is not None:
                        median, high = np.nanpercentile(alignment.joint_differences, [50, 95])
                        result = replace(result, noise=(float(median), float(high)))
                if kind == "same action" and alignment.joint_differences is not None:
                    truth = true_differences(alignment, first, second, seed=2 * (seed + pair))
                    result = replace(
                        result,
                        joints=agreement(alignment.joint_differences, truth),
                        rival=agreement(shown_differences(alignment), truth),
                    )
                yield result


def true_differences(alignment: Alignment, first: Clip, second: Clip, *, seed: int) -> Float[np.ndarray, "k 13"]:
    """How far the joints really are from each other: both bodies turned to face one way, seen by the first's camera."""
    bodies, facing = [], []
    for clip, rows in zip((first, second), alignment.rows.T, strict=True):
        body = to_world(clip.joints)[rows]
        facing.append(heading(body))
        bodies.append(turn(body, -facing[-1][:, None]))
    direction, roll = random_camera(seed).viewpoint(facing[0])
    level = Viewpoint(direction, torch.zeros_like(roll))  # distances do not change when the picture is rolled
    return (look(bodies[0], level) - look(bodies[1], level)).norm(dim=-1).numpy()


def shown_differences(alignment: Alignment) -> Float[np.ndarray, "k 13"]:
    """How far apart the joints are in the two videos, each normalised; NaN where one does not show a joint."""
    points, shown = [], []
    for poses, rows in zip((alignment.first, alignment.second), alignment.rows.T, strict=True):
        visible = torch.from_numpy(poses.confidence[rows] > 0)
        points.append(normalize_keypoints(torch.from_numpy(poses.keypoints[rows]), visible))
        shown.append(visible)
    distance = (points[0] - points[1]).norm(dim=-1)
    return torch.where(shown[0] & shown[1], distance, torch.nan).numpy()


def agreement(found: Float[np.ndarray, "k 13"], truth: Float[np.ndarray, "k 13"]) -> Joints:
    """Compare differences with the true ones, step by step, over the joints that both videos show."""
    correlations, tops = [], []
    for differences, wanted in zip(found, truth, strict=True):
        known = np.flatnonzero(~np.isnan(differences))
        if len(known) < 4:  # three of three joints are among the first three
            continue
        correlations.append(spearmanr(differences[known], wanted[known]).statistic)
        tops.append(np.argmax(differences[known]) in np.argsort(wanted[known])[-3:])
    return Joints(float(np.mean(correlations)), float(np.mean(tops)))


def error_rate(results: Sequence[Result]) -> float:
    """Mean of the shares of same performances under the threshold, and of other actions over it."""
    scores = {kind: np.array([r.score for r in results if r.kind == kind]) for kind in KINDS}
    missed, taken = scores["same performance"] < SAME_PERFORMANCE, scores["other action"] >= SAME_PERFORMANCE
    return float((missed.mean() + taken.mean()) / 2)


def table(results: Sequence[Result]) -> str:
    """Lay results out as text."""
    lines = []
    for data, detector in dict.fromkeys((r.data, r.detector) for r in results):
        group = [r for r in results if (r.data, r.detector) == (data, detector)]
        lines += ["", f"{data}, keypoints {detector}", f"{'score':18}{'5 %':>7}{'median':>8}{'95 %':>7}{'pairs':>7}"]
        for kind in KINDS:
            scores = [r.score for r in group if r.kind == kind]
            low, middle, high = np.percentile(scores, [5, 50, 95])
            lines.append(f"{kind:18}{low:7.2f}{middle:8.2f}{high:7.2f}{len(scores):7}")
        lines.append(f"error rate at {SAME_PERFORMANCE:g}: {100 * error_rate(group):.1f} %")
        lines.append(f"alignment error: {np.mean([r.error for r in group if r.error is not None]):.1f} frames")
        if noises := [r.noise for r in group if r.noise is not None]:
            median, high = np.mean(noises, axis=0)
            lines.append(
                f"joints of the same performance: median difference {median:.2f} torso lengths, 95 % {high:.2f}"
            )
        for what in ("joints", "rival"):
            told = [value for r in group if (value := getattr(r, what)) is not None]
            if told:
                correlation, top = np.mean([[j.rank_correlation, j.top] for j in told], axis=0)
                label = "decoded" if what == "joints" else "as the videos show them"
                lines.append(
                    f"joints, {label}: rank correlation {correlation:.2f}, worst in true top 3 {100 * top:.0f} %"
                )
    return "\n".join(lines[1:])


def draw(path: Path, results: Sequence[Result]) -> None:
    """Distributions of the scores, a panel for each file and detector."""
    from matplotlib.figure import Figure

    files = list(dict.fromkeys(r.data for r in results))
    figure = Figure(figsize=(8.4, 2.6 * len(files)), layout="constrained")
    panels = figure.subplots(len(files), len(DETECTORS), sharex=True, sharey=True, squeeze=False)
    for row, data in zip(panels, files, strict=True):
        for axis, detector in zip(row, DETECTORS, strict=True):
            for kind, colour in zip(KINDS, ("tab:green", "tab:orange", "tab:blue"), strict=True):
                scores = [r.score for r in results if (r.data, r.detector, r.kind) == (data, detector, kind)]
                axis.hist(scores, bins=np.linspace(0, 1, 26), color=colour, alpha=0.6, label=kind)
            axis.axvline(SAME_PERFORMANCE, color="0.3", linestyle="--", linewidth=1, label="threshold")
            axis.set_title(f"{data}, keypoints {detector}", fontsize="medium")
        row[0].set_ylabel("pairs")
    for axis in panels[-1]:
        axis.set_xlabel("score")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.alignment`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.alignment", description=summary)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument("--weights", default=None, metavar="NAME_OR_FOLDER", help="checkpoint (default: the default)")
    parser.add_argument("--pairs", type=int, default=200, help="of performances, of each kind (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of pairs, cameras and detector")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="distributions of the scores, .png")
    options = parser.parse_args(arguments)
    if options.pairs < 1 or options.seed < 0:
        parser.error("--pairs must be at least 1 and --seed at least 0")
    for path in (options.out, options.plot):
        if path is not None and not path.parent.is_dir():
            parser.error(f"no such folder: {path.parent}")
    try:
        files = mocap.by_name(options.data)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    encoder = PoseEncoder.from_pretrained(options.weights)
    results = []
    with tqdm(total=len(files) * len(KINDS) * len(DETECTORS) * options.pairs, unit="pair") as progress:
        for name, path in files.items():
            for result in run(
                name, clips(mocap.read(path)), encoder, DETECTORS, pairs=options.pairs, seed=options.seed
            ):
                results.append(result)
                progress.update()
    write_json(options.out, [asdict(result) for result in results])
    if options.plot is not None:
        draw(options.plot, results)
    print(table(results))


if __name__ == "__main__":
    main()
