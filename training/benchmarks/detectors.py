"""What real detectors do to true projections: how far off, which way, for how long.

`python -m training.benchmarks.detectors --recordings FILE... --out results.json`

Recordings are those of `training.datasets.multiview`; how errors are measured, `training.evaluation.detectors` says.
The virtual detector of training (`training.scene.detector`) is to be as good and as bad.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

import numpy as np

from training.evaluation.command import CommandParser, multiview_recordings
from training.evaluation.detectors import DetectorErrors, JointErrors, measure
from training.evaluation.report import Table, texts, write_json

COLUMNS = [field.name for field in fields(JointErrors) if field.name != "joint"]


def tables(results: Sequence[DetectorErrors]) -> Iterator[Table]:
    """A table a recording, a row a joint, in torso lengths and shares; and one of swapped limbs and scores."""
    for result in results:
        rows = [[joint.joint, *(f"{getattr(joint, column):.3f}" for column in COLUMNS)] for joint in result.joints]
        yield Table(["", *COLUMNS], rows, f"{result.recording} ({result.detector})")
    rows = [
        [one.recording, *(f"{one.swapped[limb]:.3f}" for limb in ("arms", "legs")), f"{one.score_knows:.2f}"]
        for one in results
    ]
    yield Table(["", "arms swapped", "legs swapped", "score against distance"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.detectors`."""
    parser = CommandParser("training.benchmarks.detectors", __doc__)
    parser.add_recordings(required=True)
    parser.add_out()
    options = parser.parse(arguments)
    with parser.refusing():
        recordings = multiview_recordings(options.recordings)
        results = [measure(name, recording) for name, recording in recordings.items()]
    write_json(options.out, [_without_nan(asdict(result)) for result in results])
    print(texts(tables(results)))


def _without_nan(values: object) -> object:
    """The same with None for what is not a number, for JSON."""
    if isinstance(values, dict):
        return {name: _without_nan(value) for name, value in values.items()}
    if isinstance(values, tuple | list):
        return [_without_nan(value) for value in values]
    return None if isinstance(values, float) and np.isnan(values) else values


if __name__ == "__main__":
    main()
