"""Fitting how sure an encoder is and the probability of a match: on galleries that can be told apart, or cannot."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.testing import assert_close

from poseembed import JOINTS, PoseEncoder, checkpoint
from training.calibration.frames import Fitted, compare, fit, photograph
from training.calibration.lengths import give_lengths
from training.datasets.mocap import Clip, from_clips
from training.evaluation.galleries import Gallery, draw_galleries

STANDING = np.array(  # x to the left, y up, z to the front, metres
    [
        (0, 1.6, 0.1),
        *((side * x, y, 0) for x, y in ((0.2, 1.4), (0.25, 1.1), (0.28, 0.85)) for side in (1, -1)),
        *((side * x, y, 0) for x, y in ((0.13, 0.9), (0.14, 0.48), (0.15, 0.08)) for side in (1, -1)),
    ],
    dtype=np.float32,
)


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; people with their limbs anywhere."""
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(count, 13, 3)).astype(np.float32)
    return STANDING + noise * np.array([0.1, 0.3, 0.3, 1, 1, 1, 1, 0.3, 0.3, 1, 1, 1, 1], np.float32)[:, None]


def galleries(count: int) -> list[Gallery]:
    joints = bodies(200)
    clip = Clip("a", "a", "a", 30.0, joints, joints[:, 0] + np.float32(0.1), np.ones(200, bool), "a", "train")
    return list(islice(draw_galleries([from_clips([clip])], "train", 32, torch.Generator().manual_seed(0)), count))


def test_what_is_fitted_is_what_the_encoder_then_says(masked_folder: Path) -> None:
    """The layer and the polynomials, put into a checkpoint, give the probabilities that the fit was judged by."""
    network = checkpoint.read(masked_folder).network
    torch.manual_seed(0)
    cosine, *views = compare(network, galleries(1)[0].bodies)
    fitted = Fitted(torch.cat(views))
    with torch.no_grad():
        fitted.read.weight.normal_(std=0.3)
        for coefficients in (fitted.steep, fitted.flat, fitted.shift):
            coefficients.normal_()
        probability = torch.sigmoid(fitted.logit(cosine, *map(fitted.certainty, views)))
        sure = give_lengths(network, fitted.layer())
        first, second = (sure.heads(features)[0] for features in views)
    assert_close(first.norm(dim=-1), fitted.certainty(views[0]), atol=2e-3, rtol=0)
    config = replace(checkpoint.read_config(masked_folder / "config.json"), network=sure.config)
    encoder = PoseEncoder(checkpoint.Checkpoint(replace(config, calibration=fitted.calibration()), sure))
    assert_close(encoder.match_probability(first, second), probability, atol=5e-3, rtol=0)


def test_a_layer_is_one_that_float16_holds(masked_folder: Path) -> None:
    layer = Fitted(torch.randn(50, 32)).layer()
    for value in layer.state_dict().values():
        assert torch.equal(value.half().float(), value)


def test_lengths_leave_the_directions_and_can_be_taken_away(masked_folder: Path, poses: np.ndarray) -> None:
    network = checkpoint.read(masked_folder).network
    longer = give_lengths(network, torch.nn.Linear(network.config.width, 1))
    assert longer.config.certainty and not network.config.certainty
    back = give_lengths(longer, None)
    assert back.config == network.config
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value)


def test_the_fit_learns_that_a_nose_says_nothing() -> None:
    network, some = PoseEncoder.from_pretrained("poseembed-small").network, galleries(8)
    network = give_lengths(network, None)
    layer, calibration, loss = fit(network, some, steps=30, seed=0)
    assert loss < 0.65, "knowing nothing is 0.693"
    torch.manual_seed(1)
    sure = give_lengths(network, layer)
    nose, whole = (
        sure(network.layout(*photograph(some[0].bodies, part)))[0].norm(dim=-1) for part in ("nose only", "complete")
    )
    assert nose.max() < 0.7 * whole.median()
    assert all(len(of) == 3 for of in (calibration.a, calibration.b, calibration.c))


def test_the_fit_is_repeatable(masked_folder: Path) -> None:
    network, some = checkpoint.read(masked_folder).network, galleries(4)
    first, again, other = (fit(network, some, steps=3, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first[0].weight, again[0].weight) and first[1:] == again[1:]
    assert first[1:] != other[1:]


def test_photographs_show_what_they_are_asked_for() -> None:
    torch.manual_seed(0)
    people = galleries(1)[0].bodies
    points, visible = photograph(people, "nose only")
    assert points.shape == (32, 13, 2) and visible[:, JOINTS.index("nose")].all() and visible.sum() == 32
    _, any_part = photograph(people, None)
    assert any_part.sum(-1).unique().numel() > 4
    assert not torch.equal(photograph(people, "complete")[0], photograph(people, "complete")[0]), "each from elsewhere"
