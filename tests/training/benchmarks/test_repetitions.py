"""The command of the repetition benchmark."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import repetitions
from training.benchmarks.repetitions import tables
from training.evaluation.conditions import Condition
from training.evaluation.repetitions import MOST, CountResult
from training.evaluation.report import texts


def test_a_table_a_kind_of_sequence() -> None:
    counts = [(0, 0), (0, 2), (4, 5), (2, 2), (4, 1)]
    results = [CountResult("data", "z", Condition(), "repeated", "squat", *pair) for pair in counts]
    assert texts(tables(results)).splitlines() == [
        "data, repeated (5 sequences), 0 of 13 joints missing",
        "       OBO      MAE    exact",
        "z     60.0    0.600     40.0",
    ]


def test_the_command_writes_and_prints(
    repeated: Path, masked_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.json"
    repetitions.main(["--data", str(repeated), "--weights", str(masked_folder), "--trials", "1", "--out", str(out)])
    results = json.loads(out.read_text())
    assert {result["representation"] for result in results} == {"raw 2D keypoints", f"z_pose {masked_folder}"}
    assert len(results) == 3 * 2 * (2 * MOST + 4)
    assert "data, with pauses (8 sequences), 4 of 13 joints missing, noise" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--trials": "0"}, "--trials must be at least 1"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
    ],
)
def test_impossible_commands_are_refused(
    repeated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    options = {"--data": str(repeated), "--out": str(tmp_path / "results.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        repetitions.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_a_file_without_anything_to_count_is_refused(
    tmp_path: Path, repeated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(repeated) as archive:
        arrays = dict(archive) | {"clip": np.array(["a", "b", "c", "d", "e"])}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(SystemExit, match="2"):
        repetitions.main(
            ["--data", str(tmp_path / "other.npz"), "--actors", "nobody", "--out", str(tmp_path / "results.json")]
        )
    assert "other has no clip of actors nobody" in capsys.readouterr().err
