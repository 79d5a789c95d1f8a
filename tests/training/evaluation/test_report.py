"""Tables and files of what was measured."""

import json
from pathlib import Path

import pytest

from training.evaluation.report import Table, spread, texts, write_json

TABLE = Table(["", "hit@1", "degrees"], [["raw", "1.0", "7"], ["a longer name", "10.0 ± 2.5", "-"]], "val, exact")


def test_for_the_terminal_columns_line_up() -> None:
    assert TABLE.text().splitlines() == [
        "val, exact",
        "                    hit@1  degrees",
        "raw                   1.0        7",
        "a longer name  10.0 ± 2.5        -",
    ]
    assert Table(["pairs", "ECE"], [["x", "0.1"]]).text() == "pairs      ECE\nx          0.1"
    assert texts([TABLE, TABLE]) == f"{TABLE.text()}\n\n{TABLE.text()}"


def test_for_a_document() -> None:
    assert TABLE.markdown() == (
        "val, exact\n\n|  | hit@1 | degrees |\n| --- | ---: | ---: |\n"
        "| raw | 1.0 | 7 |\n| a longer name | 10.0 ± 2.5 | - |"
    )
    assert Table(["system", "paper"], [], "").markdown() == "| system | paper |\n| --- | ---: |"


def test_rows_must_be_as_long_as_the_head() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Table(["", "a", "b"], [["name", "1"]]).text()


@pytest.mark.parametrize(
    ("values", "digits", "text"), [([2.0], 1, "2.0"), ([1.0, 3.0], 2, "2.00 ± 1.41"), ([5, 5, 5], 0, "5 ± 0")]
)
def test_spread_is_mean_and_deviation_and_of_one_the_value(values: list[float], digits: int, text: str) -> None:
    assert spread(values, digits) == text


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    write_json(file, {"a": [1, 2.5, None]})
    assert json.loads(file.read_text()) == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"a": float("nan")})
    assert json.loads(file.read_text()) == {"a": [1, 2.5, None]}
    assert list(tmp_path.iterdir()) == [file]
