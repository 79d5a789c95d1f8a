"""Are the probabilities of a match right? On poses that training has not seen.

`python -m training.benchmarks.reliability --data FILE... --weights NAME_OR_FOLDER --out results.json --plot FILE.png`

Poses and pictures are those of the retrieval benchmark's trials, complete, and with 4 of 13 joints missing and the
others moved by Gaussian noise of 5 % of the torso. Of each `BATCH` of poses all first views are compared with all
second ones, as when fitting. A pair matches if the NP-MPJPE of its poses is under 0.1. Everything is weighted so that
half of the pairs match, and `match_probability` is asked with prior 0.5.

- Reliability curve: pairs are sorted by probability into `BINS` equal intervals; in each, the share of matches should
  be the mean probability.
- Expected calibration error (Naeini, Cooper and Hauskrecht 2015): the mean of the difference of the two, each bin
  weighted by the share of the pairs that fall into it. 0 is perfect.
- Brier score (1950): the mean square of probability minus truth, 1 for a match and 0 for another pair. 0.25 is saying
  0.5 always; how well the vectors tell matches apart counts too.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from tqdm import tqdm

from poseembed import PoseEncoder
from training.benchmarks.retrieval import GALLERY, Condition, make_trial, means
from training.calibrate import BATCH, Pairs, balance, compare, same_pose
from training.datasets import mocap
from training.evaluation.report import write_json

BINS = 15

FEWEST = 20
"""Pairs in a bin that the picture shows; fewer say little."""


CONDITIONS = (Condition(), Condition(missing=4, noise=0.05))


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same probability.

    Attributes:
        predicted: Their mean probability.
        observed: Share of matches.
        weight: Share of all pairs that they are.
        pairs: Their number, before weighting.
    """

    predicted: float
    observed: float
    weight: float
    pairs: int


@dataclass(frozen=True)
class Result:
    """How right the probabilities were on one file under one condition.

    Attributes:
        data: The file.
        condition: What became of the pictures.
        matches: Share of the pairs that match, before weighting.
        ece: Expected calibration error.
        brier: Brier score.
        bins: The reliability curve; empty bins are left out.
    """

    data: str
    condition: Condition
    matches: float
    ece: float
    brier: float
    bins: list[Bin]


def compare_views(
    encoder: PoseEncoder, joints: Float[np.ndarray, "frames 13 3"], *, trials: int
) -> Iterator[dict[Condition, Pairs]]:
    """Compare the views of so many trials under all `CONDITIONS`; yields batch by batch.

    Raises:
        ValueError: If there are fewer poses (metres, y up) than a gallery holds.
    """
    embed = means(encoder)
    for seed in range(trials):
        pictures = {condition: make_trial(joints, condition, seed=seed) for condition in CONDITIONS}
        poses = pictures[CONDITIONS[0]].poses  # which are the same under all conditions
        vectors = {
            condition: [embed(points, visible) for points, visible in zip(trial.points, trial.visible, strict=True)]
            for condition, trial in pictures.items()
        }
        for rows in torch.arange(len(poses)).split(BATCH):
            match = same_pose(poses[rows])
            yield {condition: compare(one[rows], other[rows], match) for condition, (one, other) in vectors.items()}


def assess(
    probability: Float[Tensor, " pairs"], match: Bool[Tensor, " pairs"], *, data: str, condition: Condition
) -> Result:
    """Compare probabilities with what was true, weighted so that half of the pairs match.

    Raises:
        ValueError: If all pairs match, or none.
    """
    weight, p, truth = balance(match), probability.double(), match.double()
    place = (p * BINS).long().clamp_max(BINS - 1)  # a probability of 1 belongs to the last bin
    weights, predicted, observed = (
        torch.zeros(BINS, dtype=torch.float64).index_add(0, place, weight * values)
        for values in (torch.ones_like(p), p, truth)
    )
    counts = torch.bincount(place, minlength=BINS)
    bins = [
        Bin(
            predicted=(predicted[i] / w).item(),
            observed=(observed[i] / w).item(),
            weight=w.item(),
            pairs=int(counts[i]),
        )
        for i, w in enumerate(weights)
        if counts[i]
    ]
    return Result(
        data=data,
        condition=condition,
        matches=truth.mean().item(),
        ece=(predicted - observed).abs().sum().item(),
        brier=(weight * (p - truth).square()).sum().item(),
        bins=bins,
    )


def table(results: Sequence[Result]) -> str:
    """Lay results out as text."""
    lines = []
    for data in dict.fromkeys(result.data for result in results):
        lines += ["", f"{data:50}{'ECE':>8}{'Brier':>8}{'matches':>9}"]
        lines += [f"{r.condition!s:50}{r.ece:8.3f}{r.brier:8.3f}{r.matches:9.2%}" for r in results if r.data == data]
    return "\n".join(lines[1:])


def draw(path: Path, results: Sequence[Result]) -> None:
    """Draw the reliability curves, a panel a file, and below them where the pairs are."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    names = list(dict.fromkeys(result.data for result in results))
    figure, panels = plt.subplots(
        2,
        len(names),
        figsize=(0.6 + 4.4 * len(names), 6.2),
        height_ratios=(3, 1),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for name, (curve, shares) in zip(names, panels.T, strict=True):
        curve.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
        for result, colour, side in zip(
            (r for r in results if r.data == name), ("tab:blue", "tab:orange"), (-1, 1), strict=True
        ):
            lines = str(result.condition).replace(", ", ",\n")
            shown = [entry for entry in result.bins if entry.pairs >= FEWEST]
            curve.plot(
                [entry.predicted for entry in shown],
                [entry.observed for entry in shown],
                "o-",
                color=colour,
                label=f"{lines}\n(ECE {result.ece:.3f}, Brier {result.brier:.3f})",
            )
            middles = [(min(int(entry.predicted * BINS), BINS - 1) + 0.5) / BINS for entry in result.bins]
            width = 0.4 / BINS
            shares.bar(
                [middle + side * width / 2 for middle in middles],
                [100 * entry.weight for entry in result.bins],
                width,
                color=colour,
            )
        curve.set(title=name, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        curve.legend(loc="best", fontsize=8, labelspacing=0.8)
        shares.set_xlabel("predicted probability of a match")
    panels[0, 0].set_ylabel("observed share of matches")
    panels[1, 0].set_ylabel("% of pairs, weighted")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.reliability`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.reliability", description=summary)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument("--weights", metavar="NAME_OR_FOLDER", help="checkpoint; the packaged default if not given")
    parser.add_argument("--trials", type=int, default=2, help="draws of poses and cameras (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="picture, .png")
    options = parser.parse_args(arguments)
    if options.trials < 1:
        parser.error("--trials must be at least 1")
    if options.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install poseembed[plot]")
    for path in (options.out, options.plot):
        if path and not path.parent.is_dir():
            parser.error(f"no such folder: {path.parent}")
    try:
        files = mocap.by_name(options.data)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    data = {name: mocap.read(path).held_out() for name, path in files.items()}
    encoder = PoseEncoder.from_pretrained(options.weights)
    if encoder.config.calibration is None:
        parser.error("this checkpoint has no calibration; fit it with: python -m training.calibrate FOLDER --data FILE")
    results = []
    for name, joints in data.items():
        batches = compare_views(encoder, joints, trials=options.trials)
        parts = list(tqdm(batches, total=-(-GALLERY // BATCH) * options.trials, unit="batch", desc=name))
        for condition in CONDITIONS:
            pairs = Pairs.join([part[condition] for part in parts])
            probability = encoder.match_probability(pairs.cosine)
            results.append(assess(probability, pairs.match, data=name, condition=condition))
    write_json(options.out, [asdict(result) for result in results])
    print(table(results))
    if options.plot:
        draw(options.plot, results)


if __name__ == "__main__":
    main()
