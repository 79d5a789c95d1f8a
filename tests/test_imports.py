"""What is loaded when: who only reads poses needs no Hub, and no plots, videos or indices."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from .limits import HANGS

ROOT = Path(__file__).parent.parent
HEAVY = (
    "huggingface_hub",
    "faiss",
    "matplotlib",
    "mediapipe",
    "cv2",
    "scipy",
    "pyarrow",
    "pandas",
    "dtaidistance",
    "sklearn",
)


def loaded_by(code: str) -> set[str]:
    """Modules of a fresh interpreter after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS,
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


def test_no_module_imports_one_that_imports_it_nor_training() -> None:
    library = ROOT / "poseembed"
    files = {
        ".".join(("poseembed", *path.relative_to(library).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in sorted(library.rglob("*.py"))
    }
    imports: dict[str, set[str]] = {}
    for name, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [node.module for node in nodes if (node.module or "").startswith("training")], name
        inside = [(f"{node.module}.{alias.name}", node.module) for node in nodes for alias in node.names]
        imports[name] = {one if one in files else str(package) for one, package in inside if package in files} - {name}
    assert sum(map(len, imports.values())) > 100
    TopologicalSorter(imports).prepare()
