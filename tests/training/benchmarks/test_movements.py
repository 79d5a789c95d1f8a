"""The command that measures how movements are found."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks.movements import main, tables
from training.evaluation.movement_cost import CostResult
from training.evaluation.movements import WAYS, MovementResult
from training.evaluation.report import texts

from ..evaluation.test_movements import motion


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Motion capture of HDM05's actors and of another one."""

    def save(name: str, subjects: list[str], frames: int) -> None:
        joints = np.concatenate([motion(number % 2, frames) for number in range(len(subjects))])
        np.savez(
            tmp_path / name,
            joints=joints,
            nose=joints[:, 0],
            ok=np.ones(len(joints), bool),
            offsets=np.arange(len(subjects) + 1) * frames,
            subject=np.array(subjects),
            action=np.array(["kick", "jump"] * len(subjects))[: len(subjects)],
            clip=np.array([f"{subject}_{number}" for number, subject in enumerate(subjects)]),
            split=np.array(["eval"] * len(subjects)),
            source=np.array(["made up"] * len(subjects)),
            fps=np.full(len(subjects), 30.0),
        )

    save("hdm05.npz", ["mm", "mm", "tr", "tr"], 40)
    save("cmu.npz", ["86", "86"], 130)
    return tmp_path


def test_tables_weigh_by_queries() -> None:
    results = [
        MovementResult("cmu", way, 1.0, speed, [right] * queries, [score] * queries)
        for way in WAYS
        for speed, queries, right, score in ((0.5, 30, True, 0.95), (2.0, 10, False, 0.62))
    ]
    results += [MovementResult("hdm05", way, None, None, [True, False], [0.9, np.nan]) for way in WAYS]
    cost = CostResult(10, 1080000, 20.0, 2.0, 28_800_000, {0.5: 0.1, 2.0: 0.2}, {0.5: 10_000_000, 2.0: 11_000_000})
    lines = [line.split() for line in texts(tables(results, [cost])).splitlines()]
    assert ["cmu", "75.0", "75.0", "75.0", "40"] in lines and ["hdm05", "50.0", "50.0", "50.0", "2"] in lines
    assert ["cmu,", "find_movement", "100.0", "0.0"] in lines
    assert ["cmu", "0", "(10)", "100", "(30)"] in lines and ["hdm05", "100", "(1)"] in lines
    assert lines[-1] == ["10", "1,080,000", "20", "2.0", "28.8", "0.10", "0.20", "10", "11"]


def test_the_command_writes_and_prints(
    data: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    files = [str(data / "hdm05.npz"), str(data / "cmu.npz")]
    few = ["--queries", "1", "--hours", "0.01", "--timed", "1"]
    main(["--data", *files, "--weights", str(masked_folder), *few, "--out", str(out)])
    results = json.loads(out.read_text())
    assert {result["data"] for result in results["found"]} == {
        "hdm05",
        "cmu, keypoints complete and exact",
        "cmu, keypoints as a detector gives them",
    }
    assert [cost["hours"] for cost in results["cost"]] == [0.01]
    assert "processor seconds and memory" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name files: --data, --recordings or both"),
        (["--recordings", "nowhere.npz", "--hours", "1"], "--hours are more than 0, and of motion capture"),
        (["--recordings", "nowhere.npz"], "nowhere.npz"),
        (["--data", "nowhere.npz"], "no such file: nowhere.npz"),
    ],
)
def test_impossible_commands_are_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*options, "--out", str(tmp_path / "out.json")])
    assert message in capsys.readouterr().err
