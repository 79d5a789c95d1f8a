"""The tables of action recognition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evaluation.recognition.results import SystemResults
from training.evaluation.recognition.splits import Split
from training.evaluation.recognition.tasks import Task
from training.evaluation.report import Table, spread


@dataclass(frozen=True)
class Column:
    """A column of accuracies: the mean over some splits, of one kind (see `FitResult`)."""

    title: str
    splits: tuple[str, ...]
    kind: str = "open"


def view_columns(task: Task, splits: Sequence[Split]) -> list[Column]:
    """Of single-shot: a view each and their average, closed; and the average of all test clips where that differs."""
    names = tuple(split.name for split in splits)
    found = [Column(name.removeprefix("view "), (name,), "closed") for name in names]
    found.append(Column("average", names, "closed"))
    known = set(range(len(task.clips.classes)))
    if any(set(task.clips.labels[split.train].tolist()) != known for split in splits):
        found.append(Column("average, open", names, "open"))
    return found


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
    return Table(head + ([paper[0]] if paper else []), rows).markdown()
