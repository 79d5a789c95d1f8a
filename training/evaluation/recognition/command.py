"""What the commands of the action-recognition tables have in common: options, fitting what is missing, and the text."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from training.evaluation.command import CommandParser
from training.evaluation.recognition.rate_search import RATES
from training.evaluation.recognition.results import SystemResults, complete, file_of, missing, read_finished
from training.evaluation.recognition.splits import Plan
from training.evaluation.recognition.systems import ActionSystem, load_systems, reference_systems
from training.evaluation.recognition.tasks import Task, hdm05_task, ntu_task, nucla_task, penn_action_task

PENN_ACTION, NUCLA, HDM05, NTU = "penn_action", "nucla", "hdm05", "ntu"

TASKS = {
    PENN_ACTION: (penn_action_task, "Penn Action, its folder or .npz"),
    NUCLA: (nucla_task, "Northwestern-UCLA, its folder or .npz"),
    HDM05: (hdm05_task, "HDM05, .npz of training.datasets.prepare"),
    NTU: (ntu_task, "NTU RGB+D 60, the folder with its .skeleton files"),
}
"""How the data set of an option is read, and what the option takes."""


@dataclass(frozen=True)
class Work:
    """What a command was asked for.

    Attributes:
        tasks: Data sets to measure on, by name of the option.
        systems: What to fit on each, by the name of its task.
        rates: Learning rates to search among.
        seeds: Trainings of each classifier.
        out: Folder of the results files.
        results: The document that the tables go into.
        command: What makes the tables again, with the names of files instead of their paths.
    """

    tasks: dict[str, Task]
    systems: dict[str, list[ActionSystem]]
    rates: tuple[float, ...]
    seeds: int
    out: Path
    results: Path
    command: str

    def fit(self, plans: Mapping[str, Plan]) -> dict[str, list[SystemResults]]:
        """Fit what is missing.

        Args:
            plans: What each task's table needs, by the same names as `tasks`.

        Returns:
            The systems of each task that have results of the first seed at least, also those that other commands
            fitted. Those that lack something are named on stderr.

        Raises:
            ValueError: If a file was made with other settings.
        """
        fits = [(self.tasks[data], system, plan) for data, plan in plans.items() for system in self.systems[data]]
        total = sum(len(missing(file_of(self.out, task, system), plan)) for task, system, plan in fits)
        with tqdm(total=total, unit="fit", disable=not total) as progress:
            for task, system, plan in fits:
                progress.set_description(f"{task.label}, {system.label}")
                complete(self.out, task, system, plan, self.rates, progress.update)
        finished = {}
        for data, plan in plans.items():
            task = self.tasks[data]
            finished[data] = read_finished(self.out, task, plan, self.rates)
            for path in sorted(self.out.glob(f"{task.name}.*.json")):
                if left := len(missing(path, plan)):
                    print(f"unfinished: {path} ({left} of {len(plan)} fits are missing)", file=sys.stderr)
        return finished

    def section(self, parts: Sequence[str], remarks: Sequence[str], finished: Sequence[SystemResults]) -> str:
        """The text of a section: the command, its tables or pictures, and a note of what differs from the paper."""
        notes = ["Encoders of a comparison run learned from motion capture and virtual cameras, not from Human3.6M."]
        if PENN_ACTION in self.tasks:
            notes.append(
                "Penn Action's keypoints are the annotated ones, not detected, and no clip is left out as invisible."
            )
        if pairs := sorted({one.settings["pairs"] for one in finished if one.settings["pairs"]}):
            notes.append(
                f"Pairs that encoders were trained on: {', '.join(f'{n:,}' for n in pairs)}; paper 1,280,000,000."
            )
        notes.append(f"Frames a clip: {', '.join(f'{task.label} {task.frames}' for task in self.tasks.values())}.")
        training = (
            f"Per cent, mean ± sample deviation over {self.seeds} trainings; the best in bold."
            if self.seeds > 1
            else "Per cent, of one training; the best in bold."
        )
        return "\n\n".join(
            [
                f"```bash\n{self.command}\n```",
                training,
                *parts,
                *remarks,
                " ".join(["What differs from the paper:", *notes]),
            ]
        )


class RecognitionParser(CommandParser):
    """Options of a command.

    Args:
        name: Of the command.
        doc: Its docstring, whose first line says what it is for.
        data: The data sets that it can measure on, of `TASKS`.
    """

    def __init__(self, name: str, doc: str, data: Sequence[str]) -> None:
        super().__init__(f"training.benchmarks.{name}", doc)
        self.data = data
        for option in data:
            self.add_argument(_flag(option), type=Path, metavar="PATH", help=TASKS[option][1])
        self.add_run()
        self.add_several_weights()
        self.add_argument("--systems", nargs="+", metavar="NAME", help="fit these alone (default: all)")
        self.add_count("--frames", None, "length of clips (default: the data set's own)")
        self.add_count("--seeds", 5, "trainings a classifier")
        self.add_count("--epochs", None, "times each clip is seen, for a quick look (default: the data set's own)")
        self.add_argument(
            "--learning-rate",
            type=float,
            nargs="+",
            default=RATES,
            metavar="RATE",
            help="searched among for each system; one alone is taken (default: %(default)s)",
        )
        self.add_argument(
            "--out", type=Path, required=True, metavar="FOLDER", help="results, a file a system; goes on there"
        )
        self.add_results()

    def work(self, options: Namespace) -> Work:
        """Read what the options name; ends the program in plain words if they cannot be met."""
        if not all(0 < rate < 1 for rate in options.learning_rate):
            self.error("--learning-rate must be between 0 and 1")
        given = [option for option in self.data if getattr(options, option)]
        if not given:
            self.error(f"give {' or '.join(map(_flag, self.data))}")
        with self.refusing():
            everywhere = load_systems(options.run, options.weights)
            tasks = {option: _task(option, options) for option in given}
        systems = {option: [*everywhere, *reference_systems(task)] for option, task in tasks.items()}
        if options.systems:
            known = {system.name: None for several in systems.values() for system in several}
            if unknown := [name for name in options.systems if name not in known]:
                self.error(f"no system {', '.join(unknown)}; there are: {', '.join(known)}")
            systems = {
                option: [one for one in several if one.name in options.systems] for option, several in systems.items()
            }
        options.out.mkdir(parents=True, exist_ok=True)
        command = _command(self.prog, options, given)
        return Work(tasks, systems, tuple(options.learning_rate), options.seeds, options.out, options.results, command)


def _task(option: str, options: Namespace) -> Task:
    """A data set as the options want it: with a given number of epochs there is no least number of steps."""
    task = TASKS[option][0](getattr(options, option), options.frames)
    if options.epochs is None:
        return task
    return replace(task, settings=replace(task.settings, epochs=options.epochs), least_steps=1)


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _command(prog: str, options: Namespace, given: Sequence[str]) -> str:
    words = prog.split()
    for option in given:
        words += [_flag(option), getattr(options, option).name]
    if options.run:
        words += ["--run", options.run.name]
    for name in options.weights:
        words += ["--weights", Path(name).name]
    if options.frames:
        words += ["--frames", str(options.frames)]
    words += ["--seeds", str(options.seeds)]
    if options.epochs:
        words += ["--epochs", str(options.epochs)]
    if tuple(options.learning_rate) != RATES:
        words += ["--learning-rate", *map(str, options.learning_rate)]
    return shlex.join([*words, "--out", options.out.name])
