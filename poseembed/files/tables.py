"""Tables in files: named columns of equal length in CSV, Parquet, JSON and NPZ.

An empty cell (CSV), a null (Parquet, JSON) or NaN is a missing number. A JSON file is one object, from the name of a
column to the list of its values. Only the columns of `TEXTS` are read as text.
"""

import csv
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from poseembed.extras import how_to_install
from poseembed.files.atomic import replacing

TEXTS = ("image", "made_by")
"""Columns of text."""

Columns = dict[str, np.ndarray]
Wanted = Callable[[str], bool]
"""Tells by its name whether to read a column."""


def write_columns(columns: Columns, path: str | os.PathLike[str]) -> None:
    """Write a table to a file, by its suffix: one of `COLUMN_SUFFIXES`.

    Numbers are written with as many digits as it takes to get them back.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImportError: If it is to be a Parquet file and pyarrow is not installed.
        ValueError: If the suffix is unknown.
    """
    path = Path(path).expanduser()
    save = _SAVE[known_suffix(path, COLUMN_SUFFIXES)]
    with replacing(path) as file:
        save(columns, file)


def read_columns(path: Path, wanted: Wanted) -> Columns:
    """The wanted columns of a .csv, .parquet or .json file.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is a Parquet file and pyarrow is not installed.
        KeyError: If the suffix is another one.
        ValueError: If the file is damaged, or a column does not hold what it should.
    """
    return _LOAD[path.suffix.lower()](path, wanted)


def known_suffix(path: Path, known: tuple[str, ...]) -> str:
    """Suffix of a file, in small letters.

    Raises:
        ValueError: If it is not one of those known.
    """
    suffix = path.suffix.lower()
    if suffix not in known:
        raise ValueError(f"unknown suffix {suffix!r} of {path}; known are: {', '.join(known)}")
    return suffix


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in a complaint about its content."""
    try:
        yield
    except (ValueError, EOFError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"cannot read {path}: {error}") from error


def load_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON.
    """
    with naming(path):
        return json.loads(path.read_bytes())


def load_csv(path: Path, wanted: Wanted) -> Columns:
    """The wanted columns of a CSV file: those of `TEXTS` as text, the others as float64, NaN where a cell is empty.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty or no text in UTF-8, names a column twice, or a line has another number of cells
            than the first one or something else than a number in a wanted column.
    """
    cells: list[np.ndarray] = []
    lines: list[list[str]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise ValueError("it is empty; wanted a first line that names the columns")
        places = {name: place for place, name in enumerate(header) if wanted(name)}
        if len(places) < sum(map(wanted, header)):
            raise ValueError(f"it has two columns of one name: {', '.join(header)}")
        texts = {name: places.pop(name) for name in TEXTS if name in places}
        for line in filter(None, reader):
            where = f"line {reader.line_num}"
            if len(line) != len(header):
                raise ValueError(f"{where} has {len(line)} cells, but the first line names {len(header)} columns")
            cells.append(np.array([_number(line[place], name, where) for name, place in places.items()]))
            lines.append([line[place] for place in texts.values()])
    table = np.array(cells, dtype=np.float64).reshape(len(cells), len(places))
    columns: Columns = dict(zip(places, table.T, strict=True))
    written = np.array(lines, dtype=np.str_).reshape(len(lines), len(texts))
    return columns | dict(zip(texts, written.T, strict=True))


def _number(cell: str, column: str, where: str) -> float:
    """The number in a cell of text."""
    try:
        return float(cell) if cell.strip() else float("nan")
    except ValueError:
        raise ValueError(f"{where}: {column} is {cell!r}, not a number; leave it empty if it is missing") from None


def _save_csv(columns: Columns, file: BinaryIO) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_plain(values, missing="") for values in columns.values()), strict=True))
    text.detach()  # flushes; the file is closed by who opened it


def _load_json(path: Path, wanted: Wanted) -> Columns:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict):
        raise ValueError(
            f"it holds a {type(content).__name__}; wanted an object, from names of columns to their values "
            "(results of COCO and AlphaPose, poseembed.adapters reads)"
        )
    columns: Columns = {}
    for name in filter(wanted, content):
        kind, missing = (str, "") if name in TEXTS else (int | float, float("nan"))
        values = content[name]
        if not isinstance(values, list) or len(values) != len(next(iter(columns.values()), values)):
            raise ValueError(f"{name} is {values!r:.40}; wanted a list, as long as all others")
        for row, value in enumerate(values):
            if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
                raise ValueError(
                    f"{name} of row {row + 1} is {value!r}; wanted {'text' if kind is str else 'a number'}"
                )
        columns[name] = np.array([missing if value is None else value for value in values], dtype=type(missing))
    return columns


def _save_json(columns: Columns, file: BinaryIO) -> None:
    # JSON has no sign for infinity either: how fast the second video runs while the first one waits, say.
    finite = {n: np.where(np.isinf(v), np.nan, v) if v.dtype.kind == "f" else v for n, v in columns.items()}
    plain = {name: _plain(values, missing=None) for name, values in finite.items()}
    file.write(json.dumps(plain, allow_nan=False).encode())


def _plain(values: np.ndarray, *, missing: str | None) -> list[Any]:
    """Values for a text file, with as many digits as it takes to get them back: nine tell all float32 apart."""
    plain = values.tolist()
    if values.dtype.kind != "f":
        return plain
    if values.dtype.itemsize <= 4:
        plain = [float(f"{value:.9g}") for value in plain]
    return [missing if value != value else value for value in plain]


def _pyarrow() -> tuple[Any, Any]:
    """The modules that Parquet needs."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"Parquet files need pyarrow: {how_to_install('parquet')}") from error
    return pyarrow, pyarrow.parquet


def _load_parquet(path: Path, wanted: Wanted) -> Columns:
    pyarrow, parquet = _pyarrow()
    with parquet.ParquetFile(path) as file:
        table = file.read(columns=[name for name in file.schema_arrow.names if wanted(name)])
    columns: Columns = {}
    for name, values in zip(table.column_names, table.columns, strict=True):
        if name in TEXTS:
            columns[name] = np.array([text or "" for text in values.cast(pyarrow.string()).to_pylist()], dtype=np.str_)
            continue
        if not any(
            is_kind(values.type)
            for is_kind in (pyarrow.types.is_integer, pyarrow.types.is_floating, pyarrow.types.is_null)
        ):
            raise ValueError(f"{name} is a column of {values.type}; wanted numbers")
        columns[name] = values.cast(pyarrow.float64()).to_numpy()
    return columns


def _save_parquet(columns: Columns, file: BinaryIO) -> None:
    pyarrow, parquet = _pyarrow()
    parquet.write_table(pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()}), file)


def _save_npz(columns: Columns, file: BinaryIO) -> None:
    arrays: dict[str, Any] = columns
    np.savez(file, **arrays)


_LOAD = {".csv": load_csv, ".parquet": _load_parquet, ".json": _load_json}
_SAVE = {".csv": _save_csv, ".parquet": _save_parquet, ".json": _save_json, ".npz": _save_npz}
COLUMN_SUFFIXES = tuple(_SAVE)
"""Suffixes of the files that tables are written to."""
