"""Are the probabilities of a match right? On poses, and on real recordings, that training has not seen.

`python -m training.benchmarks.reliability --data FILE... --recordings FILE... --weights NAME_OR_FOLDER --out FILE.json`

Poses and cameras are those of the retrieval benchmark's trials; recordings are those of `training.datasets.multiview`.
Pictures show all of the body, or a part; what is not exact has noise of 2.5 % of the torso, and with 4 of 13 joints
missing 5 %. In a recording only joints are left out: it is as exact as its detector. With `--context` the frames of
recordings, and of whole clips instead of single poses, are read with what comes before and after. A pair matches if the
NP-MPJPE of its poses is under 0.1. `training.evaluation.reliability` says what the numbers mean. `--plot FILE.png`
draws the curves at even odds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from training.evaluation.clips import frame_by_frame, means_with_context
from training.evaluation.command import CommandParser, multiview_recordings, recordings
from training.evaluation.pairs import BATCH, Pairs
from training.evaluation.reliability import (
    FEWEST,
    PRIORS,
    SIGHTS,
    ReliabilityResult,
    Sight,
    assess,
    in_draws,
    in_films,
    in_recording,
)
from training.evaluation.report import Table, texts, write_json
from training.evaluation.representations import means
from training.evaluation.retrieval import GALLERY, check_enough

IN_A_ROW = 4
"""Most panels of the picture beside each other."""


def tables(results: Sequence[ReliabilityResult]) -> Iterator[Table]:
    """A table a file: of each sight the calibration error and the worst bin with either prior, and the Brier score."""
    for data in dict.fromkeys(result.data for result in results):
        rows = []
        for sight in SIGHTS:
            even, own = (
                next(r for r in results if (r.data, r.sight, r.prior) == (data, sight, prior)) for prior in PRIORS
            )
            errors = [text for r in (even, own) for text in (f"{r.ece:.3f}", f"{r.worst:+.2f}")]
            rows.append([str(sight), *errors, f"{even.brier:.3f}", f"{even.matches:.2%}"])
        yield Table([data, "ECE", "worst", "ECE, own share", "worst", "Brier", "matches"], rows)


def draw(path: Path, results: Sequence[ReliabilityResult]) -> None:
    """Draw the reliability curves at even odds, a panel a file."""
    from poseembed.plot.style import new_figure

    even = [result for result in results if result.prior == "even odds"]
    names = list(dict.fromkeys(result.data for result in even))
    columns = min(len(names), IN_A_ROW)
    rows = -(-len(names) // columns)
    figure = new_figure(0.6 + 3.6 * columns, 0.6 + 3.8 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for panel in panels.flat[len(names) :]:
        panel.remove()
    for name, panel in zip(names, panels.flat, strict=False):
        panel.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
        for result in (r for r in even if r.data == name):
            shown = [entry for entry in result.bins if entry.pairs >= FEWEST]
            label = f"{result.sight} ({result.ece:.3f})"
            panel.plot([entry.predicted for entry in shown], [entry.observed for entry in shown], ".-", label=label)
        panel.set(title=name, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        panel.legend(loc="best", fontsize=7, title="calibration error", title_fontsize=7)
    figure.supxlabel("predicted probability of a match")
    figure.supylabel("observed share of matches")
    figure.savefig(path, dpi=90)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.reliability`."""
    parser = CommandParser("training.benchmarks.reliability", __doc__)
    parser.add_data(required=False)
    parser.add_recordings()
    parser.add_weights()
    parser.add_count("--poses", GALLERY, "in a trial", least=2)
    parser.add_count("--trials", 2, "draws of poses and cameras")
    parser.add_argument("--context", action="store_true", help="vectors of films, with what comes before and after")
    parser.add_out()
    parser.add_plot()
    options = parser.parse(arguments)
    if not options.data and not options.recordings:
        parser.error("give --data or --recordings, or both")
    with parser.refusing():
        data = recordings(options.data)
        check_enough({name: recording.held_out() for name, recording in data.items()}, options.poses)
        real = multiview_recordings(options.recordings)
        encoder = parser.calibrated(options.weights)
    if options.context:
        parser.need_clip_encoder(encoder)
    embed = means_with_context(encoder) if options.context else frame_by_frame(means(encoder))
    compared: dict[str, dict[Sight, Pairs]] = {}
    for name, recording in data.items():
        batches = (
            in_films(
                encoder,
                recording.clips(*recording.evaluation_splits()),
                embed,
                trials=options.trials,
                size=options.poses,
            )
            if options.context
            else in_draws(encoder, recording.held_out(), trials=options.trials, size=options.poses)
        )
        parts = list(tqdm(batches, total=-(-options.poses // BATCH) * options.trials, unit="batch", desc=name))
        compared[name] = {sight: Pairs.join([part[sight] for part in parts]) for sight in SIGHTS}
    for name, filmed in tqdm(real.items(), unit="recording"):
        compared[name] = in_recording(encoder, filmed, embed)
    results = [
        assess(pairs, prior, data=name, sight=sight)
        for name, sights in compared.items()
        for sight, pairs in sights.items()
        for prior in PRIORS
    ]
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))
    if options.plot:
        draw(options.plot, results)


if __name__ == "__main__":
    main()
