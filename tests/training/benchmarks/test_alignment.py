"""The benchmark of comparing performances, on comparisons whose outcome is known."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses
from poseembed.align import Alignment
from training.benchmarks import alignment
from training.benchmarks.alignment import Clip, Result, agreement, error_rate, run, table, true_differences

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]


def performance(seed: int, frames: int = 20) -> torch.Tensor:
    """Metres, y up; joints that wander."""
    rng = np.random.default_rng(seed)
    start = rng.normal(scale=0.3, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    return torch.from_numpy((start + np.cumsum(rng.normal(scale=0.02, size=(frames, 13, 3)), 0)).astype(np.float32))


CLIPS = [Clip(performance(seed), action, 30.0) for seed, action in enumerate(["run", "run", "sit"])]


def test_every_kind_is_compared_with_every_detector() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    results = list(run("made-up", CLIPS, encoder, alignment.DETECTORS, pairs=2, seed=0))
    assert [(r.kind, r.detector) for r in results] == [
        (kind, detector) for kind in alignment.KINDS for _ in range(2) for detector in alignment.DETECTORS
    ]
    assert all(r.error is not None and r.error >= 0 for r in results if r.kind == "same performance")
    assert all(r.joints is not None and r.rival is not None for r in results if r.kind == "same action")
    assert all(r.noise is not None and 0 <= r.noise[0] <= r.noise[1] for r in results if r.kind == "same performance")
    exact = [r.score for r in results if r.kind == "same performance" and r.detector == "complete and exact"]
    assert min(exact) > max(r.score for r in results if r.kind == "other action")


def test_no_two_performances_of_an_action_are_too_few() -> None:
    encoder = PoseEncoder.from_pretrained("poseembed-base")
    with pytest.raises(ValueError, match="same action"):
        list(run("made-up", CLIPS[1:], encoder, {"exact": None}, pairs=1, seed=0))


def aligned(first: Clip, second: Clip, rows: list[tuple[int, int]]) -> Alignment:
    poses = [Poses.from_arrays(np.zeros((len(clip.joints), 13, 2))) for clip in (first, second)]
    steps = np.zeros(len(rows), np.float32)
    return Alignment(*poses, rows=np.array(rows), similarity=steps, score=0.0, speed=steps)


def test_true_differences_do_not_depend_on_where_the_bodies_face_and_stand() -> None:
    first, moved = performance(0), performance(0)
    moved[:, 5] += torch.tensor([0.0, 0.3, 0.0])
    turned = moved @ torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]) + 4
    rows = [(3, 3), (7, 7)]
    one, other = Clip(first, "", 30.0), Clip(turned, "", 30.0)
    differences = true_differences(aligned(one, other, rows), one, other, seed=0)
    assert (differences.argmax(1) == 5).all()
    np.testing.assert_allclose(np.delete(differences, 5, axis=1), 0, atol=1e-4)


def test_agreement_counts_ranks_and_the_worst_joint() -> None:
    truth = np.arange(13.0)[None].repeat(2, 0)
    assert agreement(truth, truth) == alignment.Joints(pytest.approx(1), 1)
    assert agreement(-truth, truth) == alignment.Joints(pytest.approx(-1), 0)
    hidden = np.where(np.arange(13) > 9, np.nan, truth)  # then the true three are 7, 8 and 9
    assert agreement(hidden, truth) == alignment.Joints(pytest.approx(1), 1)


def test_error_rate_and_table() -> None:
    scores = {"same performance": [0.9, 0.9, 0.9, 0.1], "same action": [0.5], "other action": [0.1, 0.95]}
    results = [Result("file", "exact", kind, score, 2.0) for kind, group in scores.items() for score in group]
    assert error_rate(results) == pytest.approx((0.25 + 0.5) / 2)
    assert "error rate at 0.85: 37.5 %" in table(results)


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
