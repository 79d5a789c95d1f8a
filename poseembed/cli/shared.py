"""What the commands share: what a command is, the options that several have, and where a table goes."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from poseembed.checkpoint import DEFAULT_CHECKPOINT
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.files.tables import COLUMN_SUFFIXES, Columns, write_columns
from poseembed.loading import load_embedded
from poseembed.poses import Poses
from poseembed.skeleton import SKELETONS

POSE_FILES = ", ".join(POSE_SUFFIXES)
MIXED = f"keypoints or embedded poses ({POSE_FILES}), or a video"
"""What a command takes that reads with `ReadingCommand.read`."""


@dataclass(frozen=True, kw_only=True)
class Command(ABC):
    """A command with the options that it was given: a field for each argument, of its name.

    Attributes:
        name: What to type after `poseembed`.
        summary: What it does, in a few words.
        usage: Examples of what may follow the name.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    usage: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Tell a parser what the command takes."""

    @abstractmethod
    def run(self) -> None:
        """Do what was asked.

        Raises:
            ImportError, OSError, TypeError, ValueError: If the input cannot be used.
        """


@dataclass(frozen=True, kw_only=True)
class EncoderCommand(Command):
    """A command that needs an encoder.

    Attributes:
        weights: Checkpoint: packaged name, folder or Hub id; None is the packaged default.
        device: Where the encoder works; None is the CPU.
    """

    weights: str | None
    device: str | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add --weights and --device."""
        parser.add_argument(
            "--weights", metavar="NAME", help=f"checkpoint: packaged name, folder or Hub id ({DEFAULT_CHECKPOINT})"
        )
        parser.add_argument("--device", help="such as cuda (default: cpu)")

    def encoder(self) -> PoseEncoder:
        """The encoder that was asked for."""
        return PoseEncoder.from_pretrained(self.weights, device=self.device)


@dataclass(frozen=True, kw_only=True)
class ReadingCommand(EncoderCommand):
    """A command that reads poses of any kind, and gives out a table.

    Attributes:
        out: File of the table; None is the screen.
        landmarker: Pose landmarker for videos; None is the official one.
        skeleton: Of keypoints in .npy and .npz files.
    """

    out: Path | None
    landmarker: Path | None
    skeleton: str

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add --out, --landmarker, --skeleton, --weights and --device."""
        parser.add_argument("--out", type=Path, metavar="FILE", help=f"table: {', '.join(COLUMN_SUFFIXES)}")
        parser.add_argument("--landmarker", type=Path, metavar="FILE", help="pose landmarker for videos, .task")
        add_skeleton(parser)
        super().add_arguments(parser)

    def check_out(self) -> None:
        """Refuse a table that could not be written, before any work is done.

        Raises:
            ValueError: As `check_output` does.
        """
        if self.out is not None:
            check_output(self.out, COLUMN_SUFFIXES)

    def read(self, path: Path, encoder: PoseEncoder) -> Poses:
        """Poses with vectors that can be compared with the encoder's; see `poseembed.load_embedded`."""
        return load_embedded(path, encoder, skeleton=self.skeleton, landmarker=self.landmarker, show_progress_bar=True)

    def give(self, columns: Columns) -> None:
        """Write a table to the file that was asked for, or lay it out on the screen."""
        if self.out is not None:
            write_columns(columns, self.out)
            return
        texts = [
            [name, *(f"{v:.3f}" if isinstance(v, float) else str(v) for v in c.tolist())] for name, c in columns.items()
        ]
        for line in zip(*(_aligned(column) for column in texts), strict=True):
            print("  ".join(line).rstrip())


def add_skeleton(parser: ArgumentParser) -> None:
    """Add --skeleton."""
    parser.add_argument(
        "--skeleton",
        default="poseembed13",
        choices=list(SKELETONS),
        metavar="NAME",
        help="of .npy and .npz keypoints; see info",
    )


def check_output(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse what could not be written in the end, before any work is done.

    Raises:
        ValueError: If the file's suffix is none of those, or its folder does not exist.
    """
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {path}: its suffix must be one of {', '.join(suffixes)}")
    if not path.expanduser().parent.is_dir():
        raise ValueError(f"cannot write {path}: there is no folder {path.parent}")


def _aligned(column: list[str]) -> list[str]:
    width = max(map(len, column))
    return [text.ljust(width) for text in column]
