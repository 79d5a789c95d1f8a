"""The comparison of all systems: what is the same for all, the search, and that a stopped run goes on."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from training import compare
from training.compare import FACTOR, FIRST_RATE, MOST_RATES, recipe, search
from training.evaluation.systems import load_trained, systems
from training.running.trainer import Diverged, Trainer, train

PAPER = {
    "cv-mim",
    "cv-mim-product",
    "cv-mim-concatenation",
    "cv-mim-no-inter",
    "cv-mim-no-prior",
    "ae",
    "vae",
    "beta-vae",
    "infonce",
    "dim",
    "pr-vipe",
}


def test_all_systems_of_the_paper_are_there() -> None:
    assert set(systems()) >= PAPER


def test_systems_differ_in_their_objective_and_vectors_alone() -> None:
    recipes = [recipe(system, 1e-3, 1000) for system in systems().values()]
    for other in recipes[1:]:
        for setting in ("pairs", "batch_size", "variation", "cameras", "detector", "warmup", "cooldown"):
            assert getattr(other, setting) == getattr(recipes[0], setting)
        assert (other.network.width, other.network.blocks) == (recipes[0].network.width, recipes[0].network.blocks)
    assert len({repr(made.objective) for made in recipes}) == len(recipes)


@pytest.mark.parametrize("name", systems())
def test_every_system_takes_a_step(name: str, bodies_file: Path, tmp_path: Path) -> None:
    comparison = compare.Comparison(
        [bodies_file],
        changes=["network.width=16"],
        seed=0,
        save_seconds=1e9,
        device=torch.device("cpu"),
        galleries=1,
        gallery_size=100,
    )
    score = comparison.run(systems()[name], 1e-3, 256, tmp_path / name)
    encoder = PoseEncoder.from_pretrained(tmp_path / name / "checkpoint")
    assert (encoder.pose_dim, encoder.view_dim) == ((16, 0) if name == "pr-vipe" else (32, 32))
    assert 0 < score.best <= 1


@pytest.mark.parametrize(
    "best, tried",
    [(0, [-1, 0, 1]), (1, [-1, 0, 1, 2]), (-1, [-2, -1, 0, 1]), (2, [-1, 0, 1, 2, 3]), (9, [-1, 0, 1, 2, 3])],
)
def test_the_search_goes_on_until_the_best_rate_has_neighbours(best: int, tried: list[int]) -> None:
    asked: list[int] = []

    def measure(rate: float) -> float:
        power = round(np.log(rate / FIRST_RATE) / np.log(FACTOR))
        asked.append(power)
        return -abs(power - best)

    assert search(measure) == pytest.approx(FIRST_RATE * FACTOR ** min(best, max(tried)))
    assert sorted(asked) == tried and len(asked) <= MOST_RATES


@pytest.fixture(scope="module")
def bodies_file(tmp_path_factory: pytest.TempPathFactory, write_mocap: Callable) -> Path:
    """Two people whose poses differ a little."""
    rng = np.random.default_rng(0)
    standing = np.array(
        [
            [0, 0.7, 0.05],
            *[[side * 0.2, 0.5, 0] for side in (1, -1)],
            *[[side * 0.3, 0.25, 0] for side in (1, -1)],
            *[[side * 0.3, 0.0, 0.1] for side in (1, -1)],
            *[[side * 0.1, 0.0, 0] for side in (1, -1)],
            *[[side * 0.1, -0.4, 0.05] for side in (1, -1)],
            *[[side * 0.1, -0.8, 0] for side in (1, -1)],
        ]
    )
    poses = (standing + 0.05 * rng.normal(size=(600, 13, 3))).astype(np.float32)
    return write_mocap(tmp_path_factory.mktemp("bodies") / "bodies.npz", {"train": poses[:300], "val": poses[300:]})


def arguments(file: Path, out: Path, *more: str) -> list[str]:
    tiny = ["--set", "network.width=8", "--pairs", "512", "--search-pairs", "256", "--systems", "ae", "pr-vipe"]
    results = ["--results", str(out.with_name("RESULTS.md"))]
    judged = ["--galleries", "1", "--poses", "100"]  # which takes most of the time of so short runs
    return ["--data", str(file), "--out", str(out), *tiny, *judged, *results, *more]


def test_a_comparison_that_was_stopped_goes_on_and_finished_work_is_kept(
    bodies_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole" / "run", tmp_path / "stopped" / "run"
    for folder in (whole, stopped):
        folder.parent.mkdir()
    compare.main(arguments(bodies_file, whole))
    judge, judged = compare.Comparison.judge, []

    def stop_at_the_third(self: compare.Comparison, encoder: PoseEncoder) -> compare.Score:
        judged.append(encoder)
        if len(judged) == 3:
            raise KeyboardInterrupt
        return judge(self, encoder)

    with monkeypatch.context() as patch:
        patch.setattr(compare.Comparison, "judge", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            compare.main(arguments(bodies_file, stopped))
        compare.main(arguments(bodies_file, stopped))
    assert len(judged) == 1 + len(list(whole.rglob("score.json")))  # one was judged twice, none trained twice
    assert json.loads((whole / "ae/choice.json").read_text()) == json.loads((stopped / "ae/choice.json").read_text())
    texts = [(folder.parent / "RESULTS.md").read_text() for folder in (whole, stopped)]
    assert texts[0].replace(str(whole), str(stopped)).replace(str(whole.parent), str(stopped.parent)) == texts[1]
    assert "| Pr-VIPE | 512 |" in texts[0]
    trained = load_trained(stopped)
    assert list(trained) == ["ae", "pr-vipe"]
    assert trained["ae"].distance in ("cosine", "euclidean") and trained["pr-vipe"].encoder.view_dim == 0


def test_a_rate_at_which_training_diverges_is_not_chosen(
    bodies_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def diverge(trainer: Trainer, out: Path, *, save_seconds: float) -> None:
        (rate,) = {optimizer.defaults["lr"] for optimizer in trainer.optimizers.values()}
        rates.append(rate)
        if rate > FIRST_RATE / 2:
            raise Diverged("training has diverged")
        train(trainer, out, save_seconds=save_seconds)

    monkeypatch.setattr(compare, "train", diverge)
    compare.main(arguments(bodies_file, tmp_path / "run", "--systems", "ae"))
    chosen = json.loads((tmp_path / "run/ae/choice.json").read_text())["learning_rate"]
    assert chosen == rates[-1] < FIRST_RATE / 2 < max(rates)


def test_other_settings_do_not_mix_into_a_run(
    bodies_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = ["--systems", "ae"]
    compare.main(arguments(bodies_file, tmp_path / "run", *one))
    for change in (["--seed", "1"], ["--poses", "99"]):
        with pytest.raises(SystemExit):
            compare.main(arguments(bodies_file, tmp_path / "run", *one, *change))
        assert "other settings; choose another --out" in capsys.readouterr().err


def test_a_setting_that_a_system_lacks_is_found_before_anything_is_trained(
    bodies_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        compare.main(arguments(bodies_file, tmp_path / "run", "--set", "objective.config.beta=2"))
    assert "no setting 'beta'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_loading_says_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="training.compare --out"):
        load_trained(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no system in .* is finished"):
        load_trained(tmp_path)
