"""Many videos at once, a process each: MediaPipe follows people through a video on one core."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tqdm import tqdm
from typing_extensions import NamedTuple

from poseembed import processes
from poseembed.encoder import PoseEncoder
from poseembed.tracks import reach_of
from poseembed.video.embedding import SHARD_FRAMES, check_range, embed_video_to
from poseembed.video.landmarker import find_model


class VideoFolders(NamedTuple):
    """What `embed_videos_to` did.

    Attributes:
        folders: By video, the folder with its poses, as `embed_video_to` writes it.
        errors: By video that was not embedded to its end, what was wrong with it.

    Examples:
        >>> from pathlib import Path
        >>> from poseembed.video import VideoFolders
        >>> VideoFolders({Path("a.mp4"): Path("vectors/a.mp4")}, {}).folders[Path("a.mp4")].name
        'a.mp4'
    """

    folders: dict[Path, Path]
    errors: dict[Path, str]


def embed_videos_to(
    sources: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    encoder: PoseEncoder | None = None,
    *,
    jobs: int | None = None,
    landmarker: str | os.PathLike[str] | None = None,
    num_poses: int = 1,
    every: int = 1,
    start: int = 0,
    stop: int | None = None,
    context: float | None = 0.0,
    look_ahead: float | None = None,
    shard_frames: int = SHARD_FRAMES,
    show_progress_bar: bool = False,
) -> VideoFolders:
    """Embed videos, several at once, each into a folder of its own, and go on after an interruption.

    Each is done as by `embed_video_to`, into the folder in `folder` that is called after it, suffix included; called
    again with the same arguments all go on where they stopped. `poseembed.load_embedded(folder, encoder)` reads them as
    a library. What is wrong with one video keeps none of the others, not even if it ends the process that reads it.

    The processes are spawned, so a script that calls this does so under `if __name__ == "__main__":`. Each takes about
    half a gigabyte.

    Args:
        sources: Paths of video files.
        folder: Where to write; made if it is not there.
        encoder: What embeds the poses; None is the packaged default.
        jobs: Processes; None is one a core.
        landmarker: As in `embed_video_to`, and so are the rest.
        num_poses: At most how many people to find in a frame.
        every: Look at each `every`-th frame only.
        start: First frame to look at.
        stop: Frame to end before; None is the end of the video.
        context: Seconds before and after a frame that are read: all that can be if None; 0 takes each frame by itself.
        look_ahead: Seconds after it, if that is to be less.
        shard_frames: Frames in a file.
        show_progress_bar: Show one, on stderr, of the videos.

    Returns:
        The folders, and what was wrong where a video was not embedded to its end.

    Raises:
        FileNotFoundError, ImportError, OSError, TypeError, ValueError: For what is wrong whatever the video, as
            `embed_video_to` does; and a ValueError if two videos have one name, or `jobs` is under 1.

    Examples:
        >>> from poseembed.video import embed_videos_to
        >>> model = "pose_landmarker_full.task"
        >>> done = embed_videos_to(["street.avi", "none.mp4"], "vectors", landmarker=model, stop=20, jobs=1)
        >>> [str(folder) for folder in done.folders.values()], list(done.errors.values())
        (['vectors/street.avi'], ['there is no video none.mp4'])
    """
    jobs = processes.cores() if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"got jobs={jobs}; it must be at least 1")
    check_range(num_poses, every, start, stop, shard_frames)
    videos: dict[Path, Path] = {}  # by their folders
    for video in map(Path, sources):
        place = Path(folder).expanduser() / video.name
        if place in videos:
            raise ValueError(f"two videos are called {video.name}, and so their folders would be; rename one")
        videos[place] = video
    encoder = PoseEncoder.from_pretrained() if encoder is None else encoder
    reach_of(encoder, context, look_ahead)  # what cannot be is refused before the work
    embed = partial(
        embed_video_to,
        encoder=encoder,
        landmarker=find_model(landmarker),
        num_poses=num_poses,
        every=every,
        start=start,
        stop=stop,
        context=context,
        look_ahead=look_ahead,
        shard_frames=shard_frames,
    )
    tasks = {video: partial(embed, video, place) for place, video in videos.items()}
    with tqdm(desc="videos", total=len(tasks), unit="video", disable=not show_progress_bar) as bar:
        errors = processes.run(tasks, jobs, bar.update)
    return VideoFolders({video: place for place, video in videos.items() if video not in errors}, errors)
