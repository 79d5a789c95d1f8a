"""`find_movement`: a stretch of a track, found again in other tracks, at other speeds and from other cameras."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float

from poseembed.movements.clock import RATE, moments
from poseembed.movements.index import MovementIndex
from poseembed.movements.warping import MAX_MOMENTS, Occurrences, occurrences
from poseembed.origin import MadeBy, meet
from poseembed.poses import Poses
from poseembed.vectors import Track

SHORTEST, LONGEST = 0.2, (MAX_MOMENTS - 1) // RATE
"""What a query can last, seconds; less is a pose."""

SHARED = 0.5
"""Of two movements that share more than this of the shorter one, the better one stands for both."""


@dataclass(frozen=True)
class Movement:
    """Where a movement was found.

    Attributes:
        recording: Name of the recording.
        person: Who moves so, as in the recording.
        first_frame: Number of its first frame.
        last_frame: Number of its last one.
        start: Time of its first frame, seconds; NaN is not known.
        end: Time of its last frame.
        speed: How many times as fast as in the query it is done, on the whole: 0.5 to 2. (`Alignment.speed` says how
            much time passes, which is the inverse.)
        score: Mean cosine of the pose vectors of the query's moments and of their counterparts, -1 to 1.

    Examples:
        >>> from poseembed.movements import Movement
        >>> Movement("monday", person=0, first_frame=30, last_frame=60, start=1.0, end=2.0, speed=0.5, score=0.9).end
        2.0
    """

    recording: str
    person: int
    first_frame: int
    last_frame: int
    start: float
    end: float
    speed: float
    score: float


def find_movement(
    query: Poses, gallery: Poses | Mapping[str, Poses] | MovementIndex, *, top_k: int = 10
) -> list[Movement]:
    """Find where else somebody moves so, whoever they are, wherever the camera stands, and at half to double the speed.

    Both are compared at ten moments a second, by the cosine of their pose vectors, at the alignment that makes the
    mean over the query's moments largest (dynamic time warping). It may begin and end anywhere in a track, and follows
    a performance that is faster here and slower there, by a factor of two at most. The search is exact: every moment
    of the gallery is compared with every moment of the query. The time grows with the length of either: a tenth of a
    second for a query of two seconds in ten hours, on one core. The memory that is needed hardly does.

    A movement is found as a whole or not at all: not in a track shorter than half of it, and not across a time of more
    than half a second in which the person was not seen. Where the query does not show the person, it asks for nothing.

    Args:
        query: Embedded `Poses` of one person who moves for a fifth of a second at least, such as `poses[30:90]`; of
            several people, `Poses.track` picks whoever is seen longest. Any frame rate from two a second on, even or
            not; poses without times are taken to be 30 frames a second.
        gallery: What to search in: one recording (which is then called "gallery"), several by name, or an index of
            them, to search more than once. All people in them count, see `MovementIndex.build`. If the query's
            recording is among them, the best hit is the query itself.
        top_k: How many to find, at most.

    Returns:
        Movements, the best first. Of those that overlap by more than half of the shorter one only the best is there.

    Raises:
        TypeError: If query or gallery is nothing of this kind.
        ValueError: If `Poses` are not embedded, or by checkpoints of two spaces; if the query shows nobody, is shorter
            than a fifth of a second or longer than thirteen minutes; if `top_k` is under 1; or see
            `MovementIndex.build`.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> from poseembed.movements import find_movement
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> points = np.random.default_rng(0).normal(300, 20, size=(90, 13, 2)).cumsum(axis=0)
        >>> poses = Poses.from_arrays(points, time=np.arange(90) / 30).embed(encoder)
        >>> best, *others = find_movement(poses[30:61], {"monday": poses})
        >>> best.recording, best.first_frame, best.last_frame, best.speed, round(best.score, 2)
        ('monday', 30, 60, 1.0, 1.0)
    """
    if top_k < 1:
        raise ValueError(f"got top_k={top_k}; it must be at least 1")
    if not isinstance(query, Poses):
        raise TypeError(f"the query is {type(query).__name__}; wanted Poses, which know their times")
    if not isinstance(gallery, Poses | Mapping | MovementIndex):
        raise TypeError(f"the gallery is {type(gallery).__name__}; wanted Poses, Poses by name, or a MovementIndex")
    wanted, made_by = _wanted(query)
    if not isinstance(gallery, MovementIndex):
        gallery = MovementIndex.build({"gallery": gallery} if isinstance(gallery, Poses) else gallery)
    meet(made_by, gallery.made_by, ("the query", "the gallery"))
    if wanted.shape[1] != gallery.directions.shape[1]:
        raise ValueError(
            f"the query has vectors of length {wanted.shape[1]}, the gallery of length {gallery.directions.shape[1]}; "
            "embed both with one encoder"
        )
    found = occurrences(wanted, gallery.directions)
    best = list(islice(_apart(found), top_k))
    starts, ends = found.starts[best], found.ends[best]
    pieces = np.searchsorted(gallery.offsets, starts, side="right") - 1
    return [
        Movement(
            recording=gallery.names[gallery.recording[piece]],
            person=int(gallery.person[piece]),
            first_frame=int(gallery.frame[start]),
            last_frame=int(gallery.frame[end]),
            start=float(gallery.time[start]),
            end=float(gallery.time[end]),
            speed=float((len(wanted) - 1) / (end - start)),
            score=float(score),
        )
        for piece, start, end, score in zip(pieces, starts, ends, found.scores[best], strict=True)
    ]


def _wanted(query: Poses) -> tuple[Float[np.ndarray, "moments pose_dim"], MadeBy | None]:
    """The query's vectors at the ticks of the clock, NaN where the person was not seen, and what made them."""
    track = Track.of(query, "the query")
    assert track.poses is not None  # for it was made of Poses
    try:
        seen = moments(track.poses)
    except ValueError as error:  # times that fall
        raise ValueError(f"the query: {error}") from error
    if not len(seen.ticks):
        raise ValueError(f"the query shows nobody: none of its {len(track.z_pose)} frames has a pose vector")
    length = seen.ticks[-1] / RATE
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(
            f"the query shows somebody for {length:g} s; wanted {SHORTEST:g} to {LONGEST:g} s (poseembed.search.search "
            "finds single poses, poseembed.align.align compares whole performances)"
        )
    wanted = np.full((seen.ticks[-1] + 1, seen.directions.shape[1]), np.nan, dtype=np.float32)
    wanted[seen.ticks] = seen.directions
    return wanted, track.made_by


def _apart(found: Occurrences) -> Iterator[int]:
    """The hits that share little with any better one, the best first."""
    starts, ends = np.empty(0), np.empty(0)
    for hit in np.argsort(-found.scores, kind="stable"):
        start, end = found.starts[hit], found.ends[hit]
        shared = np.minimum(ends, end) - np.maximum(starts, start)
        if (shared <= SHARED * np.minimum(ends - starts, end - start)).all():
            starts, ends = np.append(starts, start), np.append(ends, end)
            yield int(hit)
