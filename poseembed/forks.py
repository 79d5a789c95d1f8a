"""What a forked process needs so that torch goes on working in it."""

import os

import torch


def work_on_one_thread() -> None:
    """Let torch use one thread, in processes that are forked from here on.

    A fork copies the memory of a process but none of its threads. The OpenMP pool, which any parallel operation of
    torch starts, would wait in the child for threads that are not there, for ever. On one thread no pool is asked; the
    workers of torch's own `DataLoader` run so too.
    """
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
