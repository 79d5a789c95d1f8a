"""Comparing performances, on comparisons whose outcome is known."""

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses
from poseembed.align import Alignment
from training.evaluation.alignment import (
    DETECTORS,
    KINDS,
    Agreement,
    AlignmentResult,
    Performance,
    agreement,
    error_rate,
    run,
    true_differences,
)


def performance(seed: int, frames: int = 20) -> torch.Tensor:
    """Metres, y up; joints that wander."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    return torch.from_numpy((start + np.cumsum(rng.normal(scale=0.02, size=(frames, 13, 3)), 0)).astype(np.float32))


CLIPS = [Performance(performance(seed), action, 30.0) for seed, action in enumerate(["run", "run", "sit"])]


def test_every_kind_is_compared_with_every_detector() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    results = list(run("made-up", CLIPS, encoder, DETECTORS, pairs=2, seed=0))
    assert [(r.kind, r.detector) for r in results] == [
        (kind, detector) for kind in KINDS for _ in range(2) for detector in DETECTORS
    ]
    assert all(r.error is not None and r.error >= 0 for r in results if r.kind == "same performance")
    assert all(r.joints is not None and r.rival is not None for r in results if r.kind == "same action")
    assert all(r.noise is not None and 0 <= r.noise[0] <= r.noise[1] for r in results if r.kind == "same performance")
    exact = [r.score for r in results if r.kind == "same performance" and r.detector == "complete and exact"]
    assert min(exact) > max(r.score for r in results if r.kind == "other action")


def test_no_two_performances_of_an_action_are_too_few() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    with pytest.raises(ValueError, match="same action"):
        list(run("made-up", CLIPS[1:], encoder, {"exact": None}, pairs=1, seed=0))


def aligned(first: Performance, second: Performance, rows: list[tuple[int, int]]) -> Alignment:
    poses = [Poses.from_arrays(np.zeros((len(clip.joints), 13, 2))) for clip in (first, second)]
    steps = np.zeros(len(rows), np.float32)
    return Alignment(*poses, rows=np.array(rows), similarity=steps, score=0.0, speed=steps)


def test_true_differences_do_not_depend_on_where_the_bodies_face_and_stand() -> None:
    first, moved = performance(0), performance(0)
    moved[:, 5] += torch.tensor([0.0, 0.3, 0.0])
    turned = moved @ torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]) + 4
    rows = [(3, 3), (7, 7)]
    differences = true_differences(
        aligned(Performance(first, "", 30.0), Performance(turned, "", 30.0), rows),
        Performance(first, "", 30.0),
        Performance(turned, "", 30.0),
        seed=0,
    )
    assert (differences.argmax(1) == 5).all()
    np.testing.assert_allclose(np.delete(differences, 5, axis=1), 0, atol=1e-4)


def test_agreement_counts_ranks_and_the_worst_joint() -> None:
    truth = np.arange(13.0)[None].repeat(2, 0)
    assert agreement(truth, truth) == Agreement(pytest.approx(1), 1)
    assert agreement(-truth, truth) == Agreement(pytest.approx(-1), 0)
    hidden = np.where(np.arange(13) > 9, np.nan, truth)  # then the true three are 7, 8 and 9
    assert agreement(hidden, truth) == Agreement(pytest.approx(1), 1)


def test_error_rate_is_the_mean_of_both_kinds_of_error() -> None:
    scores = {"same performance": [0.9, 0.9, 0.9, 0.1], "same action": [0.5], "other action": [0.1, 0.95]}
    results = [AlignmentResult("file", "exact", kind, score, 2.0) for kind, group in scores.items() for score in group]
    assert error_rate(results) == pytest.approx((0.25 + 0.5) / 2)
