"""How fast a GPU embeds, and what share that is of what it can do.

Poses a second through `PoseEncoder.embed`, checks and normalisation included, by the GPU's own events: from an array on
the GPU to vectors there, and from one in the host's memory to vectors in it, pinned beforehand or not. The limit is the
rate at which the GPU multiplies two large matrices of the same precision. A compiled encoder is one whose
`encoder.compile(dynamic=True)` was called.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from poseembed import PoseEncoder
from training.evaluation.speed import Speed, flops_of

SQUARE = 8192
"""Rows and columns of the matrices whose product is the limit."""

POSES = 1 << 20

BATCHES = (8192, 65_536, POSES)
"""Poses that go through the network at once."""


def encoders_on(
    device: torch.device,
    names: Sequence[str],
    *,
    poses: int = POSES,
    batches: Sequence[int] = BATCHES,
    square: int = SQUARE,
    compiled: bool = True,
) -> Iterator[Speed]:
    """Poses a second of each checkpoint in bfloat16, by where they lie and the batch.

    Args:
        device: A GPU; a processor will do to try this.
        names: Of the checkpoints.
        poses: How many are embedded.
        batches: Numbers of them that go through the network at once.
        square: Rows and columns of the matrices whose product is the limit.
        compiled: Whether to measure compiled encoders too, in the largest batch.
    """
    matrix = torch.randn(square, square, device=device, dtype=torch.bfloat16)
    rate = 2 * square**3 / _seconds(lambda: matrix @ matrix, device)
    yield Speed(_name(device), "product of matrices, bfloat16", rate / 1e9, "Gflop/s")
    host = 300 + 100 * torch.randn(poses, 13, 2)
    places: dict[str, Tensor] = {"on it": host.to(device), "in the host's memory": host}
    if device.type == "cuda":
        places["in pinned memory"] = host.pin_memory()
    for name in names:
        encoder = PoseEncoder.from_pretrained(name, device=device, precision="bfloat16")
        for batch, (where, points) in product(batches, places.items()):
            what = f"{name}, {poses:,} poses {where}, {batch:,} at once"
            yield _speed(what, encoder, points, batch, rate)
        if compiled:
            encoder.compile(dynamic=True)
            what = f"{name}, compiled, {poses:,} poses on it, {max(batches):,} at once"
            yield _speed(what, encoder, places["on it"], max(batches), rate)


def _speed(what: str, encoder: PoseEncoder, points: Tensor, batch: int, rate: float) -> Speed:
    took = _seconds(lambda: encoder.embed(points, batch_size=batch), encoder.device)
    share = flops_of(encoder) * len(points) / took / rate
    return Speed(_name(encoder.device), what, len(points) / took, "poses/s", share)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _seconds(work: Callable[[], object], device: torch.device, calls: int = 5) -> float:
    """Time of a call: the least of some, after one to warm up."""
    work()
    return min(_once(work, device) for _ in range(calls))


def _once(work: Callable[[], object], device: torch.device) -> float:
    if device.type != "cuda":
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    torch.cuda.synchronize(device)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.cuda.device(device):
        start.record()
        work()
        end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3
