"""Made-up people and encoders that several tests share: metres, y up, joints in the order of JOINTS."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]
"""The fixture `write_mocap`."""

STANDING = np.array(
    [  # x to the person's left, z forward
        (0.00, 0.70, 0.05),
        (0.20, 0.50, 0.00),
        (-0.20, 0.50, 0.00),
        (0.25, 0.20, 0.00),
        (-0.25, 0.20, 0.00),
        (0.28, -0.05, 0.05),
        (-0.28, -0.05, 0.05),
        (0.13, 0.00, 0.00),
        (-0.13, 0.00, 0.00),
        (0.14, -0.42, 0.02),
        (-0.14, -0.42, 0.02),
        (0.15, -0.82, -0.04),
        (-0.15, -0.82, -0.04),
    ]
)


def strewn(count: int, seed: int = 0) -> np.ndarray:
    """Joints anywhere: poses that have nothing in common."""
    return np.random.default_rng(seed).normal(size=(count, 13, 3)).astype(np.float32)


def people(count: int, seed: int = 0) -> np.ndarray:
    """As large as people, shoulders above hips; else poses that have nothing in common."""
    joints = np.random.default_rng(seed).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, 1:3] += [0, 0.6, 0]
    return joints


def facing_ahead(count: int) -> np.ndarray:
    """People who all but stand still, and face +z."""
    standing = np.zeros((13, 3))
    standing[:, 1] = [0.7, 0.5, 0.5, 0.25, 0.25, 0, 0, 0, 0, -0.4, -0.4, -0.8, -0.8]
    standing[1::2, 0], standing[2::2, 0] = 0.2, -0.2
    return (standing + 0.05 * np.random.default_rng(0).normal(size=(count, 13, 3))).astype(np.float32)


def facing_anywhere(count: int, seed: int = 0, *, spread: float = 0.1) -> np.ndarray:
    """People whose joints are a little elsewhere in each pose, turned about the vertical."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-np.pi, np.pi, (count, 1))
    x, y, z = np.moveaxis(STANDING + spread * rng.normal(size=(count, 13, 3)), -1, 0)
    turned = (x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle))
    return np.stack(turned, axis=-1).astype(np.float32)


def arms_up(frames: int = 40) -> np.ndarray:
    """(frames, 13, 3) both arms raised sideways over the head, and lowered."""
    angle = np.pi / 2 * (1 - np.cos(2 * np.pi * np.arange(frames) / frames))
    motion = np.repeat(STANDING[None], frames, axis=0)
    for side, shoulder in ((1, 1), (-1, 2)):
        for joint, length in ((shoulder + 2, 0.3), (shoulder + 4, 0.55)):
            motion[:, joint, 0] = STANDING[shoulder, 0] + side * length * np.sin(angle)
            motion[:, joint, 1] = STANDING[shoulder, 1] - length * np.cos(angle)
    return motion.astype(np.float32)


def random_encoder(view_dim: int) -> PoseEncoder:
    """A small one, drawn anew each time."""
    config = NetworkConfig(width=8, blocks=1, pose_dim=4, view_dim=view_dim)
    content = CheckpointConfig(config, license="Apache-2.0", training={"pairs": 0})
    return PoseEncoder(Checkpoint(content, fold_batch_norm(Encoder(config)), card="# A random network\n"))
