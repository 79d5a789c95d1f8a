"""Comparing performances filmed by different cameras: what the score tells apart, and what is said of the joints.

`python -m training.benchmarks.alignment --data FILE... --weights NAME_OR_FOLDER --out results.json --plot FILE.png`

Pairs of performances, each filmed by a camera of its own, with complete and exact keypoints and with such as detectors
give. What is measured is said in `training.evaluation.alignment`. `poseembed.align.SAME_PERFORMANCE` is chosen on
held-out actors of the CMU motion capture, both kinds of keypoints together. Run this again with new weights, and put
the middle of the lines with the fewest errors there into the module, to the nearest 0.05: so many pairs tell no finer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from poseembed.align import SAME_PERFORMANCE
from training.evaluation.alignment import DETECTORS, KINDS, AlignmentResult, best_lines, error_rate, performances, run
from training.evaluation.command import CommandParser, recordings
from training.evaluation.report import Table, write_json


def text(results: Sequence[AlignmentResult]) -> str:
    """What is printed: for each file and detector a table of the scores, and findings; then where to draw the line."""
    parts = []
    for data, detector in dict.fromkeys((r.data, r.detector) for r in results):
        group = [r for r in results if (r.data, r.detector) == (data, detector)]
        rows = []
        for kind in KINDS:
            scores = [r.score for r in group if r.kind == kind]
            rows.append([kind, *(f"{score:.2f}" for score in np.percentile(scores, [5, 50, 95])), str(len(scores))])
        scores_of_kinds = Table(["score", "5 %", "median", "95 %", "pairs"], rows, f"{data}, keypoints {detector}")
        parts.append("\n".join([scores_of_kinds.text(), *_findings(group)]))
    for data in dict.fromkeys(r.data for r in results):
        of_file = [r for r in results if r.data == data]
        least, most = best_lines(of_file)
        parts.append(
            f"{data}: fewest errors with a line from {least:g} to {most:g}, {100 * error_rate(of_file, least):.1f} %"
        )
    return "\n\n".join(parts)


def _findings(group: Sequence[AlignmentResult]) -> Iterator[str]:
    yield f"error rate at {SAME_PERFORMANCE:g}: {100 * error_rate(group):.1f} %"
    yield f"alignment error: {np.mean([r.error for r in group if r.error is not None]):.1f} frames"
    if noises := [r.noise for r in group if r.noise is not None]:
        median, high = np.mean(noises, axis=0)
        yield f"joints of the same performance: median difference {median:.2f} torso lengths, 95 % {high:.2f}"
    differences = {
        "decoded": [r.joints for r in group if r.joints is not None],
        "as the videos show them": [r.rival for r in group if r.rival is not None],
    }
    for label, told in differences.items():
        if told:
            correlation, top = np.mean([[one.rank_correlation, one.top] for one in told], axis=0)
            yield f"joints, {label}: rank correlation {correlation:.2f}, worst in true top 3 {100 * top:.0f} %"


def draw(path: Path, results: Sequence[AlignmentResult]) -> None:
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
    parser = CommandParser("training.benchmarks.alignment", __doc__)
    parser.add_data()
    parser.add_weights()
    parser.add_count("--pairs", 200, "of performances, of each kind")
    parser.add_seed("of pairs, cameras and detector")
    parser.add_out()
    parser.add_plot("distributions of the scores, .png")
    options = parser.parse(arguments)
    with parser.refusing():
        data = {name: performances(recording) for name, recording in recordings(options.data).items()}
        encoder = parser.calibrated(options.weights)
    results = []
    with tqdm(total=len(data) * len(KINDS) * len(DETECTORS) * options.pairs, unit="pair") as progress:
        for name, clips in data.items():
            for result in run(name, clips, encoder, DETECTORS, pairs=options.pairs, seed=options.seed):
                results.append(result)
                progress.update()
    write_json(options.out, [asdict(result) for result in results])
    if options.plot is not None:
        draw(options.plot, results)
    print(text(results))


if __name__ == "__main__":
    main()
