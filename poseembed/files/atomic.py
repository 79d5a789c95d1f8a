"""Writing whole: a file or a folder takes its place when it is complete, and what was there stays valid until then.

What is new is written beside its place, under a hidden name that ends in `.part`, and brought to the disk before it is
renamed. Whatever interrupts the writing, there is no half of anything. Who is killed leaves the `.part` behind; the
next save of the same thing removes it, unless somebody is still writing it, which a lock tells. Permissions are those
that the umask leaves, as for any file that a program makes.
"""

import contextlib
import glob
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when it is complete.

    Of several files that belong together, enter all before any is left (`contextlib.ExitStack`): then all are complete
    before the first takes its place.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: there is no folder {target.parent}")
    with _beside(target, lambda part: part.touch(exist_ok=False)) as part:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    _remove_leftovers(target)


@contextmanager
def replacing_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty folder to fill, which takes its place, that of all that was there before, when it is complete.

    The folders above it are made if need be. A process that dies between the two renames (the old folder out of its
    place, the new one into it) leaves both, complete, in the `.part` folder beside.
    """
    target = Path(path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with _beside(target, Path.mkdir) as part:
        new, old = part / "new", part / "old"
        new.mkdir()
        yield new
        for file in new.rglob("*"):
            if file.is_file():
                with file.open("rb+") as written:
                    os.fsync(written.fileno())
        if not target.exists():
            new.rename(target)
        else:
            target.rename(old)
            try:
                new.rename(target)
            except OSError:  # what was there must not go with the part
                old.rename(target)
                raise
    _remove_leftovers(target)


@contextmanager
def _beside(target: Path, create: Callable[[Path], object]) -> Iterator[Path]:
    """A new file or folder beside the target, locked while it is written; gone at the end, if it is still there."""
    while True:
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        create(part)
        lock = _lock(part)
        if lock is None or part.exists():
            break
        os.close(lock)  # another save took it for a leftover before it was locked
    try:
        yield part
    finally:
        if lock is not None:
            os.close(lock)
        _remove(part)


def _remove_leftovers(target: Path) -> None:
    """Remove what killed writers of the same target left."""
    for part in target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 8}.part"):
        lock = None
        with contextlib.suppress(OSError):  # somebody is writing it, or removed it just now
            lock = _lock(part, wait=False)
        if lock is not None:
            _remove(part)
            os.close(lock)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)  # two that remove one leftover get in each other's way
    else:
        part.unlink(missing_ok=True)


def _lock(part: Path, *, wait: bool = True) -> int | None:
    """Lock a file or folder until the descriptor that comes back is closed; None where nothing can be locked.

    Raises:
        OSError: If it is not there, or, without `wait`, locked by another.
    """
    if sys.platform == "win32":
        return None
    descriptor = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        if wait:  # a file system without locks, so nobody else takes the part for a leftover
            return None
        raise
    return descriptor
