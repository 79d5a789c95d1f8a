"""No damaged file does more than be refused in words."""

import warnings
from pathlib import Path

import pytest

from .attack import attack, one_file
from .extent import FIRST, LONG
from .mutations import mutate
from .true_files import READERS


@pytest.mark.parametrize("name", READERS)
def test_a_few_damaged_files(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    path = tmp_path / reader.file
    reader.write(path)
    true = path.read_bytes()
    assert one_file(reader, path) == ("read", "")
    outcomes = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a cut table: said is not silent
        for number in range(1, 26):
            path.write_bytes(mutate(true, number))
            outcomes.append(one_file(reader, path))
    assert [words for outcome, words in outcomes if outcome == "failed"] == []
    assert ("refused", "") in outcomes  # else nothing was damaged


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_thousands_of_damaged_files(name: str) -> None:
    counts, failures = attack(name, FIRST, FIRST + LONG - 1)
    assert not failures, "\n".join(failures[:20])
    assert counts.total() == LONG


def test_the_same_number_is_the_same_damage() -> None:
    content = b'{"people": [{"keypoints": [1.5, 2, 3]}], "image": "a.jpg"}'
    assert [mutate(content, number) for number in range(200)] == [mutate(content, number) for number in range(200)]
    assert mutate(content, 0) == content and len({mutate(content, number) for number in range(200)}) > 150
