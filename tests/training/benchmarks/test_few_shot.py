"""The command of the few-shot benchmark, from end to end on small made data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import few_shot
from training.benchmarks.few_shot import tables
from training.datasets.actions.clips import ActionClips
from training.evaluation.few_shot import OTHER_VIEWS, TEST, FewShotResult
from training.evaluation.report import texts


@pytest.mark.parametrize("test_on", [TEST, OTHER_VIEWS])
def test_command(
    tmp_path: Path,
    two_actions: ActionClips,
    plain_folder: Path,
    test_on: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.savez(
        tmp_path / "penn.npz",
        keypoints=np.nan_to_num(two_actions.keypoints),
        offsets=two_actions.offsets,
        action=np.array(two_actions.classes)[two_actions.labels],
        view=two_actions.views,
        train=two_actions.train,
    )
    out = tmp_path / "out.json"
    given = ["--penn-action", str(tmp_path / "penn.npz"), "--weights", str(plain_folder), "--out", str(out)]
    few_shot.main([*given, "--seeds", "2", "--shots", "1", "0", "--steps", "20", "--test-on", test_on])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "all"]
    content = json.loads(out.read_text())
    assert content["test_on"] == test_on
    assert content["methods"]["temporal ConvNet"]["steps"] == 20
    nearest = [result["accuracy"] for result in content["results"] if result["method"] == "nearest sequence"]
    assert len(content["results"]) - len(nearest) == 4
    if test_on == TEST:  # with all clips the nearest sequence is the same for each seed
        assert nearest == [7 / 8] * 3  # a clip in which nobody is seen cannot be right
    else:
        assert nearest == [1.0] * 4


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
