"""Whose work a folder is, so that a call that was interrupted goes on with its own, and with no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poseembed.files.atomic import make_folder, replacing
from poseembed.files.records import RecordKind


def claim(record: Path, ours: Mapping[str, Any], kind: RecordKind, call: str) -> None:
    """Mark a folder as the work of a call, making it if it is not there.

    Args:
        record: File in the folder that says whose work it is.
        ours: What this work is made of: the call goes on with work of which all of this is the same.
        kind: Of the record.
        call: What does such work, as in "embed_file()".

    Raises:
        ValueError: If the folder holds something else, or other work.
    """
    folder = record.parent
    make_folder(folder)
    if record.exists():
        theirs = kind.read(record).content
        if different := [name for name, value in ours.items() if theirs.get(name) != value]:
            raise ValueError(
                f"{folder} holds the work of a call with another {', '.join(different)}; call again as then, or "
                "pass another folder"
            )
    elif any(folder.glob("[!.]*")):
        raise ValueError(f"{folder} is not empty, and not the work of {call}; pass another folder")
    else:
        with replacing(record) as file:
            file.write(kind.text(ours).encode())
