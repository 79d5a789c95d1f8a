"""Many poses through a network: so many at once as the device holds, copied while it computes."""

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from poseembed.warned import warn_user

Work: TypeAlias = Callable[[slice], None]

BATCH_SIZE = 65_536
"""Poses that go through a network at once, unless somebody says otherwise: given few, a GPU has more to start than to
do."""

CACHED = 2048
"""Poses that a processor takes at once at most: what layers of a thousand units make of them fits its cache."""

OutOfMemory = torch.cuda.OutOfMemoryError
"""What torch raises when the memory of a device is full; `torch.OutOfMemoryError`, since it has that name."""


def check_batch_size(value: int) -> int:
    """Check how many poses go through the network at once.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is under 1.
    """
    try:
        size = operator.index(value)
    except TypeError as error:
        raise TypeError(f"got batch_size={value!r}; wanted a whole number") from error
    if size < 1:
        raise ValueError(f"got batch_size={size}; it must be at least 1")
    return size


def in_batches(work: Work, count: int, size: int, *, name: str, unit: str, show_progress_bar: bool) -> None:
    """Do some work for all rows, so many of them at once, from the first to the last.

    If a device's memory does not hold so many, the same rows are tried again with half as many at once, and so on.

    Args:
        work: Does it for the rows that it is given; it can be called again for the same ones.
        count: Rows.
        size: Rows at once.
        name: What to call the work.
        unit: What to call a row.
        show_progress_bar: Show one, on stderr.

    Raises:
        torch.OutOfMemoryError: If it does not hold what a single row takes.

    Warns:
        UserWarning: Once, if it does not hold so many rows: how many it does, for the next time.
    """
    done, fitting, too_many = 0, size, 0
    with _progress(name, unit, count, show_progress_bar) as report:
        while done < count:
            rows = slice(done, min(done + fitting, count))
            try:
                work(rows)
            except OutOfMemory as error:
                if (too_many := rows.stop - done) == 1:
                    raise OutOfMemory(f"the device's memory is full, even with one {unit} at once: {error}") from error
                fitting = too_many // 2
                continue  # outside, where the error no longer holds what it was raised among
            report(rows.stop - done)
            done = rows.stop
    if too_many:
        warn_user(
            f"the device's memory does not hold {too_many:,} {unit}s at once; {fitting:,} at once went through, which "
            "batch_size= can ask for from the start"
        )


def compute(
    network: Callable[[Tensor], Sequence[Tensor]],
    points: Float[Tensor, "poses 13 2"],
    size: int,
    *,
    device: torch.device,
    place: torch.device,
    name: str = "embed",
    show_progress_bar: bool = False,
) -> list[Tensor]:
    """What a network makes of poses, so many of them at once.

    Args:
        network: Gives tensors with a row a pose; none of a row depends on another.
        points: The poses, wherever they are.
        size: Poses at once; a processor takes `CACHED` at most.
        device: Where the network is.
        place: Where to put the results.
        name: What to call it.
        show_progress_bar: Show one, on stderr.

    Returns:
        The results, of float32 at least, without gradients.

    Raises:
        torch.OutOfMemoryError: As `in_batches` does.

    Warns:
        UserWarning: As `in_batches` does.
    """
    # Through pinned memory a copy between a GPU and the host keeps neither waiting; into any other it would be awaited.
    pinned = device.type == "cuda" and place.type == "cpu"
    size = min(size, CACHED) if device.type == "cpu" else size
    results: list[Tensor] = []

    def work(rows: slice) -> None:
        with torch.inference_mode():  # what comes of it could train nothing; what is copied out of it can
            parts = network(bring(points[rows], device))
        if not results:
            for part in parts:
                kind = torch.promote_types(part.dtype, torch.float32)
                shape = (len(points), *part.shape[1:])
                results.append(torch.empty(shape, dtype=kind, device=place, pin_memory=pinned))
        for result, part in zip(results, parts, strict=True):
            result[rows].copy_(part, non_blocking=pinned)

    if not len(points):
        work(slice(0, 0))
    in_batches(work, len(points), size, name=name, unit="pose", show_progress_bar=show_progress_bar)
    if pinned:
        torch.cuda.current_stream(device).synchronize()
    return results


def bring(points: Tensor, device: torch.device) -> Tensor:
    """Poses on a device; on their way there, where they come from the host and go to a GPU."""
    if device.type == "mps":
        points = points.float()  # which has no float64
    staged = device.type == "cuda" and points.device.type == "cpu"
    return (points.pin_memory() if staged else points).to(device, non_blocking=staged)


@contextmanager
def _progress(name: str, unit: str, count: int, shown: bool) -> Iterator[Callable[[int], object]]:
    """What is told how many rows are done."""
    if not shown:  # a bar that is not shown takes as long to make as a layer does
        yield lambda rows: None
        return
    with tqdm(total=count, desc=name, unit=unit) as bar:
        yield bar.update
