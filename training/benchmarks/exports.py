"""What an encoder loses and gains when it is exported to ONNX, in each precision.

`python -m training.benchmarks.exports --recordings FILE... --data mocap_cmu.npz --search mocap_cmu.npz mocap_hdm05.npz
--weights NAME_OR_FOLDER... --out results.json`

What is measured, `training.evaluation.exports` says. The ranges of int8 are taken from virtual views of the `train`
split of `--data`, which is no part of the recordings nor of what is held out of `--search`. Needs the packages of the
extra `onnx`.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from poseembed import PoseEncoder
from poseembed.onnx.export import PRECISIONS
from training.datasets import mocap
from training.evaluation.command import CommandParser, multiview_recordings
from training.evaluation.command import recordings as read_recordings
from training.evaluation.exports import BATCHES, TORCH, ExportResult, calibration_views, run
from training.evaluation.report import Table, texts, write_json
from training.evaluation.retrieval import GALLERY, RANKS, check_enough
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
                *(f"{100 * found:.1f}" for found in (result.pose, *result.hits.values())),
                *(f"{rate:,.0f}" for rate in result.rates.values()),
            ]
            for result in results
            if result.checkpoint == checkpoint
        ]
        first = results[0]
        hits = (f"hit@1 on {name}, %" for name in first.hits)
        rates = (f"poses/s, {size:,} at once" for size in first.rates)
        columns = ["", "MB", "cosine", "least", "pose found, %", *hits, *rates]
        yield Table(columns, rows, f"{checkpoint}, {threads} thread{'' if threads == 1 else 's'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.exports`."""
    parser = CommandParser("training.benchmarks.exports", __doc__)
    parser.add_recordings(required=True)
    parser.add_data()
    parser.add_argument(
        "--search",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="motion capture, searched in virtual views",
    )
    parser.add_count("--poses", GALLERY, "of a file of --search in a trial", least=max(RANKS))
    parser.add_several_weights()
    parser.add_seed("of the views that int8 is calibrated with")
    parser.add_argument("--seconds", type=float, default=2, help="for each speed (default: %(default)s)")
    parser.add_out()
    options = parser.parse(arguments)
    if not options.seconds > 0:
        parser.error("--seconds must be above 0")
    results: list[ExportResult] = []
    with parser.refusing(), tempfile.TemporaryDirectory(prefix="poseembed-") as folder:
        recordings = multiview_recordings(options.recordings)
        searched = {name: capture.held_out() for name, capture in read_recordings(options.search).items()}
        check_enough(searched, options.poses)
        views = calibration_views(Bodies(*mocap.read_poses(options.data, "train"), Variation()), seed=options.seed)
        for weights in options.weights:
            encoder = PoseEncoder.from_pretrained(weights)
            files: dict[str, Path] = {}
            for precision in PRECISIONS:
                files[precision] = Path(folder) / f"{precision}.onnx"
                calibration = views if precision == "int8" else None
                encoder.export_onnx(files[precision], precision=precision, calibration=calibration)
            results += run(
                weights, files, recordings, searched, size=options.poses, batches=BATCHES, seconds=options.seconds
            )
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results, torch.get_num_threads())))


if __name__ == "__main__":
    main()
