"""The options that commands share, and their checks."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from training.evaluation.command import CommandParser, command_line, recordings, start

from ..made_up import WriteMocap


@pytest.fixture
def parser() -> CommandParser:
    """Of a command with all shared options."""
    made = CommandParser("training.benchmarks.x", "Measure something: how much.\n\nMore of it.")
    made.add_data()
    made.add_several_weights()
    made.add_count("--trials", 3, "draws")
    made.add_count("--frames", None, "of a clip")
    made.add_seed("of everything")
    made.add_device()
    made.add_plot()
    made.add_results()
    made.add_out()
    return made


def test_defaults(parser: CommandParser, tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    options = parser.parse(["--data", str(tmp_path / "a.npz"), "--out", str(tmp_path / "x.json")])
    assert (options.weights, options.trials, options.frames, options.seed) == ([], 3, None, 0)
    assert (options.plot, options.device, options.results.name) == (None, None, "RESULTS.md")
    assert options.data == [tmp_path / "a.npz"] and options.out == tmp_path / "x.json"


def test_weights_may_stand_together_or_apart(parser: CommandParser, tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    given = ["--data", str(tmp_path / "a.npz"), "--out", str(tmp_path / "x"), "--weights", "a", "b", "--weights", "c"]
    assert parser.parse(given).weights == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--out": "nowhere/x.json"}, "no such folder: nowhere"),
        ({"--out": "."}, ". is a folder; name a file in it"),
        ({"--plot": "nowhere/x.png"}, "no such folder: nowhere"),
        ({"--results": "."}, ". is a folder; name a file in it"),
        ({"--trials": "0"}, "--trials must be at least 1"),
        ({"--frames": "0"}, "--frames must be at least 1"),
        ({"--seed": "-1"}, "--seed must be at least 0"),
    ],
)
def test_what_cannot_be_done_is_refused(
    parser: CommandParser, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    (tmp_path / "a.npz").touch()
    options = {"--data": str(tmp_path / "a.npz"), "--out": str(tmp_path / "x.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        parser.parse([word for option in options.items() for word in option])
    assert f"python -m training.benchmarks.x: error: {message}\n" in capsys.readouterr().err


def test_a_picture_needs_matplotlib(
    parser: CommandParser, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.npz").touch()
    options = ["--data", str(tmp_path / "a.npz"), "--out", str(tmp_path / "x.json"), "--plot", str(tmp_path / "x.png")]
    parser.parse(options)
    monkeypatch.setattr("training.evaluation.command.find_spec", lambda _: None)
    parser.parse(options[:-2])
    with pytest.raises(SystemExit, match="2"):
        parser.parse(options)
    assert "--plot needs matplotlib: pip install poseembed[plot]" in capsys.readouterr().err


def test_help_says_what_the_command_is_for_and_the_defaults(
    parser: CommandParser, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        parser.parse(["--help"])
    said = capsys.readouterr().out
    assert "\nMeasure something: how much.\n" in said and "More of it" not in said
    assert "draws (default: 3)" in said and "of a clip\n" in said
    assert CommandParser("x", "Fit it: `python -m x` does.").description == "Fit it"


def test_probabilities_take_a_calibration(
    parser: CommandParser, plain_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parser.calibrated("poseembed-small").config.calibration is not None
    with pytest.raises(SystemExit, match="2"):
        parser.calibrated(str(plain_folder))
    assert "this checkpoint has no calibration; fit it with: python -m training.calibrate" in capsys.readouterr().err


def test_context_takes_a_clip_encoder(
    parser: CommandParser, plain_folder: Path, clip_encoder: PoseEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    parser.need_clip_encoder(clip_encoder)
    with pytest.raises(SystemExit, match="2"):
        parser.need_clip_encoder(PoseEncoder.from_pretrained(plain_folder))
    assert "this checkpoint has no clip encoder, so there are no vectors with context" in capsys.readouterr().err


def test_errors_that_tell_of_useless_input_end_the_program_and_others_do_not(
    parser: CommandParser, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (FileNotFoundError("gone"), ValueError("bad"), ImportError("lacking")):
        with pytest.raises(SystemExit, match="2"), parser.refusing():
            raise error
        assert f"error: {error}\n" in capsys.readouterr().err
    with pytest.raises(TypeError, match="odd"), parser.refusing():
        raise TypeError("odd")
    with pytest.raises(SystemExit, match="2"), parser.refusing(TypeError):
        raise TypeError("odd")


def test_options_that_were_changed(parser: CommandParser, tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    given = ["--data", str(tmp_path / "a.npz"), "--out", str(tmp_path / "x")]
    names = ("--trials", "--frames", "--seed")
    assert parser.changed(parser.parse(given), *names) == {}
    options = parser.parse([*given, "--trials", "5", "--frames", "9"])
    assert parser.changed(options, *names) == {"--trials": ["5"], "--frames": ["9"]}


def test_a_command_line_names_files_without_their_folders() -> None:
    options = {"--data": [Path("/far/away/a.npz"), Path("b c.npz")], "--run": [], "--weights": ["owner/name"]}
    assert command_line("training.benchmarks.x", options) == (
        "python -m training.benchmarks.x --data a.npz 'b c.npz' --weights owner/name"
    )


def test_recordings_are_told_apart_by_the_names_of_their_files(write_mocap: WriteMocap, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    joints = np.random.default_rng(0).normal(size=(2, 5, 13, 3)).astype(np.float32)
    one, two = (write_mocap(tmp_path / f"{name}.npz", {"val": part}) for name, part in zip("ab", joints, strict=True))
    found = recordings([one, two])
    assert list(found) == ["a", "b"] and np.array_equal(found["b"].held_out(), joints[1])
    with pytest.raises(ValueError, match="two data files are called a"):
        recordings([one, write_mocap(tmp_path / "other" / "a.npz", {"val": joints[0]})])


def test_where_to_compute_and_that_tiny_numbers_are_zero() -> None:
    tiny = torch.tensor(1e-40)
    assert start("cpu") == torch.device("cpu")
    assert (tiny * 1.5).item() == 0
    assert start(None).type == ("cuda" if torch.cuda.is_available() else "cpu")
