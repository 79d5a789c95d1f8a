"""`poseembed video`: its options, and folders for long videos."""

from pathlib import Path

import pytest

from poseembed import PoseEncoder, Poses, read_poses
from poseembed.cli import video
from poseembed.video import VideoFolders

from ..test_align import squat
from .conftest import run


def test_video_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stand_in(source: Path, *rest: object, **settings: object) -> Poses:
        calls.append((source, settings))
        return Poses.from_arrays(squat(0.0)).embed(PoseEncoder.from_pretrained("cv-mim"))

    monkeypatch.setattr(video, "embed_video", stand_in)
    out = tmp_path / "out.npz"
    assert run("video", "in.mp4", out, "--people", 3, "--every", 2, "--context", 0, "--landmarker", "m.task") == 0
    ((source, settings),) = calls
    assert source == Path("in.mp4") and len(read_poses(out)) == 40
    assert settings.pop("stop") is None
    wanted = {"landmarker": Path("m.task"), "num_poses": 3, "every": 2, "context": 0.0, "show_progress_bar": True}
    assert settings == wanted


def test_an_address_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stand_in(source: Path | str, *rest: object, **settings: object) -> Poses:
        calls.append((source, settings["stop"]))
        return Poses.from_arrays(squat(0.0)).embed(PoseEncoder.from_pretrained("cv-mim"))

    monkeypatch.setattr(video, "embed_video", stand_in)
    assert run("video", "rtsp://me:pass@10.0.0.9//stream", tmp_path / "out.npz", "--stop", 100) == 0
    assert calls == [("rtsp://me:pass@10.0.0.9//stream", 100)]


def test_no_address_goes_to_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("video", "rtsp://10.0.0.9/stream", tmp_path / "day") == 1
    assert "takes a file, so download it first" in capsys.readouterr().err


def test_a_long_video_goes_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stand_in(*arguments: object, **settings: object) -> list[Path]:
        calls.append(arguments)
        return [tmp_path / "day" / "00000.npz"]

    monkeypatch.setattr(video, "embed_video_to", stand_in)
    assert run("video", "in.mp4", tmp_path / "day") == 0
    assert calls[0][:2] == (Path("in.mp4"), tmp_path / "day")


def test_a_folder_cannot_take_the_place_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "day").touch()
    for folder in (tmp_path / "day", tmp_path / "day" / "one"):
        assert run("video", "in.mp4", folder) == 1
        assert f"{tmp_path / 'day'} is a file" in capsys.readouterr().err


@pytest.mark.parametrize("errors", [{}, {Path("b.mp4"): "gives no picture\nat all"}])
def test_several_videos_go_to_folders_in_a_folder(
    errors: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def stand_in(sources: list[Path], folder: Path, *_: object, **settings: object) -> VideoFolders:
        calls.append((sources, folder, settings))
        return VideoFolders({path: folder / path.name for path in sources if path not in errors}, errors)

    monkeypatch.setattr(video, "embed_videos_to", stand_in)
    assert run("video", "a.mp4", "b.mp4", tmp_path / "day", "--jobs", 2, "--people", 3) == bool(errors)
    ((sources, folder, settings),) = calls
    assert sources == [Path("a.mp4"), Path("b.mp4")] and folder == tmp_path / "day"
    assert (settings["jobs"], settings["num_poses"]) == (2, 3)
    said = capsys.readouterr().err
    assert f"wrote {folder}: {'1 video, and 1 could not be embedded' if errors else '2 videos ('}" in said
    assert ("b.mp4: gives no picture; at all" in said) == bool(errors)


def test_several_videos_are_for_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("video", "a.mp4", "b.mp4", tmp_path / "out.npz") == 1
    assert "got several videos, and" in (said := capsys.readouterr().err) and "wanted a folder for them" in said
    assert run("video", "a.mp4", "rtsp://10.0.0.9/stream", tmp_path / "day") == 1
    assert "a stream is embedded by itself" in capsys.readouterr().err
