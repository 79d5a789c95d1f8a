"""The reader that knows the bodies, on pictures whose bodies are known."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.evaluation.conditions import Condition
from training.evaluation.known_bodies import camera_grid, hit_rates, log_likelihood, read
from training.evaluation.retrieval import make_trial
from training.scene.cameras import Camera, CameraRange

from ..made_up import strewn

GALLERY = 24
FRONT = CameraRange(azimuth=(0.0, 0.1), elevation=(0.0, 0.0), distance=(5.0, 5.0))
"""One place to stand only."""


def rolled(body: Tensor, roll: float) -> Tensor:
    """What a camera of `FRONT` sees of it, rolled."""
    return Camera(*torch.tensor([[0.0], [0.0], [roll], [5.0]])).look(body)


def likelihood(body: Tensor, picture: Tensor, visible: Tensor | None = None, deviation: float = 0.1) -> float:
    visible = torch.ones(1, 13, dtype=torch.bool) if visible is None else visible
    grid = camera_grid(FRONT, step=1.0, distances=1)
    return log_likelihood(body[None], picture, visible, deviation=deviation, cameras=FRONT, grid=grid).item()


def test_an_exact_picture_explains_its_body_wherever_it_lies_whatever_its_size_and_roll() -> None:
    body = torch.from_numpy(strewn(1)[0]) * 0.3
    perfect = 2 * math.log(5)  # what is left is the grid's weight of the distance
    for roll in (-0.5, 0.0, 0.5):
        assert likelihood(body, 7 * rolled(body, roll) + 3) == pytest.approx(perfect, abs=1e-3)


def test_a_picture_that_is_rolled_too_far_is_as_far_off_as_its_best_roll_within_the_range() -> None:
    body = torch.from_numpy(strewn(1)[0]) * 0.3
    target = rolled(body, 0.0)[0] * 5
    target = target - target.mean(0)
    for excess in (0.2, 0.9):
        picture = rolled(body, math.pi / 6 + excess)
        # Turned back by as much as is allowed, a circle's excess stays; the best scale is its cosine.
        expected = -target.square().sum().item() * math.sin(excess) ** 2 / (2 * 0.1**2) + 2 * math.log(5)
        assert likelihood(body, picture) == pytest.approx(expected, rel=1e-3)


def test_missing_joints_do_not_count() -> None:
    body = torch.from_numpy(strewn(1)[0]) * 0.3
    picture = rolled(body, 0.2)
    visible = torch.ones(1, 13, dtype=torch.bool)
    visible[0, 3:6] = False
    moved = picture.clone()
    moved[0, 3:6] += 100.0
    assert likelihood(body, moved, visible) == pytest.approx(2 * math.log(5), abs=1e-3)
    assert likelihood(body, moved) < -10


def test_grid_spans_the_range_and_weighs_distances_as_they_are_drawn() -> None:
    grid = camera_grid(CameraRange(), step=math.pi / 6, distances=3)
    assert len(grid.camera.distance) == 12 * 3 * 3
    assert_close(grid.camera.distance[:3], torch.tensor([12.0, 4.8, 3.0]))
    assert_close(grid.log_prior.exp(), grid.camera.distance.square())


def test_it_finds_known_bodies_by_pictures_that_lack_joints() -> None:
    trial = make_trial(strewn(GALLERY), Condition(2, 0.02), seed=0, size=GALLERY)
    similarity = read(trial, trial.poses, queries=10, deviation=0.2, label="", step=math.pi / 12)
    assert similarity.shape == (10, GALLERY)
    assert hit_rates(trial, similarity)[1] >= 0.9


def test_bodies_that_it_does_not_know_tell_it_little() -> None:
    trial = make_trial(strewn(GALLERY), Condition(2, 0.02), seed=0, size=GALLERY)
    others = make_trial(strewn(GALLERY, seed=1), Condition(), seed=0, size=GALLERY).poses
    similarity = read(trial, others, queries=10, deviation=0.2, label="", step=math.pi / 12)
    assert hit_rates(trial, similarity)[1] <= 0.5
