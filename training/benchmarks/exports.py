"""What an encoder loses and gains when it is exported to ONNX, in each precision.

`python -m training.benchmarks.exports --recordings FILE... --data FILE... --weights NAME_OR_FOLDER --out results.json`

What is measured, `training.evaluation.exports` says. The ranges of int8 are taken from virtual views of the motion
capture's `train` split, which are no part of the recordings. Needs the packages of the extra `onnx`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from poseembed import PoseEncoder
from poseembed.onnx.export import PRECISIONS
from training.datasets import mocap, multiview
from training.evaluation.command import CommandParser
from training.evaluation.exports import BATCHES, TORCH, ExportResult, calibration_views, run
from training.evaluation.report import Table, texts, write_json
from training.scene.bodies import Bodies, Variation


def tables(results: Sequence[ExportResult], threads: int) -> Iterator[Table]:
    """A table a checkpoint, a row a precision."""
    for checkpoint in dict.fromkeys(result.checkpoint for result in results):
        rows = [
            [
                result.precision if result.precision == TORCH else f"ONNX, {result.precision}",
                f"{result.megabytes:.1f}" if result.megabytes else "",
                f"{result.cosine:.4f}",
                f"{result.least:.4f}",
                f"{100 * result.pose:.1f}",
                *(f"{rate:,.0f}" for rate in result.rates.values()),
            ]
            for result in results
            if result.checkpoint == checkpoint
        ]
        sizes = next(result.rates for result in results)
        columns = ["", "MB", "cosine", "least", "pose found, %", *(f"poses/s, {size:,} at once" for size in sizes)]
        yield Table(columns, rows, f"{checkpoint}, {threads} thread{'' if threads == 1 else 's'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.exports`."""
    parser = CommandParser("training.benchmarks.exports", __doc__)
    parser.add_argument(
        "--recordings", type=Path, nargs="+", required=True, metavar="FILE", help="by several cameras, .npz"
    )
    parser.add_data()
    parser.add_several_weights()
    parser.add_seed("of the views that int8 is calibrated with")
    parser.add_argument("--seconds", type=float, default=2, help="for each speed (default: %(default)s)")
    parser.add_out()
    options = parser.parse(arguments)
    if not options.seconds > 0:
        parser.error("--seconds must be above 0")
    results: list[ExportResult] = []
    with parser.refusing(), tempfile.TemporaryDirectory(prefix="poseembed-") as folder:
        recordings = {name: multiview.read(path) for name, path in mocap.by_name(options.recordings).items()}
        views = calibration_views(Bodies(*mocap.read_poses(options.data, "train"), Variation()), seed=options.seed)
        for weights in options.weights:
            encoder = PoseEncoder.from_pretrained(weights)
            files: dict[str, Path] = {}
            for precision in PRECISIONS:
                files[precision] = Path(folder) / f"{precision}.onnx"
                calibration = views if precision == "int8" else None
                encoder.export_onnx(files[precision], precision=precision, calibration=calibration)
            results += run(weights, files, recordings, batches=BATCHES, seconds=options.seconds)
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results, torch.get_num_threads())))


if __name__ == "__main__":
    main()
