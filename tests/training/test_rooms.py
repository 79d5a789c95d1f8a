"""The rooms of `training/` stand in one order: a module imports from its own room and from those before it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import training

ROOMS = (
    "datasets",
    "scene",
    "objectives",
    "running",
    "recipes",
    "classifiers",
    "evaluation",
    "commands",
    "benchmarks",
)
"""The commands are the modules beside the rooms: train, calibrate, decoder, compare."""

FOLDER = Path(training.__file__).parent


def name_of(path: Path) -> str:
    """`training.scene.views` for a file, `training.scene` for its package."""
    return ".".join(("training", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted(FOLDER.rglob("*.py"))}


def imported(source: str) -> Iterator[str]:
    """Modules of `training/` that a source text imports, wherever in it; a package where it takes a name of that."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and node.module in FILES:
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in FILES else node.module


def room_of(module: str) -> int:
    """Place of a module's room in the order."""
    room = module.split(".")[1]
    return ROOMS.index(room if room in ROOMS else "commands")


IMPORTS = {name: set(imported(path.read_text(encoding="utf-8"))) for name, path in FILES.items() if name != "training"}


def test_imports_are_seen_wherever_they_stand() -> None:
    source = (
        "import training.compare, os\n"
        "from training.scene.views import ViewSampler as V\n"
        "from training.datasets import mocap\n"
        "def f():\n    from training.datasets.mocap import human36m, read_poses\n"
    )
    assert list(imported(source)) == [
        "training.compare",
        "training.scene.views",
        "training.datasets.mocap",
        "training.datasets.mocap.human36m",
        "training.datasets.mocap",
    ]


def test_every_folder_is_a_room_and_every_room_a_folder() -> None:
    folders = {path.name for path in FOLDER.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(ROOMS) - {"commands"}
    assert len(IMPORTS) > 100 and sum(map(len, IMPORTS.values())) > 200


def test_nothing_imports_upward() -> None:
    upward = {(name, other) for name, others in IMPORTS.items() for other in others if room_of(other) > room_of(name)}
    assert not upward


@pytest.mark.parametrize("room", ["commands", "benchmarks"])
def test_no_command_imports_another(room: str) -> None:
    of_room = {name: others for name, others in IMPORTS.items() if room_of(name) == ROOMS.index(room)}
    assert not {name: others & of_room.keys() for name, others in of_room.items() if others & of_room.keys()}


def test_there_is_no_cycle() -> None:
    TopologicalSorter(IMPORTS).prepare()
