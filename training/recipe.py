"""What a training run is made of; the recipes themselves are in `training/recipes/`."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from torch import nn, optim

import training.recipes
from poseembed.network import NetworkConfig
from training.cameras import CameraRange
from training.objectives.base import Objective
from training.views import Detector

OFFICIAL_OPTIMIZER = partial(optim.Adagrad, lr=0.02, initial_accumulator_value=0.1, eps=1e-7)
"""Keras' Adagrad as the official code sets it, constant to the end."""


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run.

    Attributes:
        objective: Makes the networks and their losses for a network shape.
        network: The encoder's shape.
        pairs: Pairs of views to train on, all steps together.
        batch_size: Pairs a step and process.
        cameras: Where the virtual cameras stand.
        detector: What becomes of their pictures.
        optimizer: Makes the optimiser of a player's parameters.
        cooldown: Share of the run, at its end, over which the learning rate falls to 0 in a straight line.
    """

    objective: Callable[[NetworkConfig], Objective]
    network: NetworkConfig = field(default_factory=NetworkConfig)
    pairs: int = 1_280_000_000
    batch_size: int = 256
    cameras: CameraRange = field(default_factory=CameraRange)
    detector: Detector = field(default_factory=Detector)
    optimizer: Callable[[Iterable[nn.Parameter]], optim.Optimizer] = OFFICIAL_OPTIMIZER
    cooldown: float = 0.0


def recipe_names() -> list[str]:
    """The recipes there are."""
    return sorted(module.name for module in pkgutil.iter_modules(training.recipes.__path__))


def load_recipe(name: str) -> Recipe:
    """`RECIPE` of `training/recipes/<name>.py`.

    Raises:
        ValueError: If there is no such recipe; the message lists those there are.
    """
    if name not in recipe_names():
        raise ValueError(f"unknown recipe {name!r}; known are: {', '.join(recipe_names())}")
    recipe: Recipe = importlib.import_module(f"training.recipes.{name}").RECIPE
    return recipe
