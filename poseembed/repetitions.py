"""Counting how often a movement is repeated, from pose vectors and so from any camera, without a template.

One number a frame says how far the movement has got: where the smoothed pose vectors, at unit length, are along the
direction in which they change most within `LAG`. That is the principal component of the changes; the one of the vectors
themselves would rather tell exercising from walking up to the camera. The number's peaks are the repetitions, as in
RecoFit (Morris et al., CHI 2014), which counts so in accelerometer data, if they stand out from the valleys beside
them by a good part of the whole swing, and if the poses around them resemble those of the typical repetition. Nothing
is assumed of the tempo, so repetitions may differ in speed and pauses may lie between them.

What it cannot know:

- It counts whatever moves most, one exercise at a time: a walk comes out as strides, and much walking before and after
  a few repetitions may hide them. Cut it off.
- Left and right in turn (knee lifts, punches) count one by one or as one pair, whichever the direction shows.
- A movement that the recording's start or end cuts off is not counted.
- Movements that change the pose little (a shrug, a heel raise) drown in what a detector's noise does.
- Varied motion, such as a dance, holds movements that resemble each other: one in some four seconds.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import ArrayLike
from torch import Tensor

from poseembed.extras import how_to_install
from poseembed.smoothing import SmoothTrack
from poseembed.vectors import Track, Vectors

MIN_SWING = 0.5
"""Unit pose vectors that move less than this along that direction do not move; two so far apart have a cosine of at
most 0.875. Someone standing still stays below it even when 4 of 13 joints come and go and the rest tremble by 5 % of
the torso; a hop with both legs, the smallest repetition of HDM05, is above it."""

MIN_SIMILARITY = 0.6
"""A movement less like the typical repetition than this, by the cosine of their pose vectors, is another one."""

LAG = 2 / 3
"""Seconds over which changes are looked at: half a quick repetition."""

PROMINENCE = 1 / 3
"""A peak stands out from the valleys around it by this share of the whole swing."""

SMOOTHING = 1 / 15
"""Standard deviation of the smoothing, seconds."""

FRAME_RATE = 30.0
"""Frames a second of poses that come without times."""

_REST = 0.1  # a repetition begins and ends this far up from the valley to the peak
_CORE = 0.5  # compared are the poses further up than this: what lies between repetitions may be anything
_STEPS = 24  # poses by which two repetitions are compared


@dataclass(frozen=True, eq=False)
class Repetitions:
    """What `count_repetitions` returns: n repetitions, in the order of the frames.

    Attributes:
        boundaries: (n, 2) first and last row of each, counted from the first row of the input, or of the track.
            A pause lies between the end of one and the start of the next.
        similarity: (n,) of each to the typical one: cosine of their pose vectors, over 24 moments of the movement's
            upper half; 1 for the typical one itself.
        period: From the middle of one to the middle of the next, the median; seconds, or frames where no times are
            known; NaN for fewer than two.
        signal: (frames,) how far the movement has got in each frame, low at rest, as in unit pose vectors.

    Examples:
        >>> from poseembed.repetitions import count_repetitions
        >>> bend = np.sin(np.linspace(0, 3 * np.pi, 90)) ** 2  # down and up again, three times
        >>> found = count_repetitions(np.stack([np.cos(bend), np.sin(bend)], axis=1), time=np.arange(90) / 30)
        >>> found.count, round(found.period, 1), found.boundaries.shape, found.signal.shape
        (3, 1.0, (3, 2), (90,))
    """

    boundaries: Int64[np.ndarray, "n 2"]
    similarity: Float[np.ndarray, " n"]
    period: float
    signal: Float[np.ndarray, " frames"]

    @property
    def count(self) -> int:
        """How many repetitions there are."""
        return len(self.boundaries)


def count_repetitions(
    poses: Vectors,
    time: ArrayLike | None = None,
    *,
    min_swing: float = MIN_SWING,
    min_similarity: float = MIN_SIMILARITY,
) -> Repetitions:
    """Count the repetitions of one movement.

    A repetition leaves the pose that the recording starts and ends in, and comes back; doing so once counts as 1, and
    standing still as 0. An hour of video takes half a second; `RepetitionCounter` counts while the frames come.

    Args:
        poses: (frames, pose_dim) pose vectors of one person, numpy or torch, evenly spaced in time, NaN where nobody
            was seen (filled in from before and after); or embedded `Poses`, of which the longest track counts.
        time: (frames,) seconds, rising; 30 frames a second if None. `Poses` bring their own.
        min_swing: How far unit pose vectors must move to count at all; 0.2 for small movements of exact keypoints.
        min_similarity: To the typical repetition, a cosine.

    Raises:
        ImportError: If scipy is not installed.
        TypeError: If `poses` is none of these.
        ValueError: If a shape is wrong, a vector is infinite, times do not rise, or `Poses` are not embedded.

    Examples:
        >>> from poseembed.repetitions import count_repetitions
        >>> bend = np.sin(np.linspace(0, 3 * np.pi, 90)) ** 2  # down and up again, three times in three seconds
        >>> z_pose = np.stack([np.cos(bend), np.sin(bend)], axis=1)  # yours: of one person, 30 frames a second
        >>> count_repetitions(z_pose).boundaries.tolist()
        [[4, 26], [33, 56], [63, 85]]
    """
    track = Track.of(poses, "poses")
    times = _times(track, time)
    rate = FRAME_RATE if times is None or len(times) < 2 else float(1 / np.median(np.diff(times)))
    counter = RepetitionCounter(rate, min_swing=min_swing, min_similarity=min_similarity)
    counter.update(track.z_pose)
    return counter._count(np.arange(float(len(track.z_pose))) if times is None else times)


class RepetitionCounter:
    """Counts the repetitions of one movement while the frames come, as `count_repetitions` counts them in the whole.

    What it says after some frames is what `count_repetitions` says of these frames, at the same frame rate. So it can
    take back what it said: what moves most, and which repetition is the typical one, shows with time. A frame takes
    a fraction of a millisecond, and asking some milliseconds for each hour that was seen.

    Args:
        frame_rate: Frames a second, evenly spaced.
        min_swing: As in `count_repetitions`.
        min_similarity: Likewise.

    Raises:
        ImportError: If scipy is not installed.
        ValueError: If the frame rate is not more than 0, and finite.

    Examples:
        >>> from poseembed.repetitions import RepetitionCounter
        >>> bend = np.sin(np.linspace(0, 3 * np.pi, 90)) ** 2  # down and up again, three times in three seconds
        >>> counter = RepetitionCounter(frame_rate=30)
        >>> for z_pose in np.stack([np.cos(bend), np.sin(bend)], axis=1):  # yours: from a camera, one by one
        ...     counter.update(z_pose)
        >>> counter.repetitions().count, counter.repetitions().boundaries.tolist()
        (3, [[4, 26], [33, 56], [63, 85]])
    """

    def __init__(
        self,
        frame_rate: float = FRAME_RATE,
        *,
        min_swing: float = MIN_SWING,
        min_similarity: float = MIN_SIMILARITY,
    ) -> None:
        try:
            from scipy.signal import find_peaks
        except ImportError as error:
            raise ImportError(f"counting repetitions needs scipy: {how_to_install('align')}") from error
        if not 0 < frame_rate < np.inf:
            raise ValueError(f"got frame_rate={frame_rate}; wanted frames a second, more than 0")
        self._rate, self._min_swing, self._min_similarity = frame_rate, min_swing, min_similarity
        self._find_peaks = find_peaks
        self._track = SmoothTrack(SMOOTHING * frame_rate, lag=max(1, round(LAG * frame_rate)))
        self._shape: tuple[int, int] = (0, 0)

    def update(self, z_pose: np.ndarray | Tensor) -> None:
        """Take the next frame, or the next ones.

        Args:
            z_pose: (pose_dim,) pose vector of one person, or (frames, pose_dim) of several frames in their order, numpy
                or torch; NaN where nobody was seen.

        Raises:
            TypeError: If it is no array or tensor of floating-point numbers.
            ValueError: If a vector is infinite or not as long as those before, or the shape is another.
        """
        single = isinstance(z_pose, np.ndarray | Tensor) and z_pose.ndim == 1
        vectors = Track.of(z_pose[None] if single else z_pose, "z_pose").z_pose.astype(np.float64)
        frames, dim = self._shape
        if frames and vectors.shape[1] != dim:
            raise ValueError(f"z_pose has vectors of length {vectors.shape[1]}, those before were {dim} long")
        self._shape = frames + len(vectors), vectors.shape[1]
        self._track.append(vectors)

    def repetitions(self) -> Repetitions:
        """The repetitions in all frames so far, rows being counted from the first one; the period is in seconds."""
        return self._count(np.arange(self._shape[0]) / self._rate)

    def _count(self, clock: Float[np.ndarray, " frames"]) -> Repetitions:
        """The repetitions in all frames so far, which were at these times."""
        frames = len(clock)
        if self._track.seen < 2:
            return _none(frames)
        smooth, scatter = self._track.so_far()
        signal = _along(np.linalg.eigh(scatter).eigenvectors[:, -1], smooth)
        swing = np.ptp(signal)
        if swing < self._min_swing:
            return _none(frames, signal)
        peaks, _ = self._find_peaks(signal, prominence=PROMINENCE * swing)
        if not len(peaks):
            return _none(frames, signal)
        similarity = _similarity_to_typical(smooth, _spans(signal, peaks, _CORE))
        alike = similarity >= self._min_similarity
        return Repetitions(
            boundaries=_spans(signal, peaks, _REST)[alike],
            similarity=similarity[alike],
            period=float(np.median(np.diff(clock[peaks[alike]]))) if alike.sum() > 1 else np.nan,
            signal=signal,
        )


def _times(track: Track, time: ArrayLike | None) -> Float[np.ndarray, " frames"] | None:
    """The times of a track, if they are known."""
    if track.poses is not None:
        if time is not None:
            raise ValueError("Poses bring their own times; leave time out, or pass poses.z_pose with it")
        times = track.poses.time if np.isfinite(track.poses.time).all() else None
    else:
        times = None if time is None else np.asarray(time, dtype=np.float64)
    if times is not None:
        if times.shape != (len(track.z_pose),):
            raise ValueError(f"got times of shape {times.shape}; wanted ({len(track.z_pose)},), one a pose vector")
        if not (np.diff(times) > 0).all():
            raise ValueError("times must rise from each frame to the next")
    return times


def _none(frames: int, signal: Float[np.ndarray, " frames"] | None = None) -> Repetitions:
    """No repetition."""
    return Repetitions(
        np.empty((0, 2), dtype=np.int64), np.empty(0), np.nan, np.zeros(frames) if signal is None else signal
    )


def _along(
    direction: Float[np.ndarray, " dim"], vectors: Float[np.ndarray, "frames dim"]
) -> Float[np.ndarray, " frames"]:
    """Where vectors are along a direction, from their mean, the first and last being low."""
    signal = vectors @ direction
    signal -= signal.mean()
    ends, middle = (signal[0] + signal[-1]) / 2, (signal.min() + signal.max()) / 2
    return -signal if ends > middle else signal


def _spans(
    signal: Float[np.ndarray, " frames"], peaks: Int64[np.ndarray, " n"], level: float
) -> Int64[np.ndarray, "n 2"]:
    """First and last frame around each peak above a level: 0 is the higher of the valleys beside it, 1 the peak."""
    edges = [0, *peaks, len(signal) - 1]
    spans = []
    for before, peak, after in zip(edges, edges[1:], edges[2:], strict=False):
        back, ahead = signal[before : peak + 1][::-1], signal[peak : after + 1]
        valley = max(back.min(), ahead.min())
        threshold = valley + level * (signal[peak] - valley)
        spans.append((peak + 1 - (back <= threshold).argmax(), peak - 1 + (ahead <= threshold).argmax()))
    return np.array(spans, dtype=np.int64)


def _similarity_to_typical(
    vectors: Float[np.ndarray, "frames dim"], spans: Int64[np.ndarray, "n 2"]
) -> Float[np.ndarray, " n"]:
    """Cosines to the one span that is most like all others, each brought to the same number of frames."""
    frames = np.linspace(spans[:, 0], spans[:, 1], _STEPS, axis=1)
    # Nearest frames will do: the vectors were smoothed.
    movements = vectors[frames.round().astype(np.int64)].reshape(len(spans), -1)
    movements /= np.linalg.norm(movements, axis=1, keepdims=True)
    alike = (movements @ movements.sum(0)).round(9)  # rounding errors do not choose between two
    typical = movements[alike.argmax()]
    similarity: np.ndarray = (movements @ typical).clip(-1, 1)
    return similarity
