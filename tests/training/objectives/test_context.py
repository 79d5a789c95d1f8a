"""The clip encoder's objective: what it updates, what it leaves alone, and that it learns."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import optim
from torch.nn.functional import cosine_similarity

from poseembed import PoseEncoder, checkpoint
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.objectives.context import Context, ContextConfig
from training.running.recipe import Recipe
from training.running.trainer import Trainer, export
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.clip_views import ClipSampler
from training.scene.detector import Detector
from training.scene.lasting import Film

NETWORK = NetworkConfig(mask_input=True, width=32)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A checkpoint of a random frame encoder."""
    torch.manual_seed(0)
    network = fold_batch_norm(Encoder(NETWORK)).half().float()
    checkpoint.write(tmp_path / "frames", Checkpoint(CheckpointConfig(NETWORK), network, "# Frames\n"))
    return tmp_path / "frames"


def make_trainer(frames: Path) -> Trainer:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(20, 13, 3)).repeat(20, 0) + 0.1 * rng.normal(size=(400, 13, 3)).cumsum(0)
    joints = joints.astype(np.float32)
    recipe = Recipe(
        partial(Context, config=ContextConfig(encoder=str(frames), width=32)),
        NETWORK,
        pairs=64 * 120,
        batch_size=64,
        film=Film(),
        optimizer=partial(optim.AdamW, lr=5e-3),
    )
    runs = np.repeat(np.arange(20), 20)
    sampler = ClipSampler(
        Bodies(joints, joints[:, 0] + 0.1, Variation()), runs, CameraRange(), Detector(), recipe.film or Film()
    )
    return Trainer(recipe, sampler, seed=0)


def test_the_frame_encoder_stays_as_it_is(frames: Path) -> None:
    trainer = make_trainer(frames)
    before = {name: value.clone() for name, value in trainer.objective.encoder.state_dict().items()}
    clip = [value.clone() for value in trainer.objective.clip.parameters()]
    trainer.train_step()
    assert all((value == before[name]).all() for name, value in trainer.objective.encoder.state_dict().items())
    trainer.train_step()  # the first one moves the head alone, which begins at 0
    assert all((value != old).any() for value, old in zip(trainer.objective.clip.parameters(), clip, strict=True))


def test_it_learns(frames: Path) -> None:
    """Of clips that it has not seen: which belong together, and the bodies in them."""
    trainer = make_trainer(frames)
    unseen = trainer.sampler.sample(256)
    before = trainer.objective(unseen).terms
    for _ in range(60):
        trainer.train_step()
    after = trainer.objective(unseen).terms
    assert after["cross_view"] < 0.8 * before["cross_view"] and after["body"] < 0.7 * before["body"]


def test_it_learns_a_batch_by_heart(frames: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each term can be made small, also those of which a random frame encoder leaves little to learn."""
    trainer = make_trainer(frames)
    batch = trainer.sampler.sample(16)
    monkeypatch.setattr(trainer.sampler, "sample", lambda _: batch)
    first, *_, last = (trainer.train_step().terms for _ in range(120))
    for name, share in (("cross_view", 0.2), ("pictures", 0.8), ("body", 0.3), ("view", 0.7)):
        assert last[name] < share * first[name]


def test_what_is_written_embeds_clips_with_the_frames_vectors_unchanged(frames: Path, tmp_path: Path) -> None:
    trainer = make_trainer(frames)
    for _ in range(10):
        trainer.train_step()
    export(trainer, tmp_path / "out", recipe_name="mine", changes=[], data=[Path("a.npz")])
    before, after = (PoseEncoder.from_pretrained(folder) for folder in (frames, tmp_path / "out"))
    keypoints = np.random.default_rng(1).normal(size=(30, 13, 2)).cumsum(0)
    assert (before.embed(keypoints).z_pose == after.embed(keypoints).z_pose).all()
    assert before.fingerprint == after.fingerprint
    alone = torch.from_numpy(after.embed(keypoints).z_pose)
    together = torch.from_numpy(after.embed_clip(keypoints, fps=30).z_pose)
    likeness = cosine_similarity(alone, together)
    assert (likeness < 0.9999).all()
    training = after.config.training["clip"]
    assert isinstance(training, dict) and training["recipe"] == "mine" and training["pairs"] == 640


def test_a_frame_encoder_of_another_shape_is_refused(frames: Path) -> None:
    with pytest.raises(ValueError, match="the recipe's network must be that"):
        Context(replace(NETWORK, width=64), ContextConfig(encoder=str(frames)))
