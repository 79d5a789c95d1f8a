"""`poseembed compare`: how alike two performances are, when, and in which joints."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.align import SAME_PERFORMANCE, Alignment, align
from poseembed.cli.shared import MIXED, ReadingCommand
from poseembed.files.tables import Columns, write_columns
from poseembed.skeleton import JOINTS


@dataclass(frozen=True, kw_only=True)
class Compare(ReadingCommand):
    """Options of `poseembed compare`."""

    name = "compare"
    summary = "compare two performances, from any cameras"
    usage = (
        "mine.mp4 coach.mp4 --plot comparison.png",
        "mine.npz coach.npz --out steps.csv --open-ends 0.1",
    )

    first: Path
    second: Path
    open_ends: float
    plot: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the two performances, what may hang over, the picture, and how to read."""
        parser.add_argument("first", type=Path, help=MIXED)
        parser.add_argument("second", type=Path, help="the same")
        parser.add_argument("--open-ends", type=float, default=0.0, metavar="SHARE", help="of each that may hang over")
        parser.add_argument("--plot", type=Path, metavar="FILE", help="picture of the comparison")
        super().add_arguments(parser)

    def run(self) -> None:
        """Draw the comparison and write its steps, where that was asked for, and say how it came out."""
        self.check_out()
        encoder = self.encoder()
        first, second = (self.read(path, encoder) for path in (self.first, self.second))
        alignment = align(first, second, encoder, open_ends=self.open_ends)
        if self.plot is not None:
            from poseembed.plot import plot_alignment

            names = (self.first.name, self.second.name)
            plot_alignment(alignment, names=names).savefig(self.plot, dpi=150)
        if self.out is not None:
            write_columns(_steps(alignment), self.out)
        _say(alignment)


def _steps(alignment: Alignment) -> Columns:
    """A row a step."""
    rows, others = alignment.rows.T
    columns: Columns = {
        "first_frame": alignment.first.frame[rows],
        "second_frame": alignment.second.frame[others],
        "first_time": alignment.first.time[rows],
        "second_time": alignment.second.time[others],
        "similarity": alignment.similarity,
        "speed": alignment.speed,
    }
    if alignment.joint_differences is not None:
        columns |= {
            f"{joint}_difference": values for joint, values in zip(JOINTS, alignment.joint_differences.T, strict=True)
        }
    return columns


def _say(alignment: Alignment) -> None:
    """Print the score, the speed and the joints that differ most."""
    same = "the same performance" if alignment.score >= SAME_PERFORMANCE else "not the same performance"
    print(f"score {alignment.score:.3f} ({same}: the line is at {SAME_PERFORMANCE:g})")
    print(f"speed of the second {np.median(alignment.speed):.2f} times slower in the median")
    if alignment.joint_differences is not None:
        mean = np.ma.masked_invalid(alignment.joint_differences).mean(0).filled(np.nan)
        worst = [joint for joint in np.argsort(-mean)[:3] if np.isfinite(mean[joint])]
        print("joints that differ most: " + ", ".join(f"{JOINTS[joint]} {mean[joint]:.2f} torsos" for joint in worst))
