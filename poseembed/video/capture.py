"""Frames of a video file, a stream or a camera, upright, with their times."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from jaxtyping import UInt8
from typing_extensions import Self

from poseembed.extras import how_to_install
from poseembed.warned import warn_user

SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https")
"""What begins the address of a stream, before "://"."""

EXTRA = how_to_install("video")
"""What brings the packages that video needs."""


class Frame(NamedTuple):
    """One picture.

    Attributes:
        number: Its place in the video, from 0.
        time: Seconds since the first frame.
        image: (height, width, 3) RGB, as a player would show it.

    Examples:
        >>> from poseembed.video.capture import Video
        >>> with Video("clip.avi") as video:
        ...     frame = next(video.frames())
        >>> frame.number, frame.time, frame.image.shape
        (0, 0.0, (48, 64, 3))
    """

    number: int
    time: float
    image: UInt8[np.ndarray, "height width 3"]


class Video:
    """A video file, a stream or a camera that is open for reading, once, from start to end.

    Frames come as a player would show them: turned as the file's rotation tag says, and with square pixels. Times are
    the file's own, so they are right where the frame rate varies, and never fall; a frame for which the file stores
    none (all of a bare H.264 stream, the last ones of some AVI files) follows at the rate so far. Those of a camera
    or a live stream are read off the clock.

    Args:
        source: Path of a video file, address of a stream or of a file elsewhere (`rtsp://`, `http://`, see `SCHEMES`),
            or number of a camera, from 0.

    Attributes:
        name: What to call it in a message; an address without a password that stands in it.
        is_live: Whether it is a camera or a stream of which no end is known.
        num_frames: How many frames the file says it has, which may be an estimate; 0 is not known.

    Raises:
        ConnectionError: If nothing answers at the address.
        FileNotFoundError: If there is no such file or camera.
        ImportError: If OpenCV is not installed.
        TypeError: If `source` is neither a path nor a whole number.
        ValueError: If it is empty, or no frame of it can be decoded.

    Examples:
        >>> from poseembed.video.capture import Video
        >>> with Video("clip.avi") as video:
        ...     times = [(frame.number, frame.time) for frame in video.frames(every=4)]
        >>> video.num_frames, times
        (10, [(0, 0.0), (4, 0.16), (8, 0.32)])
    """

    def __init__(self, source: str | os.PathLike[str] | int) -> None:
        is_camera = isinstance(source, int)
        opened: str | int
        if isinstance(source, int):
            self.name, opened = f"camera {source}", source
        elif is_address(source):
            self.name, opened = re.sub(r"(?<=://)[^/@]*@", "", source), source
        else:
            path = find_video(source)
            # An absolute path, for FFmpeg would take "take:2.mp4" for an address.
            self.name, opened = str(path), str(path.absolute())
        try:
            import cv2
        except ImportError as error:
            raise ImportError(f"reading a video needs OpenCV: {EXTRA}") from error
        self._capture: Any = cv2.VideoCapture(opened, cv2.CAP_ANY if is_camera else cv2.CAP_FFMPEG)
        if is_camera and not self._capture.isOpened():
            raise FileNotFoundError(f"there is no {self.name}, or another program or a missing right blocks it")
        if is_address(source) and not self._capture.isOpened():
            raise ConnectionError(f"cannot open {self.name}: nothing answers there, or no video, or it wants a login")
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        # The first frame now: a container that opens may still hold nothing to decode.
        if not self._capture.grab():
            raise ValueError(
                f"{self.name} gives no picture: it is no video, is damaged, or is in a format that OpenCV cannot "
                "decode; a video that plays elsewhere can be converted: ffmpeg -i FILE out.mp4"
            )
        self._origin = time.monotonic()
        self._rate: float = self._capture.get(cv2.CAP_PROP_FPS)
        self.num_frames = 0 if is_camera else max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        self.is_live = is_camera or (is_address(source) and not self.num_frames)

    def __enter__(self) -> Self:
        """The video, to be closed at the end of the `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of the file or camera."""
        self._capture.release()

    def frames(self, start: int = 0, stop: int | None = None, every: int = 1, skip: int = 0) -> Iterator[Frame]:
        """The frames `start`, `start + every`, ... before `stop`, as `range` would count them.

        Frames that are not wanted are decoded too, and dropped: that is the only exact way to a frame.

        Args:
            start: First frame.
            stop: Frame to end before; None reads to the end.
            every: Distance from one frame to the next.
            skip: How many of these frames to leave out at the beginning.

        Raises:
            ValueError: If the video ends before `start`.

        Warns:
            UserWarning: If it ends earlier than the file says: the tail is damaged or missing.
        """
        first, number, seconds, more = start + skip * every, 0, 0.0, True  # the first frame was grabbed on opening
        while more and (stop is None or number < stop):
            seconds = self._time(number, seconds)
            if number >= first and (number - first) % every == 0:
                yield Frame(number, seconds, self._picture())
            number += 1
            more = number == stop or self._capture.grab()
        if not more:
            self._check_end(number, seconds)
            if number <= start:
                raise ValueError(f"start={start} is past the end of {self.name}, which has {number} frames")

    def _time(self, number: int, last: float) -> float:
        """Seconds from the first frame to the one that was grabbed last; `last` is the time of the one before."""
        import cv2

        if self.is_live:
            return time.monotonic() - self._origin
        stored: float = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if number == 0:
            self._origin = stored  # not 0 where the decoder holds frames back to bring them into order
            return 0.0
        if stored > 0:
            return max(stored - self._origin, last)
        return last + (last / (number - 1) if number > 1 else 1 / self._rate)

    def _picture(self) -> UInt8[np.ndarray, "height width 3"]:
        """The frame that was grabbed last, upright, with square pixels."""
        import cv2

        _, image = self._capture.retrieve()
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        wide, high = self._capture.get(cv2.CAP_PROP_SAR_NUM), self._capture.get(cv2.CAP_PROP_SAR_DEN)
        if wide == high or wide <= 0 or high <= 0:
            return image
        if self._capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180:  # the file's shape of a pixel is that before turning
            wide, high = high, wide
        size = (round(image.shape[1] * wide / high), image.shape[0])
        return cv2.resize(image, size)

    def _check_end(self, count: int, last: float) -> None:
        """Warn if a file that was read to its end has less than it says.

        Its number of frames is often an estimate, duration times rate, which a varying rate and rounding put off:
        so the time must be missing too, of more than two frames and of more than 0.1 s.
        """
        if self.is_live:
            return
        frame_time = max(last / max(count - 1, 1), 1 / self._rate)
        missing = self.num_frames / self._rate - (last + frame_time)
        if count < self.num_frames and missing > max(2 * frame_time, 0.1):
            warn_user(
                f"{self.name}: {count} frames ({last:.1f} s) could be decoded of about {self.num_frames} that the file "
                "says it has; its tail is damaged, missing or cut off by an edit list. What was decoded is used"
            )


def is_address(source: object) -> TypeGuard[str]:
    """Whether a source is the address of a stream, or of a file elsewhere."""
    return isinstance(source, str) and source.partition("://")[0].lower() in SCHEMES and "://" in source


def find_video(source: str | os.PathLike[str]) -> Path:
    """Path of a video file that is there and not empty.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If `source` is not a path.
        ValueError: If it is a folder, or empty, or the address of a stream.
    """
    if is_address(source):
        raise ValueError(
            "got an address; to go on after an interruption takes a file, so download it first, or go through "
            "detect_video() piece by piece"
        )
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"got {source!r}; wanted the path of a video (or the number of a camera, to see it live)")
    path = Path(source).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; pass one video")
    if not path.exists():
        raise FileNotFoundError(f"there is no video {path}")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty: 0 bytes")
    return path
