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

STANDING = np.array(
    [
        (0.0, 0.65, 0.1),
        (0.2, 0.5, 0.0),
        (-0.2, 0.5, 0.0),
        (0.25, 0.2, 0.0),
        (-0.25, 0.2, 0.0),
        (0.28, 0.0, 0.05),
        (-0.28, 0.0, 0.05),
        (0.13, 0.0, 0.0),
        (-0.13, 0.0, 0.0),
        (0.14, -0.42, 0.02),
        (-0.14, -0.42, 0.02),
        (0.15, -0.82, 0.0),
        (-0.15, -0.82, 0.0),
    ],
    dtype=np.float32,
)
"""Metres, x to the person's left, y up, z ahead."""


def arms_up(frames: int = 40) -> np.ndarray:
    """(frames, 13, 3) both arms raised sideways over the head, and lowered."""
    angle = np.pi / 2 * (1 - np.cos(2 * np.pi * np.arange(frames) / frames))
    motion = np.repeat(STANDING[None], frames, axis=0)
    for side, shoulder in ((1, 1), (-1, 2)):
        for joint, length in ((shoulder + 2, 0.3), (shoulder + 4, 0.55)):
            motion[:, joint, 0] = STANDING[shoulder, 0] + side * length * np.sin(angle)
            motion[:, joint, 1] = STANDING[shoulder, 1] - length * np.cos(angle)
    return motion


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two clips with repetitions, one without, a warm-up take, and a clip of somebody else."""
    clips = {
        "bk_arms1Reps_001": arms_up(),
        "bk_arms3Reps_002": np.concatenate([arms_up()] * 3),
        "bk_lieDown_003": arms_up(),
        "13_30": np.concatenate([arms_up(70), arms_up(70)] * 4)[:500],
        "bd_arms1Reps_001": arms_up(),
    }
    joints = np.concatenate(list(clips.values()))
    path = tmp_path / "data.npz"
    np.savez(
        path,
        joints=joints,
        nose=joints[:, 0],
        ok=np.ones(len(joints), bool),
        offsets=np.cumsum([0, *map(len, clips.values())]),
        subject=np.array(["bk", "bk", "bk", "13", "bd"]),
        action=np.array(["arms", "arms", "lieDown", "warm-up", "arms"]),
        clip=np.array(list(clips)),
        split=np.array(["eval"] * 5),
        source=np.array(["made up"] * 5),
        fps=np.full(5, 30.0),
    )
    return path


def test_a_table_a_kind_of_sequence() -> None:
    counts = [(0, 0), (0, 2), (4, 5), (2, 2), (4, 1)]
    results = [CountResult("data", "z", Condition(), "repeated", "squat", *pair) for pair in counts]
    assert texts(tables(results)).splitlines() == [
        "data, repeated (5 sequences), 0 of 13 joints missing",
        "       OBO      MAE    exact",
        "z     60.0    0.600     40.0",
    ]


def test_the_command_writes_and_prints(
    data: Path, masked_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results.json"
    repetitions.main(["--data", str(data), "--weights", str(masked_folder), "--trials", "1", "--out", str(out)])
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
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    options = {"--data": str(data), "--out": str(tmp_path / "results.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        repetitions.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_a_file_without_anything_to_count_is_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(data) as archive:
        arrays = dict(archive) | {"clip": np.array(["a", "b", "c", "d", "e"])}
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(SystemExit, match="2"):
        repetitions.main(
            ["--data", str(tmp_path / "other.npz"), "--actors", "nobody", "--out", str(tmp_path / "results.json")]
        )
    assert "other has no clip of actors nobody" in capsys.readouterr().err
