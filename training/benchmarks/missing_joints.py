"""How wrong it gets with which joints missing: retrieval, and how far the pose vector moves.

`python -m training.benchmarks.missing_joints --data FILE... --weights NAME_OR_FOLDER --out results.json --plot FILE`

What is missing, and what is measured, is said in `training.evaluation.missing_joints`. Poses are those of a file's
`val` split, if it has one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.command import CommandParser, recordings
from training.evaluation.missing_joints import COMPLETE, PARTS, MissingResult, run
from training.evaluation.report import Table, spread, texts, write_json
from training.evaluation.representations import pose_vectors
from training.evaluation.retrieval import GALLERY, check_enough


def tables(results: Sequence[MissingResult]) -> Iterator[Table]:
    """A table a file: hit@1 in per cent, mean and standard deviation over trials."""
    for data in dict.fromkeys(result.data for result in results):
        rows = []
        for part in PARTS:
            here = [result for result in results if (result.data, result.part) == (data, part)]
            rows.append(
                [
                    part,
                    f"{np.mean([result.cosine for result in here]):.2f}",
                    spread([100 * result.hit for result in here]),
                    spread([100 * result.hit_both for result in here]),
                ]
            )
        yield Table([f"{data}; missing:", "cosine", "hit@1, query", "hit@1, both"], rows)


def draw(path: Path, results: Sequence[MissingResult]) -> None:
    """Draw hit@1 as bars, a panel a file, with a line where nothing is missing."""
    from poseembed.plot import style

    names = list(dict.fromkeys(result.data for result in results))
    parts = [part for part in PARTS if part != COMPLETE]
    figure = style.new_figure(2.2 + 3.8 * len(names), 0.28 * len(parts) + 1.4)
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for ax, name in zip(panels, names, strict=True):

        def mean(part: str, kind: str, name: str = name) -> float:
            here = [getattr(result, kind) for result in results if (result.data, result.part) == (name, part)]
            return 100 * float(np.mean(here))

        places = np.arange(len(parts))
        kinds = {"hit": "missing in the query", "hit_both": "missing in the query and the gallery"}
        for number, (kind, label) in enumerate(kinds.items()):
            widths = [mean(part, kind) for part in parts]
            ax.barh(places + 0.4 * (number - 0.5), widths, 0.4, color=style.LABELS[number], label=label)
        ax.axvline(mean(COMPLETE, "hit"), color="black", linestyle=":", label="nothing missing")
        ax.set(title=name, xlabel="hit@1, %", xlim=(0, 100))
        ax.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(places, parts)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=style.SMALL)
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.missing_joints`."""
    parser = CommandParser("training.benchmarks.missing_joints", __doc__)
    parser.add_data()
    parser.add_weights()
    parser.add_count("--poses", GALLERY, "in a trial", least=2)
    parser.add_count("--trials", 3, "draws of poses and cameras")
    parser.add_out()
    parser.add_plot()
    options = parser.parse(arguments)
    with parser.refusing():
        data = {name: recording.held_out() for name, recording in recordings(options.data).items()}
        check_enough(data, options.poses)
        embed = pose_vectors(PoseEncoder.from_pretrained(options.weights))
    measured = run(data, embed, trials=options.trials, size=options.poses)
    results = list(tqdm(measured, total=len(data) * options.trials * len(PARTS), unit="part"))
    write_json(options.out, [asdict(result) for result in results])
    if options.plot:
        draw(options.plot, results)
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
