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

from poseembed.extras import how_to_install
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
    standing still as 0. A live counter calls this on all that it has seen so far; a minute of video takes
    a few hundredths of a second.

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
    vectors, times = track.z_pose.astype(np.float64), _times(track, time)
    try:
        from scipy.ndimage import gaussian_filter1d
        from scipy.signal import find_peaks
    except ImportError as error:
        raise ImportError(f"counting repetitions needs scipy: {how_to_install('align')}") from error
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    seen = np.flatnonzero(lengths[:, 0] > 0)  # NaN is not
    if len(seen) < 2:
        return _none(len(vectors))
    clock = np.arange(len(vectors)) if times is None else times
    unit = vectors[seen] / lengths[seen]
    filled = np.stack([np.interp(clock, clock[seen], column) for column in unit.T], axis=1)
    rate = FRAME_RATE if times is None else 1 / np.median(np.diff(times))
    smooth = gaussian_filter1d(filled, SMOOTHING * rate, axis=0, mode="nearest")
    signal = _most_changing(smooth, lag=int(np.clip(round(LAG * rate), 1, len(smooth) // 2)))
    swing = np.ptp(signal)
    if swing < min_swing:
        return _none(len(vectors), signal)
    peaks, _ = find_peaks(signal, prominence=PROMINENCE * swing)
    if not len(peaks):
        return _none(len(vectors), signal)
    similarity = _similarity_to_typical(smooth, _spans(signal, peaks, _CORE))
    alike = similarity >= min_similarity
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


def _most_changing(vectors: Float[np.ndarray, "frames dim"], lag: int) -> Float[np.ndarray, " frames"]:
    """Where vectors are along the direction that changes most within some frames, the first and last being low."""
    changes = vectors[lag:] - vectors[:-lag]
    _, directions = np.linalg.eigh(changes.T @ changes)
    signal = (vectors - vectors.mean(0)) @ directions[:, -1]
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
    similarity = movements @ movements.T
    return similarity[similarity.sum(1).argmax()].clip(-1, 1)
