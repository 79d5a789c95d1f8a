"""`poseembed compare`: how alike two performances are, when, and in which joints."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.align import SAME_MOVEMENT, SAME_PERFORMANCE, Alignment, align
from poseembed.cli.arguments import add_skeleton, expand_one, share
from poseembed.cli.outputs import check_picture, counted
from poseembed.cli.shared import MIXED, ReadingCommand, track
from poseembed.files.tables import Columns, write_columns
from poseembed.skeleton import JOINTS, SkeletonName


@dataclass(frozen=True, kw_only=True)
class Compare(ReadingCommand):
    """Options of `poseembed compare`."""

    name = "compare"
    summary = "compare two performances, from any cameras"
    usage = (
        "mine.mp4 coach.mp4 --plot comparison.png",
        "mine.npz coach.npz --out steps.csv --open-ends 0.1",
        "class.npz coach.npy --first-person 2 --skeleton coco",
    )
    whose = "what person P of both does (default: whoever is seen longest)"

    first: Path
    second: Path
    open_ends: float
    plot: Path | None
    first_person: int | None
    first_skeleton: SkeletonName | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the two performances, what may hang over, the picture, and how to read."""
        parser.add_argument("first", type=Path, help=MIXED)
        parser.add_argument("second", type=Path, help="the same")
        parser.add_argument(
            "--open-ends",
            type=share(0.5),
            default=0.0,
            metavar="SHARE",
            help="of each performance that may hang over at its start, and at its end: 0 (the default) to under 0.5",
        )
        parser.add_argument("--plot", type=Path, metavar="FILE", help="picture of the comparison")
        super().add_arguments(parser)
        parser.add_argument("--first-person", type=int, metavar="P", help="person of the first, if another")
        add_skeleton(parser, "--first-skeleton", " of the first, if another")

    def run(self) -> str:
        """Draw the comparison and write its steps, where that was asked for, and say how it came out."""
        self.check_out()
        if self.plot is not None:
            check_picture(self.plot)
        paths, encoder = (expand_one(self.first), expand_one(self.second)), self.encoder()
        first, second = (
            track(self.read(path, encoder, skeleton), person, path)
            for path, skeleton, person in zip(
                paths,
                (self.first_skeleton, None),
                (self.person if self.first_person is None else self.first_person, self.person),
                strict=True,
            )
        )
        alignment = align(first, second, encoder, open_ends=self.open_ends)
        if self.plot is not None:
            from poseembed.plot import plot_alignment

            plot_alignment(alignment, names=(paths[0].name, paths[1].name)).savefig(self.plot, dpi=150)
        if self.out is not None:
            write_columns(_steps(alignment), self.out)
        _say(alignment)
        written = " and ".join(str(path) for path in (self.out, self.plot) if path is not None)
        compared = f"{counted(len(first), 'frame')} with {len(second):,} in {counted(len(alignment.rows), 'step')}"
        return f"wrote {written}: {compared}" if written else f"compared {compared}"


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
    if alignment.joint_differences is not None and alignment.joints_differ is not None:
        for joint, distances, differ in zip(
            JOINTS, alignment.joint_differences.T, alignment.joints_differ.T, strict=True
        ):
            columns |= {f"{joint}_difference": distances, f"{joint}_differs": differ}
    return columns


def _say(alignment: Alignment) -> None:
    """Print the verdict and what it rests on, the speed, and the joints that differ most."""
    print(f"this is {alignment.verdict}")
    if np.isnan(alignment.score):
        print("no score, for this checkpoint has no calibration: whether it is one performance is not known")
    else:
        print(f"score {alignment.score:.3f} (the same performance from {SAME_PERFORMANCE:g} on)")
    print(f"likeness {alignment.likeness:.3f} (the same movement, whoever does it, from {SAME_MOVEMENT:g} on)")
    print(f"speed, in the median: {pace(float(np.median(alignment.speed)))}")
    if alignment.joint_differences is not None:
        far = [f"{joint.replace('_', ' ')} {off:.2f} torsos" for joint, off in alignment.different_joints().items()]
        print("joints that differ, and how far: " + (", ".join(far) or "none, as far as the pictures tell"))


def pace(duration: float) -> str:
    """Which of two is the faster one, in words.

    Args:
        duration: How long the second takes for what the first does in 1; see `Alignment.speed`.
    """
    if not 0 < duration < np.inf:
        return "not known"
    fast, slow, ratio = ("first", "second", duration) if duration > 1 else ("second", "first", 1 / duration)
    return "both are as fast" if ratio < 1.05 else f"the {fast} is {ratio:.1f} times as fast as the {slow}"
