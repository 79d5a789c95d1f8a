"""Files of action-recognition results: one for a system on a data set, which grows fit by fit.

A file `<data>.<system>.json` holds the settings that it was made with, what the search for the learning rate found, and
every result. What is there is not fitted again, so a command that was stopped goes on where it was, the commands share
what they have in common, and the tables are made from the files. Processes that work at the same time take different
systems or different data sets.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from training.classifiers import classifiers
from training.evaluation.recognition.fits import FitResult, measure
from training.evaluation.recognition.rate_search import RateTrial, best, search
from training.evaluation.recognition.splits import Plan, Split
from training.evaluation.recognition.systems import ActionSystem
from training.evaluation.recognition.tasks import Task
from training.evaluation.report import write_json
from training.evaluation.systems import systems


@dataclass(frozen=True)
class SystemResults:
    """All that a file holds.

    Attributes:
        name: The system's.
        label: The system's, in tables.
        settings: What the results were made with.
        learning_rate: The classifier's.
        trials: Of the search for it; none if it was given.
        results: In the order in which they were made.
    """

    name: str
    label: str
    settings: dict[str, Any]
    learning_rate: float
    trials: tuple[RateTrial, ...]
    results: tuple[FitResult, ...]

    def seeds(self, splits: Collection[str]) -> int:
        """Number of seeds, from 0 on, that there are results for of all these splits."""
        there = {(one.split, one.seed) for one in self.results}
        return next(seed for seed in count() if not all((name, seed) in there for name in splits))

    def scores(self, splits: Collection[str], seeds: int, kind: str = "open") -> Float[np.ndarray, " seeds"]:
        """Accuracies of the first seeds, each the mean over some splits.

        Args:
            splits: Names; there are results of each.
            seeds: Number of them.
            kind: "open" or "closed", see `FitResult`.
        """
        found = {(one.split, one.seed): getattr(one, kind) for one in self.results}
        return np.array([np.mean([found[name, seed] for name in splits]) for seed in range(seeds)])


def settings(task: Task, system: ActionSystem, rates: Sequence[float]) -> dict[str, Any]:
    """What results depend on besides split and seed."""
    return task_settings(task, rates) | {
        "bfloat16": system.bfloat16,
        "encoder": system.fingerprint,
        "pairs": system.pairs,
    }


def task_settings(task: Task, rates: Sequence[float]) -> dict[str, Any]:
    """The part of `settings` that must be the same for all systems of a table."""
    training = asdict(task.settings) | {"least_steps": task.least_steps}
    del training["learning_rate"], training["bfloat16"]  # each system's own
    return {
        "clips": len(task.clips),
        "data": task.fingerprint,
        "frames": task.frames,
        "training": training,
        "learning_rates": list(rates),
    }


def file_of(folder: Path, task: Task, system: ActionSystem) -> Path:
    """Where a system's results are."""
    return folder / f"{task.name}.{system.name}.json"


def missing(path: Path, plan: Plan) -> list[tuple[int, Split]]:
    """The part of a plan that has no results yet."""
    there = {(one.seed, one.split) for one in read(path).results} if path.is_file() else set()
    return [(seed, split) for seed, split in plan if (seed, split.name) not in there]


def read(path: Path) -> SystemResults:
    """Read a file.

    Raises:
        ValueError: If it is not such a file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return SystemResults(
            name=content["system"],
            label=content["label"],
            settings=content["settings"],
            learning_rate=content["learning_rate"],
            trials=tuple(RateTrial(**one) for one in content["trials"]),
            results=tuple(FitResult(**one) for one in content["results"]),
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} does not hold action-recognition results ({error}); move it away") from error


def check(path: Path, wanted: dict[str, Any]) -> None:
    """Refuse a file that was made with other settings, if it is there.

    Raises:
        ValueError: Naming what differs.
    """
    if not path.is_file():
        return
    made = read(path).settings
    differing = [f"{key} {made.get(key)} instead of {value}" for key, value in wanted.items() if made.get(key) != value]
    if not differing:
        return
    if made.get("encoder") != wanted.get("encoder", made.get("encoder")):
        differing.append("files from before encoders had fingerprints name every encoder otherwise")
    raise ValueError(
        f"{path} was made with other settings ({'; '.join(differing)}). Take those, or another folder for --out"
    )


def complete(
    folder: Path,
    task: Task,
    system: ActionSystem,
    plan: Plan,
    rates: Sequence[float],
    done: Callable[[], object] = lambda: None,
) -> None:
    """Fit what the system's file lacks of a plan, and write each result as it is there.

    Args:
        folder: Of the files.
        task: The data.
        system: The system.
        plan: What is wanted.
        rates: Learning rates to search among, or one that is taken.
        done: Called after each fit.

    Raises:
        ValueError: If the file was made with other settings.
    """
    path, made_with = file_of(folder, task, system), settings(task, system, rates)
    check(path, made_with)
    todo = missing(path, plan)
    if not todo:
        return
    features = task.features(system.represent(task))
    if not path.is_file():
        trials = search(task, features, system.build, rates, bfloat16=system.bfloat16)
        rate = best(trials) if trials else rates[0]
        _write(path, SystemResults(system.name, system.label, made_with, rate, trials, ()))
    for seed, split in todo:
        before = read(path)
        result = measure(
            task,
            features,
            system.build,
            split,
            seed=seed,
            learning_rate=before.learning_rate,
            bfloat16=system.bfloat16,
        )
        _write(path, SystemResults(**(vars(before) | {"results": (*before.results, result)})))
        done()


def _write(path: Path, content: SystemResults) -> None:
    write_json(
        path,
        {
            "system": content.name,
            "label": content.label,
            "settings": content.settings,
            "learning_rate": content.learning_rate,
            "trials": [asdict(trial) for trial in content.trials],
            "results": [asdict(result) for result in content.results],
        },
    )


def read_finished(folder: Path, task: Task, plan: Plan, rates: Sequence[float]) -> list[SystemResults]:
    """The systems whose files hold a plan for its first seed at least, in the order of tables.

    Raises:
        ValueError: If a file was made with other settings, or is not such a file.
    """
    order = [*classifiers(), *systems()]
    found = []
    for path in sorted(folder.glob(f"{task.name}.*.json")):
        check(path, task_settings(task, rates))
        one = read(path)
        if one.seeds({split.name for _, split in plan}):
            found.append(one)
    return sorted(found, key=lambda one: order.index(one.name) if one.name in order else len(order))
