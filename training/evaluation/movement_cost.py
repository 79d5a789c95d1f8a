"""What it costs to search hours of video for a movement: time and memory, by the length of gallery and query.

The gallery is what virtual cameras see of motion capture, clip after clip at 30 frames a second, each time from another
camera, until there is enough of it; an hour is one recording of one person. It is embedded and put into the index hour
by hour, as whoever has many videos would. Queries are stretches of clips, seen by one more camera. Time is that of the
processor, so that what else the machine does makes no difference; memory is what numpy allocates.
"""

import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
import torch

from poseembed import PoseEncoder, Poses
from poseembed.movements import MovementIndex, find_movement
from training.datasets.mocap import Clip
from training.scene.film import film, random_camera

FPS = 30
"""Frames a second."""

HOUR = 3600 * FPS
"""Frames of an hour."""

QUERY_SECONDS = (0.5, 2.0, 8.0, 32.0)
"""Lengths of the queries."""

QUERY_SEED = 10**6
"""Added to the seeds of the gallery's hours, for those of the queries."""


@dataclass(frozen=True)
class CostResult:
    """What one length of gallery costs.

    Attributes:
        hours: Length of the gallery.
        frames: Frames in it.
        embed_seconds: To film and embed them.
        build_seconds: To make the index of embedded frames.
        index_bytes: Memory that the index takes.
        query_seconds: Of a search, by the length of the query in seconds; the median.
        query_bytes: Most memory that a search takes beside the index, likewise.
    """

    hours: float
    frames: int
    embed_seconds: float
    build_seconds: float
    index_bytes: int
    query_seconds: dict[float, float]
    query_bytes: dict[float, int]


def measure(clips: Sequence[Clip], encoder: PoseEncoder, hours: float, *, queries: int, seed: int) -> CostResult:
    """Make a gallery of so many hours, and time so many queries of each of `QUERY_SECONDS`."""
    frames, embedding = round(HOUR * hours), 0.0

    def recordings() -> Iterator[tuple[str, Poses]]:
        nonlocal embedding
        for hour, first in enumerate(range(0, frames, HOUR)):
            start = time.process_time()
            poses = recording(clips, encoder, min(HOUR, frames - first), seed=seed + hour)
            embedding += time.process_time() - start
            yield f"hour {hour}", poses

    start = time.process_time()
    index = MovementIndex.build(recordings())
    build_seconds = time.process_time() - start - embedding
    arrays = (index.directions, index.frame, index.time, index.offsets, index.person, index.recording)
    seconds: dict[float, float] = {}
    memory: dict[float, int] = {}
    for length in QUERY_SECONDS:
        asked = [recording(clips, encoder, round(FPS * length), seed=QUERY_SEED + seed + n) for n in range(queries)]
        times = []
        for query in asked:
            start = time.process_time()
            find_movement(query, index)
            times.append(time.process_time() - start)
        seconds[length] = float(np.median(times))
        tracemalloc.start()
        find_movement(asked[0], index)
        memory[length] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return CostResult(
        hours=hours,
        frames=frames,
        embed_seconds=embedding,
        build_seconds=build_seconds,
        index_bytes=sum(array.nbytes for array in arrays),
        query_seconds=seconds,
        query_bytes=memory,
    )


def recording(clips: Sequence[Clip], encoder: PoseEncoder, frames: int, *, seed: int) -> Poses:
    """So many frames of clips one after the other, from a random one on, each seen by a camera of its own."""
    rng = np.random.default_rng(seed)
    seen: list[Poses] = []
    for clip in islice(cycle(clips), int(rng.integers(len(clips))), None):
        joints = torch.from_numpy(clip.joints[: frames - sum(map(len, seen))]).float()
        seen.append(film(joints, random_camera(int(rng.integers(2**31))), fps=FPS))
        if sum(map(len, seen)) == frames:
            break
    keypoints = np.concatenate([part.keypoints for part in seen])
    return Poses.from_arrays(keypoints, person=np.zeros(frames), time=np.arange(frames) / FPS).embed(encoder)
