"""Tables of `RESULTS.md`."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is left-aligned, all others are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def spread(values: ArrayLike, digits: int = 1) -> str:
    """Mean and standard deviation of trials; the mean alone of a single one."""
    numbers = np.asarray(values, dtype=np.float64)
    mean = f"{numbers.mean():.{digits}f}"
    return mean if numbers.size == 1 else f"{mean} ± {numbers.std(ddof=1):.{digits}f}"
