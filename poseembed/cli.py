"""The `poseembed` command: its options and its errors; `poseembed.commands` does the work."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from poseembed import commands
from poseembed._version import __version__
from poseembed.checkpoint import DEFAULT_CHECKPOINT
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.files.tables import COLUMN_SUFFIXES
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.skeleton import SKELETONS

_TABLES = ", ".join(POSE_SUFFIXES)
_MIXED = f"keypoints or embedded poses ({_TABLES}), or a video"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        The exit code: 0 is success, 1 an input that cannot be used, 130 an interruption; argparse itself exits with 2
        where the command line is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("poseembed: interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, TypeError, ValueError) as error:
        # What the library raises for input that it cannot use; the words say how to mend it.
        if options.traceback:
            raise
        print(f"poseembed: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="poseembed",
        description="View-invariant vectors of 2D human poses.",
        epilog="poseembed COMMAND --help has examples.",
    )
    parser.add_argument("--version", action="version", version=f"poseembed {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], None], what: str, *examples: str) -> argparse.ArgumentParser:
        command = subparsers.add_parser(
            name,
            help=what,
            description=what[0].upper() + what[1:] + ".",
            epilog="examples:\n" + "\n".join(f"  poseembed {name} {example}" for example in examples),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        command.add_argument("--traceback", action="store_true", help="on an error, show where it came from")
        return command

    command = add(
        "embed",
        commands.embed,
        "embed a file of keypoints",
        "keypoints.npy vectors.npy --skeleton coco",
        "keypoints.csv poses.parquet",
        "openpose_json/ poses.npz --format openpose",
    )
    command.add_argument("input", type=Path, help=f"keypoints: {_TABLES}; or what --format says")
    command.add_argument("output", type=Path, help=f"poses with vectors: {_TABLES} (.npy: z_pose alone)")
    command.add_argument(
        "--format", choices=list(commands.READERS), help="whose files the input is (default: by its suffix)"
    )
    _add_skeleton(command)
    command.add_argument(
        "--min-confidence",
        type=float,
        default=MIN_CONFIDENCE,
        help="least score of a joint (%(default)s)",
    )
    _add_encoder(command)

    command = add(
        "video",
        commands.video,
        "find and embed the people in a video",
        "squats.mp4 squats.npz",
        "match.mp4 poses.parquet --people 4 --every 2",
        "day.mp4 day/   (a folder: written piece by piece; the same command goes on after an interruption)",
    )
    command.add_argument("input", type=Path, help="a video")
    command.add_argument("output", type=Path, help=f"{_TABLES}; or a folder, for long videos")
    command.add_argument("--people", type=int, default=1, metavar="N", help="find up to N in a frame (%(default)s)")
    command.add_argument("--every", type=int, default=1, metavar="N", help="look at each N-th frame (%(default)s)")
    command.add_argument("--model", type=Path, metavar="FILE", help="landmarker, .task (default: the official one)")
    _add_encoder(command)

    command = add(
        "search",
        commands.find,
        "find similar poses, from any camera",
        "query.npz gallery.npz --top 5",
        "query.mp4 videos/*.npz --frame 40 --out hits.csv",
    )
    command.add_argument("query", type=Path, help=_MIXED)
    command.add_argument("gallery", type=Path, nargs="+", help="the same, to search in")
    command.add_argument("--frame", type=int, metavar="N", help="search for frame N of the query only")
    command.add_argument("--top", type=int, default=10, metavar="K", help="hits for each pose (%(default)s)")
    _add_reading(command)

    command = add(
        "compare",
        commands.compare,
        "compare two performances, from any cameras",
        "mine.mp4 coach.mp4 --plot comparison.png",
        "mine.npz coach.npz --out steps.csv --open-ends 0.1",
    )
    command.add_argument("first", type=Path, help=_MIXED)
    command.add_argument("second", type=Path, help="the same")
    command.add_argument("--open-ends", type=float, default=0.0, metavar="SHARE", help="of each that may hang over")
    command.add_argument("--plot", type=Path, metavar="FILE", help="picture of the comparison")
    _add_reading(command)

    command = add(
        "classify",
        commands.classify,
        "tell which action clips show",
        "clip.mp4 --examples actions/ --save recognizer/   (actions/squat/1.mp4, actions/jump/1.npz, ...)",
        "clips/*.npz --model recognizer/ --out actions.csv",
    )
    command.add_argument("clip", type=Path, nargs="+", help=_MIXED)
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--examples", type=Path, metavar="FOLDER", help="learn from a folder for each action")
    source.add_argument("--model", type=Path, metavar="FOLDER", help="a recognizer that was saved")
    command.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was learned")
    _add_reading(command)

    command = add("info", commands.info, "say what is installed, or what a checkpoint is", "", "poseembed-base")
    command.add_argument("checkpoint", nargs="?", help="packaged name, folder or Hugging Face Hub id")
    return parser


def _add_encoder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--weights", metavar="NAME", help=f"checkpoint: packaged name, folder or Hub id ({DEFAULT_CHECKPOINT})"
    )
    command.add_argument("--device", help="such as cuda (default: cpu)")


def _add_skeleton(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--skeleton",
        default="poseembed13",
        choices=list(SKELETONS),
        metavar="NAME",
        help="of .npy and .npz keypoints; see info",
    )


def _add_reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, metavar="FILE", help=f"table: {', '.join(COLUMN_SUFFIXES)}")
    command.add_argument("--landmarker", type=Path, metavar="FILE", help="pose landmarker for videos, .task")
    _add_skeleton(command)
    _add_encoder(command)


if __name__ == "__main__":
    sys.exit(main())
