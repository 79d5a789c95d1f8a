"""The log of a run, and the table made of it."""

import csv
from pathlib import Path

from training.running import log


def write(run: Path, *, first: int, steps: range) -> None:
    writer = log.open_log(run, step=first)
    for step in steps:
        writer.add_scalar("loss/cross_view", 1 / step, step)
        writer.add_scalar("pairs_per_second", 100.0 * step, step)
    writer.close()


def rows(run: Path) -> list[dict[str, str]]:
    log.write_table(run, run / log.FILE_NAME)
    with (run / log.FILE_NAME).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_what_was_logged(tmp_path: Path) -> None:
    write(tmp_path, first=0, steps=range(2, 7, 2))
    assert rows(tmp_path) == [
        {"step": "2", "loss/cross_view": "0.5", "pairs_per_second": "200"},
        {"step": "4", "loss/cross_view": "0.25", "pairs_per_second": "400"},
        {"step": "6", "loss/cross_view": "0.166667", "pairs_per_second": "600"},
    ]


def test_steps_that_a_killed_run_did_not_save_count_once(tmp_path: Path) -> None:
    write(tmp_path, first=0, steps=range(1, 6))
    write(tmp_path, first=3, steps=range(4, 8))
    assert [row["step"] for row in rows(tmp_path)] == [str(step) for step in range(1, 8)]


def test_a_long_run_makes_a_short_table(tmp_path: Path) -> None:
    write(tmp_path, first=0, steps=range(1, 1002))
    table = rows(tmp_path)
    assert 300 < len(table) <= log.ROWS
    assert [row["step"] for row in table[:3]] == ["1", "4", "7"]
