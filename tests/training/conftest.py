"""What tests of training share: files of made-up motion capture, and a finished comparison of untrained systems."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed.checkpoint import Checkpoint, CheckpointConfig, write
from poseembed.network import Encoder, NetworkConfig
from training.evaluation.systems import CHECKPOINT_FOLDER, CHOICE_FILE


@pytest.fixture(scope="session")
def write_mocap() -> Callable[[Path, dict[str, np.ndarray]], Path]:
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
