"""A run's log: TensorBoard events while it runs, one small table beside the weights when it is done."""

import csv
import io
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from poseembed.files.atomic import replacing

FOLDER = "log"
"""Name of the folder of events in a run's folder."""

FILE_NAME = "training_log.csv"
"""Name of the table in a checkpoint's folder."""

ROWS = 500
"""The table has no more rows than this, evenly taken."""


def open_log(run: Path, *, step: int) -> SummaryWriter:
    """Start a run's log, or go on after a step; later ones that a killed run has logged but not saved do not count."""
    return SummaryWriter(str(run / FOLDER), purge_step=step + 1)


def write_table(run: Path, file: Path) -> None:
    """Write what was logged as a CSV table: one row a logged step, one column a value."""
    events = EventAccumulator(str(run / FOLDER), size_guidance={"scalars": 0})
    events.Reload()
    names = sorted(events.Tags()["scalars"])
    values = {name: {event.step: event.value for event in events.Scalars(name)} for name in names}
    steps = sorted(set().union(*values.values()))
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["step", *names])
    for step in steps[:: max(1, -(-len(steps) // ROWS))]:
        table.writerow([step, *(f"{values[name].get(step, float('nan')):.6g}" for name in names)])
    with replacing(file) as written:
        written.write(text.getvalue().encode())
