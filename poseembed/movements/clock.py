"""Tracks of any frame rate on one even clock, on which movements are compared."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from poseembed.poses import Poses
from poseembed.repetitions import FRAME_RATE

RATE = 10
"""Ticks of the clock a second. With twice as many hardly more is found, and searching takes four times as long."""

BRIDGE = 0.5
"""Longest time without a pose vector that is filled in from before and after, seconds."""


@dataclass(frozen=True, eq=False)
class Moments:
    """What one person does at the ticks of the clock, the first of which is when they are first seen.

    Attributes:
        directions: (moments, pose_dim) unit pose vectors.
        ticks: (moments,) number of the tick; some are left out where nobody was seen for longer than `BRIDGE`.
        rows: (moments,) row of the track that lies nearest in time, of those in which they are seen.
    """

    directions: Float[np.ndarray, "moments pose_dim"]
    ticks: Int64[np.ndarray, " moments"]
    rows: Int64[np.ndarray, " moments"]


def seconds_of(track: Poses) -> Float[np.ndarray, " rows"]:
    """Times of a track, a row a frame; where they are not known, frames follow each other at `FRAME_RATE`.

    Raises:
        ValueError: If they fall from one frame to the next.
    """
    if not track.timed:
        return track.frame / FRAME_RATE
    falling = np.flatnonzero(np.diff(track.time) < 0)
    if len(falling):
        row = falling[0]
        raise ValueError(
            f"times must not fall from one frame to the next; frame {track.frame[row]} is at {track.time[row]:g} s and "
            f"frame {track.frame[row + 1]} at {track.time[row + 1]:g} s"
        )
    return track.time


def moments(track: Poses) -> Moments:
    """The pose vectors of one person at the ticks of the clock.

    That of a tick is the mean direction of the frames around it, up to half the way to the next. Where there is no
    such frame, it lies on the way from the last one before to the first one after.

    Args:
        track: One person with vectors, a row a frame, as `Poses.track` gives it.

    Raises:
        ValueError: If the times fall.
    """
    assert track.z_pose is not None  # as whoever calls has made sure
    vectors, times = track.z_pose.astype(np.float64), seconds_of(track)
    lengths = np.linalg.norm(vectors, axis=1)
    seen = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    if not len(seen):
        none = np.empty(0, dtype=np.int64)
        return Moments(vectors[:0].astype(np.float32), none, none)
    since = times[seen] - times[seen[0]]
    filled, first = np.unique(np.rint(since * RATE).astype(np.int64), return_index=True)
    sums = np.add.reduceat(vectors[seen] / lengths[seen, None], first, axis=0)
    steps = np.diff(filled, prepend=filled[0])
    places = np.where(steps > BRIDGE * RATE, 1, steps).cumsum()
    every = np.arange(places[-1] + 1)
    directions = np.stack([np.interp(every, places, column) for column in _unit(sums).T], axis=1)
    ticks = np.interp(every, places, filled).astype(np.int64)
    halfway = (since[1:] + since[:-1]) / 2
    nearest = seen[np.searchsorted(halfway, ticks / RATE)]
    return Moments(_unit(directions).astype(np.float32), ticks, nearest)


def _unit(vectors: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, "n dim"]:
    """Vectors at length 1; one of length 0, the mean of two opposite ones, stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
