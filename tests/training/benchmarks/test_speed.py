"""The command that says how fast the library is."""

import json
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder
from poseembed.actions import NearestSequence, TemporalConvNet
from training.benchmarks.speed import main
from training.evaluation import speed
from training.evaluation.exports import can_export

from ..datasets.test_multiview import arrays, save
from ..made_up import WriteMocap


def bodies(count: int) -> np.ndarray:
    """Somebody who moves about, metres, y up, facing +z."""
    standing = np.zeros((13, 3))
    standing[:, 1] = [0.7, 0.5, 0.5, 0.25, 0.25, 0, 0, 0, 0, -0.4, -0.4, -0.8, -0.8]
    standing[1::2, 0], standing[2::2, 0] = 0.2, -0.2
    phase = np.sin(np.arange(count) / 10)[:, None, None] * np.random.default_rng(0).normal(size=(13, 3))
    return (standing + 0.1 * phase).astype(np.float32)


def test_the_command(
    tmp_path: Path,
    plain_folder: Path,
    write_mocap: WriteMocap,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speed, "BATCHES", (1, 8))
    monkeypatch.setattr(speed, "SQUARE", 64)
    monkeypatch.setattr(speed, "COMPARED", 8)
    monkeypatch.setattr(PoseEncoder, "compile", lambda self, dynamic: None)  # takes half a minute
    monkeypatch.setattr(speed, "METHODS", (NearestSequence(), TemporalConvNet(steps=2)))
    data = write_mocap(tmp_path / "moves.npz", {"train": bodies(300)})
    out, document = tmp_path / "results.json", tmp_path / "SPEED.md"
    seen = ["--recordings", str(save(tmp_path, arrays()))]
    sizes = ["--frames", "150", "--exact", "100", "--size", "100", "--clips", "100"]
    main(
        [
            "--data",
            str(data),
            "--weights",
            str(plain_folder),
            "--out",
            str(out),
            "--results",
            str(document),
            *seen,
            *sizes,
        ]
    )
    results = json.loads(out.read_text())
    parts = {"limit", "encoder", "quality", "search", "alignment", "counting", "tracking", "recognition"}
    assert {entry["part"] for entry in results} == parts
    assert all(entry["value"] > 0 or "above the least" in entry["what"] for entry in results)
    assert {entry["unit"] for entry in results if entry["part"] == "search"} == {"ms/query"}
    found = {entry["what"]: entry["found"] for entry in results if entry["part"] == "quality"}
    asked = {what for what, share in found.items() if share is None}
    assert {what for what in asked if "a query among" not in what} == {"Pr-VIPE, 20 samples a pose, 8 at once"}
    assert asked > {"Pr-VIPE, 20 samples a pose, a query among 4,096"} and len(asked) == 3
    assert {share for what, share in found.items() if what not in asked} == {1.0}  # nobody moves
    assert "joint-pair distances, 8 at once" in found
    kinds = {entry["what"].split(", ")[1] for entry in results if entry["part"] == "encoder"}
    assert {"float32", "bfloat16", "torch.compile"} <= kinds
    eighths = [entry["what"] for entry in results if "int8" in entry["what"]]
    assert len(eighths) == (3 if can_export() else 0)
    printed, written = capsys.readouterr().out, document.read_text()
    assert len(printed.splitlines()) == 1 + len(results)
    assert written.startswith("# Speed\n") and "--data moves.npz" in written and "--frames 150" in written
    assert written.count("\n| ") == 2 + len(results)


def test_a_recording_that_is_too_short_is_refused(
    tmp_path: Path, write_mocap: WriteMocap, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "moves.npz", {"train": bodies(150)})
    with pytest.raises(SystemExit):
        main(["--data", str(data), "--out", str(tmp_path / "results.json"), "--exact", "100"])
    assert "got 150 frames; wanted more than 60, and twice --exact" in capsys.readouterr().err


def test_a_track_is_played_at_other_speeds_and_with_pauses() -> None:
    rows = speed.retime(5000, seed=0)
    steps = np.diff(rows)
    assert (steps >= 0).all() and rows[0] <= 1 and rows[-1] >= 4990
    assert 0.05 < (steps == 0).mean() < 0.5 and steps.max() == 2
