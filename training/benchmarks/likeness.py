"""Whether two people do the same movement: equal error rates, and done well against done badly.

`python -m training.benchmarks.likeness --chosen-on mocap_ui_prmd.npz mocap_hdm05.npz --data mocap_ui_prmd.npz \
--penn-action penn_action.npz --weights NAME_OR_FOLDER --out results.json`

What is compared is said in `training.evaluation.likeness`. Of the files after `--chosen-on` the clips are taken that
are not of the `val` split, of those after `--data` the `val` split, where there is one; of Penn Action all clips. Two
numbers are chosen on the former: how much of the mean is taken off, `poseembed.likeness.MEAN_TAKEN_OFF`, where the mean
of the equal error rates is least, and `poseembed.align.SAME_MOVEMENT`, where the mean of the error rates is. Run this
again with new weights, and put the line into the module to the nearest 0.05: so many pairs tell no finer.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.align import SAME_MOVEMENT, SAME_PERFORMANCE
from training.datasets.actions import penn_action
from training.evaluation.alignment import DETECTORS
from training.evaluation.command import CommandParser, recordings
from training.evaluation.likeness import (
    BY_ANOTHER,
    OTHER,
    SAME,
    SHARES,
    STILL,
    THEIR_OWN,
    GradeResult,
    PairResult,
    auc,
    compare,
    equal_error_rate,
    error_rate,
    film_all,
    grade,
    held,
    of_videos,
)
from training.evaluation.report import Table, texts, write_json

AnyResult = TypeVar("AnyResult", PairResult, GradeResult)


def tables(chosen_on: Sequence[PairResult], tested: Sequence[PairResult], grades: Sequence[GradeResult]) -> list[Table]:
    """Equal error rates, errors at the lines, and AUC of each movement that is done well and badly."""
    rates, errors = [], []
    for part, results in (("chosen on", chosen_on), ("", tested)):
        for title, group in _groups(results).items():
            name = " ".join(filter(None, (part, title)))
            same, other, still = ([r for r in group if r.kind == kind] for kind in (SAME, OTHER, STILL))
            numbers = [
                *(([r.likeness[i] for r in same], [r.likeness[i] for r in other]) for i in range(len(SHARES))),
                ([r.either_side for r in same], [r.either_side for r in other]),
                ([r.score for r in same], [r.score for r in other]),
            ]
            found = [equal_error_rate(np.array(a), np.array(b))[0] for a, b in numbers]
            rates.append([name, *(f"{100 * rate:.1f}" for rate in found)])
            middle = [np.median([r.chosen for r in kind]) for kind in (same, other)]
            shares = (
                np.mean([r.chosen < SAME_MOVEMENT for r in same]),
                np.mean([r.chosen >= SAME_MOVEMENT for r in other]),
                np.mean([r.score >= SAME_PERFORMANCE for r in same]),
            )
            in_vain = f"{100 * np.mean([r.chosen >= SAME_MOVEMENT for r in still]):.1f}" if still else ""
            cells = [*(f"{value:.2f}" for value in middle), *(f"{100 * share:.1f}" for share in shares), in_vain]
            errors.append([name, *cells])
    columns = ["per cent", *(f"{share:g} off" for share in SHARES), "either side", "score"]
    made = [
        Table(
            columns, rates, "equal error rate of the likeness, by how much of the mean is taken off, and of the score"
        ),
        Table(
            ["likeness", "same", "other", "missed", "taken", "same performance", "standing still"],
            errors,
            f"medians; per cent of the same movements under {SAME_MOVEMENT:g} and of others over it, of the same "
            f"movements with a score over {SAME_PERFORMANCE:g}, and of those who stand still over {SAME_MOVEMENT:g}",
        ),
    ]
    for title, graded in _groups(grades).items():
        rows = []
        for action in dict.fromkeys(r.action for r in graded):
            of_action = [r for r in graded if r.action == action]
            by_kind = [[r for r in of_action if r.references == kind] for kind in (BY_ANOTHER, THEIR_OWN)]
            areas = [f"{auc(some, number):.2f}" if some else "" for some in by_kind for number in ("likeness", "score")]
            rows.append([action, *areas, str(len(by_kind[-1]))])
        kinds = [f"{kind}: {number}" for kind in (BY_ANOTHER, THEIR_OWN) for number in ("likeness", "score")]
        made.append(Table(["AUC, references", *kinds, "repetitions"], rows, f"{title}: done well against done badly"))
    return made


def best_lines(results: Sequence[PairResult]) -> tuple[float, float, float]:
    """The lowest and the highest line, by hundredths, of the least mean error rate of the groups, and that rate."""
    lines = np.arange(-100, 101) / 100
    errors = np.array([np.mean([error_rate(group, line) for group in _groups(results).values()]) for line in lines])
    best = lines[np.isclose(errors, errors.min())]
    return float(best[0]), float(best[-1]), float(errors.min())


def _groups(results: Sequence[AnyResult]) -> dict[str, list[AnyResult]]:
    """Results by file and keypoints."""
    groups: dict[str, list[AnyResult]] = {}
    for result in results:
        groups.setdefault(f"{result.data}, keypoints {result.keypoints}", []).append(result)
    return groups


def _compared(
    files: Sequence[Path], encoder: PoseEncoder, *, chosen_on: bool, pairs: int, seed: int
) -> tuple[list[PairResult], list[GradeResult]]:
    """What comes of files of motion capture: of their `val` split, or, to choose on, of all the rest."""
    results: list[PairResult] = []
    grades: list[GradeResult] = []
    for name, data in recordings(files).items():
        held_out = data.evaluation_splits()
        clips = [clip for clip in data if (clip.split in held_out) is not chosen_on or not held_out]
        for keypoints, detector in tqdm(DETECTORS.items(), desc=name, leave=False):
            performed = film_all(clips, encoder, detector, seed=seed)
            still = film_all(held(clips), encoder, detector, seed=seed + len(clips))
            results += compare(name, keypoints, performed, encoder, still=still, pairs=pairs, seed=seed)
            if not chosen_on:
                grades += grade(name, keypoints, performed, encoder, seed=seed)
    return results, grades


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.likeness`."""
    parser = CommandParser("training.benchmarks.likeness", __doc__)
    parser.add_argument("--chosen-on", type=Path, nargs="+", default=[], metavar="FILE", help="to choose the line on")
    parser.add_data(required=False)
    parser.add_argument("--penn-action", type=Path, metavar="FILE", help="Penn Action, .npz")
    parser.add_weights()
    parser.add_count("--pairs", 400, "of performances, of the same movement and of two")
    parser.add_seed("of pairs, cameras and detector")
    parser.add_out()
    options = parser.parse(arguments)
    if not (options.chosen_on or options.data or options.penn_action):
        parser.error("name files: --chosen-on, --data, --penn-action")
    settings = {"pairs": options.pairs, "seed": options.seed}
    with parser.refusing():
        encoder = parser.calibrated(options.weights)
        videos = penn_action.read(options.penn_action) if options.penn_action else None
        chosen_on, _ = _compared(options.chosen_on, encoder, chosen_on=True, **settings)
        tested, grades = _compared(options.data, encoder, chosen_on=False, **settings)
        if videos is not None:
            tested += compare("Penn Action", "annotated by hand", of_videos(videos, encoder), encoder, **settings)
    write_json(
        options.out,
        {
            name: [asdict(r) for r in results]
            for name, results in (("chosen_on", chosen_on), ("tested", tested), ("grades", grades))
        },
    )
    print(texts(tables(chosen_on, tested, grades)))
    if chosen_on:
        least, most, rate = best_lines(chosen_on)
        print(f"\nfewest errors on what it is chosen on: a line from {least:g} to {most:g}, {100 * rate:.1f} %")


if __name__ == "__main__":
    main()
