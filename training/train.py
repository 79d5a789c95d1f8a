"""Train an encoder: `python -m training.train RECIPE --data FILE_OR_FOLDER... --out FOLDER`.

The data are files of `training.datasets.prepare`, or folders of data sets as they come (see
`training.datasets.mocap.read`). With `--detections`, half of the views are what the cameras of Human3.6M saw.

The run continues from its last checkpoint when it is started again with the same command, and ends with the same
weights as a run that was never stopped (bit for bit, on the same CPU with the same number of threads). With several
GPUs: `torchrun --nproc-per-node N -m training.train ...`; each process then takes `batch_size` pairs a step.
"""

import argparse
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import optim
from tqdm import tqdm

from poseembed import checkpoint
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import fold_batch_norm
from training import log as run_log
from training import run_state
from training.bodies import Bodies
from training.datasets import human36m
from training.datasets.mocap import read_poses
from training.objectives.base import Losses, Objective
from training.precision import multiplies_bfloat16
from training.real_views import RealViewSampler
from training.recipe import Recipe, change, load_recipe, recipe_names
from training.views import ViewSampler

LOG_EVERY = 100
"""Steps between two lines of the log."""


class Trainer:
    """One run: networks, optimisers, data, and the step that joins them.

    Args:
        recipe: What to train.
        sampler: Where its views come from, on the device to train on.
        seed: Of everything random.
    """

    def __init__(self, recipe: Recipe, sampler: ViewSampler, *, seed: int) -> None:
        self.recipe, self.sampler, self.seed = recipe, sampler, seed
        self.device = sampler.device
        self.bfloat16 = multiplies_bfloat16(self.device)
        torch.manual_seed(seed)
        self.objective: Objective = recipe.objective(recipe.network).to(self.device)
        self.players = self.objective.players()
        self.optimizers: dict[str, optim.Optimizer] = {
            player: recipe.optimizer(parameters) for player, parameters in self.players.items()
        }
        self.step = 0
        self.pairs_a_step = recipe.batch_size * _world_size()
        self.last_step = -(-recipe.pairs // self.pairs_a_step)

    def train_step(self) -> Losses:
        """One batch: every player's gradient from the same forward pass, then one step of every player."""
        # The seed of a step is all the random state there is, so a resumed run draws what the first one would have.
        seed = np.random.SeedSequence([self.seed, self.step, _rank()]).generate_state(1, np.uint64)[0]
        torch.manual_seed(int(seed))
        self.objective.train()
        batch = self.sampler.sample(self.recipe.batch_size)  # in full precision
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            losses = self.objective(batch)
        gradients = {
            player: torch.autograd.grad(losses.players[player], parameters, retain_graph=True)
            for player, parameters in self.players.items()
        }
        rate = self._rate()
        for player, parameters in self.players.items():
            for parameter, gradient in zip(parameters, _average(gradients[player]), strict=True):
                parameter.grad = gradient
            optimizer = self.optimizers[player]
            for group in optimizer.param_groups:
                group["lr"] = rate * optimizer.defaults["lr"]
            optimizer.step()
        self.step += 1
        return losses

    def _rate(self) -> float:
        """Share of the learning rate that the next step has."""
        warming, cooling = (share * self.last_step for share in (self.recipe.warmup, self.recipe.cooldown))
        rising = (self.step + 1) / warming if warming else 1.0
        falling = (self.last_step - self.step) / cooling if cooling else 1.0
        return min(1.0, rising, falling)


def _average(gradients: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Mean over the processes of a distributed run."""
    if not dist.is_initialized():
        return gradients
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    pieces = (flat / dist.get_world_size()).split([gradient.numel() for gradient in gradients])
    return [piece.view_as(gradient) for piece, gradient in zip(pieces, gradients, strict=True)]


def train(trainer: Trainer, out: Path, *, save_seconds: float) -> None:
    """Run to the recipe's last step, logging to `out` and saving the state every so often; resume if there is one.

    Raises:
        ValueError: If `out` holds a run with other settings, or a damaged one.
    """
    recipe, chief = trainer.recipe, _rank() == 0
    # A run at a constant learning rate may be prolonged: nothing before depends on where it ends.
    shape = recipe if recipe.cooldown or recipe.warmup else dataclasses.replace(recipe, pairs=1)
    settings = {
        "recipe": repr(shape),
        "seed": trainer.seed,
        "data": trainer.sampler.digest(),
        "processes": _world_size(),
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
            if log and trainer.step % LOG_EVERY == 0:
                terms = {name: value.item() for name, value in losses.terms.items()}
                for name, value in terms.items():
                    log.add_scalar(f"loss/{name}", value, trainer.step)
                pairs = (trainer.step - logged_step) * trainer.pairs_a_step
                log.add_scalar("pairs_per_second", pairs / (now - logged), trainer.step)
                progress.set_postfix({name: f"{value:.3f}" for name, value in terms.items()})
                logged, logged_step = now, trainer.step
            if chief and (now - saved > save_seconds or trainer.step == trainer.last_step):
                run_state.save(file, step=trainer.step, **state)
                saved = now


def export(trainer: Trainer, folder: Path, *, recipe_name: str, changes: Sequence[str], data: Sequence[Path]) -> None:
    """Write the encoder as a checkpoint that `PoseEncoder.from_pretrained` reads, weights in float16."""
    network = fold_batch_norm(trainer.objective.encoder.cpu()).half().float()
    config = CheckpointConfig(
        network=trainer.recipe.network,
        license="apache-2.0",
        training={
            "recipe": recipe_name,
            **({"changes": list(changes)} if changes else {}),
            "data": [path.name for path in data],
            "poses": len(trainer.sampler.bodies),
            "pairs": trainer.step * trainer.pairs_a_step,
            "seed": trainer.seed,
        },
        space=trainer.objective.space,
    )
    card = folder / checkpoint.CARD_FILE
    text = card.read_text(encoding="utf-8") if card.is_file() else ""  # a hand-written card outlives a new training
    checkpoint.write(folder, Checkpoint(config, network, text))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.train`."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__.partition(":")[0])
    parser.add_argument("recipe", choices=recipe_names())
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE_OR_FOLDER",
        help="motion capture, .npz or as it comes",
    )
    parser.add_argument("--detections", type=Path, metavar="FILE", help="2D poses of Human3.6M, data_2d_h36m_*.npz")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="run state, log and checkpoint")
    parser.add_argument("--pairs", type=int, help="train on so many pairs instead of the recipe's number")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        help="change a setting of the recipe, such as detector.noise=0.1; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu, cuda, ...; the GPU if there is one")
    parser.add_argument("--save-seconds", type=float, default=300, help="time between two saves (default: %(default)s)")
    options = parser.parse_args(arguments)
    recipe = load_recipe(options.recipe)
    for assignment in options.set:
        try:
            recipe = change(recipe, assignment)
        except (TypeError, ValueError) as error:
            parser.error(str(error))
    if options.pairs is not None:
        if options.pairs < 1:
            parser.error("--pairs must be at least 1")
        recipe = dataclasses.replace(recipe, pairs=options.pairs)
    if options.seed < 0:
        parser.error("--seed must be at least 0")
    data = [*options.data, *([options.detections] if options.detections else [])]
    for path in data:
        if not path.exists():
            parser.error(f"no such file: {path}")
    if options.detections and (len(options.data) != 1 or not human36m.recognises(options.data[0])):
        parser.error("--detections are those of Human3.6M: give it, and nothing else, as --data")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_flush_denormal(True)
    options.out.mkdir(parents=True, exist_ok=True)
    with _processes(options.device) as device:
        try:
            sampler = _sampler(recipe, options.data, options.detections, device)
            trainer = Trainer(recipe, sampler, seed=options.seed)
        except (OSError, ValueError) as error:  # data that cannot be read, a teacher that is not there
            parser.error(str(error))
        train(trainer, options.out, save_seconds=options.save_seconds)
        if _rank() == 0:
            folder = options.out / "checkpoint"
            export(trainer, folder, recipe_name=options.recipe, changes=options.set, data=data)
            run_log.write_table(options.out, folder / run_log.FILE_NAME)


def _sampler(recipe: Recipe, data: Sequence[Path], detections: Path | None, device: torch.device) -> ViewSampler:
    """Views of the poses to train on; half of them real where there are detections."""
    if detections is None:
        bodies = Bodies(*read_poses(data, "train"), recipe.variation).to(device)
        return ViewSampler(bodies, recipe.cameras, recipe.detector, recipe.network)
    recordings, detected = human36m.read_with_detections(data[0], detections)
    bodies = Bodies(*recordings.poses("train"), recipe.variation).to(device)
    seen = detected[recordings.rows("train")]
    return RealViewSampler(bodies, seen, recipe.cameras, recipe.detector, recipe.network)


@contextlib.contextmanager
def _processes(device: str | None) -> Iterator[torch.device]:
    """Join the other processes when torchrun started this one; gives the device of this process."""
    if "LOCAL_RANK" not in os.environ:
        yield torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        return
    use_gpu = device != "cpu" and torch.cuda.is_available()
    dist.init_process_group("nccl" if use_gpu else "gloo")
    try:
        if use_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        yield torch.device("cuda" if use_gpu else "cpu")
    finally:
        dist.destroy_process_group()


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


if __name__ == "__main__":
    main()
