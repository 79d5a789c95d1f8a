"""What tests of training share: made-up motion capture and actions, and a finished comparison of systems."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed.checkpoint import Checkpoint, CheckpointConfig, write
from poseembed.network import Encoder, NetworkConfig
from training.datasets.actions.clips import ActionClips
from training.evaluation.systems import CHECKPOINT_FOLDER, CHOICE_FILE

from .made_up import WriteMocap, arms_up


@pytest.fixture(scope="session")
def write_mocap() -> WriteMocap:
    """Writes a file with one clip for each split, by name, and gives its path back."""

    def write(path: Path, clips: dict[str, np.ndarray]) -> Path:
        joints, names = np.concatenate(list(clips.values())), np.array(list(clips))
        np.savez(
            path,
            joints=joints,
            nose=joints[:, 0],
            ok=np.ones(len(joints), bool),
            offsets=np.cumsum([0, *(len(clip) for clip in clips.values())]),
            subject=names,
            action=names,
            clip=names,
            split=names,
            source=names,
            fps=np.full(len(names), 30.0),
        )
        return path

    return write


@pytest.fixture(scope="session")
def comparison_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a comparison in which two systems are finished, one of them without a view vector."""
    run = tmp_path_factory.mktemp("comparison")
    for name, view_dim in (("cv-mim", 8), ("pr-vipe", 0)):
        config = NetworkConfig(mask_input=True, width=16, blocks=1, pose_dim=8, view_dim=view_dim)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(len(name))
            network = Encoder(config, batch_norm=False, dropout=0.0).half().float()
        training = {"pairs": 1000}
        write(run / name / CHECKPOINT_FOLDER, Checkpoint(CheckpointConfig(config, training=training), network))
        choice = {"learning_rate": 1e-3, "distance": "cosine", "pairs": 1000, "val_hit_at_1": {"cosine": 0.5}}
        (run / name / CHOICE_FILE).write_text(json.dumps(choice), encoding="utf-8")
    return run


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """Two clips with repetitions, one without, a warm-up take, and a clip of somebody else."""
    clips = {
        "bk_arms1Reps_001": arms_up(),
        "bk_arms3Reps_002": np.concatenate([arms_up()] * 3),
        "bk_lieDown_003": arms_up(),
        "13_30": np.concatenate([arms_up(70), arms_up(70)] * 4)[:500],
        "bd_arms1Reps_001": arms_up(),
    }
    joints = np.concatenate(list(clips.values()))
    path = tmp_path / "data.npz"
    np.savez(
        path,
        joints=joints,
        nose=joints[:, 0],
        ok=np.ones(len(joints), bool),
        offsets=np.cumsum([0, *map(len, clips.values())]),
        subject=np.array(["bk", "bk", "bk", "13", "bd"]),
        action=np.array(["arms", "arms", "lieDown", "warm-up", "arms"]),
        clip=np.array(list(clips)),
        split=np.array(["eval"] * 5),
        source=np.array(["made up"] * 5),
        fps=np.full(5, 30.0),
    )
    return path


@pytest.fixture
def two_actions() -> ActionClips:
    """Two actions, two views, 4 training and 2 test clips of each; one test clip shows nobody."""
    rng = np.random.default_rng(0)
    rows = [(action, view, number < 4) for action in (0, 1) for view in ("front", "back") for number in range(6)]
    keypoints = np.tile(rng.normal(size=(13, 2)) * 50 + 100, (len(rows) * 6, 1, 1))
    for index, (action, _, _) in enumerate(rows):
        keypoints[index * 6 : index * 6 + 6, 5:7, action] += 80
    keypoints += rng.normal(size=keypoints.shape)
    keypoints[24:30] = np.nan
    return ActionClips(
        keypoints=keypoints.astype(np.float32),
        offsets=np.arange(len(rows) + 1) * 6,
        labels=np.array([row[0] for row in rows]),
        classes=("raise", "open"),
        views=np.array([row[1] for row in rows]),
        train=np.array([row[2] for row in rows]),
    )
