"""What tests of training share: files of made-up motion capture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def write_mocap() -> Callable[[Path, dict[str, np.ndarray]], Path]:
    """Writes a file with one clip for each split, by name, and gives its path back."""

    def write(path: Path, clips: dict[str, np.ndarray]) -> Path:
        joints, names = np.concatenate(list(clips.values())), np.array(list(clips))
        np.savez(
            path,
            joints=joints,
            nose=joints[:, 0],
            ok=np.ones(len(joints), bool),
            offsets=np.cumsum([0, *(len(clip) for clip in clips.values())]),
            subject=names,
            action=names,
            clip=names,
            split=names,
        )
        return path

    return write
