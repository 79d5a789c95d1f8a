"""Arrays of Python objects in `.npy` and `.npz` files, read as data: no pickle is ever loaded.

Such a file holds a pickle, a program for a small stack machine that can call whatever it names. Here its opcodes are
listed by `pickletools.genops`, which runs nothing, and those few are followed that build numbers, text, bytes, lists,
tuples, dictionaries and numpy arrays. A name in the file only selects a row of `_MAKERS`; anything else is refused.
"""

import math
import pickletools
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from os import PathLike
from typing import Any

import numpy as np

_CODE = re.compile(r"[biufcSUO]\d{0,9}")
"""Names of element types without parts: f4, i8, U12, O8."""

_VALUES = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_VALUES |= {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_VALUES |= {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
"""Opcodes that push their argument."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_npz(path: str | PathLike[str]) -> dict[str, Any]:
    """Read every array of an `.npz` file; those of objects as `read_npy` does.

    Raises:
        zipfile.BadZipFile: If it is not a whole archive.
        OSError: If it cannot be read.
        ValueError: As `read_npy`.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): read_npy(archive.read(name), f"{path}: {name}") for name in names}


def read_npy(content: bytes, name: str) -> Any:
    """Read the content of an `.npy` file that may hold objects.

    Args:
        content: The file's bytes.
        name: What to call it in an error.

    Returns:
        The array; of an object array without dimensions, the object that it holds. Arrays may be read-only.

    Raises:
        ValueError: If the content is damaged, or holds anything but numbers, text, bytes, lists, tuples, dictionaries
            and arrays of these.
    """
    stream = BytesIO(content)
    version = np.lib.format.read_magic(stream)
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in headers:
        raise ValueError(f"{name} is an .npy file of version {version[0]}.{version[1]}; known are 1.0 and 2.0")
    _, _, dtype = headers[version](stream)
    if not dtype.hasobject:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    array = read_pickle(content[stream.tell() :], name)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} should hold an array, not a {type(array).__name__}")
    return array[()] if array.ndim == 0 else array


def read_pickle(content: bytes, name: str) -> Any:
    """Follow a pickle of plain data (protocols 0 to 5, written by Python 2 or 3) without running any of it.

    Args:
        content: The pickle.
        name: What to call it in an error.

    Raises:
        ValueError: If it is damaged, or holds anything else than `read_npy` says.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            machine.step(opcode.name, argument)
        return machine.stack.pop()
    except _Refused as error:
        raise ValueError(f"{name} holds {error}: it is not plain data, and nothing of it was run") from error
    except (IndexError, KeyError, OverflowError, TypeError, ValueError) as error:  # what it needs is not on the stack
        raise ValueError(f"{name} is damaged: {error}") from error


class _Refused(Exception):
    """Something that is not plain data; the message says what."""


class _Mark:
    """Where a sequence of values begins on the stack."""


class _Dtype:
    """An element type: its byte order comes after it is made, and perhaps after others refer to it."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.code, self.order = _text(code), "="
        if not _CODE.fullmatch(self.code):
            raise _Refused(f"an array of {self.code!r}")

    def set_state(self, state: Any) -> None:
        _, order, *parts = state[:5]
        if parts != [None] * 3 or _text(order) not in ("<", ">", "|", "="):  # parts: a shape or fields of its own
            raise _Refused("an array of records")
        self.order = _text(order)

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order.replace("|", "=") + self.code)


class _Machine:
    """The stack machine of a pickle, less everything that could run something."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self.stack.append(tuple(self._take(_TUPLES[name])))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name in ("PROTO", "FRAME", "STOP"):
            pass
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise _Refused(f"the pickle opcode {name}")

    def mark(self, _: None) -> None:
        self.stack.append(_Mark())

    def make_tuple(self, _: None) -> None:
        self.stack.append(tuple(self._since_mark()))

    def make_list(self, _: None) -> None:
        self.stack.append(self._since_mark())

    def append(self, _: None) -> None:
        value = self.stack.pop()
        _checked(self.stack[-1], list).append(value)

    def appends(self, _: None) -> None:
        values = self._since_mark()
        _checked(self.stack[-1], list).extend(values)

    def make_dict(self, _: None) -> None:
        self.stack.append(_pairs(self._since_mark()))

    def setitem(self, _: None) -> None:
        pair = self._take(2)
        _checked(self.stack[-1], dict).update(_pairs(pair))

    def setitems(self, _: None) -> None:
        values = self._since_mark()
        _checked(self.stack[-1], dict).update(_pairs(values))

    def find_global(self, argument: str) -> None:
        self._name(*argument.split(" ", 1))

    def find_stack_global(self, _: None) -> None:
        self._name(*self._take(2))

    def _name(self, module: Any, name: Any) -> None:
        maker = _MAKERS.get((module, name))
        if maker is None:
            raise _Refused(f"{module}.{name}")
        self.stack.append(maker)

    def reduce(self, _: None) -> None:
        maker, arguments = self._take(2)
        if not any(maker is known for known in _MAKERS.values()):
            raise _Refused(f"a call of {maker!r}")
        self.stack.append(maker(*_checked(arguments, tuple)))

    def build(self, _: None) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if isinstance(made, _Dtype):
            made.set_state(state)
        elif isinstance(made, np.ndarray):
            _fill(made, *state[-4:])  # after a version, if there is one
        else:
            raise _Refused(f"a state for a {type(made).__name__}")

    def _take(self, count: int) -> list[Any]:
        return [self.stack.pop() for _ in range(count)][::-1]

    def _since_mark(self) -> list[Any]:
        at = max(index for index, value in enumerate(self.stack) if isinstance(value, _Mark))
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": _Machine.make_tuple,
    "LIST": _Machine.make_list,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "DICT": _Machine.make_dict,
    "SETITEM": _Machine.setitem,
    "SETITEMS": _Machine.setitems,
    "GLOBAL": _Machine.find_global,
    "STACK_GLOBAL": _Machine.find_stack_global,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}


def _fill(array: np.ndarray, shape: Any, dtype: Any, fortran: Any, data: Any) -> None:
    """Give an array its shape, type and content in place, for others may refer to it already.

    numpy does it, once the sizes are known to fit: it does not look at the length of a list.
    """
    if isinstance(data, str):
        data = data.encode("latin-1")  # Python 2's bytes
    made = _checked(dtype, _Dtype).numpy()
    size = len(_checked(data, list if made.hasobject else bytes))
    if min(shape, default=0) < 0 or math.prod(shape) * (1 if made.hasobject else made.itemsize) != size:
        raise ValueError(f"an array of shape {shape} and type {made} does not have {size} elements or bytes")
    array.__setstate__((1, shape, made, bool(fortran), data))  # type: ignore[arg-type]  # bool(), not numpy's


def _ndarray(*_: Any) -> np.ndarray:
    """Stands for numpy.ndarray, which is handed on but never called."""
    raise _Refused("a call of numpy.ndarray")


def _reconstruct(subtype: Any, *_: Any) -> np.ndarray:
    """An array to be filled."""
    if subtype is not _ndarray:
        raise _Refused("a kind of array that is not numpy's own")
    return np.ndarray(0)


def _from_buffer(
    data: bytes | bytearray, dtype: _Dtype, shape: tuple[int, ...], order: str, axes: tuple[int, ...] | None = None
) -> np.ndarray:
    """An array as protocol 5 writes it; newer numpy says what order its axes should get."""
    array = np.frombuffer(data, _checked(dtype, _Dtype).numpy())
    if axes is not None:
        return array.reshape(shape).transpose(axes)
    return array.reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: _Dtype, data: str | bytes) -> Any:
    return np.frombuffer(data.encode("latin-1") if isinstance(data, str) else data, _checked(dtype, _Dtype).numpy())[0]


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"text in {encoding!r}")
    return _checked(text, str).encode("latin-1")


def _no_bytes() -> bytes:
    """Empty bytes, as Python 3 writes them for Python 2."""
    return b""


_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _no_bytes,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    _MAKERS[_core + ".multiarray", "_reconstruct"] = _reconstruct
    _MAKERS[_core + ".multiarray", "scalar"] = _scalar
    _MAKERS[_core + ".numeric", "_frombuffer"] = _from_buffer


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return dict(zip(values[::2], values[1::2], strict=True))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise _Refused(f"a {type(value).__name__} where a {kind.__name__.strip('_').lower()} belongs")
    return value
