"""The processes of one training run: one, or as many as torchrun started."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist


@contextlib.contextmanager
def processes(device: str | None) -> Iterator[torch.device]:
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


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def average(gradients: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Mean over the processes of a distributed run."""
    if not dist.is_initialized():
        return gradients
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    pieces = (flat / dist.get_world_size()).split([gradient.numel() for gradient in gradients])
    return [piece.view_as(gradient) for piece, gradient in zip(pieces, gradients, strict=True)]
