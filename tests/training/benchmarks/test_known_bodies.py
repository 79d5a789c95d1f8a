"""The command of the reader that knows the bodies."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import known_bodies

from ..made_up import strewn

GALLERY = 24
SMALL = ["--poses", str(GALLERY), "--queries", "4", "--train-bodies", "8", "--step", "15"]


def test_command_writes_both_readers(
    tmp_path: Path, write_mocap: Callable[[Path, dict[str, np.ndarray]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "mocap.npz", {"train": strewn(8), "val": strewn(GALLERY, seed=1)})
    out = tmp_path / "known.json"
    known_bodies.main(["--data", str(data), *SMALL, "--out", str(out)])
    own, train = json.loads(out.read_text())
    assert own["deviation"] == pytest.approx(0.05)
    assert train["deviation"] == pytest.approx(math.hypot(0.05, 0.1))
    assert own["hits"]["1"] >= train["hits"]["1"]
    assert "hit@10" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--queries", "25"], "--queries must be from 1 to 24"),
        (["--step", "0"], "--step must be above 0 and at most 60 degrees"),
        (["--poses", "25"], "got 24 poses; a gallery takes 25"),
        (["--noise", "0"], "--noise must be above 0"),
        (["--train-bodies", "9"], "--train-bodies must be from 1 to 8"),
        (["--out", "nowhere/known.json"], "no such folder"),
    ],
)
def test_wrong_options_are_told_before_any_work(
    tmp_path: Path,
    write_mocap: Callable[[Path, dict[str, np.ndarray]], Path],
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    message: str,
) -> None:
    data = write_mocap(tmp_path / "mocap.npz", {"train": strewn(8), "val": strewn(GALLERY, seed=1)})
    right = ["--data", str(data), *SMALL, "--out", str(tmp_path / "known.json")]
    with pytest.raises(SystemExit):
        known_bodies.main(right + wrong)
    assert message in capsys.readouterr().err
