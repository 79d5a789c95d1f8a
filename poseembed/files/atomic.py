"""Writing whole: a file takes its place when it is complete, and what was there stays valid until then.

What is new is written beside its place, under a hidden name that ends in `.part`, and brought to the disk before it is
renamed; the new name is brought there before the writing counts as done. Whatever interrupts it, a kill or a power cut,
there is no half of anything, and what was saved stays. Who is killed leaves the `.part` behind; the next save of the
same file removes it, unless somebody is still writing it, which a lock tells. Permissions are those that the umask
leaves, as for any file that a program makes. `poseembed.files.bundle` does so for several files that belong together.
"""

import contextlib
import errno
import glob
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write, which takes its place when it is complete.

    Raises:
        FileNotFoundError: If the folder does not exist.
        OSError: If the file cannot be written, because the disk is full say; it names the file.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: there is no folder {target.parent}")
    with beside(target) as part:
        with writing(part, target) as file:
            yield file
        part.replace(target)
        sync_folder(target.parent)
    remove_leftovers(target)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A new file beside the target, locked while it is written; gone at the end, if it is still there."""
    while True:
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        part.touch(exist_ok=False)
        lock = lock_file(part)
        if lock is None or part.exists():
            break
        os.close(lock)  # another save took it for a leftover before it was locked
    try:
        yield part
    finally:
        if lock is not None:
            os.close(lock)
        part.unlink(missing_ok=True)


@contextmanager
def writing(part: Path, target: Path) -> Iterator[BinaryIO]:
    """A file to write, on the disk at the end; an error of the disk names the target, which a write alone does not."""
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is not None or error.errno is None or error.errno not in _NO_ROOM:
            raise
        why = f"{os.strerror(error.errno)}; what was there before is untouched"
        raise OSError(error.errno, why, os.fspath(target)) from error


def make_folder(folder: Path) -> None:
    """Make a folder, with those that it lies in, if it is not there; their names are on the disk at the end."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: syncing a file brings its content, but not what it was renamed to.

    Windows has nothing of the kind, nor have some network file systems; and a folder that one may write to but not read
    cannot be opened for it.
    """
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise OSError(error.errno, os.strerror(error.errno or 0), os.fspath(folder)) from error
    finally:
        os.close(descriptor)


def leftovers(target: Path) -> list[Path]:
    """What killed writers of a target left, and what others are writing."""
    return list(target.parent.glob(f".{glob.escape(target.name)}.{'[0-9a-f]' * 8}.part"))


def remove_leftovers(target: Path) -> None:
    """Remove what killed writers of the same target left."""
    for part in leftovers(target):
        lock = None
        with contextlib.suppress(OSError):  # somebody is writing it, or removed it just now
            lock = lock_file(part, wait=False)
        if lock is not None:
            part.unlink(missing_ok=True)
            os.close(lock)


def lock_file(part: Path, *, wait: bool = True) -> int | None:
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
