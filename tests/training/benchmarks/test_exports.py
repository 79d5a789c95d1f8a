"""The command that measures exported encoders."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.benchmarks import exports
from training.datasets import multiview
from training.evaluation.exports import TORCH, calibration_views, run
from training.scene.bodies import Bodies, Variation

from ...exporting import skip_unless_able
from ..datasets.test_multiview import arrays, save
from ..made_up import WriteMocap


def joints(count: int) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(count, 13, 3)).astype(np.float32)
    drawn[:, 1:3] += [0, 3, 0]
    return drawn


def recording(folder: Path) -> Path:
    content = arrays()
    content["keypoints"][:] = np.random.default_rng(0).normal(300, 100, size=(13, 2))
    return save(folder, content)


def test_views_to_calibrate_with_lack_joints_and_come_again() -> None:
    bodies = Bodies(joints(50), joints(50)[:, 0], Variation())
    first, again = calibration_views(bodies, seed=1), calibration_views(bodies, seed=1)
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    assert len(first) == 2048 and 0.01 < np.isnan(first.keypoints).mean() < 0.5


def test_torch_is_measured_against_itself(tmp_path: Path) -> None:
    recordings = {"one": multiview.read(recording(tmp_path))}
    searched = {"moves": joints(40)}
    (result,) = run("poseembed-small", {}, recordings, searched, size=40, batches=(1, 5), seconds=0.01)
    assert result.hits.keys() == {"moves"} and 1 / 40 < result.hits["moves"] < 1
    assert (result.precision, result.megabytes, result.pose) == (TORCH, 0, 1)
    assert result.cosine == pytest.approx(1) and set(result.rates) == {1, 5} and min(result.rates.values()) > 0


@pytest.mark.slow
def test_the_command_measures_each_precision(
    write_mocap: WriteMocap,
    plain_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    skip_unless_able()
    monkeypatch.setattr(exports, "PRECISIONS", {"int8": 0.05})
    data, out = write_mocap(tmp_path / "data.npz", {"train": joints(50), "val": joints(30)}), tmp_path / "out.json"
    search = ("--search", str(data), "--poses", "25")
    inputs = ("--recordings", str(recording(tmp_path)), "--data", str(data), "--weights", str(plain_folder))
    exports.main([*inputs, *search, "--seconds", "0.01", "--out", str(out)])
    exact, int8 = json.loads(out.read_text())
    assert (exact["precision"], int8["precision"]) == (TORCH, "int8") and int8["megabytes"] > 0
    assert 0.9 < int8["cosine"] < 1 and int8["pose"] == 1  # nobody moves
    printed = capsys.readouterr().out
    assert "ONNX, int8" in printed and "hit@1 on data, %" in printed
    assert exact["hits"]["data"] == pytest.approx(int8["hits"]["data"], abs=0.1)


def test_no_time_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.npz").touch()
    inputs = ("--recordings", str(recording(tmp_path)), "--data", str(tmp_path / "data.npz"))
    with pytest.raises(SystemExit):
        exports.main([*inputs, "--seconds", "0", "--out", str(tmp_path / "out.json")])
    assert "--seconds must be above 0" in capsys.readouterr().err
