"""The folder of a `PoseIndex`: the vectors as faiss writes them, the table beside them, and a record of both."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poseembed.files.atomic import replacing_folder
from poseembed.files.records import RecordKind
from poseembed.index.rows import Rows
from poseembed.index.vectors import import_faiss
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
    """Write all files beside the folder first, then put them in its place.

    Raises:
        FileExistsError: If the folder holds something other than an index.
    """
    target = folder.absolute()
    if target.is_file() or (target.is_dir() and not (target / RECORD_FILE).is_file() and any(target.iterdir())):
        raise FileExistsError(f"{target} is there and is not an index; save to a new folder")
    faiss = import_faiss()
    with replacing_folder(target) as new:
        faiss.write_index(index, str(new / VECTORS_FILE))
        rows.save(new / ROWS_FILE)
        content = {
            "faiss_version": faiss.__version__,
            **asdict(record),
            "made_by": None if record.made_by is None else str(record.made_by),
            "rows": len(rows),
            "dim": index.d,
            "bytes": {name: (new / name).stat().st_size for name in (VECTORS_FILE, ROWS_FILE)},
        }
        (new / RECORD_FILE).write_text(_RECORD.text(content), encoding="utf-8")


def read(folder: Path) -> tuple[Any, Rows, Record]:
    """Read an index: that of faiss, the table and the record.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or from a newer library, or the files do not belong together.
    """
    content = _RECORD.read(folder / RECORD_FILE)
    said = content.find("made_by", str)
    record = Record(
        kind=content.get("kind", str),
        own_ids=content.get("own_ids", bool),
        skipped=content.get("skipped", int),
        made_by=None if said is None else MadeBy.from_text(said),
    )
    count, dim, sizes = content.get("rows", int), content.get("dim", int), content.get("bytes", dict)
    for name in (VECTORS_FILE, ROWS_FILE):
        _RECORD.need(folder / name)
        if (found := os.path.getsize(folder / name)) != sizes.get(name):
            raise ValueError(f"{folder / name} has {found} bytes, {sizes.get(name)} were saved; {_RECORD.remedy}")
    try:
        index = import_faiss().read_index(str(folder / VECTORS_FILE))
    except RuntimeError as error:
        raise ValueError(f"{folder / VECTORS_FILE} is damaged ({error}); copy or build the index again") from error
    rows = Rows.load(folder / ROWS_FILE)
    if not index.ntotal == len(rows) == count or index.d != dim:
        raise ValueError(
            f"the files in {folder} do not belong together: recorded are {count} rows of {dim} dimensions, "
            f"there are {index.ntotal} vectors of {index.d} and {len(rows)} ids"
        )
    return index, rows, record
