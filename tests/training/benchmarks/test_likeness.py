"""The command of the likeness benchmark, from end to end on small made data."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import likeness
from training.benchmarks.likeness import best_lines, tables
from training.evaluation.likeness import OTHER, SAME, SHARES, STILL, THEIR_OWN, GradeResult, PairResult
from training.evaluation.report import texts

from ...conftest import STANDING


def results(kinds: dict[str, list[float]], data: str = "made") -> list[PairResult]:
    return [
        PairResult(data, "exact", kind, ("a", "b"), value / 2, (value,) * len(SHARES), value)
        for kind, values in kinds.items()
        for value in values
    ]


def test_tables_say_how_often_each_number_errs() -> None:
    found = results({SAME: [0.9, 0.8, 0.7, 0.3], OTHER: [0.1, 0.2, 0.5, 0.1], STILL: [0.1, 0.6]})
    grades = [GradeResult("made", "exact", "squat", "anna", THEIR_OWN, well, 0.5, 0.5 + well) for well in (True, False)]
    rates, errors, graded = (table.text().splitlines() for table in tables(found, found, grades))
    assert rates[1].split()[2:] == [
        "0",
        "off",
        "0.25",
        "off",
        "0.5",
        "off",
        "0.75",
        "off",
        "0.9",
        "off",
        "either",
        "side",
        "score",
    ]
    assert rates[2].split() == ["chosen", "on", "made,", "keypoints", "exact", *["25.0"] * 7]
    assert rates[3].split() == ["made,", "keypoints", "exact", *["25.0"] * 7]
    assert errors[3].split()[3:] == ["0.75", "0.15", "25.0", "25.0", "0.0", "50.0"]
    assert graded[2].split() == ["squat", "1.00", "0.50", "2"]
    assert "standing still" in texts(tables(found, [], []))


def test_the_best_line_counts_every_file_alike() -> None:
    many = results({SAME: [0.9] * 9 + [0.35], OTHER: [0.1] * 10}) * 2
    few = results({SAME: [0.8], OTHER: [0.4]}, "another")
    least, most, rate = best_lines([*many, *few])
    assert (least, most) == (pytest.approx(0.41), pytest.approx(0.8)) and rate == pytest.approx((0.05 + 0) / 2)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = STANDING * [1, -1, 1]
    rows = [
        (person, action, "val" if person in "cd" else "train")
        for person in "abcd"
        for action in ["squat", *["wave"] * 4, "wave, done incorrectly"]
    ]
    ways = {action: np.random.default_rng(len(action)).normal(scale=0.02, size=(16, 13, 3)) for _, action, _ in rows}
    noise = np.random.default_rng(1)
    joints = [start + ways[action].cumsum(0) + noise.normal(scale=0.01, size=(13, 3)) for _, action, _ in rows]
    data = tmp_path / "made.npz"
    np.savez(
        data,
        joints=np.concatenate(joints).astype(np.float32),
        nose=np.concatenate(joints)[:, 0].astype(np.float32),
        ok=np.ones(16 * len(rows), bool),
        offsets=16 * np.arange(len(rows) + 1),
        subject=np.array([row[0] for row in rows]),
        action=np.array([row[1] for row in rows]),
        split=np.array([row[2] for row in rows]),
        clip=np.array([str(number) for number in range(len(rows))]),
        source=np.array(["made"] * len(rows)),
        fps=np.full(len(rows), 30.0),
    )
    views = np.array(["left", "left", "back", "back"])
    np.savez(
        tmp_path / "penn.npz",
        keypoints=(300 + 100 * STANDING[:, :2] + np.random.default_rng(2).normal(scale=5, size=(24, 13, 2))),
        offsets=6 * np.arange(5),
        action=np.array(["squat", "bowl", "squat", "bowl"]),
        view=views,
        train=np.ones(4, bool),
    )
    out = tmp_path / "out.json"
    given = ["--weights", "poseembed-small", "--pairs", "3", "--out", out]
    given += ["--chosen-on", data, "--data", data, "--penn-action", tmp_path / "penn.npz"]
    likeness.main([str(word) for word in given])
    printed = capsys.readouterr().out
    assert "chosen on made, keypoints complete and exact" in printed and "Penn Action, keypoints annotated" in printed
    assert "a line from" in printed.splitlines()[-1]
    found = json.loads(out.read_text())
    assert len(found["chosen_on"]) == 2 * 3 * 3 and len(found["tested"]) == 2 * 3 * 3 + 2 * 3
    assert {grade["person"] for grade in found["grades"]} == {"c", "d"}
    assert len(found["grades"]) == 2 * 2 * 5 * 2  # of two detectors and people five waves, by two kinds of references
    with pytest.raises(SystemExit):
        likeness.main(["--out", str(out)])
    assert "name files: --chosen-on, --data, --penn-action" in capsys.readouterr().err
