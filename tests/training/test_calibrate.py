"""Fitting the probability of a match, on pairs whose probabilities are known."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.calibration import MatchCalibration
from training import calibrate
from training.calibrate import fit
from training.evaluation.pairs import Pairs

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]


def simulate(calibration: MatchCalibration, count: int = 200_000, seed: int = 0) -> Pairs:
    """Pairs of any cosine that match with the probability that a calibration gives them."""
    generator = torch.Generator().manual_seed(seed)
    cosine = 2 * torch.rand(count, generator=generator) - 1
    return Pairs(cosine, torch.rand(count, generator=generator) < calibration.probability(cosine))


def log_odds_of_a_match(pairs: Pairs) -> float:
    share = pairs.match.double().mean()
    return torch.logit(share).item()


@pytest.mark.parametrize("a, b, c", [(7.0, 2.0, 1.0), (1.0, 1.0, 0.0), (3.0, 0.5, -2.0)])
def test_fit_recovers_known_parameters(a: float, b: float, c: float) -> None:
    pairs = simulate(MatchCalibration(a, b, c))
    found = fit(pairs)
    assert found.a == pytest.approx(a, rel=0.06)
    assert found.b == pytest.approx(b, rel=0.06)
    # fitted as if half of the pairs matched; asked with the true share as the prior, it is the simulation's
    assert found.c + log_odds_of_a_match(pairs) == pytest.approx(c, abs=0.06)
    cosine = torch.linspace(-1, 1, 21)
    share = pairs.match.double().mean().item()
    wanted = MatchCalibration(a, b, c).probability(cosine)
    assert_close(found.probability(cosine, prior=share), wanted, atol=0.01, rtol=0)


def test_fit_does_not_depend_on_how_many_pairs_do_not_match() -> None:
    pairs = simulate(MatchCalibration(4.0, 1.0, 0.0))
    thinned = pairs.match | (torch.arange(len(pairs.match)) % 5 == 0)
    few = fit(Pairs(pairs.cosine[thinned], pairs.match[thinned]))
    cosine = torch.linspace(-1, 1, 21)
    assert_close(few.probability(cosine), fit(pairs).probability(cosine), atol=0.02, rtol=0)


def test_fit_never_falls_as_the_cosine_grows() -> None:
    pairs = simulate(MatchCalibration(4.0, 1.0, 0.0), count=5000)
    upside_down = fit(Pairs(-pairs.cosine, pairs.match))
    assert (upside_down.a, upside_down.b) == (0, 0)
    assert upside_down.c == pytest.approx(0, abs=1e-6)
    # p falls towards a cosine of 1: the best that may be is one that does not rise there
    odds = 5 * torch.log((1 + pairs.cosine) / 2) + 0.5 * torch.log((1 - pairs.cosine) / 2) + 2
    falling = torch.rand(5000, generator=torch.Generator().manual_seed(1)) < torch.sigmoid(odds)
    bounded = fit(Pairs(pairs.cosine, falling))
    assert bounded.b == 0 and bounded.a > 1


def test_fit_stays_finite_where_a_cosine_tells_everything() -> None:
    cosine = torch.tensor([-1.0, -0.5, 0.2, 0.3, 0.9, 1.0])
    found = fit(Pairs(cosine, cosine > 0.25))
    probability = found.probability(cosine)
    assert ((probability > 0.5) == (cosine > 0.25)).all()
    assert (torch.minimum(probability, 1 - probability) < 0.01).all()


@pytest.mark.parametrize("match, words", [([True] * 3, "3 of 3 pairs match"), ([False] * 3, "0 of 3 pairs match")])
def test_one_kind_of_pair_is_not_enough(match: list[bool], words: str) -> None:
    with pytest.raises(ValueError, match=f"{words}; matches and other pairs are needed"):
        fit(Pairs(torch.zeros(3), torch.tensor(match)))


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Metres, y up; poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


@pytest.mark.parametrize("kind", ["plain", "masked"])
def test_command_calibrates_a_checkpoint_on_the_train_split(
    write_mocap: WriteMocap,
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    everybody_alike = np.repeat(bodies(1), 50, 0)  # on which nothing could be fitted
    data = write_mocap(tmp_path / "made-up.npz", {"train": bodies(30), "val": everybody_alike})
    original = request.getfixturevalue(f"{kind}_folder")
    folders = [Path(shutil.copytree(original, tmp_path / name)) for name in ("first", "again", "other")]
    for folder, seed in zip(folders, ("0", "0", "1"), strict=True):
        calibrate.main([str(folder), "--data", str(data), "--batches", "3", "--batch-size", "20", "--seed", seed])
    first, again, other = (PoseEncoder.from_pretrained(folder) for folder in folders)
    assert first.config == again.config != other.config
    before = PoseEncoder.from_pretrained(original)
    assert before.config.calibration is None
    assert (first.config.network, first.config.license, first.card) == (
        before.config.network,
        before.config.license,
        before.card,
    )
    assert (folders[0] / "model.safetensors").read_bytes() == (original / "model.safetensors").read_bytes()
    assert sorted(path.name for path in folders[0].iterdir()) == sorted(path.name for path in original.iterdir())
    how = first.config.training["calibration"]
    assert first.config.training["pairs"] == 0, "how the weights were made is still there"
    assert (how["data"], how["pairs"], how["seed"]) == (["made-up.npz"], 3 * 20 * 20, 0)
    assert 3 * 20 <= how["matches"] < 3 * 20 * 20
    assert json.loads((folders[0] / "config.json").read_text())["training"]["calibration"]["detector"]["noise"] > 0
    probability = first.match_probability(np.linspace(-1, 1, 9))
    assert (np.diff(probability) >= 0).all() and probability[-1] > 0.5
    assert "of 1200 pairs match; MatchCalibration(a=" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--batches": "0"}, "--batches must be at least 1"),
        ({"--seed": "-1"}, "--seed must be at least 0"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"folder": "nowhere"}, "no such folder: nowhere"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    plain_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    message: str,
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"train": bodies(3)})
    options = {"--data": str(data), "folder": str(plain_folder)} | changed
    folder = options.pop("folder")
    with pytest.raises(SystemExit, match="2"):
        calibrate.main([folder, *(text for option in options.items() for text in option)])
    assert message in capsys.readouterr().err
