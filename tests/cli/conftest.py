"""What the tests of the commands share: two squats, somebody who stands, and a way to run a command."""

from pathlib import Path

import numpy as np
import pytest

from poseembed import Poses, write_poses
from poseembed.cli import main

from ..test_align import squat


@pytest.fixture
def squats(tmp_path: Path) -> tuple[Path, Path]:
    """The same performance from two cameras."""
    paths = (tmp_path / "one.npz", tmp_path / "two.csv")
    for path, azimuth in zip(paths, (0.0, 0.5), strict=True):
        write_poses(Poses.from_arrays(squat(azimuth), person=[0] * 40, time=np.arange(40) / 30), path)
    return paths


@pytest.fixture
def standing(tmp_path: Path) -> Path:
    path = tmp_path / "standing.npz"
    raised = squat(0.5)[:1]
    raised[:, [4, 6], 1] = raised[:, [2, 2], 1] - [30, 70]  # the right arm straight up
    write_poses(Poses.from_arrays(np.repeat(raised, 40, axis=0), person=[0] * 40), path)
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])
