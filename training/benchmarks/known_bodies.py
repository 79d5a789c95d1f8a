"""How much two incomplete pictures hold: cross-view retrieval by a reader without an encoder, that knows 3D bodies.

`python -m training.benchmarks.known_bodies --data FILE --out results.json`

The trials are those of `training.benchmarks.retrieval`, the reader is that of `training.evaluation.known_bodies`. The
bodies that it knows are either the gallery's own, which no encoder knows and which show what the pictures tell; or
poses of the `train` split, which is what an encoder has to go by.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from torch import Generator

from training.datasets import mocap
from training.evaluation.command import CommandParser
from training.evaluation.conditions import DAMAGED, Condition
from training.evaluation.known_bodies import STEP, KnownBodiesResult, hit_rates, read
from training.evaluation.report import Table, write_json
from training.evaluation.retrieval import GALLERY, RANKS, draw_poses, make_trial


def table(results: Sequence[KnownBodiesResult]) -> Table:
    """Per cent, a row a set of bodies."""
    rows = [[result.bodies, *(f"{100 * result.hits[rank]:.1f}" for rank in RANKS)] for result in results]
    return Table([f"{results[0].condition}; bodies known:", *(f"hit@{rank}" for rank in RANKS)], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.known_bodies`."""
    parser = CommandParser("training.benchmarks.known_bodies", __doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="motion capture with splits, .npz")
    parser.add_count("--poses", GALLERY, "in the trial", least=max(RANKS))
    parser.add_count("--queries", 500, "of the trial's")
    parser.add_argument("--train-bodies", type=int, default=6000, help="of the train split (default: %(default)s)")
    parser.add_count("--missing", DAMAGED.missing, "joints missing", least=0)
    parser.add_argument(
        "--noise", type=float, default=DAMAGED.noise, help="torso lengths, above 0 (default: %(default)s)"
    )
    parser.add_argument(
        "--body-deviation",
        type=float,
        default=0.1,
        help="how far a joint of the nearest train body is off, torso lengths (default: %(default)s)",
    )
    parser.add_argument(
        "--step",
        type=float,
        default=round(math.degrees(STEP)),
        metavar="DEGREES",
        help="between the azimuths, and elevations, that cameras are looked for at (default: %(default)s)",
    )
    parser.add_out()
    options = parser.parse(arguments)
    if options.queries > options.poses or options.missing > 11:
        parser.error(f"--queries must be from 1 to {options.poses}, --missing from 0 to 11")
    if not (options.noise > 0 and options.body_deviation >= 0):
        parser.error(
            "--noise must be above 0, for an exact picture fits no camera of a grid, --body-deviation at least 0"
        )
    if not 0 < options.step <= 60:
        parser.error("--step must be above 0 and at most 60 degrees")
    condition = Condition(options.missing, options.noise)
    with parser.refusing():
        recording = mocap.read(options.data)
        held_out, known = recording.poses("val")[0], recording.poses("train")[0]
        trial = make_trial(held_out, condition, seed=0, size=options.poses)
        if not 1 <= options.train_bodies <= len(known):
            parser.error(f"--train-bodies must be from 1 to {len(known)}, the poses of the train split")
        train = draw_poses(known, options.train_bodies, Generator().manual_seed(1))
    step = math.pi / (180 / options.step)
    results = []
    readers = {
        "the gallery's own": (trial.poses, options.noise),
        "of train": (train, math.hypot(options.noise, options.body_deviation)),
    }
    for label, (bodies, deviation) in readers.items():
        similarity = read(trial, bodies, queries=options.queries, deviation=deviation, label=label, step=step)
        hits = hit_rates(trial, similarity)
        results.append(KnownBodiesResult(options.data.stem, label, deviation, condition, hits))
        write_json(options.out, [asdict(result) for result in results])
    print(table(results).text())


if __name__ == "__main__":
    main()
