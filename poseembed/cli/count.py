"""`poseembed count`: how often a movement is repeated."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.cli.arguments import expand
from poseembed.cli.outputs import check_picture, counted
from poseembed.cli.shared import MIXED, ReadingCommand, track
from poseembed.files.tables import Columns
from poseembed.poses import Poses
from poseembed.repetitions import Repetitions, count_repetitions


@dataclass(frozen=True, kw_only=True)
class Count(ReadingCommand):
    """Options of `poseembed count`."""

    name = "count"
    summary = "count the repetitions of a movement"
    usage = (
        "squats.mp4 --plot squats.png",
        "class.npz --person 2",
        "clips/*.npz --out repetitions.csv",
    )
    whose = "count for person P only (default: a row for each)"

    clip: list[Path]
    plot: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the clips, the picture, and how to read."""
        parser.add_argument("clip", type=Path, nargs="+", help=MIXED)
        parser.add_argument(
            "--plot", type=Path, metavar="FILE", help="picture, of one clip: of --person, or who is seen longest"
        )
        super().add_arguments(parser)

    def run(self) -> str:
        """A row a person: how often, from when to when, and how far apart."""
        self.check_out()
        paths = expand(self.clip)
        if self.plot is not None:
            check_picture(self.plot)
            if len(paths) > 1:
                raise ValueError(f"--plot draws one clip, got {len(paths)}; name one, or leave --plot out")
        encoder = self.encoder()
        rows: list[tuple[str, int, int, float, float, float, str]] = []
        poses = 0
        for path in paths:
            read = self.read(path, encoder)
            poses += len(read)
            everybody: tuple[int | None, ...] = read.people or (None,)
            people = everybody if self.person is None else (self.person,)
            for person in people:
                one = track(read, person, path)
                rows.append((str(path), *_row(one, found := count_repetitions(one))))
                if self.plot is not None and person == people[0]:
                    _draw(one, found, self.plot)
        names = ("file", "person", "count", "start", "end", "period", "unit")
        columns: Columns = {name: np.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
        drawn = "" if self.plot is None else f"; picture {self.plot}"
        return f"{self.give(columns)}{counted(poses, 'pose')}, {counted(len(rows), 'track')}{drawn}"


def _draw(poses: Poses, repetitions: Repetitions, file: Path) -> None:
    from poseembed.plot import plot_repetitions

    plot_repetitions(poses, repetitions).savefig(file, dpi=150)


def _row(poses: Poses, repetitions: Repetitions) -> tuple[int, int, float, float, float, str]:
    """Person, count, start of the first repetition, end of the last, period; seconds, or frames without times."""
    when = poses.time if poses.timed else poses.frame.astype(np.float64)
    start, end = when[repetitions.boundaries[[0, -1], [0, 1]]] if repetitions.count else (np.nan, np.nan)
    unit = "seconds" if poses.timed else "frames"
    return int(poses.person[0]), repetitions.count, float(start), float(end), repetitions.period, unit
