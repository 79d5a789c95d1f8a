"""A training step holds nothing that a GPU could not record: nothing comes from the CPU, nothing waits for a value."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn, optim
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from poseembed.network import NetworkConfig
from training.objectives.context import Context, ContextConfig
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.objectives.privileged import Privileged, PrivilegedConfig
from training.running.captured import Captured
from training.running.recipe import Recipe
from training.running.trainer import Trainer
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.clip_views import ClipSampler
from training.scene.detector import Detector
from training.scene.lasting import Film
from training.scene.views import ViewSampler

NETWORK = NetworkConfig(mask_input=True, width=16)
RECIPES = {
    "privileged": Recipe(partial(Privileged, config=PrivilegedConfig()), NETWORK),
    "cv_mim": Recipe(partial(CvMim, config=CvMimConfig()), NETWORK),
    "context": Recipe(
        partial(Context, config=ContextConfig(encoder="poseembed-small", width=16)),
        replace(NETWORK, width=232),
        film=Film(),
    ),
}
EVERYTHING = Variation(
    mirror=0.5, recombine=0.5, proportions=1.0, shape=0.1, joints=0.1, people=0.5, bend=0.1, tilt=0.5, rare=0.5
)
DETECTOR = Detector(noise=0.1, bad=0.1, swapped=0.1, sides=0.1, occluded=0.5, cropped=0.5)


class FromTheCpu(TorchDispatchMode):
    """Notes every operation that reads a tensor of the CPU, or makes one."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = (leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor))
        if any(tensor.device.type == "cpu" for tensor in tensors):
            self.seen.append(str(func))
        return result


def make_trainer(recipe: Recipe, device: str) -> Trainer:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(50, 13, 3)).astype(np.float32)
    bodies = Bodies(joints, joints[:, 0] + 0.1, EVERYTHING).to(device)
    cameras = CameraRange(aside=0.3, rolled=0.5)
    if recipe.film is None:
        return Trainer(recipe, ViewSampler(bodies, cameras, DETECTOR), seed=0)
    runs = np.repeat(np.arange(5), 10)
    return Trainer(recipe, ClipSampler(bodies, runs, cameras, DETECTOR, recipe.film), seed=0)


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_of_a_step_comes_from_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which that device does not have
    trainer = make_trainer(replace(RECIPES[name], batch_size=8), "meta")
    trainer._losses_and_gradients()  # constants are copied once
    with FromTheCpu() as noted:
        trainer._losses_and_gradients()
    assert noted.seen == []


def test_the_note_keeper_sees_indices_that_come_from_the_cpu() -> None:
    points = torch.empty(3, 13, 2, device="meta")
    with FromTheCpu() as noted:
        points[:, torch.tensor([1, 2])]
    assert noted.seen


def test_elsewhere_the_function_is_called_each_time() -> None:
    calls = iter(range(3))
    captured = Captured(lambda: next(calls), nn.Linear(1, 1), torch.device("cpu"))
    assert [captured() for _ in range(3)] == [0, 1, 2]


@pytest.mark.gpu
@pytest.mark.parametrize("name", RECIPES)
def test_a_recorded_step_learns_what_a_called_one_does(name: str) -> None:
    def train(wrap: Callable[[Trainer], None]) -> list[Tensor]:
        recipe = replace(RECIPES[name], batch_size=64, pairs=64 * 20, optimizer=partial(optim.AdamW, lr=1e-3))
        trainer = make_trainer(recipe, "cuda")
        trainer.bfloat16 = False
        wrap(trainer)
        for _ in range(20):
            trainer.train_step()
        return [parameter.detach().cpu() for parameter in trainer.objective.parameters()]

    def call(trainer: Trainer) -> None:
        trainer._gradients = trainer._losses_and_gradients  # type: ignore[assignment]

    for recorded, called in zip(train(lambda trainer: None), train(call), strict=True):
        torch.testing.assert_close(recorded, called, rtol=1e-2, atol=1e-3)
