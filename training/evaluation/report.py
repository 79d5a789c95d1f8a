"""What a command says of its measurements: tables, for the terminal and for Markdown, and a file of every number."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poseembed.files.atomic import replacing

_NARROWEST = 9
"""Characters of a column of numbers in the terminal."""


def spread(values: ArrayLike, digits: int = 1) -> str:
    """Mean and standard deviation of trials; the mean alone of a single one."""
    numbers = np.asarray(values, dtype=np.float64)
    mean = f"{numbers.mean():.{digits}f}"
    return mean if numbers.size == 1 else f"{mean} ± {numbers.std(ddof=1):.{digits}f}"


@dataclass(frozen=True)
class Table:
    """Rows with a name each, and numbers as text.

    Attributes:
        columns: What stands above the names, which may be nothing, and above each column of numbers.
        rows: A name and its numbers.
        title: A line above the table, as it is; empty for none.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""

    def text(self) -> str:
        """For the terminal: the names on the left, numbers on the right of their columns."""
        lines = [self.columns, *self.rows]
        widest = [max(map(len, column)) for column in zip(*lines, strict=True)]
        names, *numbers = widest[0], *(max(width + 2, _NARROWEST) for width in widest[1:])
        laid_out = [
            f"{name:{names}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, numbers, strict=True))
            for name, *cells in lines
        ]
        return "\n".join([*([self.title] if self.title else []), *(line.rstrip() for line in laid_out)])

    def markdown(self) -> str:
        """For a document: the names on the left, numbers on the right; the title is a paragraph above."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"{self.title}\n\n{table}" if self.title else table


def texts(tables: Iterable[Table]) -> str:
    """Several tables for the terminal, one below the other."""
    return "\n\n".join(table.text() for table in tables)


def write_json(path: Path, content: Any) -> None:
    """Write results, whole or not at all.

    Raises:
        ValueError: If a number is not finite.
    """
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode())
