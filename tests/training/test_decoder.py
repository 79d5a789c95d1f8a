"""Fitting a decoder, on few made-up bodies that a small network can tell apart."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.decoder import DecoderConfig, look
from training import decoder
from training.datasets import mocap
from training.decoder import evaluate, fit
from training.evaluation.alignment import DETECTORS, performances
from training.evaluation.joints import choose_line, deviations_of_one
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import ViewSampler

from .made_up import WriteMocap, people


def test_look_sees_what_a_far_virtual_camera_does() -> None:
    torch.manual_seed(0)
    body = torch.randn(20, 13, 3)
    camera = CameraRange(distance=(1e5, 1e5)).sample(20)
    seen = look(body, camera.viewpoint(torch.zeros(20)))
    assert_close(seen, camera.look(body) * 1e5, atol=1e-3, rtol=0)


def test_fit_learns_bodies_their_doubts_and_cameras(masked_folder: Path) -> None:
    network = PoseEncoder.from_pretrained(masked_folder).network
    joints = people(3)
    sampler = ViewSampler(Bodies(joints, joints[:, 0], Variation()), CameraRange(), Detector(noise=0.1))
    errors = [
        evaluate(network, fit(network, sampler, DecoderConfig(64), pairs=pairs, seed=0), sampler, pairs=500, seed=1)
        for pairs in (64, 20_000)
    ]
    untrained, trained = errors
    assert trained.body.mean() < 0.6 * untrained.body.mean()
    assert trained.direction < 0.8 * untrained.direction
    half, most = trained.coverage[:, 1:].mean(1)  # without the head, whose place in the picture nobody knows
    assert 0.35 < half < 0.65 and 0.8 < most < 0.97


def test_errors_lie_within_the_regions_of_a_laplace_distribution_as_often_as_they_should() -> None:
    torch.manual_seed(0)
    far = torch.distributions.Gamma(3.0, 1.0).sample((20_000,))
    for share in decoder.REGIONS:
        assert (decoder._region(far) < share).float().mean().item() == pytest.approx(share, abs=0.01)


def test_the_likelihood_is_greatest_at_the_scale_of_the_errors() -> None:
    torch.manual_seed(0)
    far = torch.distributions.Gamma(3.0, 1.0).sample((20_000, 13, 1))
    wrong = 0.2 * far * torch.nn.functional.normalize(torch.randn(20_000, 13, 3), dim=-1)
    found = [
        decoder._unlikelihood(wrong, (torch.eye(3) / scale).expand(20_000, 13, 3, 3)).mean().item()
        for scale in (0.15, 0.18, 0.2, 0.22, 0.25)
    ]
    assert int(np.argmin(found)) == 2


def test_command_adds_a_decoder_and_changes_nothing_else(
    write_mocap: WriteMocap,
    masked_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(decoder, "MEASURED", 500)
    data = write_mocap(tmp_path / "made-up.npz", {"train": people(30), "val": people(20, seed=1)})
    folders = [Path(shutil.copytree(masked_folder, tmp_path / name)) for name in ("first", "again")]
    options = ["--pairs", "2000", "--width", "16", "--comparisons", "5", "--device", "cpu"]
    for folder in folders:
        decoder.main([str(folder), "--data", str(data), *options])
    said = capsys.readouterr().out
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
    assert "left wrist" in said and "degrees" in said
    assert f"joints of two performances differ from {first.decoder.config.line:g} standard deviations on" in said
    assert first.config.decoder == again.config.decoder == first.decoder.config
    # what was chosen is what the comparisons say
    clips = performances(mocap.read(data))
    groups = [list(deviations_of_one(clips, first, {"": d}, pairs=5, seed=0)) for d in DETECTORS.values()]
    assert choose_line(groups) == first.decoder.config.line


def test_command_refuses(
    write_mocap: WriteMocap, masked_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = write_mocap(tmp_path / "short.npz", {"train": people(30), "val": people(14)})
    for arguments, words in [
        ([str(tmp_path / "none"), "--data", str(masked_folder / "config.json")], "no such folder"),
        ([str(masked_folder), "--data", str(tmp_path / "none.npz")], "no such file"),
        ([str(masked_folder), "--data", str(masked_folder / "config.json"), "--pairs", "0"], "at least 1"),
        (
            [str(masked_folder), "--data", str(short)],
            "no well-tracked clip of 15 frames, so there is nothing to compare",
        ),
    ]:
        with pytest.raises(SystemExit):
            decoder.main(arguments)
        assert words in capsys.readouterr().err
