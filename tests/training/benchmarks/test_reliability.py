"""The command of the reliability benchmark."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed.calibration import MatchCalibration
from training.benchmarks import reliability
from training.benchmarks.reliability import draw, tables
from training.calibrate import write_calibration
from training.evaluation.pairs import Pairs
from training.evaluation.reliability import PRIORS, SIGHTS, ReliabilityResult, assess
from training.evaluation.report import texts

from ..datasets.test_multiview import save
from ..evaluation.test_reliability import moving
from ..made_up import WriteMocap, people

GALLERY = 40


def test_table_has_a_line_a_sight() -> None:
    results = [
        ReliabilityResult(data, sight, prior, matches=0.0315, ece=ece, worst=-0.125, brier=0.0726, bins=[])
        for data in ("one", "two")
        for sight in SIGHTS
        for prior, ece in zip(PRIORS, (0.0126, 0.0034), strict=True)
    ]
    lines = texts(tables(results)).splitlines()
    assert lines[0].split() == ["one", "ECE", "worst", "ECE,", "own", "share", "worst", "Brier", "matches"]
    assert lines[1].split() == ["complete", "0.013", "-0.12", "0.003", "-0.12", "0.073", "3.15%"]
    assert lines[2].startswith("4 missing  ") and len(lines) == 2 * (1 + len(SIGHTS)) + 1
    assert lines[len(SIGHTS) + 1] == "" and lines[len(SIGHTS) + 2].split()[0] == "two"


def test_command_measures_on_the_val_split_and_draws(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody_alike = np.repeat(people(1), 60, 0)  # on which nothing could be measured
    parts = write_mocap(tmp_path / "parts.npz", {"train": everybody_alike, "val": people(GALLERY)})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": people(60, seed=1)})
    folder = Path(shutil.copytree(masked_folder, tmp_path / "calibrated"))
    write_calibration(folder, MatchCalibration((1.0,), (1.0,), (0.0,)), {})
    recording = save(tmp_path, moving())
    out, plot = tmp_path / "results.json", tmp_path / "curves.png"
    command = [
        "--data",
        str(parts),
        str(whole),
        "--recordings",
        str(recording),
        "--weights",
        str(folder),
        "--trials",
        "1",
        "--out",
        str(out),
        "--poses",
        "40",
    ]
    reliability.main([*command, "--plot", str(plot)])
    results = json.loads(out.read_text())
    assert [(result["data"], result["sight"]["part"], result["prior"]) for result in results] == [
        (data, sight.part, prior) for data in ("parts", "whole", recording.stem) for sight in SIGHTS for prior in PRIORS
    ]
    for result in results:
        assert 0 <= result["ece"] <= 1 and 0 <= result["brier"] <= 1 and 0 < result["matches"] < 1
        if result["data"] != recording.stem:
            assert sum(entry["pairs"] for entry in result["bins"]) == GALLERY**2
    assert plot.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "parts  " in printed and printed.count("4 missing  ") == 3


def test_a_picture_of_one_file_and_of_certain_probabilities(tmp_path: Path) -> None:
    match = torch.arange(400) % 2 == 0
    results = [
        assess(Pairs(match.float(), match), prior, data="a file with quite a long name", sight=sight)
        for sight in SIGHTS[:2]
        for prior in PRIORS
    ]
    draw(tmp_path / "curve.png", results)
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_there_must_be_something_to_measure_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        reliability.main(["--out", str(tmp_path / "results.json")])
    assert "give --data or --recordings, or both" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--trials": "0"}, "--trials must be at least 1"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--plot": "nowhere/curves.png"}, "no such folder: nowhere"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--poses": "41"}, "data: got 40 poses; a gallery takes 41"),
        ({}, "this checkpoint has no calibration; fit it with: python -m training.calibrate FOLDER"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    plain_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    message: str,
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"val": people(GALLERY)})
    options = {"--data": str(data), "--weights": str(plain_folder), "--out": str(tmp_path / "results.json")}
    options |= {"--poses": str(GALLERY)} | changed
    with pytest.raises(SystemExit, match="2"):
        reliability.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_files_of_one_name_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    files = [write_mocap(folder / "data.npz", {"val": people(GALLERY)}) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(SystemExit, match="2"):
        reliability.main(["--data", *map(str, files), "--out", str(tmp_path / "results.json")])
    assert "two data files are called data" in capsys.readouterr().err
