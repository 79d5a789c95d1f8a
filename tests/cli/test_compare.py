"""`poseembed compare`: the score, the steps and the picture."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed import Poses, read_poses, write_poses
from poseembed.cli.compare import pace

from ..test_align import squat
from .conftest import run


def test_compare_says_score_and_writes_steps_and_picture(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", *squats, "--out", tmp_path / "steps.json", "--plot", tmp_path / "steps.png") == 0
    said = capsys.readouterr().out
    assert said.startswith("this is the same performance\nscore 0.") and "joints that differ, and how far: " in said
    assert "\nlikeness 0." in said and "from 0.6 on)" in said
    steps = json.loads((tmp_path / "steps.json").read_text())
    assert steps["first_frame"][0] == 0 and steps["second_frame"][-1] == 39
    assert len(steps["left_wrist_difference"]) == len(steps["similarity"])
    assert set(steps["left_wrist_differs"]) <= {False, True}
    assert (tmp_path / "steps.png").stat().st_size > 10_000


def test_compare_tells_performances_apart(
    squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", squats[0], standing) == 0
    assert "this is another movement" in capsys.readouterr().out


def test_compare_without_calibration_has_no_score(
    tmp_path: Path, squats: tuple[Path, Path], masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = [tmp_path / f"{path.stem}_bare.npz" for path in squats]
    for path, to in zip(squats, bare, strict=True):
        write_poses(replace(read_poses(path), z_pose=None, z_view=None, made_by=None), to)
    picture = tmp_path / "steps.png"
    assert run("compare", *bare, "--weights", masked_folder, "--plot", picture) == 0
    said = capsys.readouterr().out
    assert "no score, for this checkpoint has no calibration" in said and "nan" not in said and picture.exists()


@pytest.mark.parametrize(
    "duration, words",
    [
        (0.42, "the second is 2.4 times as fast as the first"),
        (2.4, "the first is 2.4 times as fast as the second"),
        (1.0, "both are as fast"),
        (np.inf, "not known"),
        (np.nan, "not known"),
        (0.0, "not known"),
    ],
)
def test_pace(duration: float, words: str) -> None:
    assert pace(duration) == words


def test_compare_says_which_is_faster(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    quick = tmp_path / "quick.npz"
    write_poses(Poses.from_arrays(squat(1.0)[::2], person=[0] * 20, time=np.arange(20) / 30), quick)
    for pair, fast in (((squats[0], quick), "second"), ((quick, squats[0]), "first")):
        assert run("compare", *pair) == 0
        assert f"the {fast} is 2.0 times as fast" in capsys.readouterr().out


def test_compare_takes_the_people_and_skeletons_it_is_told(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = tmp_path / "pair.npz"
    still = squat(0.5)[:1].repeat(40, axis=0)
    still[:, [4, 6], 1] = still[:, [2, 2], 1] - [30, 70]
    both = np.stack([still, squat(0.5)], axis=1).reshape(80, 13, 2)
    write_poses(Poses.from_arrays(both, person=[0, 1] * 40, frame=np.arange(40).repeat(2)), pair)
    for person, verdict in ((0, "another movement"), (1, "the same performance")):
        assert run("compare", pair, squats[0], "--first-person", person) == 0
        assert f"this is {verdict}\n" in capsys.readouterr().out
    assert run("compare", pair, squats[0], "--person", 5) == 1
    assert "pair.npz: nobody is person 5; there are: 0, 1" in capsys.readouterr().err
    coco = np.full((40, 17, 2), np.nan)
    coco[:, [0, *range(5, 17)]] = squat(0.0)
    np.save(tmp_path / "coco.npy", coco)
    assert run("compare", tmp_path / "coco.npy", squats[0], "--first-skeleton", "coco") == 0
    assert "score 1.000" in capsys.readouterr().out
