"""Are the probabilities of a match right? On poses that training has not seen.

`python -m training.benchmarks.reliability --data FILE... --weights NAME_OR_FOLDER --out results.json --plot FILE.png`

Poses and pictures are those of the retrieval benchmark's trials, complete, and with 4 of 13 joints missing and the
others moved by Gaussian noise of 5 % of the torso. Of each batch of poses all first views are compared with all second
ones, as when fitting. A pair matches if the NP-MPJPE of its poses is under 0.1. `training.evaluation.reliability` says
what the numbers mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.command import CommandParser, recordings
from training.evaluation.pairs import BATCH, Pairs
from training.evaluation.reliability import BINS, CONDITIONS, ReliabilityResult, assess, draw_batches
from training.evaluation.report import Table, texts, write_json
from training.evaluation.retrieval import GALLERY, check_enough

FEWEST = 20
"""Pairs in a bin that the picture shows; fewer say little."""


def tables(results: Sequence[ReliabilityResult]) -> Iterator[Table]:
    """A table a file."""
    for data in dict.fromkeys(result.data for result in results):
        rows = [
            [str(r.condition), f"{r.ece:.3f}", f"{r.brier:.3f}", f"{r.matches:.2%}"] for r in results if r.data == data
        ]
        yield Table([data, "ECE", "Brier", "matches"], rows)


def draw(path: Path, results: Sequence[ReliabilityResult]) -> None:
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
    parser = CommandParser("training.benchmarks.reliability", __doc__)
    parser.add_data()
    parser.add_weights()
    parser.add_count("--poses", GALLERY, "in a trial", least=2)
    parser.add_count("--trials", 2, "draws of poses and cameras")
    parser.add_out()
    parser.add_plot()
    options = parser.parse(arguments)
    if options.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install poseembed[plot]")
    with parser.refusing():
        data = {name: recording.held_out() for name, recording in recordings(options.data).items()}
        check_enough(data, options.poses)
        encoder = PoseEncoder.from_pretrained(options.weights)
    if encoder.config.calibration is None:
        parser.error("this checkpoint has no calibration; fit it with: python -m training.calibrate FOLDER --data FILE")
    results = []
    for name, joints in data.items():
        batches = draw_batches(encoder, joints, trials=options.trials, size=options.poses)
        parts = list(tqdm(batches, total=-(-options.poses // BATCH) * options.trials, unit="batch", desc=name))
        for condition in CONDITIONS:
            pairs = Pairs.join([part[condition] for part in parts])
            probability = encoder.match_probability(pairs.cosine)
            results.append(assess(probability, pairs.match, data=name, condition=condition))
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))
    if options.plot:
        draw(options.plot, results)


if __name__ == "__main__":
    main()
