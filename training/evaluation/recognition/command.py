"""What the commands of the action-recognition tables have in common: options, fitting what is missing, and the text."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from training.evaluation.markdown import markdown_table, spread
from training.evaluation.recognition.rate_search import RATES
from training.evaluation.recognition.results import Plan, SystemResults, complete, file_of, missing, read_finished
from training.evaluation.recognition.systems import ActionSystem, load_systems, reference_systems
from training.evaluation.recognition.tasks import Task, hdm05_task, ntu_task, nucla_task, penn_action_task
from training.evaluation.results_document import RESULTS

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


def parser(name: str, doc: str, data: Sequence[str]) -> argparse.ArgumentParser:
    """Options of a command; `data` are those of its data sets."""
    made = argparse.ArgumentParser(prog=f"python -m training.benchmarks.{name}", description=doc.partition("\n")[0])
    for option in data:
        made.add_argument(_flag(option), type=Path, metavar="PATH", help=TASKS[option][1])
    made.add_argument("--run", type=Path, metavar="RUN", help="folder of training.compare; its finished systems")
    made.add_argument(
        "--weights", action="append", default=[], metavar="NAME_OR_FOLDER", help="checkpoint; may be repeated"
    )
    made.add_argument("--systems", nargs="+", metavar="NAME", help="fit these alone (default: all)")
    made.add_argument("--frames", type=int, metavar="N", help="length of clips (default: the data set's own)")
    made.add_argument("--seeds", type=int, default=5, help="trainings a classifier (default: %(default)s)")
    made.add_argument(
        "--learning-rate",
        type=float,
        nargs="+",
        default=RATES,
        metavar="RATE",
        help="searched among for each system; one alone is taken (default: %(default)s)",
    )
    made.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="results, a file a system; goes on there"
    )
    made.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="document (default: %(default)s)")
    return made


def prepare(made: argparse.ArgumentParser, options: argparse.Namespace, data: Sequence[str]) -> Work:
    """Read what the options name; ends the program in plain words if they cannot be met."""
    if options.seeds < 1 or (options.frames is not None and options.frames < 1):
        made.error("--seeds and --frames must be at least 1")
    if not all(0 < rate < 1 for rate in options.learning_rate):
        made.error("--learning-rate must be between 0 and 1")
    given = [option for option in data if getattr(options, option)]
    if not given:
        made.error(f"give {' or '.join(map(_flag, data))}")
    if not options.results.parent.is_dir():
        made.error(f"no such folder: {options.results.parent}")
    try:
        everywhere = load_systems(options.run, options.weights)
        tasks = {option: TASKS[option][0](getattr(options, option), options.frames) for option in given}
    except (OSError, ValueError) as error:
        made.error(str(error))
    systems = {option: [*everywhere, *reference_systems(task)] for option, task in tasks.items()}
    if options.systems:
        known = {system.name: None for several in systems.values() for system in several}
        if unknown := [name for name in options.systems if name not in known]:
            made.error(f"no system {', '.join(unknown)}; there are: {', '.join(known)}")
        systems = {
            option: [one for one in several if one.name in options.systems] for option, several in systems.items()
        }
    options.out.mkdir(parents=True, exist_ok=True)
    command = _command(made.prog, options, given)
    return Work(tasks, systems, tuple(options.learning_rate), options.seeds, options.out, options.results, command)


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _command(prog: str, options: argparse.Namespace, given: Sequence[str]) -> str:
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
    if tuple(options.learning_rate) != RATES:
        words += ["--learning-rate", *map(str, options.learning_rate)]
    return shlex.join([*words, "--out", options.out.name])


@dataclass(frozen=True)
class Column:
    """A column of accuracies: the mean over some splits, of one kind (see `Result`)."""

    title: str
    splits: tuple[str, ...]
    kind: str = "open"


def table(
    systems: Sequence[SystemResults],
    columns: Sequence[Column],
    seeds: int,
    paper: tuple[str, Mapping[str, str]] | None = None,
) -> str:
    """A Markdown table of systems: per cent, mean ± sample deviation over seeds, the best of a column in bold.

    Args:
        systems: With results of all columns, for the first seed at least.
        columns: What to show.
        seeds: How many are wanted; a system that has fewer says so.
        paper: Title of the last column, and what it shows by name of system.
    """
    splits = {name for column in columns for name in column.splits}
    counts = [min(seeds, one.seeds(splits)) for one in systems]
    scores = [
        [100 * one.scores(column.splits, count, column.kind) for column in columns]
        for one, count in zip(systems, counts, strict=True)
    ]
    means = [[values.mean() for values in row] for row in scores]
    best = [max(of_column) for of_column in zip(*means, strict=True)]
    rows = []
    for one, count, values, mean in zip(systems, counts, scores, means, strict=True):
        cells = [f"**{spread(v)}**" if m == top else spread(v) for v, m, top in zip(values, mean, best, strict=True)]
        label = one.label if count == seeds else f"{one.label} ({count} of {seeds} trainings)"
        row = [label, f"{one.learning_rate:g}", *cells]
        rows.append(row + ([paper[1].get(one.name, "-")] if paper else []))
    head = ["system", "learning rate", *(column.title for column in columns)]
    return markdown_table(head + ([paper[0]] if paper else []), rows)


def section(work: Work, parts: Sequence[str], remarks: Sequence[str], finished: Sequence[SystemResults]) -> str:
    """The text of a section: the command, its tables or pictures, and a note of what differs from the paper."""
    notes = ["Encoders of a comparison run learned from motion capture and virtual cameras, not from Human3.6M."]
    if PENN_ACTION in work.tasks:
        notes.append(
            "Penn Action's keypoints are the annotated ones, not detected, and no clip is left out as invisible."
        )
    if pairs := sorted({one.settings["pairs"] for one in finished if one.settings["pairs"]}):
        notes.append(f"Pairs that encoders were trained on: {', '.join(f'{n:,}' for n in pairs)}; paper 1,280,000,000.")
    notes.append(f"Frames a clip: {', '.join(f'{task.label} {task.frames}' for task in work.tasks.values())}.")
    training = (
        f"Per cent, mean ± sample deviation over {work.seeds} trainings; the best in bold."
        if work.seeds > 1
        else "Per cent, of one training; the best in bold."
    )
    return "\n\n".join(
        [
            f"```bash\n{work.command}\n```",
            training,
            *parts,
            *remarks,
            " ".join(["What differs from the paper:", *notes]),
        ]
    )
