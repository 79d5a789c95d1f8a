"""Finding movements: how often a stretch of a recording is found in what another camera saw, at another speed.

A query is played faster or slower than its counterpart in the gallery: its keypoints are taken at moments that lie as
far apart, between two frames on the straight line. It is found if the best hit is in the right recording and its
time, and that of a right answer, have an intersection over union of `SAME_TIME` at least.

- Repetitions (HDM05): a performance of an action, seen by one camera, is asked for among all that other actors did, a
  recording each, whose clips follow each other in random order before another camera. Any performance of the same
  action is a right answer.
- Stretches of motion capture: one camera saw the query, another one the gallery, which is all clips of the file.
- Stretches of recordings by several real cameras: likewise. The gallery is what the other camera saw, and all other
  performances in the files as all cameras saw them.

Rivals are what can be done without alignment: the pose in the middle of the query alone, and the mean cosine of all
of its moments and of those that are as far apart in the gallery. Both take the query's own speed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float

from poseembed import PoseEncoder, Poses
from poseembed.movements import Movement, MovementIndex, find_movement
from poseembed.movements.clock import moments
from training.datasets.mocap import MotionCapture
from training.datasets.multiview import MultiviewRecording
from training.scene.detector import Detector
from training.scene.film import film, random_camera

SAME_TIME = 0.5
"""Least intersection over union of the time of a hit and that of a right answer."""

SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Lengths of stretches, in the gallery's time."""

SPEEDS = (0.5, 0.7, 1.0, 1.4, 2.0)
"""How many times as fast the queries are."""


FRAME_RATE = 30.0
"""Frames a second of the queries."""


@dataclass(frozen=True)
class Query:
    """What is asked for, and where it is.

    Attributes:
        poses: Embedded, of one person.
        seconds: Length of the stretch, in the gallery's time; None of a repetition.
        speed: How many times as fast the query is; None of a repetition.
        answers: Name of a recording, and start and end in it, seconds.
    """

    poses: Poses
    seconds: float | None
    speed: float | None
    answers: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Task:
    """Queries, and where to look for them."""

    gallery: MovementIndex
    queries: Sequence[Query]


@dataclass(frozen=True)
class MovementResult:
    """What one way of searching found.

    Attributes:
        data: Name of the file, or of the recording.
        way: One of `WAYS`.
        seconds: Length of the stretches, in the gallery's time; None of repetitions.
        speed: How many times as fast the queries are; None of repetitions.
        right: Of each query, whether the best hit is a right answer.
        scores: Its score; NaN where there is no hit.
    """

    data: str
    way: str
    seconds: float | None
    speed: float | None
    right: list[bool]
    scores: list[float]


def one_frame(query: Poses, gallery: MovementIndex) -> Movement | None:
    """Where the pose in the middle of the query is found best, and as much time around it as in the query."""
    directions = moments(query).directions
    middle = len(directions) // 2
    return _unaligned(directions, slice(middle, middle + 1), gallery)


def same_speed(query: Poses, gallery: MovementIndex) -> Movement | None:
    """Where the mean cosine is best, at the query's own speed."""
    return _unaligned(moments(query).directions, slice(None), gallery)


def aligned(query: Poses, gallery: MovementIndex) -> Movement | None:
    """What `find_movement` finds."""
    return next(iter(find_movement(query, gallery, top_k=1)), None)


WAYS: dict[str, Callable[[Poses, MovementIndex], Movement | None]] = {
    "one frame": one_frame,
    "same speed": same_speed,
    "find_movement": aligned,
}
"""Ways of searching, each of which gives the best hit, if there is one."""


def _unaligned(query: Float[np.ndarray, "moments dim"], used: slice, gallery: MovementIndex) -> Movement | None:
    count = len(query)
    rows = np.pad(gallery.directions.astype(np.float32), ((count, count), (0, 0)), constant_values=np.nan)
    length = len(rows) - count + 1
    mean = np.mean([(rows @ query[k])[k : k + length] for k in np.arange(count)[used]], axis=0)
    if not np.isfinite(mean).any():  # no track is as long
        return None
    best = int(np.nanargmax(mean))
    piece = int(np.searchsorted(gallery.offsets, best - count + count // 2, side="right")) - 1
    start = max(best - count, int(gallery.offsets[piece]))
    end = min(best - 1, int(gallery.offsets[piece + 1]) - 2)
    return Movement(
        recording=gallery.names[gallery.recording[piece]],
        person=int(gallery.person[piece]),
        first_frame=int(gallery.frame[start]),
        last_frame=int(gallery.frame[end]),
        start=float(gallery.time[start]),
        end=float(gallery.time[end]),
        speed=1.0,
        score=float(mean[best]),
    )


def repetitions(data: MotionCapture, encoder: PoseEncoder, actors: Sequence[str], *, seed: int) -> Iterator[Task]:
    """Every well-tracked performance of some actors, asked for among those of the others of them.

    Raises:
        ValueError: If fewer than two of them are there.
    """
    clips = [clip for clip in data if clip.ok.all() and clip.subject in actors]
    people = sorted({clip.subject for clip in clips})
    if len(people) < 2:
        raise ValueError(f"got performances of {len(people)} of the actors {', '.join(actors)}; wanted two or more")
    rng = np.random.default_rng(seed)
    filmed: dict[str, Poses] = {}
    answers: dict[str, list[tuple[str, float, float]]] = {}
    for person in people:
        theirs = [clip for clip in clips if clip.subject == person]
        theirs = [theirs[number] for number in rng.permutation(len(theirs))]
        filmed[person] = _film(np.concatenate([clip.joints for clip in theirs]), theirs[0].fps, rng).embed(encoder)
        ends = np.cumsum([len(clip.joints) for clip in theirs])
        for clip, end in zip(theirs, ends, strict=True):
            span = (person, (end - len(clip.joints)) / clip.fps, (end - 1) / clip.fps)
            answers.setdefault(clip.action, []).append(span)
    for person in people:
        queries = [
            Query(
                _film(clip.joints, clip.fps, rng).embed(encoder),
                None,
                None,
                tuple(answer for answer in answers[clip.action] if answer[0] != person),
            )
            for clip in clips
            if clip.subject == person
        ]
        others = {name: poses for name, poses in filmed.items() if name != person}
        yield Task(MovementIndex.build(others), queries)


def stretches(
    data: MotionCapture, encoder: PoseEncoder, detector: Detector | None, *, queries: int, seed: int
) -> Iterator[Task]:
    """Stretches of the clips to evaluate on, so many of each of `SECONDS` and `SPEEDS`, among all of these clips."""
    rng = np.random.default_rng(seed)
    clips = [clip for clip in data.clips(*data.evaluation_splits()) if clip.ok.all()]
    gallery = {clip.name: _film(clip.joints, clip.fps, rng, detector).embed(encoder) for clip in clips}
    asked = []
    for seconds, speed in product(SECONDS, SPEEDS):
        able = [clip for clip in clips if len(clip.joints) > seconds * clip.fps]
        for clip in (able[number] for number in rng.integers(len(able), size=queries)):
            seen = _film(clip.joints, clip.fps, rng, detector)
            everywhere = np.ones(len(seen), dtype=bool)
            asked.append(_stretch(seen, everywhere, clip.name, seconds, speed, rng, encoder))
    yield Task(MovementIndex.build(gallery), asked)


def between_cameras(
    recordings: Mapping[str, MultiviewRecording], encoder: PoseEncoder, *, queries: int, seed: int
) -> Iterator[tuple[str, Task]]:
    """Name of a recording, and stretches of what one camera of a pair saw, so many of each kind that is long enough.

    What stands before two underscores in a recording's name is the performance.
    """
    rng = np.random.default_rng(seed)
    seen = {name: _cameras(recording, encoder) for name, recording in recordings.items()}
    for name, recording in recordings.items():
        others = {
            f"{other} {camera}": poses
            for other, cameras in seen.items()
            for camera, poses in enumerate(cameras)
            if other.partition("__")[0] != name.partition("__")[0]
        }
        for asking, asked in (*recording.pairs.tolist(), *recording.pairs[:, ::-1].tolist()):
            yield (
                name,
                Task(
                    MovementIndex.build({name: seen[name][asked]} | others),
                    [
                        _stretch(track, _seen(track) & _seen(other), name, seconds, speed, rng, encoder)
                        for person in seen[name][asking].people
                        for track, other in [(seen[name][asking].track(person), seen[name][asked].track(person))]
                        for seconds, speed in product(SECONDS, SPEEDS)
                        if track.time[-1] > seconds
                        for _ in range(queries)
                    ],
                ),
            )


def run(name: str, task: Task) -> list[MovementResult]:
    """Ask all queries of a task, in all of `WAYS`."""
    results = []
    for kind in dict.fromkeys((query.seconds, query.speed) for query in task.queries):
        queries = [query for query in task.queries if (query.seconds, query.speed) == kind]
        for way, find in WAYS.items():
            hits = [find(query.poses, task.gallery) for query in queries]
            right = [is_right(hit, query.answers) for hit, query in zip(hits, queries, strict=True)]
            scores = [np.nan if hit is None else hit.score for hit in hits]
            results.append(MovementResult(name, way, *kind, right, scores))
    return results


def is_right(hit: Movement | None, answers: Sequence[tuple[str, float, float]]) -> bool:
    """Whether a hit shares enough time with one of the right answers."""
    return hit is not None and any(
        hit.recording == name
        and min(hit.end, end) - max(hit.start, start) >= SAME_TIME * (max(hit.end, end) - min(hit.start, start))
        for name, start, end in answers
    )


def _film(
    joints: Float[np.ndarray, "frames 13 3"],
    fps: float,
    rng: np.random.Generator,
    detector: Detector | None = None,
) -> Poses:
    """What a random camera sees."""
    seed = int(rng.integers(2**31))
    return film(torch.from_numpy(joints).float(), random_camera(seed), fps=fps, detector=detector, seed=seed)


def _cameras(recording: MultiviewRecording, encoder: PoseEncoder) -> list[Poses]:
    """What each camera saw, everybody of it."""
    _, frames, people = recording.keypoints.shape[:3]
    frame = np.arange(frames).repeat(people)
    return [
        Poses.from_arrays(
            keypoints.reshape(-1, 13, 2),
            frame=frame,
            person=np.tile(np.arange(people), frames),
            time=frame / recording.fps,
        ).embed(encoder)
        for keypoints in recording.keypoints
    ]


def _seen(track: Poses) -> Bool[np.ndarray, " frames"]:
    """Frames in which there is a pose vector."""
    assert track.z_pose is not None  # for it was embedded
    seen: np.ndarray = np.isfinite(track.z_pose).all(1)
    return seen


def _stretch(
    track: Poses,
    seen: Bool[np.ndarray, " frames"],
    recording: str,
    seconds: float,
    speed: float,
    rng: np.random.Generator,
    encoder: PoseEncoder,
) -> Query:
    """A random stretch of a track, played at another speed; in half of it at least the person is seen."""
    length = np.searchsorted(track.time, track.time[0] + seconds)
    share = np.convolve(seen, np.ones(length) / length, mode="valid")
    start = track.time[rng.choice(np.flatnonzero(share >= 0.5))]
    instants = np.arange(start, start + seconds, speed / FRAME_RATE)
    place = np.interp(instants, track.time, np.arange(len(track)))
    before, after = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    way = (place - before)[:, None, None]
    played = Poses.from_arrays(
        (1 - way) * track.keypoints[before] + way * track.keypoints[after],
        np.minimum(track.confidence[before], track.confidence[after]),
        time=np.arange(len(instants)) / FRAME_RATE,
    )
    return Query(played.embed(encoder), seconds, speed, ((recording, start, start + seconds),))
