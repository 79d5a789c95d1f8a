"""From a video, a stream or a camera to poses and their vectors."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from poseembed._version import __version__
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import read_poses, write_poses
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import NUM_JOINTS
from poseembed.tracks import reach_of
from poseembed.video.capture import Frame, Video, find_video
from poseembed.video.job import Job, is_finished, mark_finished, shard_file, shards_done
from poseembed.video.landmarker import Landmarker, find_model, sha256
from poseembed.video.pieces import embed_pieces, latest
from poseembed.video.tracking import Tracker, without_duplicates

CHUNK_FRAMES = 256
"""Frames that `detect_video` gathers into one `Poses`."""

SHARD_FRAMES = 3000
"""Frames in one of the files that `embed_video_to` writes."""

_NO_POINTS = np.full((1, NUM_JOINTS, 2), np.nan, dtype=np.float32)
_NO_SCORES = np.zeros((1, NUM_JOINTS), dtype=np.float32)
_NO_PERSON = np.array([NOBODY])


def detect_video(
    source: str | os.PathLike[str] | int,
    *,
    landmarker: str | os.PathLike[str] | None = None,
    num_poses: int = 1,
    every: int = 1,
    start: int = 0,
    stop: int | None = None,
    chunk_frames: int = CHUNK_FRAMES,
    show_progress_bar: bool = False,
) -> Iterator[Poses]:
    """Find the people in a video or a stream, piece by piece; memory does not grow with its length.

    People are found with MediaPipe's pose landmarker, in every frame that is looked at. Where two of its poses lie on
    one body the less sure one is dropped, and `Tracker` gives each person a number that stays theirs. A frame without
    anybody is a row of NaN keypoints with confidence 0 and person -1.

    Args:
        source: Path of a video file, address of a stream (`rtsp://`, `http://`, see `poseembed.video.capture.Video`),
            or number of a camera, from 0.
        landmarker: Path of a pose landmarker model; None is the one in the environment variable
            `POSEEMBED_LANDMARKER`, or else the official one, downloaded on first use. See
            `poseembed.video.landmarker.find_model`.
        num_poses: At most how many people to find in a frame. Finding several is slower.
        every: Look at each `every`-th frame only.
        start: First frame to look at.
        stop: Frame to end before; None is the end of the video.
        chunk_frames: Frames in each of the pieces; 1 gives each frame as soon as it is there.
        show_progress_bar: Show one, on stderr.

    Yields:
        Poses without vectors: `frame` is the number in the whole video, `time` is in seconds by the file's own
        timestamps, `keypoints` are pixels of the upright picture with square pixels, and `confidence` is MediaPipe's
        visibility.

    Raises:
        FileNotFoundError: If there is no such video, camera or model.
        ImportError: If a package of `poseembed[video]` is missing.
        OSError: If the model has to be downloaded and cannot.
        TypeError: If `source` is neither a path nor a whole number.
        ValueError: If the video is empty or cannot be decoded, ends before `start`, the model is none, or a number is
            out of range.

    Warns:
        UserWarning: If the video ends earlier than its file says.

    Examples:
        >>> from poseembed.video import detect_video
        >>> pieces = detect_video("street.avi", landmarker="pose_landmarker_full.task", stop=20, chunk_frames=8)
        >>> [poses.keypoints.shape for poses in pieces]
        [(8, 13, 2), (8, 13, 2), (4, 13, 2)]
    """
    check_range(num_poses, every, start, stop)
    if chunk_frames < 1:
        raise ValueError(f"got chunk_frames={chunk_frames}; it must be at least 1")
    # What was asked wrongly shows at the call; a generator's body would wait for the first piece.
    video = Video(source)
    frames = _frames(video, start, stop, every, show_progress_bar)
    return _detect_chunks(video, frames, find_model(landmarker), num_poses, chunk_frames)


def embed_video(
    source: str | os.PathLike[str] | int,
    encoder: PoseEncoder | None = None,
    *,
    landmarker: str | os.PathLike[str] | None = None,
    num_poses: int = 1,
    every: int = 1,
    start: int = 0,
    stop: int | None = None,
    context: float | None = 0.0,
    look_ahead: float | None = None,
    show_progress_bar: bool = False,
) -> Poses:
    """Find the people in a video and embed their poses, each by what comes before and after it where the encoder can.

    Args:
        source: Path of a video file, address of a stream, or number of a camera, from 0. What has no end needs `stop`.
        encoder: What embeds them; None is the packaged default.
        landmarker: As in `detect_video`, and so are the rest.
        num_poses: At most how many people to find in a frame.
        every: Look at each `every`-th frame only.
        start: First frame to look at.
        stop: Frame to end before; None is the end of the video.
        context: Seconds before and after a frame that are read, see `Poses.embed`: all that can be if None; 0 takes
            each frame by itself.
        look_ahead: Seconds after it, if that is to be less.
        show_progress_bar: Show one, on stderr.

    Returns:
        Poses with `z_pose` and `z_view`: a row for each person in each frame, and one for each frame without anybody,
        whose vectors are NaN. `Poses.track` picks one person.

    Raises:
        FileNotFoundError, ImportError, OSError, TypeError, ValueError: As `detect_video` does; and a ValueError for a
            camera or a live stream without `stop`, and for a context where the encoder has no clip encoder.

    Examples:
        >>> from poseembed.video import embed_video
        >>> poses = embed_video("street.avi", landmarker="pose_landmarker_full.task", stop=20)
        >>> poses.keypoints.shape, poses.z_pose.shape
        ((20, 13, 2), (20, 32))
    """
    if isinstance(source, int) and stop is None:
        raise ValueError("a camera has no end: pass stop=, in frames, or go through detect_video() piece by piece")
    check_range(num_poses, every, start, stop)
    encoder = PoseEncoder.from_pretrained() if encoder is None else encoder
    reach_of(encoder, context, look_ahead)  # what cannot be is refused before the work
    video = Video(source)
    if video.is_live and stop is None:
        raise ValueError(f"{video.name} has no end: pass stop=, in frames, or go through detect_video() piece by piece")
    frames = _frames(video, start, stop, every, show_progress_bar)
    chunks = _detect_chunks(video, frames, find_model(landmarker), num_poses, CHUNK_FRAMES)
    return Poses.concatenate(chunks).embed(encoder, context=context, look_ahead=look_ahead)


def embed_video_to(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    encoder: PoseEncoder | None = None,
    *,
    landmarker: str | os.PathLike[str] | None = None,
    num_poses: int = 1,
    every: int = 1,
    start: int = 0,
    stop: int | None = None,
    context: float | None = 0.0,
    look_ahead: float | None = None,
    shard_frames: int = SHARD_FRAMES,
    show_progress_bar: bool = False,
) -> list[Path]:
    """Embed a long video into a folder, and go on after an interruption.

    Each `shard_frames` frames that were looked at become one file, written whole or not at all. Called again with the
    same arguments it decodes past the frames that are done and goes on; called once more when all is done it only
    looks. The files are the same, to the last bit, however often the work was interrupted, because MediaPipe begins
    afresh at the start of each file anyway. So whom it finds there can differ from `embed_video`, most of all with
    several people, whom it finds again one by one. They keep their numbers across files, as far as `Tracker` can tell.
    With context a frame is read with its neighbours of the next file, so a file is written when those are found.

    Args:
        source: Path of a video file.
        folder: Where to write; made if it is not there, else empty or of an earlier call. One call at a time.
        encoder: What embeds the poses; None is the packaged default.
        landmarker: As in `detect_video`, and so are the rest.
        num_poses: At most how many people to find in a frame.
        every: Look at each `every`-th frame only.
        start: First frame to look at.
        stop: Frame to end before; None is the end of the video.
        context: Seconds before and after a frame that are read, see `Poses.embed`: all that can be if None; 0 takes
            each frame by itself.
        look_ahead: Seconds after it, if that is to be less.
        shard_frames: Frames in a file.
        show_progress_bar: Show one, on stderr.

    Returns:
        The files in order, each for `poseembed.read_poses`; `poseembed.load_embedded(folder, encoder)` reads them all.

    Raises:
        FileNotFoundError, ImportError, OSError, TypeError, ValueError: As `detect_video` does; and a TypeError for a
            camera, a ValueError if the folder holds something else, or the work on another video or with another
            model, encoder, setting or version.

    Examples:
        >>> from poseembed.video import embed_video_to
        >>> model = "pose_landmarker_full.task"
        >>> files = embed_video_to("street.avi", "street", landmarker=model, stop=20, shard_frames=10)
        >>> [file.name for file in files]
        ['00000.npz', '00001.npz']
    """
    check_range(num_poses, every, start, stop, shard_frames)
    path, folder = find_video(source), Path(folder).expanduser()
    with Video(path) as video:
        model = find_model(landmarker)
        encoder = PoseEncoder.from_pretrained() if encoder is None else encoder
        reach, clip = reach_of(encoder, context, look_ahead), encoder.clip_made_by
        job = Job(
            poseembed_version=__version__,
            video=sha256(path),
            model=sha256(model),
            encoder=encoder.fingerprint,
            clip=clip.clip if clip is not None and reach != (0, 0) else None,
            slots_before=reach.back,
            slots_after=reach.ahead,
            num_poses=num_poses,
            every=every,
            start=start,
            stop=stop,
            shard_frames=shard_frames,
        )
        job.claim(folder)
        shards = shards_done(folder)
        if is_finished(folder):
            return shards
        tracker = Tracker()
        before = Poses.concatenate([])
        for shard in shards:
            poses = read_poses(shard)
            tracker.remember(poses)
            before = latest(Poses.concatenate([before, poses]), reach.seconds_back)
        frames = _frames(video, start, stop, every, show_progress_bar, done=len(shards) * shard_frames)
        found = _detect_shards(frames, model, num_poses, tracker, shard_frames)
        for poses in embed_pieces(found, encoder, context=context, look_ahead=look_ahead, before=before):
            shards.append(shard_file(folder, len(shards)))
            write_poses(poses, shards[-1])
    mark_finished(folder)
    return shards


def _detect_chunks(
    video: Video, frames: Iterator[Frame], model: Path, num_poses: int, chunk_frames: int
) -> Iterator[Poses]:
    """The generator behind `detect_video`."""
    tracker = Tracker()
    with video, Landmarker(model, num_poses) as landmarker:
        while len(poses := _detect(islice(frames, chunk_frames), landmarker, tracker)):
            yield poses


def _detect_shards(
    frames: Iterator[Frame], model: Path, num_poses: int, tracker: Tracker, shard_frames: int
) -> Iterator[Poses]:
    """The people in each so many frames, with a landmarker of their own."""
    while True:
        with Landmarker(model, num_poses) as landmarker:
            poses = _detect(islice(frames, shard_frames), landmarker, tracker)
        if not len(poses):
            return
        yield poses


def _detect(frames: Iterable[Frame], landmarker: Landmarker, tracker: Tracker) -> Poses:
    """The people in some frames, as one `Poses`."""
    rows = []
    for frame in frames:
        found = landmarker.detect(frame)
        kept = without_duplicates(*found)
        points, scores = found.keypoints[kept], found.confidence[kept]
        persons = tracker.update(points, scores, frame.time)
        if not len(persons):
            points, scores, persons = _NO_POINTS, _NO_SCORES, _NO_PERSON
        numbers, times = np.full(len(persons), frame.number), np.full(len(persons), frame.time)
        rows.append(Poses.from_arrays(points, scores, frame=numbers, person=persons, time=times))
    return Poses.concatenate(rows)


def _frames(
    video: Video, start: int, stop: int | None, every: int, show_progress_bar: bool, done: int = 0
) -> Iterator[Frame]:
    """Frames to look at, after those that are done, with a progress bar."""
    end = video.num_frames if stop is None else min(stop, video.num_frames or stop)
    total = max(ceil((end - start) / every), 0) if end else None
    frames = video.frames(start, stop, every, skip=done)
    yield from tqdm(frames, "video", total, initial=done, unit="frame", disable=not show_progress_bar)


def check_range(num_poses: int, every: int, start: int, stop: int | None, shard_frames: int = SHARD_FRAMES) -> None:
    """Refuse numbers out of range, before anything is opened.

    Raises:
        ValueError: If one is.
    """
    least_of = {
        "num_poses": (num_poses, 1),
        "every": (every, 1),
        "start": (start, 0),
        "shard_frames": (shard_frames, 1),
    }
    for name, (value, least) in least_of.items():
        if value < least:
            raise ValueError(f"got {name}={value}; it must be at least {least}")
    if stop is not None and stop <= start:
        raise ValueError(f"got start={start} and stop={stop}; stop must be larger")
