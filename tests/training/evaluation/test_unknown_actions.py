"""Clips of unknown actions: what is drawn to learn from, and what is turned down."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder
from training.benchmarks import unknown_actions as benchmark
from training.datasets.actions.clips import ActionClips
from training.evaluation.unknown_actions import CHOOSE, TEST, Compared, Trial, compare, trials, turned_down


@pytest.fixture
def clips() -> Compared:
    """Three classes of four training and two test clips, by two people; of one class 0.9 alike, of two 0.6."""
    labels = np.repeat([0, 1, 2], 6)
    alike = np.where(labels[:, None] == labels, 0.9, 0.6)
    return Compared(alike, labels, np.tile([True] * 4 + [False] * 2, 3), np.tile([0, 1], 9))


@pytest.mark.parametrize("people", [True, False])
def test_what_is_chosen_on_reads_no_test_clip(clips: Compared, people: bool) -> None:
    clips = clips if people else replace(clips, subjects=None)
    for trial in trials("x", clips, CHOOSE, (2, -1), (1, 5), seeds=3):
        assert clips.train[trial.learned].all() and clips.train[trial.tested].all()
        assert not set(trial.learned) & set(trial.tested)
        assert len(np.unique(clips.labels[trial.learned])) == 2
        assert np.bincount(clips.labels[trial.learned]).max() <= trial.shots
        if people:
            assert clips.subjects is not None
            assert set(clips.subjects[trial.learned]) & set(clips.subjects[trial.tested]) == set()


def test_what_is_tested_on_are_test_clips(clips: Compared) -> None:
    found = list(trials("x", clips, TEST, (2,), (1,), seeds=2))
    assert len(found) == 2
    for trial in found:
        assert clips.train[trial.learned].all() and trial.tested.tolist() == np.flatnonzero(~clips.train).tolist()


@pytest.mark.parametrize("floor, known, unknown", [(0.5, 0, 0), (0.7, 0, 1), (0.95, 1, 1)])
def test_shares_of_what_is_turned_down(clips: Compared, floor: float, known: float, unknown: float) -> None:
    trial = Trial("x", 2, 2, np.array([0, 1, 6, 7]), np.flatnonzero(~clips.train))
    result = turned_down(trial, clips, 0.8, floor)
    assert (result.known, result.unknown) == (known, unknown)


def action_clips(seed: int) -> ActionClips:
    """Seven poses, each held in ten training clips and two test clips."""
    rng = np.random.default_rng(seed)
    rows = [(action, number < 10) for action in range(7) for number in range(12)]
    poses = np.random.default_rng(0).normal(size=(7, 13, 2)) * 50
    keypoints = np.repeat(poses[[action for action, _ in rows]], 3, axis=0)
    return ActionClips(
        keypoints=(keypoints + rng.normal(size=keypoints.shape)).astype(np.float32),
        offsets=np.arange(len(rows) + 1) * 3,
        labels=np.array([row[0] for row in rows]),
        classes=tuple("abcdefg"),
        views=np.full(len(rows), "front"),
        train=np.array([row[1] for row in rows]),
    )


def test_clips_are_compared_as_the_recognizer_does(encoder: PoseEncoder) -> None:
    compared = compare(action_clips(0), encoder)
    assert compared.alike.shape == (84, 84) and np.bincount(compared.labels).tolist() == [12] * 7
    np.testing.assert_allclose(np.diag(compared.alike), 1, atol=1e-6)
    np.testing.assert_allclose(compared.alike, compared.alike.T, atol=1e-6)


def test_the_benchmark_chooses_on_training_clips_and_reports_test_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark.penn_action, "read", lambda path: action_clips(0))
    monkeypatch.setattr(benchmark.virtual_clips, "read", lambda path: action_clips(1))
    out = tmp_path / "out.json"
    benchmark.main(["--penn-action", "x", "--hdm05", "x", "--out", str(out), "--seeds", "2"])
    found = json.loads(out.read_text())
    assert found["chosen"] in found["tried"] and found["chosen"]["known"] <= 0.1
    assert all(one["unknown"] <= found["chosen"]["unknown"] for one in found["tried"] if one["known"] <= 0.1)
    assert {one["data"] for one in found["tested"]} == {"Penn Action", "HDM05"}
    assert "HDM05, % of test clips turned down" in capsys.readouterr().out
