"""The command of the throughput benchmark."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import throughput

from ..made_up import WriteMocap

SMALL = """
from dataclasses import replace
from poseembed.network import NetworkConfig
from training.recipes.poseembed_base import RECIPE as BASE

RECIPE = replace(BASE, network=NetworkConfig(mask_input=True, width=64))
"""


def joints(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 13, 3)).astype(np.float32)
    drawn[:, 1:3] += [0, 3, 0]
    return drawn


def test_command(write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.py"
    small.write_text(SMALL)
    data = write_mocap(tmp_path / "data.npz", {"train": joints(50)})
    out = tmp_path / "results.json"
    command = [str(small), "--data", str(data), "--device", "cpu", "--batch-size", "16"]
    throughput.main([*command, "--seconds", "0.02", "--peak-size", "64", "--out", str(out)])
    (result,) = json.loads(out.read_text())
    assert (result["recipe"], result["device"], result["batch_size"]) == (str(small), "cpu", 16)
    assert str(small) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--batch-size": "0"}, "--batch-size must be at least 1"),
        ({"--out": "nowhere/x"}, "no such folder: nowhere"),
    ],
)
def test_impossible_commands_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    (tmp_path / "data.npz").touch()
    options = {"--data": str(tmp_path / "data.npz"), "--out": str(tmp_path / "x.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        throughput.main(["cv_mim", *(text for option in options.items() for text in option)])
    assert message in capsys.readouterr().err


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.npz").touch()
    with pytest.raises(SystemExit, match="2"):
        throughput.main(["cv_mim", "none", "--data", str(tmp_path / "data.npz"), "--out", str(tmp_path / "x.json")])
    assert "unknown recipe 'none'" in capsys.readouterr().err
