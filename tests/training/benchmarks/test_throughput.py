"""The throughput benchmark: that it counts right; how fast anything is, is not a test."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from poseembed.network import NetworkConfig
from training.benchmarks import throughput
from training.running.recipe import load_recipe
from training.scene.bodies import Bodies, Variation

SMALL = dataclasses.replace(
    load_recipe("poseembed_base"), network=NetworkConfig(mask_input=True, width=64), batch_size=32, pairs=64
)


@pytest.fixture(autouse=True)
def small_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "PEAK_SIZE", 64)


def joints(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 13, 3)).astype(np.float32)
    drawn[:, 1:3] += [0, 3, 0]
    return drawn


def test_operations_of_a_step() -> None:
    result = throughput.measure("small", SMALL, Bodies(joints(50), joints(50)[:, 0], Variation()), seconds=0.02)
    encoder = 39 * 64 + 4 * 64 * 64 + 64 * 64  # products for one view
    decoders = 32 * 256 + 256 * 39 + 32 * 5
    forward = 2 * 2 * (encoder + decoders)
    assert 2.8 * forward < result.flops_per_pair < 3.3 * forward  # twice again backwards, and the losses
    assert result.peak_share == pytest.approx(result.flops_per_pair * result.pairs_per_second / result.peak_flops)
    assert result.batch_size == 32


def test_objectives_that_take_the_gradient_of_a_gradient() -> None:
    recipe = dataclasses.replace(SMALL, objective=load_recipe("cv_mim").objective)
    result = throughput.measure("small", recipe, Bodies(joints(50), joints(50)[:, 0], Variation()), seconds=0.02)
    assert result.flops_per_pair > 0


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(throughput, "load_recipe", lambda _: SMALL)
    monkeypatch.setattr(throughput, "read_poses", lambda *_: (joints(50), joints(50)[:, 0]))
    monkeypatch.setattr(throughput.torch, "set_flush_denormal", lambda _: True)
    (tmp_path / "data.npz").touch()
    out = tmp_path / "results.json"
    command = ["poseembed_base", "--data", str(tmp_path / "data.npz"), "--device", "cpu", "--batch-size", "16"]
    throughput.main([*command, "--seconds", "0.02", "--out", str(out)])
    (result,) = json.loads(out.read_text())
    assert (result["recipe"], result["device"], result["batch_size"]) == ("poseembed_base", "cpu", 16)
    assert "poseembed_base" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"--data": "nowhere.npz"}, "no such file: nowhere.npz"), ({"--out": "nowhere/x"}, "no such folder: nowhere")],
)
def test_impossible_commands_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    (tmp_path / "data.npz").touch()
    options = {"--data": str(tmp_path / "data.npz"), "--out": str(tmp_path / "x.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        throughput.main(["cv_mim", *(text for option in options.items() for text in option)])
    assert message in capsys.readouterr().err
