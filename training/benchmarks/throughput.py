"""How fast training runs, and how much of the device it uses.

`python -m training.benchmarks.throughput RECIPE... --data FILE... --out results.json`

For each recipe: pairs of views a second through the whole training step, the share of the time that drawing the views
takes, the floating-point operations of a step's matrix products, and what share they are of the peak: the rate at which
this device multiplies two large matrices in the precision of the training. Losses, batch norm, the optimiser and the
views are not counted as operations, so they lower the share.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from training.datasets.mocap import read_poses
from training.evaluation.report import write_json
from training.running.recipe import Recipe, load_recipe, recipe_names
from training.running.trainer import Trainer
from training.scene.bodies import Bodies
from training.scene.views import ViewSampler

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")
"""Operators that multiply matrices."""

PEAK_SIZE = 4096
"""Rows and columns of the matrices whose product sets the peak."""


@dataclass(frozen=True)
class Result:
    """How fast one recipe trains.

    Attributes:
        recipe: Its name.
        device: Where it ran.
        precision: Of the matrix products.
        threads: Of the CPU.
        batch_size: Pairs a step.
        pairs_per_second: Through the whole step.
        sampling_share: Of the step's time.
        flops_per_pair: Floating-point operations of the matrix products, forwards and backwards.
        peak_flops: Operations a second of one large matrix product.
        peak_share: What training reaches of it.
    """

    recipe: str
    device: str
    precision: str
    threads: int
    batch_size: int
    pairs_per_second: float
    sampling_share: float
    flops_per_pair: float
    peak_flops: float
    peak_share: float


def measure(name: str, recipe: Recipe, bodies: Bodies, *, seconds: float) -> Result:
    """Time a recipe's training step for about so many seconds."""
    sampler = ViewSampler(bodies, recipe.cameras, recipe.detector)
    trainer = Trainer(recipe, sampler, seed=0)
    device = trainer.device
    # not `FlopCounterMode`: it cannot follow the gradient of a gradient, which the prior of CV-MIM takes
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as profiler:
        trainer.train_step()
    events = profiler.key_averages()
    flops = sum(event.flops for event in events if event.key in PRODUCTS) / recipe.batch_size
    step = _seconds_each(trainer.train_step, device, seconds)
    sampling = _seconds_each(lambda: sampler.sample(recipe.batch_size), device, seconds / 4)
    dtype = torch.bfloat16 if trainer.bfloat16 else torch.float32
    square = torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=dtype)
    peak = 2 * PEAK_SIZE**3 / _seconds_each(lambda: square @ square, device, seconds / 4)
    rate = recipe.batch_size / step
    return Result(
        recipe=name,
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        precision=str(dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        batch_size=recipe.batch_size,
        pairs_per_second=rate,
        sampling_share=sampling / step,
        flops_per_pair=flops,
        peak_flops=peak,
        peak_share=flops * rate / peak,
    )


def _seconds_each(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Mean time of a call, after some to warm up."""
    count, start = 0, 0.0
    for warm in (False, True):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < (seconds if warm else seconds / 4) or not count:
            work()
            count += 1
            if device.type == "cuda":
                torch.cuda.synchronize(device)
    return (time.perf_counter() - start) / count


def table(results: Sequence[Result]) -> str:
    """Lay results out as text."""
    lines = [f"{'':24}{'pairs/s':>12}{'sampling':>10}{'Mflop/pair':>12}{'peak Gflop/s':>14}{'of the peak':>13}"]
    for r in results:
        lines.append(
            f"{r.recipe:24}{r.pairs_per_second:12,.0f}{100 * r.sampling_share:8.1f} %{r.flops_per_pair / 1e6:12.1f}"
            f"{r.peak_flops / 1e9:14,.0f}{100 * r.peak_share:11.1f} %  ({r.device}, {r.threads} threads, {r.precision})"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.throughput`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.throughput", description=summary)
    parser.add_argument("recipes", nargs="+", choices=recipe_names(), metavar="RECIPE")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE", help="motion capture, .npz")
    parser.add_argument("--batch-size", type=int, help="pairs a step instead of the recipes' number")
    parser.add_argument("--device", help="cpu, cuda, ...; the GPU if there is one")
    parser.add_argument("--seconds", type=float, default=10, help="a recipe (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    for path in options.data:
        if not path.exists():
            parser.error(f"no such file: {path}")
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    torch.set_flush_denormal(True)
    joints, nose = read_poses(options.data, "train")
    results = []
    for name in options.recipes:
        recipe = load_recipe(name)
        if options.batch_size:
            recipe = dataclasses.replace(recipe, batch_size=options.batch_size)
        bodies = Bodies(joints, nose, recipe.variation).to(device)
        results.append(measure(name, recipe, bodies, seconds=options.seconds))
    write_json(options.out, [asdict(result) for result in results])
    print(table(results))


if __name__ == "__main__":
    main()
