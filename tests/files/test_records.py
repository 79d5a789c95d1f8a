"""Records: what they hold is checked, and what is wrong is said with what to do about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from poseembed._version import __version__
from poseembed.files.records import RecordKind

KIND = RecordKind(
    name="the note of a test", folder="a test is a folder with a note", version=3, remedy="write it again"
)


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "note.json"
    path.write_text(json.dumps(content))
    return path


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_text(KIND.text({"count": 2, "names": ["a"], "more": None}))
    record = KIND.read(path)
    assert (record.get("count", int), record.get("names", list)) == (2, ["a"])
    assert (record.find("more", dict), record.find("never written", str), record.find("count", int)) == (None, None, 2)
    assert json.loads(path.read_text())["poseembed_version"] == __version__


def test_people_can_read_it_too() -> None:
    text = f'{{\n  "format_version": 3,\n  "poseembed_version": "{__version__}",\n  "count": 2\n}}\n'
    assert KIND.text({"count": 2}) == text


@pytest.mark.parametrize("version", [1, 2, 3])
def test_earlier_formats_are_read(tmp_path: Path, version: int) -> None:
    assert KIND.read(write(tmp_path, {"format_version": version})).content == {"format_version": version}


@pytest.mark.parametrize(
    "content, words",
    [
        ({"format_version": 4}, "note.json has format 4, this poseembed .* reads up to 3; upgrade with: pip install"),
        ({}, "is not the note of a test: it has no format_version; write it again"),
        ({"format_version": "3"}, "is not the note of a test: format_version is '3', wanted a whole number"),
        ({"format_version": True}, "format_version is True, wanted a whole number; write it again"),
        ([], r"is not the note of a test: it holds \[\], not an object"),
    ],
)
def test_what_is_no_such_record(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        KIND.read(write(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{"])
def test_what_is_not_json(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "note.json").write_bytes(content)
    with pytest.raises(ValueError, match="note.json is not JSON .*; write it again"):
        KIND.read(tmp_path / "note.json")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no note.json; a test is a folder with a note"):
        KIND.read(tmp_path / "note.json")


@pytest.mark.parametrize(
    "name, kind, words",
    [
        ("absent", str, "it has no absent"),
        ("count", str, "count is 2, wanted text"),
        ("yes", int, "yes is True, wanted a whole number"),
        ("count", bool, "count is 2, wanted true or false"),
        ("nothing", dict, "nothing is None, wanted an object"),
        ("count", list, "count is 2, wanted a list"),
    ],
)
def test_values_of_another_kind(tmp_path: Path, name: str, kind: type, words: str) -> None:
    record = KIND.read(write(tmp_path, {"format_version": 3, "count": 2, "yes": True, "nothing": None}))
    with pytest.raises(ValueError, match=f"is not the note of a test: {words}; write it again"):
        record.get(name, kind)
