"""What a training run is made of; the recipes themselves are in `training/recipes/`."""

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn, optim

from poseembed.network import NetworkConfig
from training.objectives.base import Objective
from training.scene.bodies import Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.lasting import Film

RECIPES = Path(__file__).parents[1] / "recipes"
"""Where the recipes are, one a file. They import this module, which therefore finds them by their files' names."""

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
        variation: How the bodies differ from the recorded ones.
        cameras: Where the virtual cameras stand.
        detector: What becomes of their pictures.
        film: How long that lasts, for an objective that learns from videos; None for one that does from pictures.
        optimizer: Makes the optimiser of a player's parameters.
        warmup: Share of the run, at its start, over which the learning rate rises from 0 in a straight line.
        cooldown: Share of the run, at its end, over which the learning rate falls to 0 in a straight line.
    """

    objective: Callable[[NetworkConfig], Objective[Any]]
    network: NetworkConfig = field(default_factory=NetworkConfig)
    pairs: int = 1_280_000_000
    batch_size: int = 256
    variation: Variation = field(default_factory=Variation)
    cameras: CameraRange = field(default_factory=CameraRange)
    detector: Detector = field(default_factory=Detector)
    film: Film | None = None
    optimizer: Callable[[Iterable[nn.Parameter]], optim.Optimizer] = OFFICIAL_OPTIMIZER
    warmup: float = 0.0
    cooldown: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what nothing can be trained with.

        Raises:
            ValueError: If there are no pairs, or a batch has no two of them to tell apart.
        """
        if self.pairs < 1 or self.batch_size < 2:
            raise ValueError(
                f"pairs must be at least 1 and batch_size at least 2, got {self.pairs} and {self.batch_size}"
            )


def recipe_names() -> list[str]:
    """The recipes there are."""
    return sorted(file.stem for file in RECIPES.glob("[!_]*.py"))


def load_recipe(name: str) -> Recipe:
    """`RECIPE` of `training/recipes/<name>.py`, or of a file of one's own.

    Args:
        name: One of `recipe_names()`, or the path of a Python file, which ends in ".py".

    Raises:
        ValueError: If there is no such recipe, which lists those there are, or the file defines none.
    """
    ours = name in recipe_names()
    recipe = importlib.import_module(f"training.recipes.{name}").RECIPE if ours else _own_recipe(name)
    if not isinstance(recipe, Recipe):
        raise ValueError(f"{name} defines no RECIPE; it should be a training.running.recipe.Recipe")
    return recipe


def _own_recipe(name: str) -> object:
    """What a file calls RECIPE, if it does."""
    if not name.endswith(".py") or not Path(name).is_file():
        raise ValueError(f"unknown recipe {name!r}; known are: {', '.join(recipe_names())}, or a file of your own, .py")
    spec = importlib.util.spec_from_file_location(Path(name).stem, name)
    assert spec is not None  # as files with this ending have one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, "RECIPE", None)
