"""`poseembed compare`: the score, the steps and the picture."""

import json
from pathlib import Path

import pytest

from .conftest import run


def test_compare_says_score_and_writes_steps_and_picture(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", *squats, "--out", tmp_path / "steps.json", "--plot", tmp_path / "steps.png") == 0
    said = capsys.readouterr().out
    assert "(the same performance" in said and "joints that differ most" in said
    steps = json.loads((tmp_path / "steps.json").read_text())
    assert steps["first_frame"][0] == 0 and steps["second_frame"][-1] == 39
    assert len(steps["left_wrist_difference"]) == len(steps["similarity"])
    assert (tmp_path / "steps.png").stat().st_size > 10_000


def test_compare_tells_performances_apart(
    squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", squats[0], standing) == 0
    assert "not the same performance" in capsys.readouterr().out
