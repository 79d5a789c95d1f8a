"""Plain words for a data set that is not there, not all there, or was not downloaded to the end.

A reader names its data set once, asks for its files, and reads them under watch:

HUMAN36M = DataSet("Human3.6M", "http://vision.imar.ro/human3.6m")

[archive] = HUMAN36M.require(folder, "data_3d_h36m.npz")
with HUMAN36M.opening(archive), np.load(archive) as arrays:
    ...
"""

import contextlib
import importlib.util
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

from poseembed.files.values import check_regular

_ARCHIVES = (".npz", ".zip")


@dataclass(frozen=True)
class DataSet:
    """A data set that its owner gives out.

    Attributes:
        name: As its users call it.
        page: Where to get it from.
    """

    name: str
    page: str

    def require(self, root: str | PathLike[str], *patterns: str) -> list[Path]:
        """Find what a reader needs of the data set.

        Args:
            root: The folder that the user has, or a single file (then no pattern is given).
            patterns: What has to be in it, relative to it: names such as `labels`, and patterns such as `S*/*.mat` or
                `**/*.skeleton`, each of which has to match something.

        Returns:
            What matched, in the order of the patterns and sorted within each; without patterns, `root` itself.

        Raises:
            FileNotFoundError: If `root` does not exist, or a pattern matches nothing in it.
            ValueError: If a file is empty, or a zip or `.npz` archive is not whole.
        """
        root = Path(root)
        if not root.exists():
            raise FileNotFoundError(f"{root} does not exist; {self.get_it()}")
        found: list[Path] = [] if patterns else [root]
        for pattern in patterns:
            matching = sorted(root.glob(pattern))
            if not matching:
                raise FileNotFoundError(f"{root} has no {pattern}, which {self.name} needs; {self.get_it()}")
            found += matching
        for path in found:
            self._check(path)
        return found

    @contextlib.contextmanager
    def opening(self, path: Path, *broken: type[Exception]) -> Iterator[None]:
        """Turn what a library raises for a broken file into words that name the file.

        Args:
            path: The file that is read inside the `with`.
            broken: What the library raises, besides the errors of archives and values; `OSError` for h5py.
                `FileNotFoundError` and `PermissionError` come through as they are.

        Raises:
            ValueError: For each of these.
        """
        errors: tuple[type[Exception], ...] = (BadZipFile, EOFError, zlib.error, ValueError, *broken)
        try:
            yield
        except (FileNotFoundError, PermissionError):  # not the file's fault
            raise
        except errors as error:
            raise ValueError(self._broken(path, str(error) or type(error).__name__)) from error

    def _check(self, path: Path) -> None:
        if path.is_dir():
            return
        check_regular(path)
        if not path.stat().st_size:
            raise ValueError(self._broken(path, "it is empty"))
        if path.suffix.lower() in _ARCHIVES and not is_zipfile(path):  # a zip's list of files is at its end
            raise ValueError(self._broken(path, "it is not a whole archive"))

    def _broken(self, path: Path, why: str) -> str:
        return f"{path} of {self.name} is damaged or half downloaded ({why}); {self.get_it()}"

    def get_it(self) -> str:
        """The end of a message: where to get the data set."""
        return f"get it from {self.page}"


def need_package(package: str) -> None:
    """Say which package is missing, and what brings it.

    Raises:
        ImportError: If it is not installed.
    """
    if importlib.util.find_spec(package) is not None:
        return
    raise ImportError(
        f"this needs {package}, which is not installed; in the checkout, with pip 25.1 or later: "
        "pip install --group training -c constraints.txt"
    )
