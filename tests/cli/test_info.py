"""`poseembed info`."""

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


def test_info_tells_fingerprint_and_space(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "poseembed-small") == 0
    said = capsys.readouterr().out
    small, base = PoseEncoder.from_pretrained("poseembed-small"), PoseEncoder.from_pretrained("poseembed-base")
    assert f"fingerprint: {small.fingerprint}" in said and f"space: {base.fingerprint} " in said
