"""How fast training runs, and how much of the device it uses.

Pairs of views a second through the whole training step, the share of the time that drawing the views takes, the
floating-point operations of a step's matrix products, and what share they are of the peak: the rate at which this
device multiplies two large matrices in the precision of the training. Losses, batch norm, the optimiser and the views
are not counted as operations, so they lower the share.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from training.running.recipe import Recipe
from training.running.trainer import Trainer
from training.scene.bodies import Bodies
from training.scene.views import ViewSampler

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")
"""Operators that multiply matrices."""

PEAK_SIZE = 4096
"""Rows and columns of the matrices whose product sets the peak."""


@dataclass(frozen=True)
class Throughput:
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


def measure(name: str, recipe: Recipe, bodies: Bodies, *, seconds: float, peak_size: int = PEAK_SIZE) -> Throughput:
    """Time a recipe's training step for about so many seconds, against matrices of `peak_size` rows and columns."""
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
    square = torch.randn(peak_size, peak_size, device=device, dtype=dtype)
    peak = 2 * peak_size**3 / _seconds_each(lambda: square @ square, device, seconds / 4)
    rate = recipe.batch_size / step
    return Throughput(
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
