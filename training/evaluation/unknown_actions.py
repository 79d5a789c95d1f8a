"""Clips of actions that a recognizer has not learned: how many it turns down, and how many of those that it has.

Some classes are learned, from few clips each, and all others are unknown; with one class left out this is
leave-one-class-out. Which classes, and which clips, is drawn anew for each seed.

- `CHOOSE`: no test clip is read. A part of the training clips is learned from and the others are tested on: one half,
  or one person's where people are known.
- `TEST`: training clips are learned from, and test clips tested on.

How alike each two clips are is computed once, by the code that `poseembed.actions` uses, and so are the thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from poseembed import PoseEncoder
from poseembed.actions.nearest import NearestSequence, class_scores
from poseembed.actions.outliers import threshold
from poseembed.actions.sequences import check_sequences
from training.datasets.actions.clips import ActionClips

CHOOSE, TEST = "choose", "test"

LEARN_FROM, TEST_ON = 40, 20
"""Training and test clips of each class that are compared, at most."""

MOST_TURNED_DOWN = 0.1
"""Of the clips of learned actions, on the average over everything that is tried."""


@dataclass(frozen=True)
class Compared:
    """Clips, and how alike each two of them are.

    Attributes:
        alike: See `poseembed.actions.nearest.Exemplars.alike`.
        labels: Class of each.
        train: Whether each is a training clip.
        subjects: Number of the person in each, or None.
    """

    alike: Float[np.ndarray, "clips clips"]
    labels: Int64[np.ndarray, " clips"]
    train: Bool[np.ndarray, " clips"]
    subjects: Int64[np.ndarray, " clips"] | None


@dataclass(frozen=True)
class Trial:
    """Some classes that are learned, from some clips, and the clips to test on.

    Attributes:
        data: Data set.
        classes: How many classes are learned.
        shots: Clips of each, at most.
        learned: Which clips.
        tested: Which clips; those of other classes are unknown.
    """

    data: str
    classes: int
    shots: int
    learned: Int64[np.ndarray, " learned"]
    tested: Int64[np.ndarray, " tested"]


@dataclass(frozen=True)
class TurnedDown:
    """What came of a trial: the shares of the clips that are outliers.

    Attributes:
        data: Data set.
        classes: How many classes were learned.
        shots: Clips of each, at most.
        known: Share of the clips of learned classes.
        unknown: Share of the others.
    """

    data: str
    classes: int
    shots: int
    known: float
    unknown: float


def compare(clips: ActionClips, encoder: PoseEncoder, seed: int = 0) -> Compared:
    """Compare clips of a data set, `LEARN_FROM` and `TEST_ON` of each class, drawn at random."""
    sequences = np.split(encoder.embed(clips.keypoints).z_pose, clips.offsets[1:-1])
    usable = np.array([bool((~np.isnan(sequence).any(1)).any()) for sequence in sequences])
    rng = np.random.default_rng(seed)
    parts = []
    for train, most in ((True, LEARN_FROM), (False, TEST_ON)):
        for label in np.unique(clips.labels):
            pool = np.flatnonzero((clips.train == train) & (clips.labels == label) & usable)
            parts.append(rng.permutation(pool)[:most])
    picked = np.concatenate(parts)
    arrays, _ = check_sequences([sequences[i] for i in picked])
    labels = np.unique(clips.labels[picked], return_inverse=True)[1].astype(np.int64)
    exemplars = NearestSequence().fit(arrays, labels, seed=seed, device=None, show_progress_bar=True)
    alike = exemplars.alike(exemplars.clips, show_progress_bar=True)
    subjects = None if clips.subjects is None else clips.subjects[picked]
    return Compared(alike, labels, clips.train[picked], subjects)


def trials(
    data: str, clips: Compared, part: str, classes: Sequence[int], shots: Sequence[int], seeds: int
) -> Iterator[Trial]:
    """Draws of classes to learn and of clips to learn them from; a number of 0 or less is so many fewer than all."""
    every = np.unique(clips.labels)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        tested = ~clips.train
        if part == CHOOSE and clips.subjects is not None:
            tested = clips.train & (clips.subjects == rng.choice(np.unique(clips.subjects[clips.train])))
        elif part == CHOOSE:
            tested = clips.train & (rng.random(len(tested)) < 0.5)
        order = rng.permutation(np.flatnonzero(clips.train & ~tested))
        for number in classes:
            chosen = rng.permutation(every)[: number if number > 0 else len(every) + number]
            for most in shots:
                learned = np.concatenate([order[clips.labels[order] == label][:most] for label in chosen])
                yield Trial(data, number, most, learned, np.flatnonzero(tested))


def turned_down(trial: Trial, clips: Compared, share: float, floor: float) -> TurnedDown:
    """Share of the tested clips that are outliers, with the threshold of the learned ones."""
    kept, labels = np.unique(clips.labels[trial.learned], return_inverse=True)
    labels = labels.astype(np.int64)
    least = threshold(clips.alike[np.ix_(trial.learned, trial.learned)], labels, share=share, floor=floor)
    best = class_scores(clips.alike[np.ix_(trial.tested, trial.learned)], labels, NearestSequence.neighbors).max(-1)
    known = np.isin(clips.labels[trial.tested], kept)
    shares = [float((best[part] < least).mean()) for part in (known, ~known)]
    return TurnedDown(trial.data, trial.classes, trial.shots, *shares)
