"""What all commands share: a user's mistakes in words, exit codes, help."""

import errno
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses, read_poses, write_poses
from poseembed.cli import info, main

from ..limits import HANGS
from ..test_align import squat
from .conftest import run


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
        (["embed", "none.npy", "out.npz", "--device", "gpu"], "--device gpu: torch cannot use it here; there is cpu"),
        (["embed", "none.npy", "out.npz", "--device", "0"], "--device 0: torch cannot use it here"),
        (["embed", "none.npy", "out.npz", "--device", "meta"], "--device meta: torch cannot use it here"),
        (["embed", "none.npy", "out.npz", "--device", "hpu"], "--device hpu: torch cannot use it here"),
        (["embed", "none.npy", "."], "none.npy"),
        (["compare", "none.npz", "none.npz", "--plot", "steps.bmp"], "its suffix must be one of"),
        (["compare", "none.npz", "none.npz", "--plot", "nowhere/steps.png"], "there is no folder nowhere"),
        (["count", "none.npz", "none.npz", "--plot", "counted.png"], "--plot draws one clip, got 2"),
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


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("compare a.npz b.npz --open-ends 0.5", "argument --open-ends: got '0.5'; wanted a number from 0 to under 0.5"),
        ("compare a.npz b.npz --open-ends much", "argument --open-ends: got 'much'"),
        ("search a.npz b.npz --top 0", "argument --top: got '0'; wanted a whole number from 1 on"),
        ("search a.npz b.npz --frame -1", "argument --frame: got '-1'"),
        ("video a.mp4 b.npz --every 0.5", "argument --every: got '0.5'"),
        ("video a.mp4 b.npz --model m.task", "unrecognized arguments: --model m.task"),
    ],
)
def test_a_wrong_option_is_named(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this is about a machine without CUDA")
def test_a_device_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "in.npy", np.ones((1, 13, 2)))
    for device in ("cuda", "cuda:7", "mps"):
        assert run("embed", tmp_path / "in.npy", tmp_path / "out.npz", "--device", device) == 1
        error = capsys.readouterr().err
        assert error == f"poseembed: --device {device}: torch cannot use it here; there is cpu\n"


@pytest.mark.parametrize(
    "raised, words",
    [
        (MemoryError(), "there is not enough memory"),
        (MemoryError("Unable to allocate 7.45 GiB"), "Unable to allocate 7.45 GiB"),
        (RuntimeError("CUDA out of memory.\n\nTried"), "CUDA out of memory.; Tried"),
    ],
)
def test_a_want_of_memory_is_one_line(
    raised: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def want(_: object) -> None:
        raise raised

    monkeypatch.setattr(info.Info, "run", want)
    assert main(["info"]) == 1
    assert capsys.readouterr().err == f"poseembed: {words}\n"


def test_a_letter_that_the_screen_cannot_show_costs_no_table(tmp_path: Path) -> None:
    poses = tmp_path / "视频.npz"
    write_poses(Poses.from_arrays(squat(0.0)[:3]), poses)
    done = subprocess.run(
        [sys.executable, "-m", "poseembed.cli", "search", poses.name, poses.name, "--frame", "0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=HANGS,
    )
    lines = done.stdout.decode("cp1252").splitlines()
    assert done.returncode == 0 and len(lines) == 4 and all("??.npz" in line for line in lines[1:])


@pytest.mark.parametrize(
    "arguments", ["compare {} {} --out {}", "search {} {} --out {}", "embed {} {}", "count {} --out {}"]
)
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    arguments: str,
    tmp_path: Path,
    squats: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    monkeypatch.setattr(PoseEncoder, "from_pretrained", None)
    files = [*([squats[0]] * (arguments.count("{}") - 1)), tmp_path / "out.csv"]
    assert run(*arguments.format(*files).split()) == 1
    assert capsys.readouterr().err == f"poseembed: cannot write {tmp_path / 'out.csv'}: Read-only file system\n"


def test_a_folder_in_the_place_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out.csv").mkdir()
    assert run("embed", "none.npy", tmp_path / "out.csv") == 1
    assert "it is a folder; wanted the name of a file" in capsys.readouterr().err


def test_the_folder_of_a_long_video_is_read_by_every_command(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses, day = read_poses(squats[0]), tmp_path / "day"
    day.mkdir()
    for number, rows in enumerate((slice(20), slice(20, None))):
        write_poses(poses.select(rows), day / f"{number:05d}.npz")
    (day / "video.json").write_text("{}")  # which says that they are of one
    (tmp_path / "actions" / "stand").mkdir(parents=True)
    standing.rename(tmp_path / "actions" / "stand" / "one.npz")
    (tmp_path / "actions" / "squat").mkdir()
    day.rename(tmp_path / "actions" / "squat" / "day")
    day = tmp_path / "actions" / "squat" / "day"
    commands = {
        ("embed", day, tmp_path / "out.npz"): "40 poses (",
        ("search", squats[1], day, "--frame", 20): "among 40 poses",
        ("compare", day, squats[1]): "40 frames with 40",
        ("count", day): "40 poses, 1 track (",
        ("classify", day, "--examples", tmp_path / "actions"): "1 clip of 40 poses, 2 actions known (",
    }
    for arguments, said in commands.items():
        assert run(*arguments) == 0
        assert said in capsys.readouterr().err.splitlines()[-1]


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


@pytest.mark.parametrize("command", ["embed", "video", "search", "compare", "count", "classify", "export", "info"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"  poseembed {command}" in capsys.readouterr().out


def test_no_command_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
