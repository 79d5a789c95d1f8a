"""`poseembed video`: videos in, poses with vectors out."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseembed.cli.arguments import add_context, add_landmarker, expand, video_source, whole
from poseembed.cli.embed import embedded
from poseembed.cli.outputs import check_file, check_folder, counted
from poseembed.cli.shared import POSE_FILES, EncoderCommand
from poseembed.files.poses import POSE_SUFFIXES, write_poses
from poseembed.video import VideoFolders, embed_video, embed_video_to, embed_videos_to


@dataclass(frozen=True, kw_only=True)
class Video(EncoderCommand):
    """Options of `poseembed video`."""

    name = "video"
    summary = "find and embed the people in videos"
    usage = (
        "squats.mp4 squats.npz",
        "match.mp4 poses.parquet --people 4 --every 2",
        "rtsp://192.168.0.9/stream1 minute.npz --stop 1500",
        "day.mp4 day/   (a folder: written piece by piece; the same command goes on after an interruption)",
        "videos/*.mp4 vectors/ --jobs 8   (a folder in it for each video)",
    )

    input: list[Path | str]
    output: Path
    jobs: int | None
    people: int
    every: int
    stop: int | None
    context: float | None
    landmarker: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the files, how to look for people, and the encoder."""
        parser.add_argument("input", type=video_source, nargs="+", help="videos, or the address of a stream")
        parser.add_argument("output", type=Path, help=f"{POSE_FILES}; or a folder, for a long video or several")
        parser.add_argument(
            "--jobs", type=whole(1), metavar="N", help="of several videos, so many at once (default: one a core)"
        )
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
        """Into one file, or, where the output has no suffix, into a folder; several videos into folders in it."""
        to_folder = not self.output.suffix
        if to_folder:
            check_folder(self.output)
        else:
            check_file(self.output, POSE_SUFFIXES)
        streams = [source for source in self.input if isinstance(source, str)]
        videos = expand([source for source in self.input if isinstance(source, Path)])
        sources: list[Path | str] = [*streams, *videos]
        if len(sources) > 1 and (streams or not to_folder):
            what = "a stream is embedded by itself" if streams else f"{self.output} is a file; wanted a folder for them"
            raise ValueError(f"got several videos, and {what}")
        encoder = self.encoder()
        settings: dict[str, Any] = {
            "landmarker": self.landmarker,
            "num_poses": self.people,
            "every": self.every,
            "stop": self.stop,
            "context": self.context,
            "show_progress_bar": True,
        }
        if len(sources) > 1:
            return self._several(embed_videos_to(videos, self.output, encoder, jobs=self.jobs, **settings))
        (source,) = sources
        if to_folder:
            files = embed_video_to(source, self.output, encoder, **settings)
            return f"wrote {self.output}: {counted(len(files), 'file')}"
        poses = embed_video(source, encoder, **settings)
        write_poses(poses, self.output)
        people = "1 person" if len(poses.people) == 1 else f"{len(poses.people)} people"
        return f"wrote {self.output}: {embedded(poses)}; {people}"

    def _several(self, done: VideoFolders) -> str:
        """What was done, in words.

        Raises:
            ValueError: If not all of it was; it says what went wrong with each video.
        """
        wrote = f"wrote {self.output}: {counted(len(done.folders), 'video')}"
        if done.errors:
            wrong = "\n".join(f"{video}: {words}" for video, words in done.errors.items())
            raise ValueError(f"{wrote}, and {len(done.errors)} could not be embedded\n{wrong}")
        return wrote
