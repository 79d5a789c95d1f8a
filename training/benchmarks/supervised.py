"""Fully supervised action recognition: Tables 2 and 4 of the CV-MIM paper.

`python -m training.benchmarks.supervised --penn-action PATH --nucla PATH --run RUN --out FOLDER`

A classifier is trained on the training clips of all views, and tested on the test clips of all views:

- Penn Action's official split.
- Cross-subject: N-UCLA's subjects 1-5 to train on and 6-10 to test on; NTU RGB+D's 20 and 20.
- Cross-view: all people, trained on two cameras and tested on the third. The usual third camera is N-UCLA's 3 and NTU
  RGB+D's 1; the other choices and the average are shown beside it.

Results are kept as those of `training.benchmarks.single_shot` are, in the same folder if that is wanted.
"""

from collections.abc import Sequence

from training.evaluation.recognition.command import NTU, NUCLA, PENN_ACTION, RecognitionParser
from training.evaluation.recognition.results import SystemResults
from training.evaluation.recognition.splits import ALL_VIEWS, Split, all_views, every_seed, left_out_views
from training.evaluation.recognition.tables import Column, table
from training.evaluation.recognition.tasks import Task
from training.evaluation.results_document import write_section

DATA = (PENN_ACTION, NUCLA, NTU)
SECTION = "Fully supervised action recognition (Tables 2 and 4)"

PAPER_PENN_ACTION = {"cv-mim": "98.1"}
PAPER_NTU = {"cv-mim": "77.8 / 89.5"}
"""Cross-subject and cross-view."""


def splits(task: Task) -> list[Split]:
    """All views; and all but one of them, where the data set is used so."""
    return [all_views(task), *(left_out_views(task) if task.usual_test_view else [])]


def columns(task: Task, of_task: Sequence[Split]) -> list[Column]:
    """One column a split, and the average of those that leave a view out."""
    left_out = tuple(split.name for split in of_task if split.name != ALL_VIEWS)
    if not left_out:
        return [Column(ALL_VIEWS, (ALL_VIEWS,))]
    found = [Column("cross-subject", (ALL_VIEWS,))]
    for name in left_out:
        view = name.removeprefix("all but view ")
        found.append(Column(f"cross-view, test {view}{' (usual)' if view == task.usual_test_view else ''}", (name,)))
    return [*found, Column("cross-view, average", left_out)]


def part(data: str, task: Task, of_task: Sequence[Split], finished: Sequence[SystemResults], seeds: int) -> str:
    """A data set's table under its heading."""
    paper = ("paper", PAPER_PENN_ACTION) if data == PENN_ACTION else ("paper, on NTU RGB+D", PAPER_NTU)
    heading = f"### {task.label}, trained on several views"
    return f"{heading}\n\n{table(finished, columns(task, of_task), seeds, paper)}" if finished else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.supervised`."""
    parser = RecognitionParser("supervised", __doc__, DATA)
    work = parser.work(parser.parse(arguments))
    of_tasks = {data: splits(task) for data, task in work.tasks.items()}
    finished = work.fit({data: every_seed(of_task, work.seeds) for data, of_task in of_tasks.items()})
    parts = [part(data, task, of_tasks[data], finished[data], work.seeds) for data, task in work.tasks.items()]
    every = [one for of_data in finished.values() for one in of_data]
    text = work.section([text for text in parts if text], [], every)
    write_section(work.results, SECTION, text)
    print(text)


if __name__ == "__main__":
    main()
