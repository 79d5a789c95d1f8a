"""Whatever holds motion capture, read by who knows it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from training.datasets.mocap import human36m, motion_files, mpi_inf_3dhp, prepared
from training.datasets.mocap.capture import MotionCapture

_log = logging.getLogger(__name__)


class Reader(Protocol):
    """What a module has that reads a data set as its owner gives it out.

    Attributes:
        NAME: The data set's, for messages.
        LOOKS_LIKE: Its files, for messages.
    """

    NAME: str
    LOOKS_LIKE: str

    def recognises(self, path: Path) -> bool:
        """Whether a file or folder is of the data set, judged by names alone."""

    def read(self, path: Path) -> MotionCapture:
        """Read all of it; see the function `read` for what is raised."""


READERS: tuple[Reader, ...] = (human36m, mpi_inf_3dhp, motion_files)
"""Who is asked, in order; a new data set is one more module here."""


def read(path: str | Path) -> MotionCapture:
    """Read motion capture: an `.npz` file of `training.datasets.prepare`, or a data set as its owner gives it out.

    Such data sets are those of `READERS`: Human3.6M, MPI-INF-3DHP, and whatever lies in BVH or ASF/AMC files, as CMU
    and HDM05 do.

    Raises:
        FileNotFoundError: If it does not exist, or a data set lacks a file.
        ValueError: If it is none of these, a file is damaged, or arrays do not fit together.
        ImportError: If the package that reads such files is missing.
    """
    path = Path(path)
    for reader in READERS:
        if reader.recognises(path):
            _log.info("%s: read as %s", path, reader.NAME)
            return reader.read(path)
    if path.is_dir():
        known = "; ".join(f"{reader.NAME} ({reader.LOOKS_LIKE})" for reader in READERS)
        raise ValueError(f"{path} is none of the data sets that are read as they come: {known}")
    return prepared.read(path)


def by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Files and folders by the names that results are told apart by.

    Raises:
        FileNotFoundError: If one is missing.
        ValueError: If two have one name.
    """
    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file: {path}")
        if path.stem in files:
            raise ValueError(f"two data files are called {path.stem}; their results could not be told apart")
        files[path.stem] = path
    return files


def read_poses(
    paths: Sequence[str | Path], *splits: str
) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"]]:
    """Joints and noses of several files' well-tracked frames, one after the other; see `MotionCapture.poses`.

    Files that have no clip of the splits are left out.

    Raises:
        ValueError: If none has any.
    """
    joints, nose, _ = read_runs(paths, *splits)
    return joints, nose


def read_runs(
    paths: Sequence[str | Path], *splits: str
) -> tuple[Float[np.ndarray, "poses 13 3"], Float[np.ndarray, "poses 3"], Int[np.ndarray, " poses"]]:
    """What `read_poses` gives, and which poses follow each other in time; see `MotionCapture.runs`."""
    captures = [capture for capture in map(read, paths) if not splits or np.isin(capture.split, splits).any()]
    if not captures:
        raise ValueError(f"no clips of split {', '.join(splits)} in {', '.join(map(str, paths))}")
    joints, noses = zip(*(capture.poses(*splits) for capture in captures), strict=True)
    runs = [capture.runs(*splits) for capture in captures]
    first = np.cumsum([0, *(run[-1] + 1 for run in runs[:-1])])
    return (
        np.concatenate(joints),
        np.concatenate(noses),
        np.concatenate([f + run for f, run in zip(first, runs, strict=True)]),
    )
