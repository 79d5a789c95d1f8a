"""How fast training runs: that it is counted right; how fast anything is, is not a test."""

import dataclasses

import numpy as np
import pytest

from poseembed.network import NetworkConfig
from training.evaluation.throughput import measure
from training.running.recipe import load_recipe
from training.scene.bodies import Bodies, Variation

SMALL = dataclasses.replace(
    load_recipe("poseembed_base"), network=NetworkConfig(mask_input=True, width=64), batch_size=32, pairs=64
)


def joints(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 13, 3)).astype(np.float32)
    drawn[:, 1:3] += [0, 3, 0]
    return drawn


def test_operations_of_a_step() -> None:
    result = measure("small", SMALL, Bodies(joints(50), joints(50)[:, 0], Variation()), seconds=0.02, peak_size=64)
    encoder = 39 * 64 + 4 * 64 * 64 + 64 * 64  # products for one view
    decoders = 32 * 256 + 256 * 39 + 32 * 5
    forward = 2 * 2 * (encoder + decoders)
    assert 2.8 * forward < result.flops_per_pair < 3.3 * forward  # twice again backwards, and the losses
    assert result.peak_share == pytest.approx(result.flops_per_pair * result.pairs_per_second / result.peak_flops)
    assert result.batch_size == 32


def test_objectives_that_take_the_gradient_of_a_gradient() -> None:
    recipe = dataclasses.replace(SMALL, objective=load_recipe("cv_mim").objective)
    result = measure("small", recipe, Bodies(joints(50), joints(50)[:, 0], Variation()), seconds=0.02, peak_size=64)
    assert result.flops_per_pair > 0
