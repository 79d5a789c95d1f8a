"""A track of vectors that grows frame by frame, smoothed over time as the whole of it would be."""

import numpy as np
from jaxtyping import Float64

_REACH = 4  # standard deviations at which the Gaussian is cut off


class SmoothTrack:
    """The vectors of a track, at unit length and smoothed over time, and how they change.

    Frames in which nobody was seen lie on the line between those before and after; the first and the last that were
    seen stand for what is missing at the ends. A new frame changes the last few smoothed vectors alone: all before are
    kept, and so is the sum of their changes.

    Args:
        deviation: Standard deviation of the Gaussian that smooths, frames.
        lag: Frames over which changes are looked at; half a track's length where that is less.
    """

    def __init__(self, deviation: float, lag: int) -> None:
        from scipy.ndimage import gaussian_filter1d

        self._filter, self._deviation, self._lag = gaussian_filter1d, deviation, lag
        self._radius = max(1, int(_REACH * deviation + 0.5))
        self._seen = 0
        self._unseen = 0  # frames since somebody was seen
        self._settled = 0  # smoothed vectors that no frame will change
        self._smooth = np.empty((0, 0))  # those, and room for more
        self._scatter = np.zeros((0, 0))  # of their changes
        self._recent = np.empty((0, 0))  # the frames that are not settled, after up to `radius` that are

    @property
    def seen(self) -> int:
        """Frames in which somebody was seen."""
        return self._seen

    def append(self, vectors: Float64[np.ndarray, "frames dim"]) -> None:
        """Take the next frames: vectors of any length, NaN or 0 where nobody was seen."""
        lengths = np.linalg.norm(vectors, axis=1)
        seen = np.flatnonzero(lengths > 0)  # NaN is not
        if not len(seen):
            self._unseen += len(vectors)
            return
        known, at = vectors[seen] / lengths[seen, None], seen + self._unseen + 1
        if self._seen:
            known, at = np.concatenate([self._recent[-1:], known]), np.concatenate([[0], at])
            self._recent = np.concatenate([self._recent, _interpolate(known, at)])
        else:
            dim = vectors.shape[1]
            self._smooth, self._scatter = np.empty((0, dim)), np.zeros((dim, dim))
            self._recent = _interpolate(known, at)
        self._seen += len(seen)
        self._unseen = len(vectors) - 1 - int(seen[-1])
        smooth = self._smoothed()[: -self._radius or None]
        if len(smooth):
            self._put(smooth)
            self._scatter += self._changes(self._settled, self._settled + len(smooth))
            self._settled += len(smooth)
            self._recent = self._recent[-self._radius - min(self._radius, self._settled) :]

    def so_far(self) -> tuple[Float64[np.ndarray, "frames dim"], Float64[np.ndarray, "dim dim"]]:
        """All smoothed vectors, until the next frame comes, and the scatter matrix of their changes.

        At least one frame in which somebody was seen must have come.
        """
        smooth = self._smoothed(self._unseen)
        self._put(smooth)
        frames = self._settled + len(smooth)
        lag = max(1, min(self._lag, frames // 2))
        if lag == self._lag:
            return self._smooth[:frames], self._scatter + self._changes(self._settled, frames)
        changes = self._smooth[lag:frames] - self._smooth[: frames - lag]
        return self._smooth[:frames], changes.T @ changes

    def _smoothed(self, held: int = 0) -> Float64[np.ndarray, "frames dim"]:
        """What is not settled, with the last frame held for some more, smoothed."""
        frames = np.concatenate([self._recent, np.repeat(self._recent[-1:], held, axis=0)])
        smooth: np.ndarray = self._filter(frames, self._deviation, axis=0, mode="nearest", radius=self._radius)
        return smooth[min(self._radius, self._settled) :]

    def _put(self, smooth: Float64[np.ndarray, "frames dim"]) -> None:
        """Write vectors after the settled ones; room is doubled when it runs out."""
        frames = self._settled + len(smooth)
        if frames > len(self._smooth):
            room = np.empty((2 * frames, smooth.shape[1]))
            room[: self._settled] = self._smooth[: self._settled]
            self._smooth = room
        self._smooth[self._settled : frames] = smooth

    def _changes(self, start: int, end: int) -> Float64[np.ndarray, "dim dim"]:
        """Scatter matrix of the changes that some frames bring."""
        start = max(start, self._lag)
        changes = self._smooth[start:end] - self._smooth[start - self._lag : max(end - self._lag, 0)]
        return changes.T @ changes


def _interpolate(known: Float64[np.ndarray, "known dim"], at: np.ndarray) -> Float64[np.ndarray, "frames dim"]:
    """The vectors from frame 1 to the last known one, on the lines between those that are; the first, before it."""
    frames = np.arange(1, at[-1] + 1)
    after = np.searchsorted(at, frames)
    before = np.maximum(after - 1, 0)
    share = (frames - at[before]) / np.maximum(at[after] - at[before], 1)
    return known[before] + share[:, None] * (known[after] - known[before])
