"""Where the commands' results go: every place is tried before the work, and tables are laid out on the screen."""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from poseembed.files.tables import Columns


def check_file(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse a file that could not be written in the end, before any work is done.

    Raises:
        ImportError: If it is a Parquet file and pyarrow is not installed.
        OSError: If nothing can be written in its folder.
        ValueError: If its suffix is none of those, there is no such folder, or a folder in its place.
    """
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"cannot write {path}: its suffix must be one of {', '.join(suffixes)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise ImportError(f"cannot write {path}: Parquet files need pyarrow, which is not installed")
    place = path.expanduser()
    if place.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder; wanted the name of a file")
    if not place.parent.is_dir():
        raise ValueError(f"cannot write {path}: there is no folder {path.parent}")
    _try(path, place.parent)


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made or filled, before any work is done.

    Raises:
        OSError: If nothing can be written there.
        ValueError: If there is a file in its place, or in that of a folder above it.
    """
    place = path.expanduser().absolute()
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not there.is_dir():
        raise ValueError(f"cannot write the folder {path}: {there} is a file")
    _try(path, there)


def check_picture(path: Path) -> None:
    """Refuse a picture that could not be drawn or written, before any work is done.

    Raises:
        ImportError: If matplotlib is not installed.
        OSError, ValueError: As `check_file` does; the suffixes are those that matplotlib writes.
    """
    from poseembed.plot import style  # says what to install

    check_file(path, [f".{suffix}" for suffix in sorted(style.new_figure(1, 1).canvas.get_supported_filetypes())])
    if path.is_file():  # which is written over, not replaced
        with path.open("ab"):
            pass


def laid_out(columns: Columns) -> str:
    """A table for the screen: a line for the names of the columns, and one for each row."""
    texts = [
        [name, *(f"{v:.3f}" if isinstance(v, float) else str(v) for v in c.tolist())] for name, c in columns.items()
    ]
    return "\n".join("  ".join(line).rstrip() for line in zip(*map(_aligned, texts), strict=True))


def counted(number: int, thing: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _try(path: Path, folder: Path) -> None:
    """Write into a folder, leaving nothing there: permissions alone do not tell (root, network drives, full disks)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error


def _aligned(column: list[str]) -> list[str]:
    width = max(map(len, column))
    return [text.ljust(width) for text in column]
