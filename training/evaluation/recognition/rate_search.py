"""The learning rate of a classifier: the same search for every system, on training clips alone.

A part of a data set's training clips, of all views, is held out: two fifths of the people where people are known (two
of N-UCLA's five subjects, one of HDM05's three actors), a quarter of the clips elsewhere. The classifier is trained on
the others, on 256 of them at most, once at each rate. The rate is taken that names most held-out clips right, of equals
the one with the smaller cross-entropy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.fits import Build, train
from training.evaluation.recognition.tasks import Task

RATES = (5e-4, 1.5e-3, 5e-3, 1.5e-2)

MOST_CLIPS = 256
"""Clips that the search trains on, at most: as many as Penn Action's smallest view has."""

_SEED = 0


@dataclass(frozen=True)
class RateTrial:
    """What a rate led to.

    Attributes:
        learning_rate: Of the training.
        accuracy: Share of the held-out clips that were named right.
        loss: Their mean cross-entropy; None if it is not a number, which is what a diverged training leaves.
    """

    learning_rate: float
    accuracy: float
    loss: float | None


def hold_out(
    clips: ActionClips, *, most: int = MOST_CLIPS
) -> tuple[Int64[np.ndarray, " learn"], Int64[np.ndarray, " held_out"]]:
    """Indices of training clips to learn from (so many at most), and of those to judge by; no test clip is among them.

    Raises:
        ValueError: If no clip is left to learn from, or none to judge by.
    """
    rng = np.random.default_rng(_SEED)
    training = np.flatnonzero(clips.train)
    if clips.subjects is None:
        judged = rng.permutation(training)[: len(training) // 4]
    else:
        people = np.unique(clips.subjects[training])
        chosen = rng.choice(people, round(0.4 * len(people)), replace=False)
        judged = training[np.isin(clips.subjects[training], chosen)]
    learned = rng.permutation(np.setdiff1d(training, judged))[:most]
    if not len(learned) or not len(judged):
        raise ValueError(
            f"{len(training)} training clips cannot be divided to search a learning rate; give one, --learning-rate"
        )
    return np.sort(learned), np.sort(judged)


def search(
    task: Task,
    features: Float[Tensor, "clips frames dim"],
    build: Build,
    rates: Sequence[float],
    *,
    bfloat16: bool = False,
) -> tuple[RateTrial, ...]:
    """Try every rate; one alone is taken as it is.

    Args:
        task: The data.
        features: What the classifier reads of its clips.
        build: Makes the classifier.
        rates: To try.
        bfloat16: Whether to train with bfloat16 products, see `training.classifiers.fit.FitSettings`.

    Returns:
        What each led to, none if there is one rate alone.

    Raises:
        ValueError: If there are too few training clips, see `hold_out`.
    """
    if len(rates) == 1:
        return ()
    learned, judged = hold_out(task.clips)
    labels = torch.from_numpy(task.clips.labels)
    trials = []
    for rate in rates:
        model = train(
            task, features[learned], labels[learned], build, seed=_SEED, learning_rate=rate, bfloat16=bfloat16
        )
        with torch.no_grad():
            logits = torch.cat([model(part) for part in features[judged].split(256)])
        loss = F.cross_entropy(logits, labels[judged]).item()
        accuracy = (logits.argmax(-1) == labels[judged]).float().mean().item()
        trials.append(RateTrial(rate, accuracy, loss if math.isfinite(loss) else None))
    return tuple(trials)


def best(trials: Sequence[RateTrial]) -> float:
    """The rate that did best."""
    return max(
        trials, key=lambda trial: (trial.accuracy, -math.inf if trial.loss is None else -trial.loss)
    ).learning_rate
