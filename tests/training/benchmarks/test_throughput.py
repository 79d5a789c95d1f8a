"""The command of the throughput benchmark."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poseembed.network import NetworkConfig
from training.benchmarks import throughput
from training.running.recipe import load_recipe

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]

SMALL = dataclasses.replace(
    load_recipe("poseembed_base"), network=NetworkConfig(mask_input=True, width=64), batch_size=32, pairs=64
)


def joints(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 13, 3)).astype(np.float32)
    drawn[:, 1:3] += [0, 3, 0]
    return drawn


def test_command(
    write_mocap: WriteMocap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(throughput, "load_recipe", lambda _: SMALL)
    data = write_mocap(tmp_path / "data.npz", {"train": joints(50)})
    out = tmp_path / "results.json"
    command = ["poseembed_base", "--data", str(data), "--device", "cpu", "--batch-size", "16"]
    throughput.main([*command, "--seconds", "0.02", "--peak-size", "64", "--out", str(out)])
    (result,) = json.loads(out.read_text())
    assert (result["recipe"], result["device"], result["batch_size"]) == ("poseembed_base", "cpu", 16)
    assert "poseembed_base" in capsys.readouterr().out


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
