"""What is said of the joints of two performances, where the truth is known.

Of one performance, filmed by two cameras, no joint differs: whatever deviates (`Alignment.joint_deviations`) is what a
decoder gets wrong and what the alignment leaves. `choose_line` draws the line over it; recordings that the line was not
chosen on say how often a joint is marked all the same.

Of an exercise that is done badly, joints differ from a repetition that is done well. How far they really do is known
from the motion capture (`true_bodies`): those off by `FAR` are what a therapist would name, and those off by less than
`NEAR` are not. Both kinds of repetition are compared with one done well, by the same person or by another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from poseembed import PoseEncoder, Poses
from poseembed.align import Alignment, align
from poseembed.differences import around
from training.datasets.mocap import Clip
from training.datasets.multiview import MultiviewRecording
from training.evaluation.alignment import BADLY, Performance, align_filmed, true_bodies
from training.scene.detector import Detector

UNMARKED = 0.95
"""Share of the pairs of one performance in which no joint may be marked."""

MARGIN = 1.35
"""By so much the line is further out than recordings put it of the studios that the decoder learnt from: those of any
other deviate further, by 1.3 times with HDM05."""

FAR, NEAR = 0.3, 0.15
"""Torso lengths, 15 cm and half of that."""

REFERENCES = ("the same person", "another person")
"""Who does well what a repetition is compared with."""


@dataclass(frozen=True)
class Repetition:
    """A repetition of an exercise beside one that is done well.

    Attributes:
        exercise: Its name.
        badly: Whether it is done badly.
        reference: One of `REFERENCES`.
        marked: Which joints are marked, at any step.
        off: How far each really is from the reference where it is furthest, torso lengths, on average over
            `differences.WINDOW` of the path.
    """

    exercise: str
    badly: bool
    reference: str
    marked: Bool[np.ndarray, "13"]
    off: Float[np.ndarray, "13"]


def deviations_of_one(
    data: Sequence[Performance],
    encoder: PoseEncoder,
    detectors: Mapping[str, Detector | None],
    *,
    pairs: int,
    seed: int,
) -> Iterator[float]:
    """The largest deviation of any joint at any step, of so many pairs with each detector; each pair one performance.

    0 where no joint is seen by both.

    Raises:
        ValueError: If the encoder has no decoder.
    """
    rng = np.random.default_rng(seed)
    for pair in range(pairs):
        clip = data[int(rng.integers(len(data)))]
        for detector in detectors.values():
            deviations = _compared(align_filmed(clip, clip, encoder, detector, seed=seed + pair))[0]
            yield float(np.nanmax(deviations, initial=0))


def deviations_in_recording(recording: MultiviewRecording, encoder: PoseEncoder) -> Iterator[float]:
    """The same of what real cameras saw, through real detectors: of each person and pair of cameras, one performance.

    Raises:
        ValueError: If the encoder has no decoder.
    """
    for cameras in recording.pairs.tolist():
        for person in range(recording.keypoints.shape[2]):
            one, other = (
                Poses.from_arrays(
                    recording.keypoints[camera, :, person],
                    person=[0] * recording.keypoints.shape[1],
                    time=np.arange(recording.keypoints.shape[1]) / recording.fps,
                )
                for camera in cameras
            )
            yield float(np.nanmax(_compared(align(one, other, encoder))[0], initial=0))


def choose_line(largest: Sequence[Sequence[float]]) -> float:
    """The line that `UNMARKED` of the pairs stay under in each of some groups, with the `MARGIN`, to a hundredth."""
    return float(np.ceil(100 * MARGIN * max(np.quantile(group, UNMARKED) for group in largest)) / 100)


def repetitions(
    clips: Sequence[Clip], exercises: Sequence[str], encoder: PoseEncoder, *, pairs: int, seed: int
) -> Iterator[Repetition]:
    """Compare repetitions of each exercise, done well and badly, with references: so many pairs of each kind.

    Keypoints are complete and exact.

    Raises:
        ValueError: If an exercise is not there in all these kinds, or the encoder has no decoder.
    """
    rng = np.random.default_rng(seed)
    for exercise in exercises:
        for reference in REFERENCES:
            for badly in (False, True):
                action = exercise + BADLY if badly else exercise
                candidates = [
                    (model, clip)
                    for model in clips
                    for clip in clips
                    if (model.action, clip.action) == (exercise, action)
                    and (model.subject == clip.subject) == (reference == REFERENCES[0])
                    and model is not clip
                ]
                if not candidates:
                    raise ValueError(f"no repetition of {action!r} and of {exercise!r} by {reference} to compare")
                for pair in range(pairs):
                    chosen = candidates[int(rng.integers(len(candidates)))]
                    one, other = (Performance(torch.from_numpy(c.joints), c.action, c.fps) for c in chosen)
                    alignment = align_filmed(one, other, encoder, None, seed=seed + pair)
                    own, its = true_bodies(alignment, one, other)
                    off = np.linalg.norm(around(its - own, np.ones(own.shape[:2], dtype=bool)), axis=-1)
                    marked = np.logical_or.reduce(_compared(alignment)[1])
                    yield Repetition(exercise, badly, reference, marked, off.max(axis=0))


def _compared(alignment: Alignment) -> tuple[Float[np.ndarray, "k 13"], Bool[np.ndarray, "k 13"]]:
    """Deviations, and which joints differ."""
    if alignment.joint_deviations is None or alignment.joints_differ is None:
        raise ValueError("the checkpoint has no decoder, so nothing is said of the joints")
    return alignment.joint_deviations, alignment.joints_differ
