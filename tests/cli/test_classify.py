"""`poseembed classify`: what is learned from folders."""

import csv
from pathlib import Path

import pytest

from poseembed import Poses, write_poses

from ..test_align import squat
from .conftest import run


def test_classify_learns_from_folders_and_remembers(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("squat", squats[0]), ("stand", standing)):
        (tmp_path / "examples" / name).mkdir(parents=True)
        path.rename(tmp_path / "examples" / name / path.name)
    learned = ["--examples", tmp_path / "examples", "--save", tmp_path / "recognizer"]
    assert run("classify", squats[1], *learned) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == [str(squats[1]), "squat"]
    assert run("classify", squats[1], "--model", tmp_path / "recognizer", "--out", tmp_path / "out.csv") == 0
    with (tmp_path / "out.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert line["action"] == "squat" and float(line["p_squat"]) > float(line["p_stand"])


def test_classify_without_examples(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run("classify", squats[0], "--examples", tmp_path / "empty") == 1
    assert "wanted a folder for each action" in capsys.readouterr().err


def test_clips_unlike_all_examples_can_have_a_name(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("squat", squats[0]), ("stand", standing)):
        (tmp_path / "examples" / name).mkdir(parents=True)
        path.rename(tmp_path / "examples" / name / path.name)
    points = squat(0.0)
    strange = tmp_path / "strange.csv"
    write_poses(Poses.from_arrays(np.random.default_rng(0).normal(300, 80, points.shape)), strange)
    learned = ["--examples", tmp_path / "examples", "--unknown", "other", "--save", tmp_path / "recognizer"]
    for source in (learned, ["--model", tmp_path / "recognizer"]):
        assert run("classify", squats[1], strange, *source, "--out", tmp_path / "out.csv") == 0
        with (tmp_path / "out.csv").open() as file:
            known, unknown = csv.DictReader(file)
        assert known["action"] == "squat" and unknown["action"] == "other"
        assert float(unknown["p_squat"]) == float(unknown["p_stand"]) == 0
    assert run("classify", strange, "--model", tmp_path / "recognizer", "--unknown", "another") == 1
    assert "--unknown is for --examples" in capsys.readouterr().err
