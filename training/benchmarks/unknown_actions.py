"""How well `ActionRecognizer(outlier_label=...)` tells clips of actions that it has not learned.

`python -m training.benchmarks.unknown_actions --penn-action FILE --hdm05 FILE --out unknown_actions.json`

The two numbers of `poseembed.actions.outliers` are chosen first, on training clips: of all that turn down at most a
tenth of the learned actions' clips, those that turn down most of the others'. What they give on the test clips is the
table. Run it again with new weights, and put what it chooses into the module.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np

from poseembed import PoseEncoder
from poseembed.actions import outliers
from training.datasets.actions import penn_action
from training.evaluation.command import CommandParser
from training.evaluation.report import Table, spread, texts, write_json
from training.evaluation.unknown_actions import CHOOSE, MOST_TURNED_DOWN, TEST, TurnedDown, compare, trials, turned_down
from training.scene import virtual_clips

CLASSES, SHOTS = (2, 5, -1), (1, 5, 20)
SHARES = tuple(np.arange(0.5, 0.96, 0.05).round(2).tolist())
FLOORS = tuple(np.arange(0.3, 0.61, 0.025).round(3).tolist())


def tables(found: Sequence[TurnedDown]) -> list[Table]:
    """A table a data set: per cent turned down of clips of learned actions, and of others."""
    made = []
    for data in dict.fromkeys(one.data for one in found):
        rows = []
        for number, shots in product(CLASSES, SHOTS):
            chosen = [one for one in found if (one.data, one.classes, one.shots) == (data, number, shots)]
            known, unknown = (spread([100 * getattr(one, name) for one in chosen]) for name in ("known", "unknown"))
            rows.append([f"{number if number > 0 else f'all but {-number}'}, {shots} each", known, unknown])
        made.append(Table(["actions, clips", "learned", "not learned"], rows, f"{data}, % of test clips turned down"))
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.unknown_actions`."""
    parser = CommandParser("training.benchmarks.unknown_actions", __doc__)
    parser.add_argument("--penn-action", type=Path, metavar="FILE", required=True, help="Penn Action, .npz")
    parser.add_argument("--hdm05", type=Path, metavar="FILE", required=True, help="HDM05, .npz")
    parser.add_weights()
    parser.add_count("--seeds", 20, "draws of classes and clips")
    parser.add_out()
    options = parser.parse(arguments)
    with parser.refusing():
        clips = {"Penn Action": penn_action.read(options.penn_action), "HDM05": virtual_clips.read(options.hdm05)}
        encoder = PoseEncoder.from_pretrained(options.weights)
    compared = {data: compare(of_data, encoder) for data, of_data in clips.items()}
    drawn = {
        part: [one for data, its in compared.items() for one in trials(data, its, part, CLASSES, SHOTS, options.seeds)]
        for part in (CHOOSE, TEST)
    }
    tried = []
    for share, floor in product(SHARES, FLOORS):
        found = [turned_down(trial, compared[trial.data], share, floor) for trial in drawn[CHOOSE]]
        known, unknown = (float(np.mean([getattr(one, name) for one in found])) for name in ("known", "unknown"))
        tried.append({"share": share, "floor": floor, "known": known, "unknown": unknown})
    allowed = [one for one in tried if one["known"] <= MOST_TURNED_DOWN]
    chosen = max(allowed, key=lambda one: one["unknown"])
    tested = [turned_down(trial, compared[trial.data], outliers.SHARE, outliers.FLOOR) for trial in drawn[TEST]]
    write_json(options.out, {"tried": tried, "chosen": chosen, "tested": [asdict(one) for one in tested]})
    print(f"chosen on training clips: SHARE = {chosen['share']}, FLOOR = {chosen['floor']}", end="; ")
    print(f"turned down {chosen['known']:.1%} of learned actions and {chosen['unknown']:.1%} of others")
    print(f"in poseembed.actions.outliers: SHARE = {outliers.SHARE}, FLOOR = {outliers.FLOOR}\n")
    print(texts(tables(tested)))


if __name__ == "__main__":
    main()
