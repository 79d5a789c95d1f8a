"""The command of retrieval among frames of clips."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import clips

from ..made_up import WriteMocap


def bodies(frames: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(1, 13, 3)) + rng.normal(scale=0.05, size=(frames, 13, 3)).cumsum(0)).astype(np.float32)


def test_command_measures_checkpoints_with_and_without_a_clip_encoder(
    write_mocap: WriteMocap,
    tmp_path: Path,
    masked_folder: Path,
    clip_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, out = write_mocap(tmp_path / "motion.npz", {"train": bodies(9), "val": bodies(70)}), tmp_path / "out.json"
    weights = ["--weights", str(masked_folder), str(clip_folder)]
    more = ["--window", "0.2", "--look-ahead", "0", "0.1", "--every", "2"]
    clips.main(["--data", str(data), *weights, *more, "--poses", "60", "--trials", "2", "--out", str(out)])
    results = json.loads(out.read_text())
    of_one = ["one frame", "mean over the window"]
    of_both = [*of_one, "with context", "within 0.2 s", "0 s ahead", "0.1 s ahead", "every 2 frames"]
    labels = [f"{masked_folder}, {one}" for one in of_one] + [f"{clip_folder}, {one}" for one in of_both]
    assert list(dict.fromkeys(result["representation"] for result in results)) == labels
    assert len(results) == 3 * 2 * len(labels)
    assert all(0 < result["hits"]["20"] <= 1 for result in results)
    printed = capsys.readouterr().out
    assert "motion, complete and exact" in printed
    assert "motion, 4 of 13 joints missing anew in each frame, noise of 5 % of the torso\n" in printed
    assert "motion, 4 of 13 joints missing for 0.5 s, noise of 5 % of the torso, correlated 0.9 a frame\n" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--look-ahead", "-1"], "--window and --look-ahead must be at least 0"),
        (["--every", "1"], "--every must be at least 2"),
        (["--poses", "71"], "motion: got 70 poses; a trial takes 71"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    data = write_mocap(tmp_path / "motion.npz", {"val": bodies(70)})
    with pytest.raises(SystemExit):
        clips.main(["--data", str(data), "--out", str(tmp_path / "out.json"), *options])
    assert message in capsys.readouterr().err
