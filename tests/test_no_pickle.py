"""What SECURITY.md promises: no module unpickles anything, or runs what a file says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for folder in ("poseembed", "training", "examples") for path in (ROOT / folder).rglob("*.py"))
PICKLERS = {"_pickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def unsafe(source: str) -> list[str]:
    """What could run a file's contents, as `line: what`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [f"{node.lineno}: import {name}" for name in names if name.split(".")[0] in PICKLERS]
        if isinstance(node, ast.Call):
            call, options = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            if call in {"eval", "exec"} or options.get("allow_pickle", "False") != "False":
                found.append(f"{node.lineno}: {ast.unparse(node)}")
            if call == "torch.load" and options.get("weights_only") != "True":
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in MODULES])
def test_module_runs_nothing_that_it_reads(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "eval(text)",
    ],
)
def test_what_would_be_unsafe_is_seen(source: str) -> None:
    assert len(unsafe(source)) == 1


def test_what_is_safe_is_let_through() -> None:
    assert (
        unsafe("import pickletools\nnp.load(p, allow_pickle=False)\ntorch.load(p, weights_only=True)\nm.eval()") == []
    )
