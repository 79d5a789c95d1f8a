"""The table beside a `PoseIndex`: one row a vector, with its id, its metadata and the view vector of its camera."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from numpy.typing import ArrayLike
from torch import Tensor
from typing_extensions import Self

from poseembed.keypoints import to_tensor
from poseembed.vectors import check_vectors, unit

FILLERS = {"b": False, "i": -1, "f": np.nan, "U": ""}
"""By kind of number type, what stands where there is no row."""

VIEWS = 2048
"""View vectors that are compared at once: few enough that their float32 copies stay in a processor's cache."""

_PREFIX = "metadata."
# What zipfile makes of a damaged file, and numpy of a header: it is parsed as Python's literals are.
_DAMAGE = (BadZipFile, EOFError, ValueError, NotImplementedError, TokenError, RecursionError, MemoryError)


class Rows:
    """Columns of one length, which grow together.

    Args:
        columns: "ids"; "length", that of each pose vector; "z_view" if there is one (rows, view_dim); and the others
            with "metadata." before their names.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]) -> None:
        self._parts = {name: [values] for name, values in columns.items()}

    @classmethod
    def from_inputs(
        cls,
        length: Float32[np.ndarray, " rows"],
        *,
        ids: ArrayLike | None,
        first_id: int,
        metadata: Mapping[str, ArrayLike],
        z_view: np.ndarray | Tensor | None,
    ) -> Self:
        """Check what a user gives for rows of so long vectors; without `ids` they are numbered from `first_id`.

        Raises:
            TypeError: If a column is not of numbers, booleans or texts, or `z_view` not of floating-point numbers.
            ValueError: If a column is not of as many rows.
        """
        count = len(length)
        given = {"ids": np.arange(first_id, first_id + count) if ids is None else ids}
        given |= {_PREFIX + name: values for name, values in metadata.items()}
        columns = {name: _column(name, values, count) for name, values in given.items()}
        if columns["ids"].dtype.kind not in "iU":
            raise TypeError(f"ids must be whole numbers or texts, got {columns['ids'].dtype}")
        columns["length"] = length
        if z_view is not None:
            check_vectors(z_view, "z_view")
            if z_view.ndim != 2 or len(z_view) != count:
                raise ValueError(f"got z_view of shape {tuple(z_view.shape)}; wanted ({count}, view_dim)")
            columns["z_view"] = unit(to_tensor(z_view, "z_view")).half().cpu().numpy()
        return cls(columns)

    def __len__(self) -> int:
        """Number of rows."""
        return sum(map(len, self._parts["ids"]))

    def __getitem__(self, name: str) -> np.ndarray:
        """A column, joined if it has grown since it was last read."""
        parts = self._parts[name]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0]

    def __contains__(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._parts

    @property
    def metadata(self) -> dict[str, np.ndarray]:
        """The user's columns."""
        return {name.removeprefix(_PREFIX): self[name] for name in self._parts if name.startswith(_PREFIX)}

    def select(self, kept: Bool[np.ndarray, " rows"]) -> Self:
        """Some of the rows."""
        return type(self)({name: self[name][kept] for name in self._parts})

    def append(self, more: Self) -> None:
        """Add rows.

        Raises:
            ValueError: If they have other columns, or columns of other kinds.
        """
        if more._parts.keys() != self._parts.keys():
            given, wanted = (
                ", ".join(name for name in parts if name != "length") for parts in (more._parts, self._parts)
            )
            raise ValueError(f"got the columns {given}; this index has {wanted}")
        for name, (values,) in more._parts.items():
            ours = self._parts[name][0]
            if (values.dtype.kind, values.shape[1:]) != (ours.dtype.kind, ours.shape[1:]):
                kinds = " and ".join(f"{dtype.name} {shape}" for dtype, shape in _forms(values, ours))
                raise ValueError(f"{name} must be of one kind in all rows: got and have {kinds}")
        for name, (values,) in more._parts.items():
            self._parts[name].append(values)

    def at(self, indices: Int64[np.ndarray, "*batch"]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Ids and metadata at these rows; fillers at -1."""
        return _take(self["ids"], indices), {name: _take(values, indices) for name, values in self.metadata.items()}

    def seen_from(
        self, z_view: np.ndarray | Tensor, leading: tuple[int, ...], low: float, high: float
    ) -> Iterator[Bool[Tensor, " rows"]]:
        """For each view vector of (*leading, view_dim), the rows whose own has such a cosine to it.

        Raises:
            TypeError: If `z_view` is not of floating-point numbers.
            ValueError: If the rows have no view vectors, the shape differs or there is no such range.
        """
        if "z_view" not in self:
            raise ValueError("this index has no view vectors to compare; build it with z_view")
        check_vectors(z_view, "z_view")
        stored = torch.from_numpy(self["z_view"])
        if tuple(z_view.shape) != (*leading, stored.shape[1]):
            raise ValueError(f"got z_view of shape {tuple(z_view.shape)}; wanted {(*leading, stored.shape[1])}")
        if not -1 <= low <= high <= 1:
            raise ValueError(f"got view_similarity=({low}, {high}); wanted a range within -1 to 1")
        for view in unit(to_tensor(z_view, "z_view").reshape(-1, stored.shape[1])).cpu():
            cosine = torch.cat([part.float() @ view for part in stored.split(VIEWS)]).clamp(-1, 1)
            yield (cosine >= low) & (cosine <= high)

    def save(self, file: BinaryIO) -> None:
        """Write an `.npz` file, which holds nothing pickled."""
        arrays: dict[str, Any] = {name: self[name] for name in self._parts}
        np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path, count: int) -> Self:
        """Read what `save` wrote of `count` rows.

        Raises:
            ValueError: If the file is damaged, or a column is not of so many rows.
        """
        try:
            _check_sizes(path, count)
            with np.load(path, allow_pickle=False) as archive:
                columns = {name: archive[name] for name in archive.files}
        except (
            BadZipFile,
            EOFError,
            ValueError,
            NotImplementedError,
            TokenError,
            RecursionError,
            MemoryError,
        ) as error:
            # the last four by zipfile and by numpy's parser of headers
            raise ValueError(f"{path} is damaged ({error}); copy or build the index again") from error
        if not {"ids", "length"} <= columns.keys() or any(of.dtype.kind not in FILLERS for of in columns.values()):
            raise ValueError(f"{path} has no ids or lengths, or columns of other kinds; build the index again")
        return cls(columns)


def _check_sizes(path: Path, count: int) -> None:
    """Look at what the columns of a file say of their sizes before any memory is asked for.

    They lie in it as they are, uncompressed, so that none takes more memory than the file has bytes.

    Raises:
        BadZipFile: If it is no such file.
        ValueError: If it is not what `Rows.save` writes of `count` rows.
    """
    with ZipFile(path) as archive:
        for member in archive.infolist():
            if member.compress_type != ZIP_STORED or member.flag_bits & 1:
                raise ValueError(f"{member.filename!r:.60} is compressed")
            with archive.open(member) as file:
                if np.lib.format.read_magic(file)[0] > 1:  # whose headers are longer than a column's ever is
                    raise ValueError(f"{member.filename!r:.60} is no column")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                wanted, there = dtype.itemsize * math.prod(shape), member.file_size - file.tell()
            if len(shape) not in (1, 2) or shape[0] != count or dtype.hasobject or wanted != there:
                raise ValueError(f"{member.filename!r:.60} is no column of {count} rows")


def _column(name: str, values: ArrayLike, count: int) -> np.ndarray:
    column = np.asarray(values)
    if column.dtype.kind in "OT" and all(isinstance(value, str) for value in column.flat):
        column = column.astype(np.str_)
    if column.dtype.kind == "u":
        column = column.astype(np.int64)
    if column.dtype.kind not in FILLERS:
        raise TypeError(f"{name} must hold numbers, booleans or texts, got {column.dtype}; try astype(str)")
    if column.shape != (count,):
        raise ValueError(f"got {name} of shape {column.shape}; wanted one value a row, ({count},)")
    return column.copy()


def _take(values: np.ndarray, indices: Int64[np.ndarray, "*batch"]) -> np.ndarray:
    taken = np.full(indices.shape, FILLERS[values.dtype.kind], dtype=values.dtype)
    taken[indices >= 0] = values[indices[indices >= 0]]
    return taken


def _forms(*columns: np.ndarray) -> list[tuple[np.dtype, tuple[int, ...]]]:
    return [(column.dtype, column.shape[1:]) for column in columns]
