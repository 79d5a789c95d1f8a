"""Files of MATLAB, HDF5 and CDF, read by their libraries in a process of its own.

On a damaged file these libraries may end the whole process, never return, or ask for any amount of memory. Here they
end a helper at most, which is started once and given one file after the other; what it read comes back as plain arrays.
"""

import atexit
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 120.0
"""What a file may take by the clock, on a machine that does much else."""

_PROCESSOR_SECONDS = 8
_BYTES_PER_SECOND = 5_000_000
"""What a file may take of the processor, and what is added for its size: ten times what the largest true ones do."""

_SPARE_BYTES = 2**28
_GROWTH = 64
"""Memory of the helper beyond what its libraries take: this, and so many times the file."""

Content = dict[str, np.ndarray | list[np.ndarray]]


def read_mat(path: Path, names: Sequence[str]) -> Content:
    """Variables of a MATLAB 5 file: arrays of numbers or text, and lists for cells; absent ones are left out.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, or a variable is something else.
    """
    return _read("mat", path, names)


def read_h5(path: Path, names: Sequence[str]) -> Content:
    """Arrays of an HDF5 file (MATLAB's from 7.3 on are such).

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, or has no such array.
    """
    return _read("h5", path, names)


def read_cdf(path: Path, names: Sequence[str]) -> Content:
    """Variables of a CDF file.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, or has no such variable.
    """
    return _read("cdf", path, names)


def _read(kind: str, path: Path, names: Sequence[str]) -> Content:
    with path.open("rb"):  # says in the system's words that it cannot be, before the helper says it in a library's
        pass
    answer = _helper().ask({"kind": kind, "path": str(path.resolve()), "names": list(names)})
    if answer[:1] == b"E":
        raise ValueError(answer[1:].decode())
    content: Content = {}
    with np.load(io.BytesIO(answer[1:]), allow_pickle=False) as arrays:
        for key in arrays.files:
            name, _, place = key.partition("/")
            if place:
                cells = content.setdefault(name, [])
                assert isinstance(cells, list)
                cells.append(arrays[key])
            else:
                content[name] = arrays[key]
    return content


class _Helper:
    """The other process, as this one sees it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        )
        self.owner = os.getpid()
        self.lock = threading.Lock()

    @property
    def usable(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, request: dict[str, Any]) -> bytes:
        """What it answers; an error if it does not, after which there is another one."""
        with self.lock:
            timer = threading.Timer(SECONDS, self.process.kill)
            timer.start()
            try:
                assert self.process.stdin and self.process.stdout
                with suppress(BrokenPipeError):  # it has ended; what follows says so
                    self.process.stdin.write(json.dumps(request).encode() + b"\n")
                    self.process.stdin.flush()
                length = self.process.stdout.read(8)
                answer = self.process.stdout.read(int.from_bytes(length, "big"))
            except BaseException:  # an interrupt: what it answers now would be taken for the next file's
                self.close()
                raise
            finally:
                timer.cancel()
                timer.join()
        if len(length) == 8 and len(answer) == int.from_bytes(length, "big"):
            return answer
        self.close()
        return b"Eits library died of it, or took too long"

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.kill()
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


_current: list[_Helper] = []


def _helper() -> _Helper:
    if not (_current and _current[0].usable):
        _current[:] = [_Helper()]
    return _current[0]


@atexit.register
def _close() -> None:
    if _current and _current[0].usable:
        _current[0].close()


# In the other process


def _serve() -> None:
    """Answer one request a line until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            answer = b"A" + _packed(_READ[request["kind"]], Path(request["path"]), request["names"])
        except Exception as error:  # whatever a library raises for a damaged file: it is the answer
            answer = b"E" + f"{type(error).__name__}: {error}".encode(errors="replace")
        answers.write(len(answer).to_bytes(8, "big") + answer)
        answers.flush()


def _packed(read: Callable[[Path, list[str]], dict[str, Any]], path: Path, names: list[str]) -> bytes:
    read(path, [])  # its library is loaded before memory is counted
    _set_limits(path.stat().st_size)
    arrays: dict[str, Any] = {}
    for name, value in read(path, names).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            arrays |= {f"{name}/{place}": np.asarray(cell) for place, cell in enumerate(value.flat)}
        else:
            arrays[name] = np.asarray(value)
    for name, array in arrays.items():
        if array.dtype.kind not in "biufUS":
            raise ValueError(f"{name} is neither numbers nor text")
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def _set_limits(size: int) -> None:
    """Let the process take a part more memory and time than it has now; where the system has no such limits, none."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, FileNotFoundError):  # not Linux
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _PROCESSOR_SECONDS + size // _BYTES_PER_SECOND
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + _SPARE_BYTES + _GROWTH * size
    resource.setrlimit(resource.RLIMIT_AS, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _read_mat(path: Path, names: list[str]) -> dict[str, Any]:
    from scipy.io import loadmat

    content = loadmat(path, variable_names=names) if names else {}
    return {name: content[name] for name in names if name in content}


def _read_h5(path: Path, names: list[str]) -> dict[str, Any]:
    import h5py

    if not names:
        return {}
    with h5py.File(path, "r") as file:
        return {name: np.asarray(file[name]) for name in names}


def _read_cdf(path: Path, names: list[str]) -> dict[str, Any]:
    import cdflib

    return {name: np.asarray(cdflib.CDF(path).varget(name)) for name in names}


_READ = {"mat": _read_mat, "h5": _read_h5, "cdf": _read_cdf}

if __name__ == "__main__":
    _serve()
