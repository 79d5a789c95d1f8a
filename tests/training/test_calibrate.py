"""The command that calibrates a checkpoint: what it writes, keeps and refuses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, checkpoint
from poseembed.calibration import MatchCalibration
from training import calibrate
from training.calibrate import calibrated

from .calibration.test_frames import bodies

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]


@pytest.mark.parametrize("kind", ["plain", "masked"])
def test_command_calibrates_a_checkpoint_on_the_train_split(
    write_mocap: WriteMocap,
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    poses: np.ndarray,
    capsys: pytest.CaptureFixture[str],
) -> None:
    everybody_alike = np.repeat(bodies(1), 50, 0)  # on which nothing could be fitted
    data = write_mocap(tmp_path / "made-up.npz", {"train": bodies(80), "val": everybody_alike})
    original = request.getfixturevalue(f"{kind}_folder")
    folders = [Path(shutil.copytree(original, tmp_path / name)) for name in ("first", "again", "other")]
    quick = ["--galleries", "4", "--steps", "2"]
    for folder, seed in zip(folders, ("0", "0", "1"), strict=True):
        calibrate.main([str(folder), "--data", str(data), *quick, "--seed", seed])
    first, again, other = (PoseEncoder.from_pretrained(folder) for folder in folders)
    assert first.made_by == again.made_by != other.made_by and first.config == again.config != other.config
    before = PoseEncoder.from_pretrained(original)
    assert before.config.calibration is None and not before.config.network.certainty
    assert first.space == other.space == before.fingerprint
    assert replace(first.config.network, certainty=False) == before.config.network
    assert (first.config.license, first.card) == (before.config.license, before.card)
    assert sorted(path.name for path in folders[0].iterdir()) == sorted(path.name for path in original.iterdir())
    np.testing.assert_allclose(
        first.similarity_pairwise(first.embed(poses).z_pose, before.embed(poses).z_pose), 1, atol=1e-5
    )
    how = first.config.training["calibration"]
    assert first.config.training["pairs"] == 0, "how the weights were made is still there"
    assert (how["data"], how["galleries"], how["steps"], how["seed"]) == (["made-up.npz"], 4, 2, 0)
    assert json.loads((folders[0] / "config.json").read_text())["training"]["calibration"]["detector"]["noise"] > 0
    z_pose = first.embed(poses).z_pose
    chances = first.match_probability(z_pose, z_pose)
    assert ((chances > 0) & (chances < 1)).all()
    printed = capsys.readouterr().out
    assert (
        "cross entropy 0." in printed and "MatchCalibration(a=(" in printed and "   cosine     0.1     0.3" in printed
    )
    # once more: the layer is fitted anew, and not to the lengths that the first one gave
    calibrate.main([str(folders[0]), "--data", str(data), *quick, "--seed", "1"])
    assert PoseEncoder.from_pretrained(folders[0]).made_by == other.made_by


def test_vectors_with_context_get_lengths_too(
    clip_folder: Path, write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "made-up.npz", {"train": bodies(80)})
    folder = Path(shutil.copytree(clip_folder, tmp_path / "copy"))
    calibrate.main([str(folder), "--data", str(data), "--galleries", "4", "--filmed", "4", "--steps", "2"])
    before, after = PoseEncoder.from_pretrained(clip_folder), PoseEncoder.from_pretrained(folder)
    assert after.config.clip is not None and after.config.clip.certainty
    how = {"data": ["made-up.npz"], "recipe": "poseembed_base_clips", "galleries": 4, "steps": 2, "seed": 0}
    assert after.config.training["clip_calibration"] == how
    assert "cross entropy with context 0." in capsys.readouterr().out
    walk = np.random.default_rng(0).normal(size=(30, 13, 2)).cumsum(0)
    one, other = (encoder.embed_clip(walk, fps=30).z_pose for encoder in (before, after))
    np.testing.assert_allclose(before.similarity_pairwise(one, other), 1, atol=1e-5)
    chances = after.match_probability_pairwise(other, after.embed(walk).z_pose)
    assert ((chances > 0) & (chances < 1)).all()
    calibrate.main([str(folder), "--data", str(data), "--clips-only", "--filmed", "5", "--steps", "2"])
    again = PoseEncoder.from_pretrained(folder)
    assert again.made_by == after.made_by and again.clip_made_by != after.clip_made_by
    assert again.config.calibration == after.config.calibration


def test_a_calibration_is_written_beside_what_is_there(masked_folder: Path) -> None:
    before, calibration = checkpoint.read(masked_folder), MatchCalibration((1.0, 2.0), (0.0,), (-1.0,))
    after = calibrated(before, calibration, {"by": "hand"})
    assert after.config.calibration == calibration and after.config.training["calibration"] == {"by": "hand"}
    assert replace(after.config, calibration=None, training=before.config.training) == before.config


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--galleries": "3"}, "--galleries must be at least 4"),
        ({"--steps": "0"}, "--steps must be at least 1"),
        ({"--seed": "-1"}, "--seed must be at least 0"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"folder": "nowhere"}, "no such folder: nowhere"),
        ({"--data": "alike.npz"}, "no two of which differ"),
        ({"--clips-only": None}, "has no clip encoder, or its single frames were never calibrated"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    plain_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str | None],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_mocap(tmp_path / "alike.npz", {"train": np.repeat(bodies(1), 50, 0)})
    data = write_mocap(tmp_path / "data.npz", {"train": bodies(3)})
    options = {"--data": str(data), "folder": str(plain_folder)} | changed
    folder = options.pop("folder")
    with pytest.raises(SystemExit, match="2"):
        calibrate.main([folder, *(text for option in options.items() for text in option if text is not None)])
    assert message in capsys.readouterr().err
