"""Rows of all processes of a training run, for losses that compare each row with all others."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gather(rows: Float[Tensor, "batch d"]) -> tuple[Float[Tensor, "everyone d"], int]:
    """The rows of all processes, in their order, and at which of them this process's own begin.

    Each process has as many. Gradients go back to the process that the rows came from, from the losses of all: their
    mean over the processes is that of the mean loss.
    """
    if not dist.is_initialized():
        return rows, 0
    return torch.cat(all_gather(rows)), dist.get_rank() * len(rows)
