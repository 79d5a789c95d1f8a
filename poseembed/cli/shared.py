"""What the commands share: what a command is, the encoder that most need, and how poses of any kind are read."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from poseembed.checkpoint import DEFAULT_CHECKPOINT
from poseembed.cli.arguments import add_landmarker, add_skeleton
from poseembed.cli.outputs import check_file, laid_out
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.files.tables import COLUMN_SUFFIXES, Columns, write_columns
from poseembed.loading import load_embedded
from poseembed.poses import Poses
from poseembed.skeleton import SkeletonName

POSE_FILES = ", ".join(POSE_SUFFIXES)
FOLDERS = "the folder of a long video, of several, or one of .npz files, a video each"
MIXED = f"keypoints or embedded poses ({POSE_FILES}), {FOLDERS}; or a video"
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
    def run(self) -> str:
        """Do what was asked.

        Returns:
            What was done, in a line; nothing where that goes without saying.

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
        return PoseEncoder.from_pretrained(self.weights, device=None if self.device is None else _usable(self.device))


@dataclass(frozen=True, kw_only=True)
class ReadingCommand(EncoderCommand):
    """A command that reads poses of any kind, and gives out a table.

    Attributes:
        out: File of the table; None is the screen.
        person: Whose poses to take, of several people in a video.
        landmarker: Pose landmarker for videos; None is the official one.
        skeleton: Of keypoints in .npy and .npz files.
    """

    whose: ClassVar[str]
    """What --person does."""

    out: Path | None
    person: int | None
    landmarker: Path | None
    skeleton: SkeletonName

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add --out, --person, --landmarker, --skeleton, --weights and --device."""
        parser.add_argument("--out", type=Path, metavar="FILE", help=f"table: {', '.join(COLUMN_SUFFIXES)}")
        parser.add_argument("--person", type=int, metavar="P", help=cls.whose)
        add_landmarker(parser)
        add_skeleton(parser)
        super().add_arguments(parser)

    def check_out(self) -> None:
        """Refuse a table that could not be written, before any work is done; see `check_file`."""
        if self.out is not None:
            check_file(self.out, COLUMN_SUFFIXES)

    def read(self, path: Path, encoder: PoseEncoder, skeleton: SkeletonName | None = None) -> Poses:
        """Poses with vectors that can be compared with the encoder's; see `poseembed.load_embedded`.

        Args:
            path: What to read.
            encoder: What embeds.
            skeleton: Instead of that of --skeleton.
        """
        # Where joints have names --skeleton is about other files.
        names_joints = path.suffix.lower() not in (".npy", ".npz") and not path.expanduser().is_dir()
        return load_embedded(
            path,
            encoder,
            skeleton="poseembed13" if names_joints else skeleton or self.skeleton,
            landmarker=self.landmarker,
            show_progress_bar=True,
        )

    def give(self, columns: Columns) -> str:
        """Write a table to the file that was asked for, or lay it out on the screen, and say which."""
        if self.out is None:
            print(laid_out(columns))
            return ""
        write_columns(columns, self.out)
        return f"wrote {self.out}: "


def track(poses: Poses, person: int | None, path: Path) -> Poses:
    """One person over time, see `Poses.track`; a complaint names the file.

    Raises:
        ValueError: If there is no such track, or the file holds several videos.
    """
    if len(poses.videos) > 1:
        names = ", ".join(poses.videos)
        raise ValueError(f"{path} holds {len(poses.videos)} videos ({names:.60}); wanted a file of one of them here")
    try:
        return poses.track(person)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _usable(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: If torch knows no such device, was not built for it, or finds none here.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (AssertionError, ImportError, RuntimeError) as error:  # all that torch raises for what it cannot use
        there = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
        there += ["mps"] if torch.backends.mps.is_available() else []
        raise ValueError(f"--device {name}: torch cannot use it here; there is {', '.join(there)}") from error
    return device
