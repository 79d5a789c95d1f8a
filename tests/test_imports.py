"""What is loaded when: who only reads poses needs no Hub, and no plots, videos or indices."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("huggingface_hub", "faiss", "matplotlib", "mediapipe", "cv2", "scipy", "pyarrow", "dtaidistance", "sklearn")


def loaded_by(code: str) -> set[str]:
    """Modules of a fresh interpreter after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import poseembed",
        "import poseembed.adapters, poseembed.poses",
        "import poseembed.actions, poseembed.align, poseembed.index, poseembed.repetitions, poseembed.search",
        "import poseembed; poseembed.PoseEncoder.from_pretrained('poseembed-small')",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    loaded = loaded_by(code)
    assert "poseembed" in loaded and loaded.isdisjoint(HEAVY)


def test_poses_know_no_encoder() -> None:
    loaded = loaded_by(
        "import sys, types; package = types.ModuleType('poseembed'); package.__path__ = ['poseembed']\n"
        "sys.modules['poseembed'] = package  # without what its __init__ imports\n"
        "import poseembed.poses, poseembed.files.poses"
    )
    assert "poseembed.poses" in loaded
    assert loaded.isdisjoint({"poseembed.encoder", "poseembed.checkpoint", "safetensors", *HEAVY})
