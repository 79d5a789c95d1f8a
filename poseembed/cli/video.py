"""`poseembed video`: a video in, poses with vectors out."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from poseembed.cli.arguments import add_context, add_landmarker, expand_one, video_source, whole
from poseembed.cli.embed import embedded
from poseembed.cli.outputs import check_file, check_folder, counted
from poseembed.cli.shared import POSE_FILES, EncoderCommand
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
        "rtsp://192.168.0.9/stream1 minute.npz --stop 1500",
        "day.mp4 day/   (a folder: written piece by piece; the same command goes on after an interruption)",
    )

    input: Path | str
    output: Path
    people: int
    every: int
    stop: int | None
    context: float | None
    landmarker: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the files, how to look for people, and the encoder."""
        parser.add_argument("input", type=video_source, help="a video, or the address of a stream")
        parser.add_argument("output", type=Path, help=f"{POSE_FILES}; or a folder, for long videos")
        parser.add_argument(
            "--people", type=whole(1), default=1, metavar="N", help="find up to N in a frame (%(default)s)"
        )
        parser.add_argument(
            "--every", type=whole(1), default=1, metavar="N", help="look at each N-th frame (%(default)s)"
        )
        parser.add_argument("--stop", type=whole(1), metavar="N", help="end before frame N (default: at the end)")
        add_context(parser)
        add_landmarker(parser)
        super().add_arguments(parser)

    def run(self) -> str:
        """Into one file, or, where the output has no suffix, into a folder."""
        to_folder = not self.output.suffix
        if to_folder:
            check_folder(self.output)
        else:
            check_file(self.output, POSE_SUFFIXES)
        source = self.input if isinstance(self.input, str) else expand_one(self.input)
        encoder = self.encoder()
        if to_folder:
            files = embed_video_to(
                source,
                self.output,
                encoder,
                landmarker=self.landmarker,
                num_poses=self.people,
                every=self.every,
                stop=self.stop,
                context=self.context,
                show_progress_bar=True,
            )
            return f"wrote {self.output}: {counted(len(files), 'file')}"
        poses = embed_video(
            source,
            encoder,
            landmarker=self.landmarker,
            num_poses=self.people,
            every=self.every,
            stop=self.stop,
            context=self.context,
            show_progress_bar=True,
        )
        write_poses(poses, self.output)
        people = "1 person" if len(poses.people) == 1 else f"{len(poses.people)} people"
        return f"wrote {self.output}: {embedded(poses)}; {people}"
