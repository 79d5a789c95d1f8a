"""The systems that are compared: all that `training/objectives/` lists, and those that a comparison run has trained."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path

from poseembed import PoseEncoder
from training.objectives.base import System

_OBJECTIVES = Path(__file__).parents[1] / "objectives"

CHOICE_FILE = "choice.json"
"""What the search found, in a finished system's folder; it is written last."""

CHECKPOINT_FOLDER = "checkpoint"


@dataclass(frozen=True)
class Trained:
    """A system that a comparison run has finished.

    Attributes:
        system: Which one.
        encoder: Its encoder.
        distance: What ranks its pose vectors best on the val split: "cosine" or "euclidean".
        learning_rate: The one that the search found.
    """

    system: System
    encoder: PoseEncoder
    distance: str
    learning_rate: float


def systems() -> dict[str, System]:
    """All systems by name, a module of `training.objectives` after the other.

    Raises:
        ValueError: If two have one name.
    """
    found: dict[str, System] = {}
    for file in sorted(_OBJECTIVES.glob("[!_]*.py")):
        listed = importlib.import_module(f"training.objectives.{file.stem}")
        for system in getattr(listed, "SYSTEMS", ()):
            if system.name in found:
                raise ValueError(f"two systems are called {system.name!r}")
            found[system.name] = system
    return found


def load_trained(run: Path) -> dict[str, Trained]:
    """The finished systems of a comparison run, in the order of `systems`.

    Args:
        run: The folder that `python -m training.compare --out` wrote.

    Raises:
        FileNotFoundError: If there is no such folder, or no system in it is finished.
        ValueError: If a checkpoint is damaged.
    """
    if not run.is_dir():
        raise FileNotFoundError(f"no such folder: {run}; make it with python -m training.compare --out {run}")
    trained = {}
    for name, system in systems().items():
        folder = run / name
        if (folder / CHOICE_FILE).is_file():
            choice = json.loads((folder / CHOICE_FILE).read_text(encoding="utf-8"))
            encoder = PoseEncoder.from_pretrained(folder / CHECKPOINT_FOLDER)
            trained[name] = Trained(system, encoder, choice["distance"], choice["learning_rate"])
    if not trained:
        raise FileNotFoundError(f"no system in {run} is finished; go on with python -m training.compare --out {run}")
    return trained
