"""Counting repetitions: how often an exercise is done, seen by a virtual camera.

`python -m training.benchmarks.repetitions --data mocap_hdm05.npz --weights NAME_OR_FOLDER --out results.json`

What is counted, and in what, is said in `training.evaluation.repetitions`; of a checkpoint with a clip encoder it is
counted in the vectors of single frames, and in those with context.

Reported, as by RepNet (Dwibedi et al., CVPR 2020): the share of counts off by at most one (OBO), the mean absolute
error as a share of the true count (MAE); and the share of exact counts. The constants of `poseembed.repetitions` were
chosen on the other three actors of HDM05 and on the real takes, of which the encoder has also seen the poses in
training: what they show is not held out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.clips import frame_by_frame, with_context
from training.evaluation.command import CommandParser, recordings
from training.evaluation.conditions import DAMAGED, EXACT, Condition
from training.evaluation.repetitions import (
    ACTORS,
    RAW_SWING,
    CountResult,
    Representation,
    filled_keypoints,
    run,
    scores,
    sequences,
)
from training.evaluation.report import Table, texts, write_json
from training.evaluation.representations import means

CONDITIONS = (EXACT, Condition(missing=4), DAMAGED)


def tables(results: Sequence[CountResult]) -> Iterator[Table]:
    """A table a file, kind of sequence and condition: OBO and exact counts in per cent."""
    for data, condition, kind in dict.fromkeys((r.data, r.condition, r.kind) for r in results):
        groups: dict[str, list[CountResult]] = {}
        for result in results:
            if (result.data, result.condition, result.kind) == (data, condition, kind):
                groups.setdefault(result.representation, []).append(result)
        rows = []
        for representation, group in groups.items():
            found = scores(group)
            row = [representation, f"{100 * found['OBO']:.1f}", f"{found['MAE']:.3f}", f"{100 * found['exact']:.1f}"]
            rows.append(row)
        sequences_of_it = len(next(iter(groups.values())))
        title = f"{data}, {kind} ({sequences_of_it} sequences), {condition}"
        yield Table(["", "OBO", "MAE", "exact"], rows, title)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.repetitions`."""
    parser = CommandParser("training.benchmarks.repetitions", __doc__)
    parser.add_data()
    parser.add_several_weights()
    parser.add_argument("--actors", nargs="+", default=ACTORS, help="of HDM05 (default: bk tr)")
    parser.add_count("--trials", 2, "sequences of each length")
    parser.add_out()
    options = parser.parse(arguments)
    representations = {"raw 2D keypoints": Representation(frame_by_frame(filled_keypoints), RAW_SWING)}
    with parser.refusing():
        recorded = recordings(options.data)
        for weights in options.weights:
            encoder = PoseEncoder.from_pretrained(weights)
            representations[f"z_pose {weights}"] = Representation(frame_by_frame(means(encoder)))
            if encoder.clip is not None:
                representations[f"z_pose {weights}, with context"] = Representation(with_context(encoder))
    data = {name: list(sequences(one, options.actors, options.trials)) for name, one in recorded.items()}
    for name, motions in data.items():
        if not motions:
            parser.error(f"{name} has no clip of actors {', '.join(options.actors)} and none of the known takes")
    total = sum(map(len, data.values())) * len(CONDITIONS) * len(representations)
    results = list(tqdm(run(data, representations, CONDITIONS), total=total, unit="count"))
    results.sort(key=lambda r: (r.data, CONDITIONS.index(r.condition), r.kind))
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
