"""Single-shot cross-view action recognition: Tables 1 and 3 of the CV-MIM paper.

`python -m training.benchmarks.single_shot --penn-action PATH --nucla PATH --hdm05 PATH --run RUN --out FOLDER`

A classifier is trained on what one view saw of the training clips and tested on the test clips of all views; one
classifier a view, and the average over those. Data sets that are given are measured:

- Penn Action's four views and official split.
- NTU RGB+D's cross-subject split, trained on one of three cameras and one of two replications.
- The same protocol on N-UCLA's three cameras (subjects 1-5 to train on, 6-10 to test on), and on HDM05 filmed by four
  virtual cameras (three actors and two).

Penn Action has views whose training clips miss some of the actions, so no classifier can get all of those right:
*closed* counts the test clips whose action was there to train on, *open* counts all.

Results are kept in a file a system in `--out`: a command that was stopped goes on there, and `--systems` divides the
work among processes. The table is made of the systems that are finished.
"""

from collections.abc import Sequence

from training.evaluation.recognition.command import HDM05, NTU, NUCLA, PENN_ACTION, RecognitionParser
from training.evaluation.recognition.results import SystemResults
from training.evaluation.recognition.splits import Split, every_seed, one_view
from training.evaluation.recognition.tables import table, view_columns
from training.evaluation.recognition.tasks import Task
from training.evaluation.results_document import write_section

DATA = (PENN_ACTION, NUCLA, HDM05, NTU)
SECTION = "Single-shot cross-view action recognition (Tables 1 and 3)"

PAPER_PENN_ACTION = {
    "cv-mim": "91.75 ± 0.24",
    "pr-vipe": "89.03",
    "res-tcn": "82.21",
    "convnet": "78.49",
    "ae": "85.47",
    "vae": "86.00",
    "beta-vae": "83.82",
    "infonce": "83.27",
    "dim": "80.14",
}
"""Average over views, open or closed is not said."""

PAPER_NTU = {"cv-mim": "56.6 / 85.7"}
"""As printed; presumably top-1 and top-5."""


def part(data: str, task: Task, splits: Sequence[Split], finished: Sequence[SystemResults], seeds: int) -> str:
    """A data set's table under its heading."""
    paper = ("paper", PAPER_PENN_ACTION) if data == PENN_ACTION else ("paper, on NTU RGB+D", PAPER_NTU)
    heading = f"### {task.label}, trained on one view"
    return f"{heading}\n\n{table(finished, view_columns(task, splits), seeds, paper)}" if finished else ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.single_shot`."""
    parser = RecognitionParser("single_shot", __doc__, DATA)
    work = parser.work(parser.parse(arguments))
    splits = {data: one_view(task) for data, task in work.tasks.items()}
    finished = work.fit({data: every_seed(of_data, work.seeds) for data, of_data in splits.items()})
    parts = [part(data, task, splits[data], finished[data], work.seeds) for data, task in work.tasks.items()]
    remarks = ["Closed: test clips whose action the training view shows; open: all test clips."]
    if HDM05 in work.tasks:
        remarks.append("HDM05: actors bd, bk, dg to train on, mm and tr to test on; exact projections.")
    every = [one for of_data in finished.values() for one in of_data]
    text = work.section([text for text in parts if text], remarks, every)
    write_section(work.results, SECTION, text)
    print(text)


if __name__ == "__main__":
    main()
