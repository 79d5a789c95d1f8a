"""What is read of each frame, and by which classifier."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.clips import REACH
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.systems import (
    clip_keypoints,
    clip_vectors,
    encoder_system,
    load_systems,
    reference_systems,
    supervised_systems,
)
from training.evaluation.recognition.tasks import Task


def encoder(seed: int) -> PoseEncoder:
    torch.manual_seed(seed)
    config = CheckpointConfig(network=NetworkConfig(width=16, blocks=1, pose_dim=5, view_dim=3), training={"pairs": 77})
    return PoseEncoder(Checkpoint(config, fold_batch_norm(Encoder(config.network))))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A comparison run with two finished systems."""
    for seed, name in enumerate(("cv-mim", "cv-mim-product")):
        encoder(seed).save_pretrained(tmp_path / "run" / name / "checkpoint")
        choice = {"distance": "cosine", "learning_rate": 1e-3}
        (tmp_path / "run" / name / "choice.json").write_text(json.dumps(choice))
    return tmp_path / "run"


def test_raw_keypoints_have_zeros_for_what_is_missing(clips: ActionClips) -> None:
    raw = clip_keypoints(clips)
    assert raw.shape == (len(clips.keypoints), 26)
    assert (raw[3] == 0).all()
    assert np.isfinite(raw).all()


def test_pose_vectors_have_zeros_for_empty_frames(clips: ActionClips) -> None:
    torch.manual_seed(0)
    config = CheckpointConfig(network=NetworkConfig(width=16, blocks=1, pose_dim=5, view_dim=3))
    encoder = PoseEncoder(Checkpoint(config, fold_batch_norm(Encoder(config.network))))
    vectors = clip_vectors(encoder, clips)
    assert vectors.shape == (len(clips.keypoints), 5)
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(np.flatnonzero((vectors == 0).all(1)), [3])


def test_clips_are_embedded_one_by_one_in_context(clips: ActionClips, clip_encoder: PoseEncoder) -> None:
    found = clip_vectors(clip_encoder, clips, context=REACH)
    for start, end in zip(clips.offsets, clips.offsets[1:], strict=False):
        wanted = clip_encoder.embed_clip(clips.keypoints[start:end], fps=30).z_pose
        np.testing.assert_allclose(found[start:end], np.nan_to_num(wanted), atol=2e-5, rtol=1e-4)
    assert not np.allclose(found, clip_vectors(clip_encoder, clips), atol=1e-2)


def test_a_checkpoint_with_a_clip_encoder_is_two_systems(clip_folder: Path, task: Task) -> None:
    alone, around = load_systems(None, [str(clip_folder)])[-2:]
    assert (around.name, around.label) == (f"{alone.name}-context", f"{alone.label}, with context")
    assert alone.fingerprint != around.fingerprint
    assert not np.allclose(alone.represent(task), around.represent(task), atol=1e-2)


def test_systems(run: Path, tmp_path: Path) -> None:
    encoder(9).save_pretrained(tmp_path / "cv-mim")
    names = {system.name: system for system in load_systems(run, [str(tmp_path / "cv-mim")])}
    assert {"convnet", "hcn", "res-tcn", "st-gcn", "cv-mim", "cv-mim-product", "weights-cv-mim"} == set(names)
    assert names["cv-mim"].fingerprint != names["weights-cv-mim"].fingerprint
    assert names["weights-cv-mim"].pairs == 77
    with pytest.raises(ValueError, match="two systems are called weights-cv-mim"):
        load_systems(None, [str(tmp_path / "cv-mim"), str(run.parent / "cv-mim")])


def test_systems_read_what_they_should(task: Task) -> None:
    frames = len(task.clips.keypoints)
    given = replace(task, references={"3D joints, centred": np.ones((frames, 39))})
    assert {one.represent(given).shape for one in supervised_systems()} == {(frames, 26)}
    assert encoder_system("name", "label", encoder(0)).represent(given).shape == (frames, 5)
    [reference] = reference_systems(given)
    assert reference.name == "3d-joints-centred"
    assert reference.represent(given).shape == (frames, 39)
