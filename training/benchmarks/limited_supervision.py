"""Action recognition from few labels: Figure 3 of the CV-MIM paper, on Penn Action.

`python -m training.benchmarks.limited_supervision --penn-action PATH --run RUN --out FOLDER --plot FILE.png`

A share of Penn Action's training clips, of all views, keeps its labels and is trained on; the test clips of all views
are tested on. Of each class the share is drawn (rounded up, so one clip at least), another draw for each seed, and the
larger shares of a seed hold the smaller ones. Results are kept as those of `training.benchmarks.single_shot` are, and
the whole is the same fit as in `training.benchmarks.supervised`.
"""

from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from training.evaluation.recognition.command import PENN_ACTION, RecognitionParser
from training.evaluation.recognition.results import SystemResults
from training.evaluation.recognition.splits import ALL_VIEWS, Plan, Split, all_views
from training.evaluation.recognition.tables import Column, table
from training.evaluation.recognition.tasks import Task
from training.evaluation.results_document import picture, write_section

DATA = (PENN_ACTION,)
SECTION = "Limited supervision (Figure 3)"
SHARES = tuple(Fraction(1, 2**power) for power in range(6, -1, -1))


def share_name(share: Fraction) -> str:
    """Name of the split that trains on a share of the clips."""
    return ALL_VIEWS if share == 1 else f"{share} of {ALL_VIEWS}"


def draw(task: Task, share: Fraction, seed: int) -> Split:
    """A share of the training clips of each class."""
    whole = all_views(task)
    labels = task.clips.labels[whole.train]
    order = np.random.default_rng(seed).permutation(len(labels))
    kept = []
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        kept.append(of_class[: ceil(share * len(of_class))])
    return Split(share_name(share), whole.train[np.sort(np.concatenate(kept))], whole.test)


def plan(task: Task, shares: Sequence[Fraction], seeds: int) -> Plan:
    """Every seed on its draw of every share."""
    return [(seed, draw(task, share, seed)) for seed in range(seeds) for share in shares]


def plot(path: Path, systems: Sequence[SystemResults], clips: Mapping[Fraction, int], seeds: int) -> None:
    """Draw accuracy against the number of labelled clips.

    Args:
        path: Picture to write, such as a .png.
        systems: With results of all shares, for the first seed at least.
        clips: Number of labelled clips by share, rising.
        seeds: Trainings of each, at most.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If the file's ending is not that of a picture.
    """
    try:
        from matplotlib import colormaps
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "poseembed[plot]"') from error
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    x = np.array([float(share) for share in clips])
    names = [share_name(share) for share in clips]
    few = [one.scores(names[:1], 1).item() for one in systems]
    order = np.argsort(few)[::-1].tolist()
    for index in order:  # the legend's order is that of the lines
        one = systems[index]
        trainings = min(seeds, one.seeds(names))
        scores = 100 * np.array([one.scores([name], trainings) for name in names])
        mean = scores.mean(1)
        deviation = scores.std(1, ddof=1) if trainings > 1 else np.zeros(len(mean))
        colour = colormaps["tab10"](index % 10)
        axes.plot(
            x,
            mean,
            color=colour,
            linestyle=("-", "--", ":")[index // 10 % 3],
            marker="osD^v"[index % 5],
            markersize=4,
            label=one.label,
        )
        axes.fill_between(x, mean - deviation, mean + deviation, color=colour, alpha=0.15, lw=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(x, [f"{'all' if share == 1 else share}\n{count}" for share, count in clips.items()])
    axes.minorticks_off()
    axes.set_xlabel("labelled share of the training clips, and how many clips that is")
    axes.set_ylabel("test clips named right, %")
    axes.set_title(
        f"Penn Action with few labels: mean{' ± deviation' if seeds > 1 else ''} of {seeds} draws", loc="left"
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, fontsize=9)
    figure.savefig(path, dpi=150)


def _share(text: str) -> Fraction:
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ArgumentTypeError(f"{text} is not a share such as 1/16") from error
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return share


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.limited_supervision`."""
    parser = RecognitionParser("limited_supervision", __doc__, DATA)
    parser.add_argument(
        "--shares", type=_share, nargs="+", default=SHARES, metavar="SHARE", help="of the labels (default: 1/64 ... 1)"
    )
    parser.add_plot()
    options = parser.parse(arguments)
    work = parser.work(options)
    task, shares = work.tasks[PENN_ACTION], sorted(set(options.shares))
    if shares != sorted(SHARES):
        work = replace(work, command=f"{work.command} --shares {' '.join(map(str, shares))}")
    if options.plot:
        work = replace(work, command=f"{work.command} --plot {options.plot.name}")
    finished = work.fit({PENN_ACTION: plan(task, shares, work.seeds)})[PENN_ACTION]
    parts = []
    if finished:
        columns = [Column("all" if share == 1 else str(share), (share_name(share),)) for share in shares]
        parts.append(table(finished, columns, work.seeds))
    if options.plot and finished:
        plot(options.plot, finished, {share: len(draw(task, share, 0).train) for share in shares}, work.seeds)
        parts.append(picture(options.plot, work.results, "Accuracy against the share of labelled clips"))
    remarks = ["The paper's Figure 3 prints no numbers to set beside these."]
    text = work.section(parts, remarks, finished)
    write_section(work.results, SECTION, text)
    print(text)


if __name__ == "__main__":
    main()
