"""`poseembed count`: a row a person, and a picture."""

import csv
from pathlib import Path

import numpy as np
import pytest

from poseembed import Poses, write_poses

from ..test_align import squat
from .conftest import run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Person 0 squats three times in four seconds, person 4 stands."""
    squats = np.tile(squat(0.5), (3, 1, 1))
    points = np.stack([squats, squats[:1].repeat(120, axis=0)], axis=1).reshape(240, 13, 2)
    frame = np.arange(120).repeat(2)
    path = tmp_path / "clip.npz"
    write_poses(Poses.from_arrays(points, frame=frame, person=[0, 4] * 120, time=frame / 30), path)
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_count_has_a_row_a_person(tmp_path: Path, clip: Path) -> None:
    assert run("count", clip, "--out", tmp_path / "out.csv") == 0
    squats, still = rows(tmp_path / "out.csv")
    assert list(squats) == ["file", "person", "count", "start", "end", "period", "unit"]
    assert (squats["file"], squats["person"], squats["count"], squats["unit"]) == (str(clip), "0", "3", "seconds")
    assert 0 <= float(squats["start"]) < 0.5 and 3.5 < float(squats["end"]) <= 4
    assert float(squats["period"]) == pytest.approx(40 / 30, abs=0.1)
    assert (still["person"], still["count"], still["start"], still["period"]) == ("4", "0", "", "")


def test_count_for_one_person_in_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clip.npy"
    np.save(path, np.tile(squat(0.5), (3, 1, 1)))
    assert run("count", path, path) == 0
    _, line, again = capsys.readouterr().out.splitlines()
    assert line == again and line.split()[1:3] == ["-1", "3"] and line.split()[-1] == "frames"
    assert float(line.split()[-2]) == pytest.approx(40, abs=2)


def test_count_draws_whom_it_is_told(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "counted.png"
    assert run("count", clip, "--person", 4, "--plot", picture) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run("count", clip, "--person", 2) == 1
    assert "clip.npz: nobody is person 2; there are: 0, 4" in capsys.readouterr().err
