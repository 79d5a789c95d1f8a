"""The few-shot benchmark: what it draws, and the command from end to end on small made data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed.actions.temporal_convnet import TemporalConvNet
from training.benchmarks import few_shot as benchmark
from training.datasets.actions.clips import ActionClips


@pytest.fixture
def clips() -> ActionClips:
    """Two actions, two views, 4 training and 2 test clips of each; one test clip shows nobody."""
    rng = np.random.default_rng(0)
    rows = [(action, view, number < 4) for action in (0, 1) for view in ("front", "back") for number in range(6)]
    keypoints = np.tile(rng.normal(size=(13, 2)) * 50 + 100, (len(rows) * 6, 1, 1))
    for index, (action, _, _) in enumerate(rows):
        keypoints[index * 6 : index * 6 + 6, 5:7, action] += 80
    keypoints += rng.normal(size=keypoints.shape)
    keypoints[24:30] = np.nan
    return ActionClips(
        keypoints=keypoints.astype(np.float32),
        offsets=np.arange(len(rows) + 1) * 6,
        labels=np.array([row[0] for row in rows]),
        classes=("raise", "open"),
        views=np.array([row[1] for row in rows]),
        train=np.array([row[2] for row in rows]),
    )


@pytest.mark.parametrize("shots, learnt", [(1, 2), (3, 6), (benchmark.ALL, 16), (99, 16)])
def test_draw(clips: ActionClips, shots: int, learnt: int) -> None:
    learn, test = benchmark.draw(clips, shots, 0, benchmark.TEST)
    assert len(set(learn)) == learnt and clips.train[learn].all()
    assert np.bincount(clips.labels[learn]).tolist() == [learnt // 2] * 2
    assert test.tolist() == np.flatnonzero(~clips.train).tolist()


def test_another_seed_draws_other_clips(clips: ActionClips) -> None:
    draws = [benchmark.draw(clips, 2, seed, benchmark.TEST)[0].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("shots", [1, 4, 9])
def test_other_views_reads_no_test_clip_and_tests_on_other_views(clips: ActionClips, shots: int) -> None:
    learn, test = benchmark.draw(clips, shots, 1, benchmark.OTHER_VIEWS)
    assert clips.train[learn].all() and clips.train[test].all()
    for action in (0, 1):
        learnt, tested = (set(clips.views[part[clips.labels[part] == action]]) for part in (learn, test))
        assert len(learnt) == len(tested) == 1 and learnt != tested


@pytest.mark.parametrize("people", [False, True])
def test_held_out_reads_no_test_clip(clips: ActionClips, people: bool) -> None:
    subjects = np.arange(len(clips)) % 3
    learn, test = benchmark.draw(replace(clips, subjects=subjects if people else None), 0, 1, benchmark.HELD_OUT)
    assert sorted([*learn, *test]) == np.flatnonzero(clips.train).tolist() and len(test)
    if people:
        assert len(set(subjects[test])) == 2 and not set(subjects[test]) & set(subjects[learn])


@pytest.mark.parametrize("test_on", [benchmark.TEST, benchmark.OTHER_VIEWS])
def test_command(
    tmp_path: Path,
    clips: ActionClips,
    plain_folder: Path,
    test_on: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    methods = benchmark.METHODS | {"temporal ConvNet": TemporalConvNet(frames=16, steps=20)}
    monkeypatch.setattr(benchmark, "METHODS", methods)
    np.savez(
        tmp_path / "penn.npz",
        keypoints=np.nan_to_num(clips.keypoints),
        offsets=clips.offsets,
        action=np.array(clips.classes)[clips.labels],
        view=clips.views,
        train=clips.train,
    )
    out = tmp_path / "out.json"
    given = ["--penn-action", str(tmp_path / "penn.npz"), "--weights", str(plain_folder), "--out", str(out)]
    benchmark.main([*given, "--seeds", "2", "--shots", "1", "0", "--test-on", test_on])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "all"]
    content = json.loads(out.read_text())
    assert content["test_on"] == test_on
    nearest = [result["accuracy"] for result in content["results"] if result["method"] == "nearest sequence"]
    assert len(content["results"]) - len(nearest) == 4
    if test_on == benchmark.TEST:  # with all clips the nearest sequence is the same for each seed
        assert nearest == [7 / 8] * 3  # a clip in which nobody is seen cannot be right
    else:
        assert nearest == [1.0] * 4


def test_table() -> None:
    result = benchmark.Result("made", "nearest sequence", 1, 0, 0.5, 1.0)
    lines = benchmark.table([result, replace(result, seed=1, accuracy=0.7)]).splitlines()
    assert lines[1].split() == ["1"]
    assert lines[2].split() == ["nearest", "sequence", "60.0", "±", "14.1"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--out", "x.json"], "give --penn-action, --nucla or both"),
        (["--out", "x.json", "--seeds", "0"], "--seeds must be at least 1"),
        (["--out", "x.json", "--shots", "-1"], "not negative"),
        (["--out", "nowhere/x.json"], "no such folder"),
    ],
)
def test_command_refuses(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert words in capsys.readouterr().err
