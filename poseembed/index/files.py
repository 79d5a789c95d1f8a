"""The folder of a `PoseIndex`: the vectors as faiss writes them, the table beside them, and a record of both."""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from poseembed._version import __version__
from poseembed.encoder import PoseEncoder
from poseembed.index.rows import Rows
from poseembed.index.vectors import import_faiss

FORMAT_VERSION = 1
"""Raised whenever an older library could misread a newer index."""

RECORD_FILE, VECTORS_FILE, ROWS_FILE = "index.json", "vectors.faiss", "rows.npz"


@dataclass
class Record:
    """What is known of an index besides its rows.

    Attributes:
        kind: How the vectors are kept, a factory string of faiss.
        own_ids: Whether the ids came from the user.
        skipped: Rows left out because their vectors were not finite.
        checkpoint: `fingerprint` and `training` of the weights that made the vectors, if they are known.
    """

    kind: str
    own_ids: bool
    skipped: int = 0
    checkpoint: dict[str, Any] | None = None


def write(folder: Path, index: Any, rows: Rows, record: Record) -> None:
    """Write all files beside the folder first, then put them in its place.

    Raises:
        FileExistsError: If the folder holds something other than an index.
    """
    target = folder.absolute()
    if target.is_file() or (target.is_dir() and not (target / RECORD_FILE).is_file() and any(target.iterdir())):
        raise FileExistsError(f"{target} is there and is not an index; save to a new folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    faiss = import_faiss()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        new, old = Path(scratch) / "new", Path(scratch) / "old"
        new.mkdir()
        faiss.write_index(index, str(new / VECTORS_FILE))
        rows.save(new / ROWS_FILE)
        content = {
            "format_version": FORMAT_VERSION,
            "poseembed_version": __version__,
            "faiss_version": faiss.__version__,
            **asdict(record),
            "rows": len(rows),
            "dim": index.d,
            "bytes": {name: (new / name).stat().st_size for name in (VECTORS_FILE, ROWS_FILE)},
        }
        (new / RECORD_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        if not target.exists():
            new.rename(target)
            return
        target.rename(old)
        try:
            new.rename(target)
        except OSError:  # the old index must not go with the scratch folder
            old.rename(target)
            raise


def read(folder: Path) -> tuple[Any, Rows, Record]:
    """Read an index: that of faiss, the table and the record.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or from a newer library, or the files do not belong together.
    """
    for name in (RECORD_FILE, VECTORS_FILE, ROWS_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no {name}; an index is a folder that PoseIndex.save wrote")
    try:
        content = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if content["format_version"] > FORMAT_VERSION:
            raise ValueError(
                f"{folder} has format {content['format_version']}, this poseembed {__version__} reads up to "
                f"{FORMAT_VERSION}; upgrade with: pip install -U poseembed"
            )
        record = Record(**{name: content[name] for name in Record.__dataclass_fields__})
        count, dim, sizes = content["rows"], content["dim"], content["bytes"]
        lengths = {name: sizes[name] for name in (VECTORS_FILE, ROWS_FILE)}
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / RECORD_FILE} is damaged ({error!r}); copy or build the index again") from error
    for name, length in lengths.items():
        if (found := os.path.getsize(folder / name)) != length:
            raise ValueError(f"{folder / name} has {found} bytes, {length} were saved; copy or build the index again")
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


def fingerprint(encoder: PoseEncoder) -> str:
    """SHA-256 of an encoder's weights: the same for every copy, on every device."""
    digest = hashlib.sha256()
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()
