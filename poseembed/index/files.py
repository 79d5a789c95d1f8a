"""The folder of a `PoseIndex`: the vectors as faiss writes them, the table beside them, and a record of both."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from poseembed.bounds import MAX_COUNT, MAX_DIM, check_whole
from poseembed.files import bundle
from poseembed.files.atomic import leftovers
from poseembed.files.records import SUMS, RecordKind
from poseembed.index.rows import Rows
from poseembed.index.vectors import import_faiss, write_index
from poseembed.origin import MadeBy

RECORD_FILE, VECTORS_FILE, ROWS_FILE = "index.json", "vectors.faiss", "rows.npz"

_RECORD = RecordKind(
    name="the record of an index",
    folder="an index is a folder that PoseIndex.save wrote",
    version=1,
    remedy="copy or build the index again",
)


@dataclass
class Record:
    """What is known of an index besides its rows.

    Attributes:
        kind: How the vectors are kept, a factory string of faiss.
        own_ids: Whether the ids came from the user.
        skipped: Rows left out because their vectors were not finite.
        made_by: What made the vectors, if that is known.
    """

    kind: str
    own_ids: bool
    skipped: int = 0
    made_by: MadeBy | None = None


def write(folder: Path, index: Any, rows: Rows, record: Record) -> None:
    """Write an index: all of its files or, if it is interrupted, none.

    Raises:
        FileExistsError: If the folder holds something other than an index.
        OSError: If a file cannot be written, because the disk is full say.
    """
    target = folder.absolute()
    if target.is_file() or (target.is_dir() and not (target / RECORD_FILE).is_file() and any(_strangers(target))):
        raise FileExistsError(f"{target} is there and is not an index; save to a new folder")
    sizes: dict[str, int] = {}

    def measured(name: str, save: Callable[[BinaryIO], object]) -> Callable[[BinaryIO], None]:
        def write(file: BinaryIO) -> None:
            save(file)
            sizes[name] = file.seek(0, os.SEEK_END)

        return write

    def text(sums: dict[str, str]) -> str:
        content = {
            "faiss_version": import_faiss().__version__,
            **asdict(record),
            "made_by": None if record.made_by is None else str(record.made_by),
            "rows": len(rows),
            "dim": index.d,
            "bytes": sizes,
            SUMS: sums,
        }
        return _RECORD.text(content)

    files = {VECTORS_FILE: lambda file: write_index(index, file), ROWS_FILE: rows.save}
    bundle.write(target / RECORD_FILE, text, {name: measured(name, save) for name, save in files.items()})


def read(folder: Path) -> tuple[Any, Rows, Record]:
    """Read an index: that of faiss, the table and the record.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or from a newer library, or the files do not belong together.
    """
    return bundle.read(folder / RECORD_FILE, lambda: _read(folder))


def _read(folder: Path) -> tuple[Any, Rows, Record]:
    content = _RECORD.read(folder / RECORD_FILE)
    said = content.find("made_by", str)
    count, dim, sizes = content.get("rows", int), content.get("dim", int), content.get("bytes", dict)
    try:
        record = Record(
            kind=content.get("kind", str),
            own_ids=content.get("own_ids", bool),
            skipped=content.get("skipped", int),
            made_by=None if said is None else MadeBy.from_text(said),
        )
        check_whole("dim", dim, 1, MAX_DIM)
        check_whole("rows", count, 0, MAX_COUNT)
        check_whole("skipped", record.skipped, 0, MAX_COUNT)
    except ValueError as error:
        raise ValueError(f"{content.path} does not describe an index: {error}; {_RECORD.remedy}") from error
    sums = content.sums()
    places = {name: bundle.find(folder / name, sums.get(name), _RECORD) for name in (VECTORS_FILE, ROWS_FILE)}
    for name, place in places.items():
        if (found := os.path.getsize(place)) != sizes.get(name):
            raise ValueError(f"{place} has {found} bytes, {sizes.get(name)!r:.40} were saved; {_RECORD.remedy}")
    try:
        index = import_faiss().read_index(str(places[VECTORS_FILE]))
    except RuntimeError as error:
        raise ValueError(f"{folder / VECTORS_FILE} is damaged ({error}); {_RECORD.remedy}") from error
    rows = Rows.load(places[ROWS_FILE], count)
    if not index.ntotal == len(rows) == count or index.d != dim:
        raise ValueError(
            f"the files in {folder} do not belong together: recorded are {count} rows of {dim} dimensions, "
            f"there are {index.ntotal} vectors of {index.d} and {len(rows)} ids"
        )
    return index, rows, record


def _strangers(folder: Path) -> Iterator[Path]:
    """What is in a folder besides what a killed save of an index left."""
    left = {part for name in (RECORD_FILE, VECTORS_FILE, ROWS_FILE) for part in leftovers(folder / name)}
    return (path for path in folder.iterdir() if path not in left)
