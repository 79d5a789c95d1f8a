"""One training run: its step, its loop, and the checkpoint that it ends with."""

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, optim
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.checkpoint import Json
from poseembed.devices import multiplies_bfloat16
from training.objectives.base import Losses, Objective
from training.running import log as run_log
from training.running import state as run_state
from training.running.captured import Captured
from training.running.processes import average, rank, world_size
from training.running.recipe import Recipe
from training.running.settings import describe
from training.scene.views import Sampler

LOG_EVERY = 100
"""Steps between two lines of the log, unless `train` is told otherwise."""


class Diverged(ArithmeticError):
    """Training whose loss is not a number any more."""


class Trainer:
    """One run: networks, optimisers, data, and the step that joins them.

    Args:
        recipe: What to train.
        sampler: Where its views come from, on the device to train on.
        seed: Of everything random.
    """

    def __init__(self, recipe: Recipe, sampler: Sampler[Any], *, seed: int) -> None:
        self.recipe, self.sampler, self.seed = recipe, sampler, seed
        self.device = sampler.device
        self.bfloat16 = multiplies_bfloat16(self.device)
        torch.manual_seed(seed)
        self.objective: Objective[Any] = recipe.objective(recipe.network).to(self.device)
        self.players = self.objective.players()
        self.optimizers: dict[str, optim.Optimizer] = {
            player: recipe.optimizer(parameters) for player, parameters in self.players.items()
        }
        recorded = Captured(self._losses_and_gradients, self.objective, self.device)
        self._gradients = recorded if self.objective.recordable else self._losses_and_gradients
        self.step = 0
        self.pairs_a_step = recipe.batch_size * world_size()
        self.last_step = -(-recipe.pairs // self.pairs_a_step)

    def train_step(self) -> Losses:
        """One batch: every player's gradient from the same forward pass, then one step of every player."""
        # The seed of a step is all the random state there is, so a resumed run draws what the first one would have.
        seed = np.random.SeedSequence([self.seed, self.step, rank()]).generate_state(1, np.uint64)[0]
        torch.manual_seed(int(seed))
        self.objective.train()
        losses, gradients = self._gradients()
        rate = self._rate()
        for player, parameters in self.players.items():
            for parameter, gradient in zip(parameters, average(gradients[player]), strict=True):
                parameter.grad = gradient
            optimizer = self.optimizers[player]
            for group in optimizer.param_groups:
                group["lr"] = rate * optimizer.defaults["lr"]
            optimizer.step()
        self.step += 1
        return losses

    def _losses_and_gradients(self) -> tuple[Losses, dict[str, tuple[Tensor, ...]]]:
        """Of one batch, from torch's global random state."""
        batch = self.sampler.sample(self.recipe.batch_size)  # in full precision
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = self.objective(batch)
        gradients = {
            player: torch.autograd.grad(losses.players[player], parameters, retain_graph=True)
            for player, parameters in self.players.items()
        }
        # what is asked for is the numbers: the graph behind them would keep the memory of the step
        players = {player: loss.detach() for player, loss in losses.players.items()}
        return Losses(players=players, terms=losses.terms), gradients

    def _rate(self) -> float:
        """Share of the learning rate that the next step has."""
        warming, cooling = (share * self.last_step for share in (self.recipe.warmup, self.recipe.cooldown))
        rising = (self.step + 1) / warming if warming else 1.0
        falling = (self.last_step - self.step) / cooling if cooling else 1.0
        return min(1.0, rising, falling)


def train(trainer: Trainer, out: Path, *, save_seconds: float, log_every: int = LOG_EVERY) -> None:
    """Run to the recipe's last step, logging to `out` and saving the state every so often; resume if there is one.

    Raises:
        Diverged: If a loss is not finite where it would be logged or saved: nothing is saved then.
        ValueError: If `out` holds a run with other settings, or a damaged one.
    """
    recipe, chief = trainer.recipe, rank() == 0
    # A run at a constant learning rate may be prolonged: nothing before depends on where it ends.
    shape = recipe if recipe.cooldown or recipe.warmup else dataclasses.replace(recipe, pairs=1)
    settings = {
        "recipe": describe(shape),
        "seed": trainer.seed,
        "data": trainer.sampler.digest(),
        "processes": world_size(),
    }
    state: dict[str, Any] = {"settings": settings, "model": trainer.objective, "optimizers": trainer.optimizers}
    file = out / run_state.FILE_NAME
    if file.exists():
        trainer.step = run_state.load(file, **state)
    log = run_log.open_log(out, step=trainer.step) if chief else None
    saved = logged = time.monotonic()
    logged_step = trainer.step
    progress = tqdm(total=trainer.last_step, initial=trainer.step, unit="step", disable=not chief, smoothing=0.01)
    with progress, contextlib.closing(log) if log else contextlib.nullcontext():
        while trainer.step < trainer.last_step:
            losses = trainer.train_step()
            progress.update()
            now = time.monotonic()
            to_log = trainer.step % log_every == 0
            to_save = chief and (now - saved > save_seconds or trainer.step == trainer.last_step)
            if to_log or to_save:
                _check(losses, trainer.step)
            if log and to_log:
                terms = {name: value.item() for name, value in losses.terms.items()}
                for name, value in terms.items():
                    log.add_scalar(f"loss/{name}", value, trainer.step)
                pairs = (trainer.step - logged_step) * trainer.pairs_a_step
                log.add_scalar("pairs_per_second", pairs / (now - logged), trainer.step)
                progress.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
                logged, logged_step = now, trainer.step
            if to_save:
                run_state.save(file, step=trainer.step, **state)
                saved = now


def _check(losses: Losses, step: int) -> None:
    """Refuse losses that are not finite: from them comes nothing any more."""
    lost = [player for player, loss in losses.players.items() if not loss.isfinite()]
    if lost:
        raise Diverged(
            f"training has diverged: at step {step} the loss of {', '.join(lost)} is not a number any more; begin "
            "again in another folder with a lower learning rate, such as --set optimizer.lr=1e-4"
        )


def export(trainer: Trainer, folder: Path, *, recipe_name: str, changes: Sequence[str], data: Sequence[Path]) -> None:
    """Write what was trained as a checkpoint that `PoseEncoder.from_pretrained` reads."""
    training: dict[str, Json] = {
        "recipe": recipe_name,
        **({"changes": list(changes)} if changes else {}),
        "data": [path.name for path in data],
        "poses": len(trainer.sampler.bodies),
        "pairs": trainer.step * trainer.pairs_a_step,
        "seed": trainer.seed,
    }
    trained = trainer.objective.trained(training)
    card = folder / checkpoint.CARD_FILE
    if card.is_file():  # a hand-written card outlives a new training
        trained = dataclasses.replace(trained, card=card.read_text(encoding="utf-8"))
    checkpoint.write(folder, trained)
