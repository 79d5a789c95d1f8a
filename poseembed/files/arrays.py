"""Arrays out of NPY and NPZ files, whatever bytes they hold: checked against the file's size before memory is taken.

`numpy.load` believes the sizes that a file states, and takes anything it does not know for pickle. Here nothing but
plain numbers and text is read, and only as much as is there.
"""

import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from poseembed.files.values import check_regular, check_size

_NPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"

_KINDS = {"b": "booleans", "i": "whole numbers", "u": "whole numbers from 0", "f": "numbers", "U": "text", "S": "bytes"}

_HEADERS: dict[tuple[int, int], Callable[[Any], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_DAMAGED_HEADER = (
    *(ValueError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError, OverflowError),
    *(AttributeError, struct.error),
)
"""What numpy's parser lets through of Python's own, by which it reads a header as an expression."""

DAMAGED_ARCHIVE = (
    *(zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(NotImplementedError, RuntimeError),  # a way of packing that Python does not know; a password
)
"""What the standard library raises for a damaged archive."""


def read_arrays(path: Path, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    """The wanted arrays of an NPZ file by name, or the one array of an NPY file under the name "".

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another kind of file or damaged, an array holds something else than numbers or text, or it
            would take far more memory than the file.
    """
    check_regular(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_NPY))
        file.seek(0)
        if start == _NPY:
            return {"": read_array(file, size, size)}
        if not start.startswith(_ZIP):
            raise ValueError("it is empty, or does not begin like a file of arrays that numpy.save or savez wrote")
        try:
            return _read_archive(file, size, wanted)
        except DAMAGED_ARCHIVE as error:
            raise ValueError(f"the archive is damaged: {error}") from error


def need_arrays(path: Path, kinds: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The arrays of an NPZ file that somebody needs.

    Args:
        path: The file.
        kinds: For each name, the kinds of element (numpy's letters) that it may have.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_arrays`, and if an array is missing or of another kind.
    """
    arrays = read_arrays(path, kinds.__contains__)
    if missing := [name for name in kinds if name not in arrays]:
        raise ValueError(f"it has no {', '.join(missing)}")
    for name, array in arrays.items():
        if array.dtype.kind not in kinds[name]:
            wanted = " or ".join(_KINDS[kind] for kind in kinds[name])
            raise ValueError(f"{name} is an array of {array.dtype}; wanted {wanted}")
    return arrays


def read_array(file: IO[bytes], length: int, source: int) -> np.ndarray:
    """The array that an open NPY file holds.

    Args:
        file: Where it begins.
        length: Bytes from there to its end.
        source: Bytes on the disk that these come from.

    Raises:
        ValueError: As `read_arrays`.
    """
    shape, fortran, dtype = read_header(file)
    if dtype.kind not in "biufUS" or dtype.itemsize == 0:
        raise ValueError(f"it holds an array of {dtype}, which is neither numbers nor text")
    if min(shape, default=0) < 0 or max(shape, default=0) > np.iinfo(np.int64).max:
        raise ValueError(f"it has an array of shape {shape}")
    size, left = math.prod(shape) * dtype.itemsize, length - file.tell()
    if size != left:
        raise ValueError(f"an array of shape {shape} and type {dtype} takes {size:,} bytes, and {left:,} are there")
    check_size(size, source, f"an array of shape {shape}")
    content = bytearray(file.read(size))
    if len(content) < size:
        raise ValueError(f"an array of shape {shape} ends after {len(content):,} of its {size:,} bytes")
    file.read(1)  # of an archive's member, whose checksum is compared at its end
    array = np.frombuffer(content, dtype)
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_archive(file: IO[bytes], size: int, wanted: Callable[[str], bool]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    total = 0
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if not wanted(name):
                continue
            if name in arrays:
                raise ValueError(f"it holds two arrays {name}")
            total += member.file_size
            check_size(total, size, f"{name} and what stands before it")
            with archive.open(member) as content:
                try:
                    arrays[name] = read_array(content, member.file_size, size)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from error
    return arrays


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis runs fastest, and type of the array in an open NPY file.

    Raises:
        ValueError: If the header is damaged.
    """
    try:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"version {version[0]}.{version[1]} of the format is not known")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of headers by Python 2 and of names in them that Python warns of
            return _HEADERS[version](file)
    except _DAMAGED_HEADER as error:
        raise ValueError(f"the header of an array is damaged: {str(error) or type(error).__name__}") from error
