"""Fitting how sure an encoder is and the probability of a match: on galleries that can be told apart, or cannot."""

import json
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import JOINTS, PoseEncoder, checkpoint
from poseembed.calibration import MatchCalibration
from training import calibrate
from training.calibrate import Fitted, compare, fit, give_lengths, photograph, write_calibration
from training.datasets.mocap import Clip, from_clips
from training.evaluation.galleries import Gallery, draw_galleries

from .made_up import WriteMocap

STANDING = np.array(  # x to the left, y up, z to the front, metres
    [
        (0, 1.6, 0.1),
        *((side * x, y, 0) for x, y in ((0.2, 1.4), (0.25, 1.1), (0.28, 0.85)) for side in (1, -1)),
        *((side * x, y, 0) for x, y in ((0.13, 0.9), (0.14, 0.48), (0.15, 0.08)) for side in (1, -1)),
    ],
    dtype=np.float32,
)


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; people with their limbs anywhere."""
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(count, 13, 3)).astype(np.float32)
    return STANDING + noise * np.array([0.1, 0.3, 0.3, 1, 1, 1, 1, 0.3, 0.3, 1, 1, 1, 1], np.float32)[:, None]


def galleries(count: int) -> list[Gallery]:
    joints = bodies(200)
    clip = Clip("a", "a", "a", 30.0, joints, joints[:, 0] + np.float32(0.1), np.ones(200, bool), "a", "train")
    return list(islice(draw_galleries([from_clips([clip])], "train", 32, torch.Generator().manual_seed(0)), count))


def test_what_is_fitted_is_what_the_encoder_then_says(masked_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer and the polynomials, put into a checkpoint, give the probabilities that the fit was judged by."""
    network = checkpoint.read(masked_folder).network
    torch.manual_seed(0)
    monkeypatch.setattr(calibrate, "ALIKE", 0)  # for where all pictures show a nose alone, features have no spread
    cosine, *views = compare(network, galleries(1)[0].bodies)
    fitted = Fitted(torch.cat(views))
    with torch.no_grad():
        fitted.read.weight.normal_(std=0.3)
        for coefficients in (fitted.steep, fitted.flat, fitted.shift):
            coefficients.normal_()
        probability = torch.sigmoid(fitted.logit(cosine, *map(fitted.certainty, views)))
        sure = give_lengths(network, fitted.layer())
        first, second = (sure.heads(features)[0] for features in views)
    assert_close(first.norm(dim=-1), fitted.certainty(views[0]), atol=2e-3, rtol=0)
    config = replace(checkpoint.read_config(masked_folder / "config.json"), network=sure.config)
    encoder = PoseEncoder(checkpoint.Checkpoint(replace(config, calibration=fitted.calibration()), sure))
    assert_close(encoder.match_probability(first, second), probability, atol=5e-3, rtol=0)


def test_a_layer_is_one_that_float16_holds(masked_folder: Path) -> None:
    layer = Fitted(torch.randn(50, 32)).layer()
    for value in layer.state_dict().values():
        assert torch.equal(value.half().float(), value)


def test_lengths_leave_the_directions_and_can_be_taken_away(masked_folder: Path, poses: np.ndarray) -> None:
    network = checkpoint.read(masked_folder).network
    longer = give_lengths(network, torch.nn.Linear(network.config.width, 1))
    assert longer.config.certainty and not network.config.certainty
    back = give_lengths(longer, None)
    assert back.config == network.config
    for name, value in network.state_dict().items():
        assert torch.equal(back.state_dict()[name], value)


def test_the_fit_learns_that_a_nose_says_nothing() -> None:
    before, some = PoseEncoder.from_pretrained("poseembed-small"), galleries(8)
    network = give_lengths(before.network, None)
    layer, calibration, loss = fit(network, some, steps=100, seed=0)
    assert loss < 0.65, "knowing nothing is 0.693, and pictures of a nose or an arm say little"
    torch.manual_seed(1)
    sure = give_lengths(network, layer)
    content = replace(before.config, network=sure.config, calibration=calibration)
    encoder = PoseEncoder(checkpoint.Checkpoint(content, sure))
    entropies = []
    for gallery in some:
        nose, whole, again = (
            sure(network.layout(*photograph(gallery.bodies, part)))[0] for part in ("nose only", "complete", "complete")
        )
        assert nose.norm(dim=-1).max() < 0.7 * whole.norm(dim=-1).median()
        right = torch.where(gallery.match, (p := encoder.match_probability(whole, again)), 1 - p).log()
        entropies.append(-(right[gallery.match].mean() + right[~gallery.match].mean()) / 2)
    assert torch.stack(entropies).mean() < 0.6, "of complete pictures it knows much more than nothing"
    assert all(len(of) == 3 for of in (calibration.a, calibration.b, calibration.c))


def test_the_fit_is_repeatable(masked_folder: Path) -> None:
    network, some = checkpoint.read(masked_folder).network, galleries(4)
    first, again, other = (fit(network, some, steps=3, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first[0].weight, again[0].weight) and first[1:] == again[1:]
    assert first[1:] != other[1:]


def test_photographs_show_what_they_are_asked_for() -> None:
    torch.manual_seed(0)
    people = galleries(1)[0].bodies
    points, visible = photograph(people, "nose only")
    assert points.shape == (32, 13, 2) and visible[:, JOINTS.index("nose")].all() and visible.sum() == 32
    _, any_part = photograph(people, None)
    assert any_part.sum(-1).unique().numel() > 4
    assert not torch.equal(photograph(people, "complete")[0], photograph(people, "complete")[0]), "each from elsewhere"


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


def test_a_calibration_is_written_beside_what_is_there(masked_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(masked_folder, tmp_path / "copy"))
    calibration = MatchCalibration((1.0, 2.0), (0.0,), (-1.0,))
    write_calibration(folder, calibration, {"by": "hand"})
    after, before = PoseEncoder.from_pretrained(folder), PoseEncoder.from_pretrained(masked_folder)
    assert after.config.calibration == calibration and after.config.training["calibration"] == {"by": "hand"}
    assert after.made_by == before.made_by and after.card == before.card


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--galleries": "3"}, "--galleries must be at least 4"),
        ({"--steps": "0"}, "--steps must be at least 1"),
        ({"--seed": "-1"}, "--seed must be at least 0"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"folder": "nowhere"}, "no such folder: nowhere"),
        ({"--data": "alike.npz"}, "no two of which differ"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    plain_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_mocap(tmp_path / "alike.npz", {"train": np.repeat(bodies(1), 50, 0)})
    data = write_mocap(tmp_path / "data.npz", {"train": bodies(3)})
    options = {"--data": str(data), "folder": str(plain_folder)} | changed
    folder = options.pop("folder")
    with pytest.raises(SystemExit, match="2"):
        calibrate.main([folder, *(text for option in options.items() for text in option)])
    assert message in capsys.readouterr().err
