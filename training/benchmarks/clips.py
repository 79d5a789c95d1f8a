"""Frames of clips with what comes before and after: find the same 3D pose among what another camera saw.

`python -m training.benchmarks.clips --data FILE... --weights NAME_OR_FOLDER --out results.json`

Trials are those of `training.evaluation.clips`, of whole clips with 3,000 frames of a file (of its `val` split, if it
has one). Few clips make a trial where they are long, so there are several trials.

Compared are, by cosine, the pose vectors of each checkpoint for single frames; their mean over the window, which needs
no learning; and, of a checkpoint with a clip encoder, those with context. `--window`, `--look-ahead` and `--every` add
a line each: with less around a frame, with less after it, and with the neighbours that a slower camera would give.
"""

from collections.abc import Sequence
from dataclasses import asdict

from tqdm import tqdm

from poseembed import PoseEncoder
from training.evaluation.clips import (
    CONDITIONS,
    EmbedClip,
    frame_by_frame,
    mean_over_window,
    run,
    with_context,
)
from training.evaluation.command import CommandParser, recordings
from training.evaluation.report import texts, write_json
from training.evaluation.representations import pose_vectors
from training.evaluation.retrieval import GALLERY, RANKS, tables


def representations(
    weights: str, encoder: PoseEncoder, *, window: Sequence[float], look_ahead: Sequence[float], every: Sequence[int]
) -> dict[str, EmbedClip]:
    """What is compared of a checkpoint, by label."""
    single = {
        f"{weights}, one frame": frame_by_frame(pose_vectors(encoder)),
        f"{weights}, mean over the window": mean_over_window(encoder),
    }
    if encoder.clip is None:
        return single
    return {
        **single,
        f"{weights}, with context": with_context(encoder),
        **{f"{weights}, within {seconds:g} s": with_context(encoder, context=seconds) for seconds in window},
        **{f"{weights}, {seconds:g} s ahead": with_context(encoder, look_ahead=seconds) for seconds in look_ahead},
        **{f"{weights}, every {number} frames": with_context(encoder, every=number) for number in every},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.clips`."""
    parser = CommandParser("training.benchmarks.clips", __doc__)
    parser.add_data()
    parser.add_several_weights()
    parser.add_argument(
        "--window", type=float, nargs="+", default=[], metavar="SECONDS", help="read no more around a frame than this"
    )
    parser.add_argument(
        "--look-ahead", type=float, nargs="+", default=[], metavar="SECONDS", help="read no more after it than this"
    )
    parser.add_argument(
        "--every", type=int, nargs="+", default=[], metavar="N", help="of its neighbours read each N-th only"
    )
    parser.add_count("--poses", GALLERY, "in a trial", least=max(RANKS))
    parser.add_count("--trials", 8, "draws of clips and cameras")
    parser.add_out()
    options = parser.parse(arguments)
    if not all(seconds >= 0 for seconds in [*options.window, *options.look_ahead]):
        parser.error("--window and --look-ahead must be at least 0")
    if not all(number >= 2 for number in options.every):
        parser.error("--every must be at least 2")
    compared: dict[str, EmbedClip] = {}
    with parser.refusing():
        data = {name: file.clips(*file.evaluation_splits()) for name, file in recordings(options.data).items()}
        for weights in options.weights:
            compared |= representations(
                weights,
                PoseEncoder.from_pretrained(weights),
                window=options.window,
                look_ahead=options.look_ahead,
                every=options.every,
            )
        for name, clips in data.items():
            if (there := sum(int(clip.ok.sum()) for clip in clips)) < options.poses:
                parser.error(f"{name}: got {there} poses; a trial takes {options.poses}, or as many as --poses says")
    measured = run(data, compared, trials=options.trials, size=options.poses)
    total = len(data) * len(CONDITIONS) * options.trials * len(compared)
    results = list(tqdm(measured, total=total, unit="ranking"))
    write_json(options.out, [asdict(result) for result in results])
    print(texts(tables(results)))


if __name__ == "__main__":
    main()
