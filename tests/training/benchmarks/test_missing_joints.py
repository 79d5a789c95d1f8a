"""The command that says what missing joints cost."""

import json
from pathlib import Path

import pytest

from training.benchmarks import missing_joints
from training.benchmarks.missing_joints import tables
from training.evaluation.missing_joints import PARTS, MissingResult
from training.evaluation.report import texts

from ..made_up import WriteMocap, people


def test_table_has_a_line_a_part() -> None:
    results = [
        MissingResult("data", part, trial, cosine=0.5, hit=0.25, hit_both=0.125 + 0.01 * trial)
        for part in PARTS
        for trial in range(2)
    ]
    header, *lines = texts(tables(results)).splitlines()
    assert header.startswith("data; missing:") and len(lines) == len(PARTS)
    assert lines[1].split() == ["nose", "0.50", "25.0", "±", "0.0", "13.0", "±", "0.7"]


def test_command_measures_and_draws(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"val": people(30)})
    out, plot = tmp_path / "results.json", tmp_path / "missing.svg"
    options = ["--poses", "30", "--trials", "2", "--out", str(out), "--plot", str(plot)]
    missing_joints.main(["--data", str(data), "--weights", str(masked_folder), *options])
    results = json.loads(out.read_text())
    assert [(result["part"], result["trial"]) for result in results] == [(part, t) for t in range(2) for part in PARTS]
    assert all(0 <= result["hit"] <= 1 and -1 <= result["cosine"] < 1.0001 for result in results)
    assert "data; missing:" in capsys.readouterr().out
    assert plot.read_text().startswith("<?xml")


def test_too_few_poses_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"val": people(30)})
    with pytest.raises(SystemExit, match="2"):
        missing_joints.main(
            ["--data", str(data), "--weights", str(masked_folder), "--out", str(tmp_path / "out.json"), "--poses", "31"]
        )
    assert "data: got 30 poses; a gallery takes 31" in capsys.readouterr().err
