"""The folder that `embed_video_to` writes: whose work it is, and how far that has come."""

from dataclasses import asdict, dataclass
from itertools import count, takewhile
from pathlib import Path

from poseembed.files.claims import claim
from poseembed.files.records import RecordKind

_RECORD_FILE, _FINISHED_FILE = "video.json", "finished"
_RECORD = RecordKind(
    name="the record of an embedded video",
    folder="it is not the work of embed_video_to()",
    version=1,
    remedy="pass another folder",
)


@dataclass(frozen=True)
class Job:
    """What a folder is the work of: a call goes on with it only if all of this is the same.

    Attributes:
        poseembed_version: Of the library.
        video: SHA-256 of the file.
        model: SHA-256 of the landmarker's file.
        encoder: Its fingerprint.
        clip: Fingerprint of the clip encoder; None if each frame is embedded by itself.
        slots_before: How much before a frame is read, see `poseembed.clips.Reach`.
        slots_after: How much after it.
        num_poses: As `embed_video_to` takes it, and so are the rest.
        every: Distance from one frame to the next.
        start: First frame.
        stop: Frame to end before, or None.
        shard_frames: Frames in a file.
    """

    poseembed_version: str
    video: str
    model: str
    encoder: str
    clip: str | None
    slots_before: int
    slots_after: int
    num_poses: int
    every: int
    start: int
    stop: int | None
    shard_frames: int

    def claim(self, folder: Path) -> None:
        """Mark a folder as that of this job, making it if it is not there.

        Raises:
            ValueError: If it holds something else, or another job's work.
        """
        claim(folder / _RECORD_FILE, asdict(self), _RECORD, "embed_video_to()")


def is_job(folder: Path) -> bool:
    """Whether a folder is the work of `embed_video_to`, and so of one video."""
    return (folder / _RECORD_FILE).exists()


def shard_file(folder: Path, number: int) -> Path:
    """Path of a file of a folder, from 0."""
    return folder / f"{number:05d}.npz"


def shards_done(folder: Path) -> list[Path]:
    """The files that are there, from the first to the last before a gap."""
    return list(takewhile(Path.exists, (shard_file(folder, number) for number in count())))


def is_finished(folder: Path) -> bool:
    """Whether the video was read to its end."""
    return (folder / _FINISHED_FILE).exists()


def mark_finished(folder: Path) -> None:
    """Note that the video was read to its end."""
    (folder / _FINISHED_FILE).touch()
