"""Training and testing one classifier."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from poseembed.actions.convnet import ConvNet
from training.evaluation.recognition import fits
from training.evaluation.recognition.fits import FitResult
from training.evaluation.recognition.splits import Split, all_views, one_view
from training.evaluation.recognition.systems import clip_keypoints
from training.evaluation.recognition.tasks import Task


def measure(task: Task, split: Split, seed: int = 0) -> FitResult:
    features = task.features(clip_keypoints(task.clips))
    return fits.measure(task, features, ConvNet, split, seed=seed, learning_rate=5e-3)


def test_closed_leaves_out_the_actions_not_trained_on(task: Task) -> None:
    back, front = (measure(task, split) for split in one_view(task))
    assert (back.open, back.closed) == (0.5, 1.0)  # only "raise" was there: all of those are right, and nothing else
    assert front.open == front.closed
    assert np.mean(list(front.by_test_view.values())) == pytest.approx(front.open)  # as many clips in each


def test_a_fit_learns_and_is_the_same_again(task: Task) -> None:
    split = all_views(task)
    first, again = measure(task, split, seed=3), measure(task, split, seed=3)
    assert (first.split, first.seed) == ("all views", 3)
    assert first.train_accuracy > 0.9
    assert replace(first, seconds=0) == replace(again, seconds=0)


@pytest.mark.parametrize("count, least, steps", [(4, 1, 10), (4, 25, 25), (9, 1, 30), (9, 31, 33)])
def test_few_clips_are_seen_more_often(task: Task, count: int, least: int, steps: int) -> None:
    """Ten epochs of batches of at most four, but `least` steps and whole epochs."""
    seen = []

    class Counting(nn.Linear):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            if torch.is_grad_enabled():
                seen.append(len(features))
            return super().forward(features.mean(1))

    labels = torch.arange(count) % 2
    given = replace(task, least_steps=least)
    fits.train(given, torch.randn(count, 3, 5), labels, Counting, seed=0, learning_rate=1e-3)
    assert len(seen) == steps
