"""What is loaded when: who only reads poses needs no Hub, and no plots, videos or indices."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from .bare import BARE
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


def printed_by(code: str) -> str:
    """What some code prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=HANGS
    )
    return done.stdout


STEPS = (
    "import poseembed",
    "import poseembed.adapters, poseembed.poses, poseembed.video",
    "import poseembed.actions, poseembed.align, poseembed.index, poseembed.repetitions, poseembed.search",
    "poseembed.PoseEncoder.from_pretrained('poseembed-small')",
)
"""One after the other in one interpreter, for each takes seconds to start."""


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    said = f"print(*sorted(set(sys.modules) & {set(HEAVY)}))"
    code = "\n".join(["import sys", *(f"{step}; {said}" for step in STEPS)])
    assert printed_by(code).splitlines() == [""] * len(STEPS)


def test_poses_know_no_encoder() -> None:
    printed = printed_by(BARE + "import poseembed.poses, poseembed.files.poses\nprint(*sys.modules)")
    loaded = set(printed.split())
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
