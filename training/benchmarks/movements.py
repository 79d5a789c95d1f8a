"""Finding movements: how often they are found from another camera at another speed, and what hours of video cost.

`python -m training.benchmarks.movements --data FILE... --recordings FILE... --weights NAME --hours 1 10 --out FILE`

Queries are stretches of the files' clips (of the `val` split, where there is one), with complete and exact keypoints
and with such as detectors give; of a file with HDM05's actors, every performance of those whom nothing was chosen on,
asked for among what the other one of them did; and stretches of recordings by several real cameras. How they are asked
for is said in `training.evaluation.movements`. With `--hours` the cost is measured too, on galleries of all motion
capture in the files, see `training.evaluation.movement_cost`; 100 hours of poses take a while to embed.

Nothing of `poseembed.movements` was fitted. Its clock's rate, and that it takes cosines as they are, was chosen on the
`val` split of CMU and on the other three actors of HDM05 (`--actors bd bk dg`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.alignment import DETECTORS
from training.evaluation.command import CommandParser, multiview_recordings, recordings
from training.evaluation.movement_cost import CostResult, measure
from training.evaluation.movements import WAYS, MovementResult, between_cameras, repetitions, run, stretches
from training.evaluation.report import Table, texts, write_json

ALIGNED = "find_movement"
"""The way of searching that the others are rivals of."""

SCORES = (-1.0, 0.6, 0.7, 0.8, 0.9, 1.01)
"""Between two of these lies a range of scores."""

ACTORS = ("mm", "tr")
"""Of HDM05: those whom nothing was chosen on."""


def tables(results: Sequence[MovementResult], costs: Sequence[CostResult]) -> Iterator[Table]:
    """A table of what was found in all, for each length and speed, in per cent; and one of the costs."""
    data = list(dict.fromkeys(result.data for result in results))
    rows = [
        [name, *(_found(results, data=name, way=way) for way in WAYS), str(_queries(results, data=name))]
        for name in data
    ]
    yield Table(["found, per cent", *WAYS, "queries"], rows)
    for key in ("seconds", "speed"):
        values = sorted({getattr(result, key) for result in results} - {None})
        if not values:
            continue
        rows = [
            [f"{name}, {way}", *(_found(results, data=name, way=way, **{key: value}) for value in values)]
            for name in data
            for way in WAYS
            if _queries(results, data=name, **{key: values[0]})
        ]
        yield Table([f"by {key}", *(f"{value:g}" for value in values)], rows)
    yield Table(
        [f"right by score of {ALIGNED}", *(f"from {least:g}" if least > -1 else "below" for least in SCORES[:-1])],
        [
            [name, *(_of_score(_chosen(results, data=name, way=ALIGNED), *range_) for range_ in pairwise(SCORES))]
            for name in data
        ],
        "of the best hits with such a score: per cent that are right, and how many there are",
    )
    if costs:
        lengths = list(costs[0].query_seconds)
        yield Table(
            [
                *("hours", "frames", "embed s", "build s", "index MB"),
                *(f"{length:g} s: s" for length in lengths),
                *(f"{length:g} s: MB" for length in lengths),
            ],
            [
                [
                    *(f"{cost.hours:g}", f"{cost.frames:,}", f"{cost.embed_seconds:.0f}", f"{cost.build_seconds:.1f}"),
                    f"{cost.index_bytes / 1e6:.1f}",
                    *(f"{cost.query_seconds[length]:.2f}" for length in lengths),
                    *(f"{cost.query_bytes[length] / 1e6:.0f}" for length in lengths),
                ]
                for cost in costs
            ],
            "processor seconds and memory, by the length of the gallery and of the query",
        )


def _chosen(results: Sequence[MovementResult], **wanted: object) -> list[MovementResult]:
    return [one for one in results if all(getattr(one, name) == value for name, value in wanted.items())]


def _queries(results: Sequence[MovementResult], **wanted: object) -> int:
    return sum(len(result.right) for result in _chosen(results, way=ALIGNED, **wanted))


def _found(results: Sequence[MovementResult], **wanted: object) -> str:
    right = [right for result in _chosen(results, **wanted) for right in result.right]
    return f"{100 * np.mean(right):.1f}" if right else ""


def _of_score(results: Sequence[MovementResult], least: float, below: float) -> str:
    """Of the best hits whose scores lie in a range, in per cent how many are right, and how many there are."""
    right = [
        right
        for result in results
        for right, score in zip(result.right, result.scores, strict=True)
        if least <= score < below
    ]
    return f"{100 * np.mean(right):.0f} ({len(right)})" if right else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.movements`."""
    parser = CommandParser("training.benchmarks.movements", __doc__)
    parser.add_data(required=False)
    parser.add_recordings()
    parser.add_weights()
    parser.add_argument("--actors", nargs="+", default=ACTORS, help="of HDM05 (default: mm tr)")
    parser.add_count("--queries", 40, "of each length and speed; a tenth of it for each pair of real cameras")
    parser.add_argument("--hours", type=float, nargs="+", default=[], metavar="N", help="lengths of galleries to time")
    parser.add_count("--timed", 5, "queries of each length that are timed")
    parser.add_seed("of queries, cameras and detector")
    parser.add_out()
    options = parser.parse(arguments)
    if not options.data and not options.recordings:
        parser.error("name files: --data, --recordings or both")
    if options.hours and not (options.data and min(options.hours) > 0):
        parser.error("--hours are more than 0, and of motion capture: --data")
    with parser.refusing():
        captures = recordings(options.data)
        cameras = multiview_recordings(options.recordings)
        encoder = PoseEncoder.from_pretrained(options.weights)
    results: list[MovementResult] = []
    for name, capture in tqdm(captures.items(), unit="file"):
        if set(options.actors) & set(capture.subject.tolist()):
            for task in repetitions(capture, encoder, options.actors, seed=options.seed):
                results += run(name, task)
            continue
        for label, detector in DETECTORS.items():
            for task in stretches(capture, encoder, detector, queries=options.queries, seed=options.seed):
                results += run(f"{name}, keypoints {label}", task)
    few = -(-options.queries // 10)
    for name, task in tqdm(between_cameras(cameras, encoder, queries=few, seed=options.seed), unit="gallery"):
        results += run(name, task)
    clips = [clip for capture in captures.values() for clip in capture]
    costs = [
        measure(clips, encoder, hours, queries=options.timed, seed=options.seed)
        for hours in tqdm(options.hours, unit="gallery")
    ]
    found = [
        asdict(one) | {"scores": [score if np.isfinite(score) else None for score in one.scores]} for one in results
    ]
    write_json(options.out, {"found": found, "cost": [asdict(one) for one in costs]})
    print(texts(tables(results, costs)))


if __name__ == "__main__":
    main()
