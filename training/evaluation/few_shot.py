"""Few-shot action recognition: `poseembed.actions` that learned from few clips of each action.

So many clips of each action are drawn to learn from, another draw for each seed. Tested on are

- `TEST`: the test clips of the data set; the clips to learn from are its training clips, of all views.
- `HELD_OUT`: no test clip is read. A part of the training clips is tested on, another one for each seed: a quarter, or
  two people where people are known; the clips to learn from are the others, of all views.
- `OTHER_VIEWS`: no test clip is read. The clips to learn an action from are training clips of one view, drawn for each
  action among those with enough clips (the view with most, where none has), and its training clips from the other
  views are tested on.

The last two are for choosing settings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias

import numpy as np
from jaxtyping import Int64

from poseembed import PoseEncoder
from poseembed.actions import ActionRecognizer
from poseembed.actions.nearest import NearestSequence
from poseembed.actions.temporal_convnet import TemporalConvNet
from training.datasets.actions.clips import ActionClips

ALL = 0
"""Number of shots that stands for all clips that there are to learn from."""

TEST, HELD_OUT, OTHER_VIEWS = "test", "held-out", "other-views"

NEAREST, CONVNET = "nearest sequence", "temporal ConvNet"

Method: TypeAlias = NearestSequence | TemporalConvNet

METHODS: Mapping[str, Method] = {NEAREST: NearestSequence(), CONVNET: TemporalConvNet()}
"""How a recognizer learns, by a name for it."""


@dataclass(frozen=True)
class FewShotResult:
    """What one recognizer got right.

    Attributes:
        data: Data set.
        method: How it learned.
        shots: Clips of each class that it learned from, at most; `ALL` is all.
        seed: Of the draw and of the training.
        accuracy: Share of the tested clips that it named right.
        seconds: For learning and testing.
    """

    data: str
    method: str
    shots: int
    seed: int
    accuracy: float
    seconds: float


def draw(
    clips: ActionClips, shots: int, seed: int, test_on: str
) -> tuple[Int64[np.ndarray, " learn"], Int64[np.ndarray, " test"]]:
    """Indices of clips to learn from and to test on, see the module."""
    rng = np.random.default_rng(seed)
    tested = ~clips.train if test_on == TEST else np.zeros(len(clips), bool)
    if test_on == HELD_OUT:
        tested = clips.train & (rng.random(len(clips)) < 0.25)
        if clips.subjects is not None:
            people = rng.choice(np.unique(clips.subjects[clips.train]), 2, replace=False)
            tested = clips.train & np.isin(clips.subjects, people)
    learn = []
    for label in np.unique(clips.labels[clips.train]):
        pool = np.flatnonzero(clips.train & ~tested & (clips.labels == label))
        if test_on == OTHER_VIEWS:
            views, counts = np.unique(clips.views[pool], return_counts=True)
            enough = views[(counts >= shots) & (counts < len(pool))]
            view = rng.choice(enough) if len(enough) else views[counts.argmax()]
            tested[pool[clips.views[pool] != view]] = True
            pool = pool[clips.views[pool] == view]
        learn.append(rng.permutation(pool)[: shots or None])
    return np.concatenate(learn), np.flatnonzero(tested)


def run(
    data: Mapping[str, ActionClips],
    encoder: PoseEncoder,
    shots: Sequence[int],
    *,
    seeds: int,
    test_on: str,
    context: float = 0.0,
    methods: Mapping[str, Method] = METHODS,
) -> Iterator[FewShotResult]:
    """Train and test; yields each result as soon as it is there.

    Args:
        data: Data sets by name.
        encoder: Whose pose vectors to learn from.
        shots: Clips of each class, at most; `ALL` is all.
        seeds: Draws and trainings.
        test_on: `TEST`, `HELD_OUT` or `OTHER_VIEWS`.
        context: Seconds before and after a frame that its vector is made of, besides.
        methods: How to learn.
    """
    for name, clips in data.items():
        vectors = encoder.embed_clip(clips.keypoints, times=clips.times, context=context).z_pose
        sequences = np.split(vectors, clips.offsets[1:-1])
        usable = np.array([bool((~np.isnan(sequence).any(1)).any()) for sequence in sequences])
        for number in shots:
            for seed in range(seeds):
                learn, test = draw(clips, number, seed, test_on)
                learn = learn[usable[learn]]
                for method, settings in methods.items():
                    if (number, test_on, method) == (ALL, TEST, NEAREST) and seed:
                        continue  # the same clips again, and nothing random
                    started = perf_counter()
                    recognizer = ActionRecognizer(settings, seed=seed)
                    recognizer.fit([sequences[i] for i in learn], clips.labels[learn])
                    seen = test[usable[test]]  # a clip in which nobody is seen counts as an error
                    right = (recognizer.predict([sequences[i] for i in seen]) == clips.labels[seen]).sum()
                    yield FewShotResult(name, method, number, seed, float(right / len(test)), perf_counter() - started)
