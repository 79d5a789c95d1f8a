"""The packaged checkpoints: their vectors stay what they are, and do what their card says.

After a better checkpoint, `python tests/test_pretrained.py` writes the golden vectors anew.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import poseembed.checkpoint
from poseembed import JOINTS, PoseEncoder, list_pretrained, mirror
from training.scene.cameras import Camera

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"


def people() -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (2, 33, 2) and confidence (2, 33) of the two people of the quick start."""
    content = json.loads((ROOT / "examples" / "people.json").read_text(encoding="utf-8"))
    landmarks = np.array([person["landmarks"] for person in content])
    return landmarks[..., :2], landmarks[..., 2]


def vectors(name: str) -> dict[str, list[list[float]]]:
    embedding = PoseEncoder.from_pretrained(name).embed(*people(), skeleton="mediapipe")
    return {key: value.astype(float).round(6).tolist() for key, value in embedding._asdict().items()}


def test_the_default_is_packaged() -> None:
    assert poseembed.checkpoint.DEFAULT_CHECKPOINT in list_pretrained()


def test_the_default_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("went to the Hub")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    assert PoseEncoder.from_pretrained().pose_dim == 32


@pytest.mark.parametrize("name", list_pretrained())
def test_golden_vectors(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    for key, values in vectors(name).items():
        np.testing.assert_allclose(values, golden[key], rtol=1e-3, atol=2e-4, err_msg=key)


@pytest.mark.parametrize("name", list_pretrained())
def test_card_is_finished(name: str) -> None:
    encoder = PoseEncoder.from_pretrained(name)
    assert encoder.card.startswith("---\nlicense: ")
    for part in ("## Training", "## Results", "## Limits", "mocap.cs.cmu.edu"):
        assert part in encoder.card
    assert encoder.config.training["pairs"] > 0


# A person about to throw, metres, z up, facing along -x: right arm raised behind the head, left foot ahead.
THROWER = torch.tensor(
    [
        (-0.12, 0.00, 0.70),
        (-0.10, -0.18, 0.48),
        (0.06, 0.18, 0.52),
        (-0.36, -0.28, 0.42),
        (0.14, 0.42, 0.60),
        (-0.60, -0.22, 0.46),
        (0.26, 0.38, 0.86),
        (0.00, -0.10, 0.00),
        (0.00, 0.10, 0.00),
        (-0.26, -0.12, -0.34),
        (0.10, 0.14, -0.42),
        (-0.42, -0.14, -0.76),
        (0.40, 0.14, -0.70),
    ]
)


def look(pose: torch.Tensor, azimuths: torch.Tensor) -> np.ndarray:
    """What level cameras 4 m away see of a pose: (cameras, 13, 2)."""
    level = torch.zeros_like(azimuths)
    pictures: np.ndarray = Camera(azimuths, level, level, level + 4).look(pose)
    return pictures.numpy()


@pytest.mark.parametrize("name", list_pretrained())
def test_a_pose_is_nearer_to_itself_from_another_side_than_to_its_mirror_image(name: str) -> None:
    encoder = PoseEncoder.from_pretrained(name)
    pictures = look(THROWER, torch.arange(8) * torch.pi / 4)
    z_pose, _ = encoder.embed(pictures)
    mirrored, _ = encoder.embed(mirror(pictures))
    same, other = encoder.similarity(z_pose, z_pose), encoder.similarity(z_pose, mirrored)
    assert np.median(same) > np.median(other) + 0.2


@pytest.mark.parametrize("name", list_pretrained())
def test_a_pose_from_another_side_is_probably_the_same_and_its_mirror_image_is_not(name: str) -> None:
    encoder = PoseEncoder.from_pretrained(name)
    pictures = look(THROWER, torch.arange(8) * torch.pi / 4)
    z_pose, _ = encoder.embed(pictures)
    mirrored, _ = encoder.embed(mirror(pictures))
    same, other = (encoder.match_probability(z_pose, z) for z in (z_pose, mirrored))
    assert np.median(same) > 0.8
    assert np.median(other) < 0.5


def test_the_thrower_is_not_mirrored() -> None:
    """A front view has the left hand on the picture's right: the official code once projected it to the left."""
    (front,) = look(THROWER, torch.zeros(1))
    assert front[JOINTS.index("left_shoulder"), 0] > front[JOINTS.index("right_shoulder"), 0]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for checkpoint in list_pretrained():
        (GOLDEN / f"{checkpoint}.json").write_text(json.dumps(vectors(checkpoint)) + "\n", encoding="utf-8")
