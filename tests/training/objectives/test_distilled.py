"""The objective that takes the vectors of a trained encoder for its targets."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, optim

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig, write
from poseembed.network import Encoder, NetworkConfig
from training.objectives.distilled import Distilled, DistilledConfig
from training.running.recipe import Recipe
from training.running.trainer import Trainer, export
from training.scene.bodies import Bodies, Variation
from training.scene.views import Batch, ViewSampler
from training.train import main

TEACHER = NetworkConfig(width=16, blocks=1, pose_dim=3, view_dim=4)
PUPIL = replace(TEACHER, width=24)


def give(monkeypatch: pytest.MonkeyPatch, objective: Distilled, z_pose: Tensor, z_view: Tensor) -> None:
    """Make the pupil give these vectors whatever it sees."""
    monkeypatch.setattr(objective.encoder, "forward", lambda _: (z_pose, z_view))


def make_teacher(folder: Path, network: NetworkConfig = TEACHER) -> str:
    torch.manual_seed(0)
    encoder = Encoder(network, batch_norm=False, dropout=0.0).eval()
    write(folder, Checkpoint(CheckpointConfig(network=network, license="apache-2.0", training={}), encoder, "card"))
    return str(folder)


def make_batch(pairs: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(
        torch.randn(2, pairs, 13, 2, generator=generator),
        torch.ones(2, pairs, 13, dtype=torch.bool),
        body=torch.randn(pairs, 13, 3, generator=generator),
        camera=None,
    )


def vectors(teacher: str, batch: Batch) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        z_pose, z_view = PoseEncoder.from_pretrained(teacher).network(batch.points.flatten(2).flatten(0, 1))
    return z_pose, z_view


def test_a_pupil_that_gives_the_teachers_vectors_has_no_loss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    teacher, batch = make_teacher(tmp_path), make_batch()
    objective = Distilled(PUPIL, DistilledConfig(teacher))
    z_pose, z_view = vectors(teacher, batch)
    give(monkeypatch, objective, 5 * z_pose, z_view)  # pose vectors are compared by direction
    assert objective(batch).players["encoder"].item() == pytest.approx(0, abs=1e-6)


def test_losses_are_the_cosine_and_the_share_of_the_variance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    teacher, batch = make_teacher(tmp_path), make_batch()
    objective = Distilled(PUPIL, DistilledConfig(teacher, view=0.5))
    z_pose, z_view = vectors(teacher, batch)
    give(monkeypatch, objective, -z_pose, z_view.mean(0).expand_as(z_view))  # opposite; the mean of all views
    losses = objective(batch)
    share = (len(z_view) - 1) / len(z_view)  # torch's variance is the unbiased one
    assert losses.terms["pose"].item() == pytest.approx(2, rel=1e-5)
    assert losses.terms["view"].item() == pytest.approx(share, rel=1e-5)
    assert losses.players["encoder"].item() == pytest.approx(2 + 0.5 * share, rel=1e-5)


def test_a_teacher_without_view_vectors_teaches_poses_alone(tmp_path: Path) -> None:
    network = replace(TEACHER, view_dim=0)
    objective = Distilled(replace(network, width=24), DistilledConfig(make_teacher(tmp_path, network)))
    terms = objective(make_batch()).terms
    assert terms["view"].item() == 0
    assert math.isfinite(terms["pose"].item())


@pytest.mark.parametrize("change", [{"mask_input": True}, {"pose_dim": 4}, {"view_dim": 3}])
def test_a_pupil_of_another_shape_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (name,) = change
    with pytest.raises(ValueError, match=f"has {name}="):
        Distilled(replace(PUPIL, **change), DistilledConfig(make_teacher(tmp_path)))


def test_training_brings_the_pupil_to_the_teacher_and_leaves_the_teacher_alone(tmp_path: Path) -> None:
    teacher = make_teacher(tmp_path)
    recipe = Recipe(
        objective=partial(Distilled, config=DistilledConfig(teacher)),
        network=PUPIL,
        pairs=32 * 60,
        batch_size=32,
        optimizer=partial(optim.AdamW, lr=1e-2),
        cooldown=1.0,
    )
    generator = torch.Generator().manual_seed(2)
    bodies = Bodies(
        torch.randn(20, 13, 3, generator=generator).numpy(),
        torch.randn(20, 3, generator=generator).numpy(),
        Variation(),
    )
    trainer = Trainer(recipe, ViewSampler(bodies, recipe.cameras, recipe.detector), seed=0)
    before = {name: value.clone() for name, value in trainer.objective.teacher.state_dict().items()}
    losses = [trainer.train_step().terms["pose"].item() for _ in range(60)]
    assert losses[-1] < losses[0] / 3
    assert all(torch.equal(value, before[name]) for name, value in trainer.objective.teacher.state_dict().items())


def test_the_exported_pupil_says_in_whose_space_it_lives(tmp_path: Path) -> None:
    first = PoseEncoder.from_pretrained(make_teacher(tmp_path / "first"))
    bodies = Bodies(torch.randn(20, 13, 3).numpy(), torch.randn(20, 3).numpy(), Variation())
    teacher = tmp_path / "first"
    for name in ("pupil", "pupil of the pupil"):
        recipe = Recipe(partial(Distilled, config=DistilledConfig(str(teacher))), PUPIL, pairs=32, batch_size=32)
        trainer = Trainer(recipe, ViewSampler(bodies, recipe.cameras, recipe.detector), seed=0)
        export(trainer, tmp_path / name, recipe_name="tiny", changes=[], data=[])
        pupil = PoseEncoder.from_pretrained(tmp_path / name)
        assert pupil.space == first.fingerprint != pupil.fingerprint
        teacher = tmp_path / name


def test_a_teacher_that_is_not_there_is_named_before_anything_is_trained(
    write_mocap: Callable[[Path, dict[str, np.ndarray]], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"train": np.random.default_rng(0).normal(size=(20, 13, 3))})
    setting = f"objective.config.teacher={tmp_path / 'nobody'}"
    with pytest.raises(SystemExit, match="2"):
        main(["poseembed_small", "--data", str(data), "--out", str(tmp_path / "out"), "--set", setting])
    assert "nobody" in capsys.readouterr().err
