"""The command of the few-shot benchmark, from end to end on small made data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed.clips import REACH
from training.benchmarks import few_shot
from training.benchmarks.few_shot import tables
from training.datasets.actions.clips import ActionClips
from training.evaluation.few_shot import OTHER_VIEWS, TEST, FewShotResult
from training.evaluation.report import texts


def write_penn_action(path: Path, clips: ActionClips) -> None:
    np.savez(
        path,
        keypoints=np.nan_to_num(clips.keypoints),
        offsets=clips.offsets,
        action=np.array(clips.classes)[clips.labels],
        view=clips.views,
        train=clips.train,
    )


@pytest.mark.parametrize("test_on", [TEST, OTHER_VIEWS])
def test_command(
    tmp_path: Path,
    two_actions: ActionClips,
    plain_folder: Path,
    test_on: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_penn_action(tmp_path / "penn.npz", two_actions)
    out = tmp_path / "out.json"
    given = ["--penn-action", str(tmp_path / "penn.npz"), "--weights", str(plain_folder), "--out", str(out)]
    few_shot.main([*given, "--seeds", "2", "--shots", "1", "0", "--steps", "20", "--test-on", test_on])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "all"]
    content = json.loads(out.read_text())
    assert content["test_on"] == test_on and content["context"] == 0
    assert content["methods"]["temporal ConvNet"]["steps"] == 20
    nearest = [result["accuracy"] for result in content["results"] if result["method"] == "nearest sequence"]
    assert len(content["results"]) - len(nearest) == 4
    if test_on == TEST:  # with all clips the nearest sequence is the same for each seed
        assert nearest == [7 / 8] * 3  # a clip in which nobody is seen cannot be right
    else:
        assert nearest == [1.0] * 4


def test_vectors_with_context_where_they_are_asked_for(
    tmp_path: Path, two_actions: ActionClips, clip_folder: Path
) -> None:
    write_penn_action(tmp_path / "penn.npz", two_actions)
    given = [
        "--penn-action",
        str(tmp_path / "penn.npz"),
        "--weights",
        str(clip_folder),
        "--out",
        str(tmp_path / "x.json"),
    ]
    few_shot.main([*given, "--context", "--seeds", "1", "--shots", "1", "--steps", "2"])
    content = json.loads((tmp_path / "x.json").read_text())
    assert content["context"] == REACH and len(content["results"]) == 2


def test_table() -> None:
    result = FewShotResult("made", "nearest sequence", 1, 0, 0.5, 1.0)
    lines = texts(tables([result, replace(result, seed=1, accuracy=0.7)])).splitlines()
    assert lines[1].split() == ["1"]
    assert lines[2].split() == ["nearest", "sequence", "60.0", "±", "14.1"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--out", "x.json"], "give --penn-action, --nucla or both"),
        (["--out", "x.json", "--seeds", "0"], "--seeds must be at least 1"),
        (["--out", "x.json", "--shots", "-1"], "--shots must not be negative"),
        (["--out", "nowhere/x.json"], "no such folder"),
    ],
)
def test_command_refuses(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        few_shot.main(arguments)
    assert words in capsys.readouterr().err
