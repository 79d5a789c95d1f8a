"""Model cards as the Hub reads them: what their front matter says is what their tables say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from huggingface_hub import EvalResult, ModelCard

CARDS = sorted((Path(__file__).parents[1] / "weights").glob("*/README.md"))
NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?: ± \d+(?:\.\d+)?)?(?: %)?")
BASELINES = {"without an encoder"}
"""Columns of what is compared with, in a table whose rows are of the checkpoint."""


class Cell(NamedTuple):
    """A number of a table: where it stands, and what it is."""

    section: str
    condition: str
    metric: str
    value: float


def plain(text: str) -> str:
    return text.replace("**", "").replace("`", "").strip()


def cells(card: str, name: str) -> Iterator[Cell]:
    """The numbers that the tables under "Results" have of the checkpoint itself, without deviations."""
    results = card.split("\n## Results\n")[1].split("\n## ")[0]
    for part in results.split("\n### ")[1:]:
        for table in re.findall(r"(?:^\|.*\n)+", part, re.MULTILINE):
            header, _, *rows = ([plain(cell) for cell in line.split("|")[1:-1]] for line in table.splitlines())
            own = re.compile(rf"{name}(?:, |$)|z_")
            compares = any(own.match(row[0]) for row in rows)  # with others, whose rows are theirs
            condition = ""
            for label, *values in rows:
                if not any(values):
                    condition = label
                if compares and not own.match(label):
                    continue
                label = re.sub(rf"^{name}(, )?", "", label)
                for column, value in zip(header[1:], values, strict=True):
                    if (number := NUMBER.fullmatch(value)) and column not in BASELINES:
                        metric = ", ".join(filter(None, (header[0].split(",")[0], label, column)))
                        yield Cell(part.splitlines()[0], condition, metric, float(number[1]))


@pytest.fixture(params=CARDS, ids=lambda path: path.parent.name)
def card(request: pytest.FixtureRequest) -> Path:
    return request.param


def results(card: Path) -> list[EvalResult]:
    return ModelCard.load(card).data.eval_results or []


def test_the_hub_reads_what_it_is(card: Path) -> None:
    data = ModelCard.load(card).data
    assert data.model_name == card.parent.name
    assert (data.library_name, data.license, data.pipeline_tag) == ("poseembed", "apache-2.0", "feature-extraction")
    assert data.datasets == ["cmu-mocap"] and "pose-embedding" in data.tags


def test_the_numbers_are_those_of_the_tables(card: Path) -> None:
    of_the_hub = [
        Cell(result.task_name, result.dataset_config or "", result.metric_name, result.metric_value)
        for result in results(card)
    ]
    assert len(of_the_hub) > 25
    assert sorted(of_the_hub) == sorted(cells(card.read_text(encoding="utf-8"), card.parent.name))


SHORT = {"cmu-mocap": "CMU", "hdm05": "HDM05", "penn-action": "Penn Action", "nw-ucla": "N-UCLA"}


def test_each_number_is_under_its_data_set(card: Path) -> None:
    for result in results(card):
        assert SHORT[result.dataset_type] in result.metric_name, result
