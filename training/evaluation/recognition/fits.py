"""One classifier, trained and tested on a split."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from training.classifiers.fit import fit, predict
from training.evaluation.recognition.splits import Split
from training.evaluation.recognition.tasks import Task

Build = Callable[[int, int], nn.Module]
"""Makes a classifier for a length of vectors and a number of classes, see `training.classifiers`."""


@dataclass(frozen=True)
class FitResult:
    """What one classifier got right.

    Attributes:
        split: Name of the clips that it was trained on.
        seed: Of its training.
        open: Share of all test clips that it named right.
        closed: The same among the test clips whose action was there to train on.
        by_test_view: The same as `open`, for the test clips of each view.
        train_accuracy: Share of the training clips named right at the end.
        seconds: Time that training took.
    """

    split: str
    seed: int
    open: float
    closed: float
    by_test_view: dict[str, float]
    train_accuracy: float
    seconds: float


def measure(
    task: Task,
    features: Float[Tensor, "clips frames dim"],
    build: Build,
    split: Split,
    *,
    seed: int,
    learning_rate: float,
    bfloat16: bool = False,
) -> FitResult:
    """Train and test one classifier.

    Args:
        task: The data.
        features: What the classifier reads of its clips.
        build: Makes the classifier.
        split: Which clips to train and to test on.
        seed: Of the training.
        learning_rate: The highest of the training.
        bfloat16: Whether to train with bfloat16 products, see `FitSettings`.

    Returns:
        Its result.
    """
    clips, labels = task.clips, torch.from_numpy(task.clips.labels)
    started = perf_counter()
    model = train(
        task,
        features[split.train],
        labels[split.train],
        build,
        seed=seed,
        learning_rate=learning_rate,
        bfloat16=bfloat16,
    )
    seconds = perf_counter() - started
    right = (predict(model, features[split.test]) == labels[split.test]).numpy()
    known = np.isin(clips.labels[split.test], clips.labels[split.train])
    test_views = clips.views[split.test]
    return FitResult(
        split=split.name,
        seed=seed,
        open=float(right.mean()),
        closed=float(right[known].mean()),
        by_test_view={str(view): float(right[test_views == view].mean()) for view in np.unique(test_views)},
        train_accuracy=float((predict(model, features[split.train]) == labels[split.train]).float().mean()),
        seconds=round(seconds, 3),
    )


def train(
    task: Task,
    features: Float[Tensor, "train frames dim"],
    labels: Int64[Tensor, " train"],
    build: Build,
    *,
    seed: int,
    learning_rate: float,
    bfloat16: bool = False,
) -> nn.Module:
    """Train a classifier of a task on some clips: for its number of epochs, and for `Task.least_steps` at least."""
    steps_an_epoch = -(-len(features) // task.settings.batch_size)
    epochs = max(task.settings.epochs, -(-task.least_steps // steps_an_epoch))
    settings = replace(task.settings, epochs=epochs, learning_rate=learning_rate, bfloat16=bfloat16)
    return fit(
        lambda: build(features.shape[-1], len(task.clips.classes)), features, labels, seed=seed, settings=settings
    ).model
