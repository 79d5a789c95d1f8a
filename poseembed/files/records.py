"""Records: JSON objects that say what a checkpoint, a recognizer or an index is, and in which version of its format."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from poseembed._version import __version__

Value = TypeVar("Value")

MAX_BYTES = 16 * 2**20
"""Longest record that is read."""

SUMS = "sha256"
"""Where a record has the SHA-256 of each of its files, by name; earlier libraries did not write them."""

_VERSION = "format_version"
_SUM = re.compile("[0-9a-f]{64}")
_WORDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number with a point",
    bool: "true or false",
}


@dataclass(frozen=True)
class RecordKind:
    """One kind of record.

    Attributes:
        name: What such a file is, as in "config.json is not <name>".
        folder: What the folder is that it should be in, as in "... has no config.json; <folder>".
        version: Raised whenever an older library could misread a newer record.
        remedy: What to do about a damaged one.
    """

    name: str
    folder: str
    version: int
    remedy: str

    def text(self, content: Mapping[str, Any]) -> str:
        """The text of a record's file."""
        versions = {_VERSION: self.version, "poseembed_version": __version__}
        return json.dumps(versions | dict(content), indent=2, default=_plain) + "\n"

    def read(self, path: Path) -> "Record":
        """Read a record's file.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is longer than `MAX_BYTES`, not JSON, not an object, without a version, or needs a newer
                library.
        """
        self.need(path)
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"{path} is not {self.name}: it has {size} bytes, at most {MAX_BYTES} are read")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, endless digits, nested without end
            raise ValueError(f"{path} is not JSON ({error}); {self.remedy}") from error
        if not isinstance(content, dict):
            raise ValueError(f"{path} is not {self.name}: it holds {content!r:.40}, not an object")
        record = Record(path, self, content)
        if (version := record.get(_VERSION, int)) > self.version:
            raise ValueError(
                f"{path} has format {version}, this poseembed {__version__} reads up to {self.version}; "
                "upgrade with: pip install -U poseembed"
            )
        return record

    def need(self, path: Path) -> None:
        """Say what is missing in a folder that such a record describes.

        Raises:
            FileNotFoundError: If there is no such file.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path.parent} has no {path.name}; {self.folder}")


@dataclass(frozen=True)
class Record:
    """What a record's file holds, to be asked for by name and kind."""

    path: Path
    kind: RecordKind
    content: dict[str, Any]

    def get(self, name: str, kind: type[Value]) -> Value:
        """The value of that name; whole numbers are no booleans here.

        Raises:
            ValueError: If there is none, or it is of another kind.
        """
        if name not in self.content:
            raise ValueError(f"{self.path} is not {self.kind.name}: it has no {name}; {self.kind.remedy}")
        value = self.content[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(
                f"{self.path} is not {self.kind.name}: {name} is {value!r:.40}, wanted {_WORDS[kind]}; "
                f"{self.kind.remedy}"
            )
        return value

    def sums(self) -> dict[str, str]:
        """SHA-256 of each file that the record vouches for, by name; empty in one of an earlier library.

        Raises:
            ValueError: If they are something else.
        """
        sums = self.find(SUMS, dict) or {}
        for name, value in sums.items():
            if not isinstance(value, str) or not _SUM.fullmatch(value):
                raise ValueError(
                    f"{self.path} is not {self.kind.name}: {SUMS} of {name:.40} is {value!r:.40}, wanted 64 hex "
                    f"digits; {self.kind.remedy}"
                )
        return sums

    def find(self, name: str, kind: type[Value]) -> Value | None:
        """The same, None where there is none: what earlier libraries did not write."""
        return None if self.content.get(name) is None else self.get(name, kind)


def _plain(value: object) -> object:
    """A number of numpy's as one of Python's, which JSON has."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a record cannot hold {value!r:.80}")
