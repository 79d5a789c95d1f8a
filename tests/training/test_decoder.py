"""Fitting a decoder, on few made-up bodies that a small network can tell apart."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.decoder import DecoderConfig, look
from training import decoder
from training.decoder import evaluate, fit
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import ViewSampler

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


def test_look_sees_what_a_far_virtual_camera_does() -> None:
    torch.manual_seed(0)
    body = torch.randn(20, 13, 3)
    camera = CameraRange(distance=(1e5, 1e5)).sample(20)
    seen = look(body, camera.viewpoint(torch.zeros(20)))
    assert_close(seen, camera.look(body) * 1e5, atol=1e-3, rtol=0)


def test_fit_learns_bodies_and_cameras(masked_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "BATCH", 64)
    network = PoseEncoder.from_pretrained(masked_folder).network
    joints = bodies(3)
    sampler = ViewSampler(Bodies(joints, joints[:, 0], Variation()), CameraRange(), Detector())
    errors = [
        evaluate(network, fit(network, sampler, DecoderConfig(64), pairs=pairs, seed=0), sampler, pairs=200, seed=1)
        for pairs in (64, 20_000)
    ]
    untrained, trained = errors
    assert trained.body < 0.6 * untrained.body
    assert trained.direction < 0.8 * untrained.direction
    assert trained.guide < 0.8 * untrained.guide


def test_command_adds_a_decoder_and_changes_nothing_else(
    write_mocap: WriteMocap, masked_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "made-up.npz", {"train": bodies(30), "val": bodies(20, seed=1)})
    folders = [Path(shutil.copytree(masked_folder, tmp_path / name)) for name in ("first", "again")]
    for folder in folders:
        decoder.main([str(folder), "--data", str(data), "--pairs", "2000", "--width", "16", "--device", "cpu"])
    assert "degrees" in capsys.readouterr().out
    first, again = (PoseEncoder.from_pretrained(folder) for folder in folders)
    before = PoseEncoder.from_pretrained(masked_folder)
    assert before.decoder is None and first.decoder is not None and again.decoder is not None
    assert first.config.training["decoder"]["pairs"] == 2000
    assert (first.config.network, first.card) == (before.config.network, before.card)
    for name, value in before.state_dict().items():
        assert_close(first.state_dict()[name], value, rtol=0, atol=0)
    for one, other in zip(first.decoder.parameters(), again.decoder.parameters(), strict=True):
        assert_close(one, other, rtol=0, atol=0)
    assert (folders[0] / "decoder.safetensors").stat().st_size < 20_000  # half precision


def test_command_refuses(masked_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in [
        ([str(tmp_path / "none"), "--data", str(masked_folder / "config.json")], "no such folder"),
        ([str(masked_folder), "--data", str(tmp_path / "none.npz")], "no such file"),
        ([str(masked_folder), "--data", str(masked_folder / "config.json"), "--pairs", "0"], "at least 1"),
    ]:
        with pytest.raises(SystemExit):
            decoder.main(arguments)
        assert words in capsys.readouterr().err
