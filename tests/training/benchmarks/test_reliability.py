"""The reliability benchmark, on probabilities that are known to be right or wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from poseembed import PoseEncoder
from poseembed.calibration import MatchCalibration
from training.benchmarks import reliability, retrieval
from training.benchmarks.reliability import BINS, CONDITIONS, Result, assess, compare_views, draw, table
from training.benchmarks.retrieval import Condition
from training.calibrate import write_calibration

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]

GALLERY = 40


@pytest.fixture(autouse=True)
def small_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "GALLERY", GALLERY)
    monkeypatch.setattr(reliability, "BATCH", 25)


def simulate(count: int = 100_000) -> tuple[Tensor, Tensor]:
    """Probabilities, and matches that come true with them: half of all."""
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(count, generator=generator)
    return probability, torch.rand(count, generator=generator) < probability


def result_of(probability: Tensor, match: Tensor) -> Result:
    return assess(probability, match, data="made-up", condition=CONDITIONS[0])


def test_right_probabilities_have_no_calibration_error() -> None:
    result = result_of(*simulate())
    assert result.ece < 0.01
    assert result.brier == pytest.approx(1 / 6, abs=0.003)  # the mean of p (1 - p)
    assert len(result.bins) == BINS and sum(entry.pairs for entry in result.bins) == 100_000
    assert sum(entry.weight for entry in result.bins) == pytest.approx(1)
    for place, entry in enumerate(result.bins):
        assert place / BINS <= entry.predicted <= (place + 1) / BINS
        assert entry.observed == pytest.approx(entry.predicted, abs=0.03)


@pytest.mark.parametrize("sharper", [5.0, 0.2], ids=["too sure", "too cautious"])
def test_wrong_probabilities_have_a_large_one(sharper: float) -> None:
    probability, match = simulate()
    result = result_of(torch.sigmoid(sharper * torch.logit(probability)), match)
    assert result.ece > 0.15
    assert result.brier > 0.19


def test_saying_one_half_always() -> None:
    _, match = simulate(1000)
    result = result_of(torch.full((1000,), 0.5), match)
    assert (result.ece, result.brier) == pytest.approx((0, 0.25))
    assert [entry.pairs for entry in result.bins] == [1000]


@pytest.mark.parametrize("right, ece, brier", [(True, 0, 0), (False, 1, 1)])
def test_being_certain(right: bool, ece: float, brier: float) -> None:
    _, match = simulate(1000)
    result = result_of((match == right).float(), match)
    assert (result.ece, result.brier) == pytest.approx((ece, brier))
    assert len(result.bins) == 2


def test_matches_are_weighted_to_be_half() -> None:
    probability, match = simulate()
    kept = match | (torch.arange(len(match)) % 10 == 0)  # nine tenths of the other pairs are gone
    result = result_of(probability[kept], match[kept])
    assert result.matches == pytest.approx(0.91, abs=0.01)
    assert result.ece < 0.02
    assert result.brier == pytest.approx(1 / 6, abs=0.005)


def test_table_has_a_line_a_condition() -> None:
    results = [
        Result(data, c, matches=0.0315, ece=0.0126, brier=0.0726, bins=[])
        for data in ("one", "two")
        for c in CONDITIONS
    ]
    lines = table(results).splitlines()
    assert lines[0].split() == ["one", "ECE", "Brier", "matches"]
    assert lines[1].split()[-3:] == ["0.013", "0.073", "3.15%"] and lines[1].startswith("0 of 13 joints missing ")
    assert lines[2].startswith("4 of 13 joints missing, noise of 5 % of the torso  ")
    assert lines[3] == "" and lines[4].split()[0] == "two" and len(lines) == 7


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


def test_all_views_of_a_batch_are_compared(encoder: PoseEncoder) -> None:
    batches = list(compare_views(encoder, bodies(100), trials=2))
    assert [len(batch[CONDITIONS[0]].match) for batch in batches] == [25 * 25, 15 * 15] * 2
    for batch in batches:
        whole, partial = (batch[condition] for condition in CONDITIONS)
        assert torch.equal(whole.match, partial.match), "poses do not depend on the condition"
        assert not torch.allclose(whole.cosine, partial.cosine, atol=0.01)
        side = round(len(whole.match) ** 0.5)
        assert torch.equal(whole.match.unflatten(0, (side, side)), torch.eye(side, dtype=torch.bool))
    again = list(compare_views(encoder, bodies(100), trials=1))
    assert torch.equal(batches[0][CONDITIONS[1]].cosine, again[0][CONDITIONS[1]].cosine)
    assert not torch.equal(batches[0][CONDITIONS[1]].cosine, batches[2][CONDITIONS[1]].cosine)


def test_command_measures_on_the_val_split_and_draws(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody_alike = np.repeat(bodies(1), 60, 0)  # on which nothing could be measured
    parts = write_mocap(tmp_path / "parts.npz", {"train": everybody_alike, "val": bodies(GALLERY)})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": bodies(60, seed=1)})
    folder = Path(shutil.copytree(masked_folder, tmp_path / "calibrated"))
    write_calibration(folder, MatchCalibration(1.0, 1.0, 0.0), {})
    out, plot = tmp_path / "results.json", tmp_path / "curves.png"
    command = ["--data", str(parts), str(whole), "--weights", str(folder), "--trials", "1", "--out", str(out)]
    reliability.main([*command, "--plot", str(plot)])
    results = json.loads(out.read_text())
    assert [(result["data"], result["condition"]["missing"]) for result in results] == [
        ("parts", 0),
        ("parts", 4),
        ("whole", 0),
        ("whole", 4),
    ]
    for result in results:
        assert 0 <= result["ece"] <= 1 and 0 <= result["brier"] <= 1 and 0 < result["matches"] < 0.5
        assert sum(entry["pairs"] for entry in result["bins"]) == 25**2 + 15**2
    assert plot.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "parts  " in printed and printed.count("4 of 13 joints missing, noise of 5 %") == 2


def test_a_picture_of_one_file_and_of_certain_probabilities(tmp_path: Path) -> None:
    _, match = simulate(100)
    results = [
        assess(match.float(), match, data="a file with quite a long name", condition=Condition(missing, 0.0))
        for missing in (0, 4)
    ]
    draw(tmp_path / "curve.png", results)
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--trials": "0"}, "--trials must be at least 1"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--plot": "nowhere/curves.png"}, "no such folder: nowhere"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
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
    data = write_mocap(tmp_path / "data.npz", {"val": bodies(GALLERY)})
    options = {"--data": str(data), "--weights": str(plain_folder), "--out": str(tmp_path / "results.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        reliability.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_files_of_one_name_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    files = [write_mocap(folder / "data.npz", {"val": bodies(GALLERY)}) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(SystemExit, match="2"):
        reliability.main(["--data", *map(str, files), "--out", str(tmp_path / "results.json")])
    assert "two data files are called data" in capsys.readouterr().err
