"""Counting repetitions: how often an exercise is done, seen by a virtual camera.

The clips of HDM05 that hold repetitions say how many in their names (squat1Reps, hopBothLegs1hops, sneak2Steps...: two
steps are one repetition). They are short, so a sequence is several clips of one actor and action, each played at 0.8 to
1.25 times its length, turned to face where the first one does, and joined over 4 frames. Kinds of sequences:

- repeated: 1 to 8 clips;
- with pauses: the same, the last pose of each clip being held for up to 1.5 seconds;
- once: a clip of an action that is not repeated (lie down, throw, put down, grab), which is to count as 1;
- still: a clip's first pose held for 5 seconds, which is to count as 0;
- real take: a continuous recording of a warm-up (CMU subjects 13 and 14, `TAKES`), counted in the 3D data.

A random camera (as in retrieval) looks on; its pictures are complete and exact, or lack other joints in each frame and
show the rest out of place. `poseembed.repetitions` counts in the pose vectors, and for comparison in the normalised
keypoints themselves, whose missing joints are first filled in over time, with a threshold of their own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from poseembed.keypoints import normalize_keypoints
from poseembed.repetitions import MIN_SWING, count_repetitions
from training.datasets.mocap import MotionCapture
from training.evaluation.clips import EmbedClip, FilmedClip
from training.evaluation.conditions import Condition
from training.scene.cameras import CameraRange
from training.scene.world import heading, to_world, turn

ACTORS = ("bk", "tr")
"""The actors of HDM05 that nothing was chosen on."""

TAKES = {
    "13_29": [
        (0, 102, 3, "jumping jacks"),
        (485, 665, 3, "bends"),
        (690, 950, 3, "knee lifts"),
        (945, 1140, 2, "squats"),
    ],
    "13_30": [(205, 345, 2, "knee lifts"), (350, 490, 2, "squats")],
    "14_14": [
        (10, 125, 3, "jumping jacks"),
        (115, 250, 6, "strides on the spot"),
        (250, 410, 2, "squats"),
        (405, 570, 2, "knee lifts"),
        (890, 1150, 2, "twists"),
    ],
    "14_20": [(0, 105, 3, "jumping jacks"), (225, 425, 3, "knee lifts"), (425, 670, 3, "reaching up and bending")],
}
"""Clip: first frame, last frame, repetitions (left and right together are one), what they are."""

MOST = 8
"""Clips joined to one sequence."""

FADE = 4  # frames over which two clips are joined
PAUSE = 1.5  # seconds that a pause lasts at most
STILL = 150  # frames that someone stands still
REPETITIONS = re.compile(r"(\d+)(Reps|hops|Steps)")

RAW_SWING = 0.2
"""`min_swing` for normalised keypoints: best of 0.1, 0.2, ... 0.5 on the other three actors."""


@dataclass(frozen=True)
class Sequence3D:
    """A motion to be counted: 3D poses (z up, torso lengths), how many repetitions they hold, and frames per second."""

    kind: str
    action: str
    count: int
    poses: Float[Tensor, "frames 13 3"]
    fps: float


@dataclass(frozen=True)
class CountResult:
    """What one representation counted in one sequence."""

    data: str
    representation: str
    condition: Condition
    kind: str
    action: str
    truth: int
    counted: int


@dataclass(frozen=True)
class Representation:
    """What repetitions are counted in: a vector a frame, and how far those must move to count."""

    vectors: EmbedClip
    min_swing: float = MIN_SWING


def filled_keypoints(
    points: Float[Tensor, "frames 13 2"], visible: Bool[Tensor, "frames 13"]
) -> Float[Tensor, "frames 26"]:
    """Normalised keypoints, missing joints filled in from the frames before and after."""
    filled = points.double().numpy().copy()
    frames = np.arange(len(filled))
    for joint, shown in enumerate(visible.numpy().T):
        for axis in range(2):
            filled[:, joint, axis] = np.interp(frames, frames[shown], filled[shown, joint, axis])
    complete = torch.from_numpy(filled)
    return normalize_keypoints(complete, torch.ones_like(visible)).flatten(1)


def repetitions_of(clip: str) -> int | None:
    """How many repetitions a clip's name says that it holds; None if it says nothing."""
    found = REPETITIONS.search(clip)
    if not found:
        return None
    return int(found[1]) // 2 if found[2] == "Steps" else int(found[1])


def sequences(recording: MotionCapture, actors: Sequence[str], trials: int) -> Iterator[Sequence3D]:
    """Everything to count in a file."""
    rng = np.random.default_rng(0)
    of_actors = np.flatnonzero(np.isin(recording.subject, actors)).tolist()
    groups: dict[tuple[str, str], list[int]] = {}
    for clip in of_actors:
        if repetitions_of(str(recording.clip[clip])) is None:
            yield Sequence3D("once", str(recording.action[clip]), 1, _poses(recording, clip), recording[clip].fps)
        else:
            groups.setdefault((str(recording.action[clip]), str(recording.subject[clip])), []).append(clip)
    for clip in of_actors[::6]:
        yield Sequence3D("still", "stand", 0, _poses(recording, clip)[:1].expand(STILL, -1, -1), recording[clip].fps)
    for (action, _), clips in groups.items():
        for many, pause in [(n, p) for n in range(1, MOST + 1) for p in (0, PAUSE) for _ in range(trials)]:
            # Every clip once before any a second time.
            chosen = np.concatenate([rng.permutation(clips) for _ in range(-(-many // len(clips)))])[:many].tolist()
            parts = [stretch(_poses(recording, clip), rng.uniform(0.8, 1.25)) for clip in chosen]
            rates = recording.fps[chosen]
            parts = [hold(part, int(rate * rng.uniform(0, pause))) for part, rate in zip(parts, rates, strict=True)]
            count = sum(repetitions_of(str(recording.clip[clip])) or 0 for clip in chosen)
            yield Sequence3D("with pauses" if pause else "repeated", action, count, join(parts), float(rates[0]))
    for take, name in enumerate(recording.clip):
        for first, last, count, action in TAKES.get(str(name), []):
            poses = _poses(recording, take)[first : last + 1]
            yield Sequence3D("real take", action, count, poses, recording[take].fps)


def _poses(recording: MotionCapture, clip: int) -> Float[Tensor, "frames 13 3"]:
    """A clip, turned to face along x at its start."""
    poses = to_world(torch.from_numpy(recording[clip].joints))
    return turn(poses, -heading(poses[:1])[:, None])


def stretch(poses: Float[Tensor, "frames 13 3"], factor: float) -> Float[Tensor, "stretched 13 3"]:
    """The same motion over so many times the frames."""
    at = torch.linspace(0, len(poses) - 1, max(2, round(factor * len(poses))))
    before = at.long().clamp(max=len(poses) - 2)
    return torch.lerp(poses[before], poses[before + 1], (at - before)[:, None, None])


def hold(poses: Float[Tensor, "frames 13 3"], frames: int) -> Float[Tensor, "held 13 3"]:
    """The last pose kept for some frames more."""
    return torch.cat([poses, poses[-1:].expand(frames, -1, -1)])


def join(parts: Sequence[Float[Tensor, "_frames 13 3"]]) -> Float[Tensor, "frames 13 3"]:
    """One motion after the other, with a short passage between them."""
    weight = torch.arange(1, FADE + 1)[:, None, None] / (FADE + 1)
    joined = [parts[0]]
    for before, after in pairwise(parts):
        joined += [torch.lerp(before[-1:], after[:1], weight), after]
    return torch.cat(joined)


def film(
    poses: Float[Tensor, "frames 13 3"], condition: Condition, generator: Generator
) -> tuple[Float[Tensor, "frames 13 2"], Bool[Tensor, "frames 13"]]:
    """What one random camera sees."""
    camera = CameraRange().sample(1, generator=generator)
    points = camera.look(poses)
    points = points + condition.noise / camera.distance * torch.randn(points.shape, generator=generator)
    return points, torch.rand(len(poses), 13, generator=generator).argsort(-1) >= condition.missing


def run(
    data: dict[str, list[Sequence3D]], representations: dict[str, Representation], conditions: Sequence[Condition]
) -> Iterator[CountResult]:
    """Count everything; yields results as soon as each is there."""
    for name, motions in data.items():
        for condition in conditions:
            generator = torch.Generator().manual_seed(0)
            for motion in motions:
                points, visible = film(motion.poses, condition, generator)
                filmed = FilmedClip(points, visible, np.arange(len(points)) / motion.fps)
                for label, representation in representations.items():
                    vectors = representation.vectors(filmed).numpy()
                    counted = count_repetitions(vectors, min_swing=representation.min_swing).count
                    yield CountResult(name, label, condition, motion.kind, motion.action, motion.count, counted)


def scores(results: Sequence[CountResult]) -> dict[str, float]:
    """OBO and exact counts, shares; MAE as a share of the true count (of 1 where that is 0)."""
    truth, counted = (np.array([getattr(result, column) for result in results]) for column in ("truth", "counted"))
    error = np.abs(truth - counted)
    return {
        "OBO": float((error <= 1).mean()),
        "MAE": float((error / np.maximum(truth, 1)).mean()),
        "exact": float((error == 0).mean()),
    }
