"""The command that measures retrieval between real cameras."""

import json
from pathlib import Path

import pytest

from training.benchmarks.real_recordings import main

from ..datasets.test_multiview import arrays, save


def test_the_command_writes_every_pair_and_prints_the_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = save(tmp_path, arrays()), tmp_path / "out.json"
    main(["--recordings", str(path), "--out", str(out)])
    results = json.loads(out.read_text())
    assert [(r["representation"], r["window"]) for r in results] == [
        (label, window) for label in ("raw 2D keypoints", "joint-pair distances") for window in (0.0, 0.4)
    ]
    assert all(r["pose"] == 1 and r["cameras"] == [0, 1] for r in results)  # nobody moves
    printed = capsys.readouterr().out
    assert "one frame: pose / moment found" in printed
    assert "0.4 s around both frames" in printed
    assert "100.0 / " in printed


def test_a_checkpoint_with_a_clip_encoder_is_measured_with_context_too(tmp_path: Path, clip_folder: Path) -> None:
    path, out = save(tmp_path, arrays()), tmp_path / "out.json"
    main(["--recordings", str(path), "--out", str(out), "--weights", str(clip_folder)])
    labels = [r["representation"] for r in json.loads(out.read_text()) if r["window"] == 0]
    assert labels[2:] == [f"z_pose {clip_folder}", f"z_pose {clip_folder}, with context"]


@pytest.mark.parametrize(
    ("options", "message"), [(["--window", "0"], "--window must be above 0"), (["--recordings", "nowhere"], "no such")]
)
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    path = save(tmp_path, arrays())
    with pytest.raises(SystemExit):
        main(["--recordings", str(path), "--out", str(tmp_path / "out.json"), *options])
    assert message in capsys.readouterr().err
