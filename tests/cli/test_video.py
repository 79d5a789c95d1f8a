"""`poseembed video`: its options, and folders for long videos."""

from pathlib import Path

import pytest

from poseembed import PoseEncoder, Poses, read_poses
from poseembed.cli import video

from ..test_align import squat
from .conftest import run


def test_video_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stand_in(source: Path, *rest: object, **settings: object) -> Poses:
        calls.append((source, settings))
        return Poses.from_arrays(squat(0.0)).embed(PoseEncoder.from_pretrained("cv-mim"))

    monkeypatch.setattr(video, "embed_video", stand_in)
    out = tmp_path / "out.npz"
    assert run("video", "in.mp4", out, "--people", 3, "--every", 2, "--model", "m.task") == 0
    ((source, settings),) = calls
    assert source == Path("in.mp4") and len(read_poses(out)) == 40
    assert settings == {"model": Path("m.task"), "num_poses": 3, "every": 2, "show_progress_bar": True}


def test_a_long_video_goes_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(video, "embed_video_to", lambda *arguments, **settings: calls.append(arguments))
    assert run("video", "in.mp4", tmp_path / "day") == 0
    assert calls[0][:2] == (Path("in.mp4"), tmp_path / "day")
