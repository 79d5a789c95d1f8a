"""The training command on networks that are small enough to train here: that a run can be killed, above all."""

import dataclasses
import json
import logging
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim
from torch.utils.tensorboard import SummaryWriter

from poseembed import PoseEncoder
from poseembed.checkpoint import CARD_FILE, WEIGHTS_FILE
from poseembed.network import NetworkConfig
from training import train
from training.objectives.base import Losses, Objective
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.running import log
from training.running import state as run_state
from training.running.recipe import Recipe, load_recipe, recipe_names
from training.running.trainer import Diverged, Trainer, export
from training.running.trainer import train as train_to_the_end
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import Batch, ViewSampler

from ..limits import HANGS

REPOSITORY = Path(__file__).resolve().parents[2]

TINY = """
from functools import partial
from torch.optim import AdamW
from poseembed.network import NetworkConfig
from training.scene.bodies import Variation
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.running.recipe import Recipe
from training.scene.detector import Detector

RECIPE = Recipe(
    objective=partial(CvMim, config=CvMimConfig(cross_view_estimator="info_nce")),
    network=NetworkConfig(mask_input=True, width=16),
    pairs=320,
    batch_size=8,
    variation=Variation(mirror=0.5, recombine=0.3, shape=0.1, joints=0.05, bend=0.1, tilt=0.2, rare=0.5),
    detector=Detector(noise=0.03, bad=0.1, swapped=0.1, occluded=0.5, cropped=0.3),
    optimizer=partial(AdamW, lr=1e-2, fused=True),
    warmup=0.1,
    cooldown=0.5,
)
"""
CONSTANT = """
from functools import partial
from poseembed.network import NetworkConfig
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.running.recipe import Recipe

RECIPE = Recipe(
    objective=partial(CvMim, config=CvMimConfig()), network=NetworkConfig(width=16), pairs=160, batch_size=8
)
"""

TO_BE_KILLED = """
import sys
import time
from contextlib import contextmanager

from training import train
from training.running import state as run_state

save, replacing = run_state.save, run_state.replacing
saved = []


def save_every_tenth(path, *, step, **state):
    if step % 10 == 0:
        saved.append(step)
        save(path, step=step, **state)


@contextmanager
def get_stuck(path):
    with replacing(path) as file:
        if saved[-1] == 30:
            file.write(b"half")
            file.flush()
            time.sleep(24 * 3600)
        yield file


run_state.save, run_state.replacing = save_every_tenth, get_stuck
train.main(sys.argv[1:])
"""

KEEPING_RANKS = """
import sys

from safetensors.torch import save_file

from training import train
from training.running.processes import rank

run = train.train


def run_and_keep(trainer, out, **options):
    run(trainer, out, **options)
    weights = {name: value.detach().contiguous() for name, value in trainer.objective.named_parameters()}
    save_file(weights, out / f"rank{rank()}.safetensors")


train.train = run_and_keep
train.main(sys.argv[1:])
"""

HALVES = """
import sys
from functools import partial

import torch
from safetensors.torch import save_file
from torch import nn, optim

from poseembed.network import NetworkConfig
from training.objectives.base import Losses, Objective
from training.objectives.terms.estimators import info_nce_loss
from training.running.processes import processes, rank, world_size
from training.running.recipe import Recipe
from training.running.trainer import Trainer
from training.scene.views import Batch, ViewSampler

PAIRS = 6


class ThreePlayers(Objective):
    # Two whose loss is a mean over the pairs, and one that tells each pair from all others.

    def __init__(self, _: NetworkConfig) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.linspace(-1, 1, 26, dtype=torch.float64))
        self.other = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))
        self.contrast = nn.Parameter(torch.linspace(-1, 1, 26 * 3, dtype=torch.float64).reshape(26, 3).cos())

    def players(self) -> dict[str, list[nn.Parameter]]:
        return {"one": [self.one], "other": [self.other], "contrast": [self.contrast]}

    def forward(self, batch: Batch) -> Losses:
        anchors, positives = batch.points.flatten(-2)
        error = ((self.one * anchors).sum(-1) - self.other * positives.sum(-1)) ** 2
        contrast = info_nce_loss(anchors @ self.contrast, positives @ self.contrast)
        return Losses({"one": error.mean(), "other": (error + self.other.square()).mean(), "contrast": contrast}, {})


class Shares(ViewSampler):
    \"\"\"The same pairs in every run: one process gets all, two get half each.\"\"\"

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(7)

    def sample(self, pairs: int) -> Batch:
        assert pairs * world_size() == PAIRS
        mine = slice(rank() * pairs, (rank() + 1) * pairs)
        points = torch.rand(2, PAIRS, 13, 2, generator=self.generator, dtype=torch.float64)[:, mine]
        return Batch(points, torch.ones(points.shape[:-1], dtype=torch.bool), points.new_zeros(pairs, 13, 3), None)


with processes("cpu"):
    recipe = Recipe(
        ThreePlayers, pairs=3 * PAIRS, batch_size=PAIRS // world_size(), optimizer=partial(optim.SGD, lr=0.01)
    )
    trainer = Trainer(recipe, Shares(), seed=0)
    while trainer.step < trainer.last_step:
        trainer.train_step()
    assert trainer.step == 3
    save_file(dict(trainer.objective.state_dict()), f"{sys.argv[1]}/{rank()}_of_{world_size()}.safetensors")
"""


@pytest.fixture(autouse=True)
def leave_random_numbers_as_they_were() -> Iterator[None]:
    """The command seeds torch, for the whole process."""
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """The folder of two more recipes: `tiny`, which has all that there is, and `constant`, the paper's."""
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "tiny.py").write_text(TINY)
    (folder / "constant.py").write_text(CONSTANT)
    return folder


def poses(count: int) -> np.ndarray:
    """Metres, y up, upright, all different."""
    joints = np.random.default_rng(0).normal(scale=0.2, size=(count, 13, 3)).astype(np.float32)
    joints[:, :3] += [0, 0.6, 0]
    joints[:, 9:] -= [0, 0.6, 0]
    return joints


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """40 poses to train on, and one of a validation split."""
    joints = np.concatenate([poses(40), np.full((1, 13, 3), np.nan, np.float32)])
    clips = np.array(["a", "b"])
    path = tmp_path / "data.npz"
    np.savez(
        path,
        joints=joints,
        nose=joints[:, 0],
        ok=np.ones(41, bool),
        offsets=[0, 40, 41],
        subject=clips,
        action=clips,
        clip=clips,
        split=["train", "val"],
        source=clips,
        fps=[30.0, 30.0],
    )
    return path


def run(recipe: str | Path, data: Path, out: Path, *options: str) -> None:
    train.main([str(recipe), "--data", str(data), "--out", str(out), "--device", "cpu", *options])


def child(script: Path, text: str, launcher: Sequence[str], *arguments: str) -> subprocess.Popen[str]:
    """Start a script with the repository on its path and as many threads as here, for sums depend on them."""
    script.write_text(text)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.Popen(
        [sys.executable, *launcher, str(script), *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def saved_step(out: Path) -> int:
    with safe_open(out / run_state.FILE_NAME, framework="pt") as file:
        return int(file.metadata()["step"])


def assert_same_run(first: Path, second: Path) -> None:
    """The exported weights, and all that a next step would depend on, are bit for bit the same."""
    weights = Path("checkpoint") / WEIGHTS_FILE
    assert (first / weights).read_bytes() == (second / weights).read_bytes()
    a, b = (load_file(folder / run_state.FILE_NAME) for folder in (first, second))
    assert a.keys() == b.keys()
    assert not [name for name in a if not torch.equal(a[name], b[name])]


def make_trainer(recipe: Recipe, seed: int = 0) -> Trainer:
    joints = poses(20)
    bodies = Bodies(joints, joints[:, 0], recipe.variation)
    sampler = ViewSampler(bodies, recipe.cameras, recipe.detector)
    return Trainer(recipe, sampler, seed=seed)


class Duel(Objective):
    """Two numbers that pull at each other: one at their product, the other at minus three times it."""

    def __init__(self, _: NetworkConfig) -> None:
        super().__init__()
        self.attack = nn.Parameter(torch.tensor(2.0))
        self.defence = nn.Parameter(torch.tensor(5.0))

    def players(self) -> dict[str, list[nn.Parameter]]:
        return {"attack": [self.attack], "defence": [self.defence]}

    def forward(self, batch: Batch) -> Losses:
        product = self.attack * self.defence
        return Losses({"attack": product, "defence": -3 * product}, {"product": product.detach()})


def duel(**changed: Any) -> Recipe:
    return dataclasses.replace(
        Recipe(objective=Duel, batch_size=4, pairs=32, optimizer=partial(optim.SGD, lr=0.1)), **changed
    )


# --- one step ---------------------------------------------------------------------------------------------------------


def test_players_move_at_once_each_by_its_own_loss() -> None:
    trainer = make_trainer(duel())
    losses = trainer.train_step()
    assert losses.terms["product"].item() == 10
    assert isinstance(trainer.objective, Duel)
    assert trainer.objective.attack.item() == pytest.approx(2 - 0.1 * 5)
    assert trainer.objective.defence.item() == pytest.approx(5 + 0.1 * 3 * 2)  # from the 2 of before the step
    assert trainer.step == 1


def test_learning_rate_cools_down_to_the_end() -> None:
    trainer = make_trainer(duel(cooldown=0.5))  # 8 steps
    rates = []
    while trainer.step < trainer.last_step:
        trainer.train_step()
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers.values()])
    expected = [0.1, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025]
    np.testing.assert_allclose(rates, np.stack([expected, expected], 1))


def rates_of(trainer: Trainer) -> list[float]:
    rates = []
    while trainer.step < trainer.last_step:
        trainer.train_step()
        rates.append(trainer.optimizers["attack"].param_groups[0]["lr"])
    return rates


def test_learning_rate_warms_up_from_the_start() -> None:
    rates = rates_of(make_trainer(duel(warmup=0.5)))  # 8 steps
    np.testing.assert_allclose(rates, [0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.1, 0.1])


def test_learning_rate_warms_up_and_cools_down() -> None:
    rates = rates_of(make_trainer(duel(warmup=0.25, cooldown=0.5)))
    np.testing.assert_allclose(rates, [0.05, 0.1, 0.1, 0.1, 0.1, 0.075, 0.05, 0.025])


def test_learning_rate_rises_as_long_as_it_is_under_the_falling_one() -> None:
    rates = rates_of(make_trainer(duel(warmup=1.0, cooldown=1.0)))
    np.testing.assert_allclose(rates, [0.0125, 0.025, 0.0375, 0.05, 0.05, 0.0375, 0.025, 0.0125])


def test_a_warmup_of_less_than_a_step_changes_nothing() -> None:
    assert rates_of(make_trainer(duel(warmup=0.1))) == [0.1] * 8


def test_learning_rate_stays_without_warmup_and_cooldown() -> None:
    trainer = make_trainer(duel())
    for _ in range(8):
        trainer.train_step()
        assert trainer.optimizers["attack"].param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(("pairs", "steps"), [(1, 1), (4, 1), (5, 2), (32, 8)])
def test_pairs_are_rounded_up_to_whole_steps(pairs: int, steps: int) -> None:
    assert make_trainer(duel(pairs=pairs)).last_step == steps


@pytest.mark.parametrize(
    ("abilities", "wanted"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"avx512_bf16": False, "avx2": True}, False),
        ({}, False),
    ],
)
def test_processors_without_bfloat16_products_train_in_full_precision(
    abilities: dict[str, bool], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Spy(Duel):
        def forward(self, batch: Batch) -> Losses:
            self.lowered = torch.is_autocast_enabled("cpu")
            assert {seen.dtype for seen in (batch.points, batch.body, batch.known_camera())} == {torch.float32}
            return super().forward(batch)

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities, raising=False)  # old ones do not have it
    trainer = make_trainer(duel(objective=Spy))
    trainer.train_step()
    assert trainer.objective.lowered is wanted
    assert {parameter.dtype for parameter in trainer.objective.parameters()} == {torch.float32}


def test_training_lowers_the_loss() -> None:
    recipe = Recipe(
        objective=partial(CvMim, config=CvMimConfig(dropout=0, disentangle=0, prior=0)),
        network=NetworkConfig(width=16),
        batch_size=32,
        pairs=32 * 40,
    )
    trainer = make_trainer(recipe)
    losses = [trainer.train_step().players["encoder"].item() for _ in range(40)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])


def test_steps_draw_other_views_and_other_seeds_others() -> None:
    class Spy(Duel):
        seen: list[Tensor]

        def forward(self, batch: Batch) -> Losses:
            vars(self).setdefault("seen", []).append(batch.points[0])
            return super().forward(batch)

    trainers = [make_trainer(duel(objective=Spy), seed=seed) for seed in (0, 0, 1)]
    for trainer in trainers:
        trainer.train_step()
        trainer.train_step()
    first, again, other = (vars(trainer.objective)["seen"] for trainer in trainers)
    assert torch.equal(torch.stack(first), torch.stack(again))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[1], other[0])


# --- a run ------------------------------------------------------------------------------------------------------------


def test_a_killed_run_ends_with_the_same_weights(recipes: Path, data: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = [str(recipes / "tiny.py"), "--data", str(data), "--out", str(killed), "--device", "cpu"]
    options += ["--save-seconds", "0"]
    process = child(tmp_path / "victim.py", TO_BE_KILLED, [], *options)
    run(recipes / "tiny.py", data, whole)

    def unfinished() -> list[bytes]:
        return [content(part) for part in killed.glob(f".{run_state.FILE_NAME}.*.part")]

    deadline = time.monotonic() + HANGS
    while unfinished() != [b"half"] and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()  # SIGKILL, in the middle of the save after step 30
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    assert unfinished() == [b"half"], errors
    assert saved_step(killed) == 20
    assert not (killed / "checkpoint").exists()
    run(recipes / "tiny.py", data, killed)
    assert unfinished() == []
    assert saved_step(killed) == 40
    assert_same_run(whole, killed)


def test_runs_of_another_seed_end_elsewhere(recipes: Path, data: Path, tmp_path: Path) -> None:
    run(recipes / "tiny.py", data, tmp_path / "0", "--pairs", "16")
    run(recipes / "tiny.py", data, tmp_path / "1", "--pairs", "16", "--seed", "1")
    with pytest.raises(AssertionError):
        assert_same_run(tmp_path / "0", tmp_path / "1")


def test_a_finished_run_is_only_exported_again(
    recipes: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(recipes / "constant.py", data, out)
    exported = out / "checkpoint" / WEIGHTS_FILE
    before = exported.read_bytes()
    exported.unlink()
    (out / "checkpoint" / CARD_FILE).write_text("# By hand\n")
    monkeypatch.delattr(Trainer, "train_step")
    run(recipes / "constant.py", data, out)
    assert exported.read_bytes() == before
    assert (out / "checkpoint" / CARD_FILE).read_text() == "# By hand\n"


def test_a_run_at_a_constant_rate_can_be_prolonged(recipes: Path, data: Path, tmp_path: Path) -> None:
    run(recipes / "constant.py", data, tmp_path / "once", "--pairs", "120")
    run(recipes / "constant.py", data, tmp_path / "twice", "--pairs", "40")
    run(recipes / "constant.py", data, tmp_path / "twice", "--pairs", "120")
    assert_same_run(tmp_path / "once", tmp_path / "twice")


@pytest.mark.parametrize("changed", [{"warmup": 0.1}, {"cooldown": 0.1}])
def test_a_run_whose_rate_depends_on_its_length_cannot_be_prolonged(tmp_path: Path, changed: dict[str, float]) -> None:
    train_to_the_end(make_trainer(duel(**changed)), tmp_path, save_seconds=300)
    with pytest.raises(ValueError, match=r"other settings \(recipe.pairs was \d+ and is 64\)"):
        train_to_the_end(make_trainer(duel(pairs=64, **changed)), tmp_path, save_seconds=300)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"variation": Variation(bend=0.1)}, "recipe.variation.bend was 0.0 and is 0.1"),
        (
            {"detector": Detector(noise=0.1, bad=0.1)},
            "recipe.detector.noise was 0.0 and is 0.1; recipe.detector.bad was",
        ),
    ],
)
def test_other_bodies_or_pictures_do_not_continue_a_run(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    train_to_the_end(make_trainer(duel()), tmp_path, save_seconds=300)
    with pytest.raises(ValueError, match=named):
        train_to_the_end(make_trainer(duel(**changed)), tmp_path, save_seconds=300)


@pytest.mark.parametrize(
    ("options", "changed"),
    [(["--seed", "1"], "seed was 0 and is 1"), (["--pairs", "80"], "recipe.pairs was 16 and is 80"), ([], "data was")],
)
def test_other_settings_do_not_continue_a_run(
    recipes: Path, data: Path, tmp_path: Path, options: list[str], changed: str
) -> None:
    out = tmp_path / "out"
    run(recipes / "tiny.py", data, out, "--pairs", "16")
    before = content(out / run_state.FILE_NAME)
    if not options:  # as many poses, but others
        arrays = dict(np.load(data))
        np.savez(data, **(arrays | {"joints": arrays["joints"][:, ::-1]}))
    with pytest.raises(ValueError, match=rf"other settings \({changed}.*\); use another --out or the old settings"):
        run(recipes / "tiny.py", data, out, "--pairs", "16", *options)
    assert content(out / run_state.FILE_NAME) == before


def test_a_run_that_diverges_says_so_and_keeps_its_last_good_state(tmp_path: Path) -> None:
    steep = duel(optimizer=partial(optim.SGD, lr=1e4), pairs=4000)
    with pytest.raises(Diverged, match=r"at step \d+ the loss of attack, defence is not .* a lower learning rate"):
        train_to_the_end(make_trainer(steep), tmp_path, save_seconds=0)
    assert 0 < saved_step(tmp_path) < 1000
    assert all(value.isfinite().all() for value in load_file(tmp_path / run_state.FILE_NAME).values())


@pytest.mark.parametrize("kept", [0, 5, 4000])
def test_a_damaged_state_is_refused(recipes: Path, data: Path, tmp_path: Path, kept: int) -> None:
    out = tmp_path / "out"
    run(recipes / "tiny.py", data, out, "--pairs", "8")
    state = out / run_state.FILE_NAME
    state.write_bytes(state.read_bytes()[:kept])
    with pytest.raises(ValueError, match="not a whole checkpoint .*; delete it to start again"):
        run(recipes / "tiny.py", data, out, "--pairs", "8")


def test_a_file_that_is_no_state_is_refused(recipes: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    save_file({"weight": torch.zeros(2)}, out / run_state.FILE_NAME)
    with pytest.raises(ValueError, match="not the state of a training run"):
        run(recipes / "tiny.py", data, out)


def test_exported_checkpoint_is_the_trained_encoder(recipes: Path, data: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(load_recipe(str(recipes / "tiny.py")), pairs=80)
    trainer = make_trainer(recipe, seed=5)
    (tmp_path / "out").mkdir()
    train_to_the_end(trainer, tmp_path / "out", save_seconds=300)
    export(trainer, tmp_path / "exported", recipe_name="tiny", changes=[], data=[data])
    encoder = PoseEncoder.from_pretrained(tmp_path / "exported")
    batch = trainer.sampler.sample(6)
    inputs = encoder.network.layout(batch.points[0], batch.visible[0])
    z_pose, z_view = trainer.objective.encoder.eval()(inputs)
    for trained, exported in zip((z_pose, z_view), encoder.network(inputs), strict=True):
        torch.testing.assert_close(exported, trained, atol=1e-2, rtol=1e-2)  # float16 weights
    assert encoder.config.network == recipe.network
    assert encoder.space == encoder.fingerprint, "it learned from nobody"
    assert encoder.config.training == {"recipe": "tiny", "data": ["data.npz"], "poses": 20, "pairs": 80, "seed": 5}
    assert all(value.dtype == torch.float16 for value in load_file(tmp_path / "exported" / WEIGHTS_FILE).values())
    points = poses(3)[..., :2]
    assert encoder.embed(points).z_pose.shape == (3, 32)


def test_only_well_tracked_poses_of_the_train_split_are_used(recipes: Path, data: Path, tmp_path: Path) -> None:
    run(recipes / "constant.py", data, tmp_path / "out", "--pairs", "8")
    described = json.loads((tmp_path / "out" / "checkpoint" / "config.json").read_text())["training"]
    assert described == {"recipe": "constant", "data": ["data.npz"], "poses": 40, "pairs": 8, "seed": 0}
    weights = load_file(tmp_path / "out" / "checkpoint" / WEIGHTS_FILE)
    assert all(value.isfinite().all() for value in weights.values())  # the val split is NaN
    assert list((tmp_path / "out" / "log").glob("events*"))


def test_log_says_how_training_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, float, int]] = []
    starts: list[int] = []

    class Log(SummaryWriter):
        def __init__(self, folder: str, purge_step: int) -> None:
            starts.append(purge_step)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def close(self) -> None:
            written.append(("closed", 0, 0))

    monkeypatch.setattr(log, "SummaryWriter", Log)
    train_to_the_end(make_trainer(duel(pairs=12 * 4)), tmp_path, save_seconds=300, log_every=5)
    names = [(name, step) for name, _, step in written]
    assert names == [(n, s) for s in (5, 10) for n in ("loss/product", "pairs_per_second")] + [("closed", 0)]
    assert written[0][1] < 10
    assert written[1][1] > 0
    train_to_the_end(make_trainer(duel(pairs=20 * 4)), tmp_path, save_seconds=300, log_every=5)
    assert starts == [1, 13]  # what the first run logged stays
    assert [step for _, _, step in written[5:-1]] == [15, 15, 20, 20]


def test_a_table_of_the_log_goes_with_the_weights(
    recipes: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run(recipes / "constant.py", data, tmp_path, "--pairs", "1600")
    assert "tensorboard" not in {record.name for record in caplog.records}, "it has nothing to say to the user"
    lines = (tmp_path / "checkpoint" / log.FILE_NAME).read_text().splitlines()
    assert {"loss/within_view", "loss/cross_view", "pairs_per_second"} < set(lines[0].split(","))
    assert [line.split(",")[0] for line in lines] == ["step", "100", "200"]


def test_speed_after_a_resumption_counts_only_the_new_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds: list[float] = []

    class Log(SummaryWriter):
        def __init__(self, *_: object, **__: object) -> None: ...

        def add_scalar(self, name: str, value: float, step: int) -> None:
            if name == "pairs_per_second":
                speeds.append(value)

        def close(self) -> None: ...

    clock = iter(range(1000))
    monkeypatch.setattr(log, "SummaryWriter", Log)
    for steps in (3, 10):  # the clock ticks once at the start and once a step: 4 pairs a second
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        train_to_the_end(make_trainer(duel(pairs=4 * steps)), tmp_path, save_seconds=300, log_every=5)
    assert speeds == [4, 4]


# --- several processes ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_train_one_model(recipes: Path, data: Path, tmp_path: Path) -> None:
    pair, alone = tmp_path / "pair", tmp_path / "alone"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    options = [
        str(recipes / "constant.py"),
        "--data",
        str(data),
        "--out",
        str(pair),
        "--device",
        "cpu",
        "--pairs",
        "80",
    ]
    process = child(tmp_path / "ranks.py", KEEPING_RANKS, launcher, *options)
    run(recipes / "constant.py", data, alone, "--pairs", "40")  # as many steps
    _, errors = process.communicate(timeout=HANGS)
    assert process.returncode == 0, errors
    first, second = (load_file(pair / f"rank{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    assert not [name for name in first if not torch.equal(first[name], second[name])]
    assert saved_step(pair) == saved_step(alone) == 5
    single = load_file(alone / run_state.FILE_NAME)
    assert [name for name in first if not torch.equal(first[name], single[f"model/{name}"])]  # the second had a say
    assert PoseEncoder.from_pretrained(pair / "checkpoint").config.training["pairs"] == 80


@pytest.mark.slow
def test_two_processes_step_as_one_with_all_their_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "halves.py"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    process = child(script, HALVES, launcher, str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path)])
    runpy.run_path(str(script))
    _, errors = process.communicate(timeout=HANGS)
    assert process.returncode == 0, errors
    whole, *halves = (load_file(tmp_path / f"{name}.safetensors") for name in ("0_of_1", "0_of_2", "1_of_2"))
    assert whole.keys() == {"one", "other", "contrast"} and whole["one"].dtype == torch.float64
    assert not torch.equal(whole["one"], torch.linspace(-1, 1, 26, dtype=torch.float64))
    for half in halves:
        for name, value in whole.items():
            torch.testing.assert_close(half[name], value, rtol=1e-12, atol=1e-14)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cv_mim", "--data", "nowhere.npz", "--out", "OUT"], "no such file: nowhere.npz"),
        (["cv_nim", "--data", "DATA", "--out", "OUT"], "unknown recipe 'cv_nim'; known are: cv_mim"),
        (["cv_mim", "--data", "DATA", "--out", "OUT", "--pairs", "0"], "--pairs must be at least 1"),
        (["cv_mim", "--data", "DATA", "--out", "OUT", "--seed", "-1"], "--seed must be at least 0"),
        (["cv_mim", "--out", "OUT"], "required: --data"),
        (
            ["cv_mim", "--data", "DATA", "--out", "OUT", "--set", "detector.nose=1"],
            "no setting 'nose' there, but noise",
        ),
        (["cv_mim", "--data", "DATA", "--out", "OUT", "--set", "network.width=0"], "width must be at least 1"),
    ],
)
def test_impossible_commands_are_refused_before_any_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    out = tmp_path / "out"
    places = {"DATA": str(data), "OUT": str(out)}
    with pytest.raises(SystemExit, match="2"):
        train.main([places.get(argument, argument) for argument in arguments])
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_recipes_have_names() -> None:
    assert {"cv_mim", "cv_mim_paper", "poseembed_base"} <= set(recipe_names())
    assert recipe_names() == sorted(recipe_names())
    for name in recipe_names():
        assert isinstance(load_recipe(name), Recipe)


@pytest.mark.parametrize("name", ["cv_nim", "", "nowhere/mine.py"])
def test_unknown_recipes_are_named_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"unknown recipe .*; known are: .*cv_mim,.*cv_mim_paper"):
        load_recipe(name)


def test_a_file_without_a_recipe_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.py"
    file.write_text("")
    with pytest.raises(ValueError, match="defines no RECIPE"):
        load_recipe(str(file))


def test_a_run_with_changed_settings_says_so(recipes: Path, data: Path, tmp_path: Path) -> None:
    changes = ["network.width=8", "batch_size=4"]
    options = [part for assignment in changes for part in ("--set", assignment)]
    run(recipes / "constant.py", data, tmp_path / "out", "--pairs", "8", *options)
    assert saved_step(tmp_path / "out") == 2
    config = json.loads((tmp_path / "out" / "checkpoint" / "config.json").read_text())
    assert config["training"]["changes"] == changes
    assert config["network"]["width"] == 8
    with pytest.raises(ValueError, match=r"other settings \(recipe.batch_size was 4 and is 8\)"):
        run(recipes / "constant.py", data, tmp_path / "out", "--pairs", "8", *options[:2])


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = load_recipe("cv_mim_paper")
    assert recipe.network == NetworkConfig(mask_input=False, width=1024, blocks=2, pose_dim=32, view_dim=32)
    assert recipe.variation == Variation(mirror=0, recombine=0, shape=0, joints=0, bend=0, tilt=0, rare=0)
    assert recipe.cameras == CameraRange(distance=(2.0, 2.0))
    assert recipe.detector == Detector(noise=0, bad=0, swapped=0, occluded=0)
    assert (recipe.batch_size, recipe.pairs, recipe.warmup, recipe.cooldown) == (256, 256 * 5_000_000, 0, 0)
    optimizer = recipe.optimizer([nn.Parameter(torch.zeros(2))])
    assert isinstance(optimizer, optim.Adagrad)
    for name, value in {"lr": 0.02, "initial_accumulator_value": 0.1, "eps": 1e-7, "weight_decay": 0}.items():
        assert optimizer.defaults[name] == value
    assert isinstance(recipe.objective, partial)
    assert recipe.objective.keywords == {"config": CvMimConfig()}
