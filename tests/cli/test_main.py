"""What all commands share: a user's mistakes in words, exit codes, help."""

import runpy
import sys
from pathlib import Path

import pytest

from poseembed.cli import info, main


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["embed", "none.npy", "out.npz"], "none.npy"),
        (["embed", "none.npy", "out.txt"], "its suffix must be one of"),
        (["embed", "none.npy", "nowhere/out.npz"], "there is no folder nowhere"),
        (["embed", "none.npy", "out.npz", "--weights", "no-such"], "no checkpoint"),
        (["search", "none.npz", "none.npz"], "none.npz"),
        (["compare", "none.mp4", "none.mp4"], "none.mp4"),
        (["compare", "none.npz", "none.npz", "--out", "steps.npy"], "its suffix must be one of"),
        (["video", "none.mp4", "out.npz"], "none.mp4"),
        (["classify", "none.npz", "--model", "nowhere"], "nowhere"),
        (["info", "./nowhere"], "no checkpoint"),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_in_words(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("poseembed: ") and words in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_traceback_on_request(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(["embed", str(tmp_path / "none.npy"), str(tmp_path / "out.npz"), "--traceback"])


def test_an_interruption_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(info.Info, "run", interrupt)
    assert main(["info"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_python_m_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["poseembed", "info"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("poseembed.cli", run_name="__main__")
    assert ended.value.code == 0
    assert "packaged checkpoints" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["embed", "video", "search", "compare", "classify", "info"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"  poseembed {command}" in capsys.readouterr().out


def test_no_command_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
