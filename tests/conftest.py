"""What all tests share: realistic poses, and encoders that are small, random and the same in every run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is: on small tensors more threads wait for each other
os.environ["HF_HUB_OFFLINE"] = "1"  # before the Hub's library is imported: no test goes to the network
# Where beartype is installed, as it is for the tests, torch 2.4 checks annotations that do not fit newer onnxscripts.
os.environ["TORCH_ONNX_EXPERIMENTAL_RUNTIME_TYPE_CHECK"] = "DISABLED"

from .annotations import check, violations

check("poseembed", "training")  # before anything of theirs is imported

import random
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import settings

from poseembed import PoseEncoder, checkpoint
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.clip_network import ClipConfig, ClipEncoder
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm

settings.register_profile("poseembed", derandomize=True, deadline=None, database=None)
settings.load_profile("poseembed")

STANDING = np.array(
    [  # x to the person's left, y down, z behind the person, in metres; in the order of JOINTS
        (0.00, -1.60, -0.10),
        (0.20, -1.40, 0.00),
        (-0.20, -1.40, 0.00),
        (0.25, -1.10, 0.03),
        (-0.25, -1.10, 0.03),
        (0.28, -0.85, -0.05),
        (-0.28, -0.85, -0.05),
        (0.13, -0.90, 0.00),
        (-0.13, -0.90, 0.00),
        (0.14, -0.48, -0.02),
        (-0.14, -0.48, -0.02),
        (0.15, -0.08, 0.04),
        (-0.15, -0.08, 0.04),
    ]
)
NUM_POSES = 24


@pytest.fixture(autouse=True)
def checked_annotations(request: pytest.FixtureRequest) -> Iterator[None]:
    """Not in a test marked `unchecked_types`, which is about what the library itself says of wrong types and shapes."""
    jaxtyping.config.update("jaxtyping_disable", request.node.get_closest_marker("unchecked_types") is not None)
    violations.clear()
    random.seed(0)  # of a list the check looks at one item, drawn from here
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    assert not violations


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """The commands of `training/` switch them off for the whole process; the next test has them again."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def poses() -> np.ndarray:
    """(24, 13, 2) float32 pixels: people in various attitudes, from all sides, in a picture of 1920 x 1080."""
    rng = np.random.default_rng(7)
    spread = np.repeat([0.04, 0.15, 0.3, 0.04, 0.15, 0.3], [3, 2, 2, 2, 2, 2])[:, None]  # limbs move more than torsos
    bodies = STANDING + spread * rng.normal(size=(NUM_POSES, 13, 3))
    azimuth = rng.uniform(-np.pi, np.pi, NUM_POSES)[:, None]
    x = bodies[..., 0] * np.cos(azimuth) + bodies[..., 2] * np.sin(azimuth)
    pixels = np.stack([x, bodies[..., 1]], axis=-1) * rng.uniform(60, 400, (NUM_POSES, 1, 1))
    feet = rng.uniform([300, 700], [1600, 1050], (NUM_POSES, 1, 2))
    return (pixels + feet).astype(np.float32)


def tiny_folder(folder: Path, *, mask_input: bool) -> Path:
    """Write a checkpoint of a small random network, folded from one whose batch norms have seen something."""
    config = NetworkConfig(mask_input=mask_input, width=32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Encoder(config)
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.uniform_(-0.5, 0.5)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
    content = CheckpointConfig(config, license="Apache-2.0", training={"pairs": 0})
    checkpoint.write(folder, Checkpoint(content, fold_batch_norm(network), card="# A random network\n"))
    return folder


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without mask input. Not to be changed: copy it."""
    return tiny_folder(tmp_path_factory.mktemp("plain"), mask_input=False)


@pytest.fixture(scope="session")
def masked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with mask input. Not to be changed: copy it."""
    return tiny_folder(tmp_path_factory.mktemp("masked"), mask_input=True)


@pytest.fixture(scope="session")
def clip_folder(masked_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with mask input and a random clip encoder. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("clip")
    saved = checkpoint.read(masked_folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        clip = ClipEncoder(saved.config.network, ClipConfig(16), batch_norm=False).eval()
        for values in (clip.absent, clip.head.weight, clip.head.bias):
            torch.nn.init.normal_(values, std=0.3)
    checkpoint.write(folder, saved.fitted(clip.half().float()))
    return folder


@pytest.fixture
def clip_encoder(clip_folder: Path) -> PoseEncoder:
    """A small random encoder with mask input and a clip encoder."""
    return PoseEncoder.from_pretrained(clip_folder)


@pytest.fixture(params=["plain", "masked"])
def encoder(request: pytest.FixtureRequest) -> PoseEncoder:
    """A small random encoder, once without and once with mask input."""
    return PoseEncoder.from_pretrained(request.getfixturevalue(f"{request.param}_folder"))
