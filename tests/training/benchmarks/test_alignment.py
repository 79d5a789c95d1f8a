"""The command of the alignment benchmark."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed.align import SAME_PERFORMANCE
from training.benchmarks import alignment
from training.benchmarks.alignment import text
from training.evaluation.alignment import Agreement, AlignmentResult

from ..made_up import WriteMocap


def performance(seed: int, frames: int = 20) -> torch.Tensor:
    """Metres, y up; joints that wander."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    return torch.from_numpy((start + np.cumsum(rng.normal(scale=0.02, size=(frames, 13, 3)), 0)).astype(np.float32))


def test_text_has_a_table_of_scores_and_the_findings() -> None:
    scores = {"same performance": [0.9, 0.9, 0.9, 0.1], "same action": [0.5], "other action": [0.1, 0.95]}
    results = [AlignmentResult("file", "exact", kind, score, 2.0) for kind, group in scores.items() for score in group]
    results.append(
        AlignmentResult("file", "exact", "same action", 0.5, joints=Agreement(0.6, 1), rival=Agreement(0.4, 0))
    )
    noisy = [replace(results[number], noise=noise) for number, noise in ((0, (0.1, 0.3)), (1, (0.2, 0.5)))]
    lines = text([*noisy, *results[2:]]).splitlines()
    assert lines[:2] == ["file, keypoints exact", "score                 5 %   median     95 %    pairs"]
    assert lines[3].split() == ["same", "action", "0.50", "0.50", "0.50", "2"]
    assert lines[5:7] == [f"error rate at {SAME_PERFORMANCE:g}: 37.5 %", "alignment error: 2.0 frames"]
    assert lines[7:] == [
        "joints of the same performance: median difference 0.15 torso lengths, 95 % 0.40",
        "joints, decoded: rank correlation 0.60, worst in true top 3 100 %",
        "joints, as the videos show them: rank correlation 0.40, worst in true top 3 0 %",
        "",
        "file: fewest errors with a line from 0.11 to 0.9, 37.5 %",
    ]


def test_command(write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = {f"val{i}": performance(i).numpy() for i in range(2)}
    path = write_mocap(tmp_path / "made-up.npz", clips)
    content = dict(np.load(path))
    content["action"] = np.array(["run", "run"])
    np.savez(path, **content)
    out = tmp_path / "out.json"
    with pytest.raises(SystemExit):
        alignment.main(["--data", str(tmp_path / "none.npz"), "--out", str(out)])
    content["joints"] = np.concatenate([performance(i).numpy() for i in range(3)])
    content |= {"nose": content["joints"][:, 0], "ok": np.ones(60, bool), "offsets": np.array([0, 20, 40, 60])}
    content |= {key: np.array(["a", "a", "b"]) for key in ("subject", "clip", "action", "split", "source")}
    content |= {"fps": np.full(3, 30.0)}
    np.savez(path, **content)
    plot = tmp_path / "scores.png"
    alignment.main(["--data", str(path), "--pairs", "2", "--out", str(out), "--plot", str(plot)])
    assert "error rate" in capsys.readouterr().out
    assert len(json.loads(out.read_text())) == 12 and plot.stat().st_size > 1000
