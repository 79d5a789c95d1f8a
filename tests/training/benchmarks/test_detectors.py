"""The command that measures real detectors."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks.detectors import main

from ..evaluation.test_detectors import recording


def save(path: Path) -> Path:
    made = recording()
    np.savez(
        path,
        keypoints=made.keypoints,
        confidence=made.confidence,
        fps=made.fps,
        pairs=made.pairs,
        joints3d=made.joints3d,
        meta=json.dumps({"detector": made.detector}),
    )
    return path


def test_the_command_writes_and_prints_every_joint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    main(["--recordings", str(save(tmp_path / "made_up.npz")), "--out", str(out)])
    (result,) = json.loads(out.read_text())
    assert (result["recording"], result["detector"], len(result["joints"])) == ("made_up", "eyes", 13)
    assert result["score_knows"] is None
    printed = capsys.readouterr().out
    assert "made_up (eyes)" in printed
    assert "right_ankle" in printed
    assert "arms swapped" in printed


def test_what_cannot_be_measured_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "made_up.npz")
    arrays = dict(np.load(path))
    np.savez(path, **(arrays | {"keypoints": np.full_like(arrays["keypoints"], np.nan)}))
    with pytest.raises(SystemExit):
        main(["--recordings", str(path), "--out", str(tmp_path / "out.json")])
    assert "a camera is found from six or more" in capsys.readouterr().err
