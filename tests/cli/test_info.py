"""`poseembed info`."""

from pathlib import Path

import pytest

from poseembed import PoseEncoder, list_pretrained

from .conftest import run


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in list_pretrained())
    assert run("info", "poseembed-base") == 0
    said = capsys.readouterr().out
    assert "apache-2.0" in said and "768 wide" in said and "decoder: yes" in said


def test_info_tells_of_a_clip_encoder(
    plain_folder: Path, clip_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("info", plain_folder) == 0
    assert "match probability: no; decoder: no; clip encoder: no\n" in capsys.readouterr().out
    assert run("info", clip_folder) == 0
    assert "match probability: no; decoder: no; clip encoder: yes\n" in capsys.readouterr().out


def test_info_tells_fingerprint_and_space(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "poseembed-small") == 0
    said = capsys.readouterr().out
    small, base = PoseEncoder.from_pretrained("poseembed-small"), PoseEncoder.from_pretrained("poseembed-base")
    assert f"fingerprint: {small.fingerprint}" in said and f"space: {base.space} " in said and base.space == small.space
