"""Files that belong together: a record, and the files that it names with their SHA-256.

No system renames several files at once. So one of them decides: the record, which is renamed first, when all the others
are complete on the disk under their hidden names. From then on the new files count, whether or not they have been
renamed too: who reads looks for the file with the SHA-256 of the record, in its place or, after a kill between two
renames, under its hidden name (`find`). Before that rename the old record counts, and the old files, all in place. At
no moment is there a mixture, nor nothing. The next save removes what is left over, after its own last rename. A power
cut may undo any of the renames that are not on the disk yet, so the folder is brought there between the steps.
"""

import hashlib
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from poseembed.files.atomic import beside, leftovers, lock_file, make_folder, remove_leftovers, sync_folder, writing
from poseembed.files.records import MAX_BYTES, RecordKind

T = TypeVar("T")
_CHUNK = 1 << 20
_TRIES = 5  # one more than a record has files
_logger = logging.getLogger(__name__)


def write(
    record: Path,
    text: Callable[[dict[str, str]], str],
    files: Mapping[str, Callable[[BinaryIO], object]],
    others: Mapping[str, str] | None = None,
) -> None:
    """Write a record and its files, all or none of them. The folder is made if need be; what else is in it stays.

    Args:
        record: Path of the record.
        text: Makes its text of the SHA-256 of each file.
        files: By name, what writes each.
        others: Texts by name that go with them but may be changed by hand, so that the record does not vouch for them.

    Raises:
        OSError: If one cannot be written, because the disk is full say; what was there is then untouched.
    """
    folder = record.parent
    make_folder(folder)
    texts = {name: other.encode() for name, other in (others or {}).items()}
    for name in (record.name, *texts, *files):
        if (folder / name).is_dir():
            raise IsADirectoryError(f"cannot write {folder / name}: there is a folder of that name")
    with ExitStack() as stack:
        parts: dict[str, Path] = {}

        def add(name: str, save: Callable[[BinaryIO], object]) -> None:
            parts[name] = stack.enter_context(beside(folder / name))
            with writing(parts[name], folder / name) as file:
                save(file)

        for name, save in files.items():
            add(name, save)
        sums = {name: sha256(part) for name, part in parts.items()}
        for name, content in texts.items():
            add(name, lambda file, content=content: file.write(content))  # type: ignore[misc]
        add(record.name, lambda file: file.write(text(sums).encode()))
        sync_folder(folder)  # a record that counts must find the others, even under their hidden names
        with _alone(folder):
            parts[record.name].replace(record)
            sync_folder(folder)  # until it counts, the old files must stay in their places
            failed: list[OSError] = []
            for name in (*texts, *files):
                try:
                    parts[name].replace(folder / name)
                except OSError as error:  # the record counts already, so the file stays, under a hidden name
                    parts[name].rename(parts[name].with_name(f".{name}.{secrets.token_hex(4)}.part"))
                    failed.append(error)
            sync_folder(folder)
            if failed:
                raise failed[0]
    for name in parts:
        remove_leftovers(folder / name)


def find(path: Path, wanted: str | None, kind: RecordKind) -> Path:
    """Where the file is that a record vouches for: in its place, or where a kill left it.

    Args:
        path: Its place.
        wanted: Its SHA-256; None for a record of an earlier library, which says nothing of it.
        kind: Of the record.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is none with that SHA-256.
    """
    if wanted is None:
        kind.need(path)
        _logger.info("%s was saved before its SHA-256 was recorded: damage inside it would not be noticed", path)
        return path
    found = None
    for place in _places(path):
        with suppress(FileNotFoundError):  # it has been renamed, or the next save has removed it
            found = sha256(place)
            if found == wanted:
                return place
    kind.need(path)
    raise ValueError(
        f"{path} is damaged or cut short, or was saved without the rest (its SHA-256 is {found!s:.16}, recorded is "
        f"{wanted:.16}); {kind.remedy}{_of_the_hub(path)}"
    )


def read(record: Path, read_all: Callable[[], T]) -> T:
    """Read a record and its files; again if somebody saved meanwhile, for that save was begun by its record.

    With the same record it is tried `_TRIES` times: a file that was found under its hidden name may have got into its
    place before it was opened.
    """
    tries = 0
    while True:
        before = _content(record)
        try:
            result = read_all()
        except (OSError, ValueError):
            tries = tries + 1 if _content(record) == before else 0
            if tries == _TRIES:
                raise
            continue
        if _content(record) == before:
            return result


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _places(path: Path) -> Iterator[Path]:
    """Where a file may be: in its place, left over, or in its place by now."""
    yield path
    yield from leftovers(path)
    yield path


def _content(record: Path) -> bytes | None:
    if not record.is_file():
        return None
    with record.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _of_the_hub(path: Path) -> str:
    """How to get rid of a file in the Hub's cache, whose folders are named models--OWNER--NAME/snapshots/COMMIT."""
    repository = path.absolute().parents[2] if len(path.absolute().parents) > 2 else path
    if path.absolute().parents[1].name != "snapshots" or not repository.name.startswith("models--"):
        return ""
    name = repository.name.removeprefix("models--").replace("--", "/")
    return f": from_pretrained({name!r}, force_download=True), or remove the folder {repository} first"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two saves to one folder rename one after the other, where folders can be locked."""
    lock = lock_file(folder)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)
