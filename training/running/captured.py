"""Work that is the same at every step, recorded once on a GPU and replayed: to launch its kernels takes longer."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

Result = TypeVar("Result")

_WARM_UPS = 3  # libraries choose their kernels and take their memory in the first calls, which cannot be recorded


class Captured(Generic[Result]):
    """A function without arguments, which on a GPU runs as a CUDA graph from its first call on.

    It has to do the same work each time, on tensors that stay where they are: nothing may depend on values, nothing may
    come from the CPU. What it returns is overwritten by the next call. Random numbers are drawn anew at each.

    Args:
        function: What to do.
        modules: Whose buffers it changes; recording it does not.
        device: Where it works; anywhere but on a GPU the function is simply called.
    """

    def __init__(self, function: Callable[[], Result], modules: nn.Module, device: torch.device) -> None:
        self._function, self._modules, self._device = function, modules, device
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Result

    def __call__(self) -> Result:
        """Do it."""
        if self._device.type != "cuda":
            return self._function()
        if self._graph is None:
            self._record()
        assert self._graph is not None
        self._graph.replay()
        return self._result

    def _record(self) -> None:
        random = torch.cuda.get_rng_state(self._device)
        before = [buffer.clone() for buffer in self._modules.buffers()]
        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._function()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._result = self._function()
        for buffer, value in zip(self._modules.buffers(), before, strict=True):
            buffer.copy_(value)
        torch.cuda.set_rng_state(random, self._device)
        self._graph = graph
