"""`poseembed export`: what it writes, and what it refuses before any work."""

from pathlib import Path

import pytest

from poseembed import PoseEncoder, Poses

from .conftest import run


def test_what_is_asked_for_is_handed_on(
    squats: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an export writes, `tests/test_onnx.py` is about."""
    asked: list[tuple[str, Poses | None]] = []

    def export(_: PoseEncoder, path: Path, *, precision: str, calibration: Poses | None) -> None:
        path.write_bytes(bytes(300_000))
        asked.append((precision, calibration))

    def export_clip(_: PoseEncoder, path: Path, *, precision: str) -> None:
        path.write_bytes(bytes(500_000))
        asked.append((f"clips in {precision}", None))

    monkeypatch.setattr(PoseEncoder, "export_onnx", export)
    monkeypatch.setattr(PoseEncoder, "export_clip_onnx", export_clip)
    assert run("export", tmp_path / "a.onnx", "--weights", "poseembed-small") == 0
    assert "a.onnx: 0.3 MB, float32" in capsys.readouterr().err
    options = ("--precision", "int8", "--calibration", squats[0])
    assert run("export", tmp_path / "b.onnx", "--weights", "poseembed-small", *options) == 0
    assert run("export", tmp_path / "c.onnx", "--clips", "--precision", "float16") == 0
    assert "c.onnx: 0.5 MB, float16" in capsys.readouterr().err
    (first, nobody), (second, people), (third, _) = asked
    assert (first, nobody, second, third) == ("float32", None, "int8", "clips in float16")
    assert people is not None and len(people) == 40


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("model.pt",), "its suffix must be one of .onnx"),
        (("none/model.onnx",), "there is no folder none"),
        (("model.onnx", "--precision", "int8"), "int8 needs calibration="),
        (
            ("model.onnx", "--clips", "--precision", "int8", "--calibration", "keypoints.npy"),
            "clips are exported in float32 or float16",
        ),
        (("model.onnx", "--calibration", "keypoints.npy"), "calibration= is for precision='int8'"),
    ],
)
def test_what_cannot_be_done_is_refused_first(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PoseEncoder, "from_pretrained", None)  # not even loaded
    assert run("export", *arguments) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
