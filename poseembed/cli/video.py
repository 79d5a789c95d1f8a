"""`poseembed video`: a video in, poses with vectors out."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from poseembed.cli.shared import POSE_FILES, EncoderCommand, check_output
from poseembed.files.poses import POSE_SUFFIXES, write_poses
from poseembed.video import embed_video, embed_video_to


@dataclass(frozen=True, kw_only=True)
class Video(EncoderCommand):
    """Options of `poseembed video`."""

    name = "video"
    summary = "find and embed the people in a video"
    usage = (
        "squats.mp4 squats.npz",
        "match.mp4 poses.parquet --people 4 --every 2",
        "day.mp4 day/   (a folder: written piece by piece; the same command goes on after an interruption)",
    )

    input: Path
    output: Path
    people: int
    every: int
    model: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the files, how to look for people, and the encoder."""
        parser.add_argument("input", type=Path, help="a video")
        parser.add_argument("output", type=Path, help=f"{POSE_FILES}; or a folder, for long videos")
        parser.add_argument("--people", type=int, default=1, metavar="N", help="find up to N in a frame (%(default)s)")
        parser.add_argument("--every", type=int, default=1, metavar="N", help="look at each N-th frame (%(default)s)")
        parser.add_argument("--model", type=Path, metavar="FILE", help="landmarker, .task (default: the official one)")
        super().add_arguments(parser)

    def run(self) -> None:
        """Into one file, or, where the output has no suffix, into a folder."""
        if not self.output.suffix:
            embed_video_to(
                self.input,
                self.output,
                self.encoder(),
                model=self.model,
                num_poses=self.people,
                every=self.every,
                show_progress_bar=True,
            )
            return
        check_output(self.output, POSE_SUFFIXES)
        poses = embed_video(
            self.input,
            self.encoder(),
            model=self.model,
            num_poses=self.people,
            every=self.every,
            show_progress_bar=True,
        )
        write_poses(poses, self.output)
