"""The lines of a motion file taken one by one, so that every complaint names its place."""

from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float64

from poseembed.files.values import check_regular


class TextLines:
    """A text file's lines with a place in them.

    Attributes:
        path: The file.
        lines: All of its lines.
        at: Number (from 1) of the line taken last; 0 before the first.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; a byte that is not ASCII can only stand in a comment or name, so any one-byte reading does."""
        check_regular(path)
        self.path = path
        self.lines = path.read_text(encoding="latin-1").splitlines()
        self.at = 0

    def take(self, what: str) -> list[str]:
        """Take the words of the next line that holds any; a line that begins with `#` is a comment.

        Args:
            what: What should stand there, for the complaint if the file ends instead.

        Raises:
            ValueError: If the file ends.
        """
        words = self.take_or_end()
        if not words:
            self.fail(f"the file ends where {what} should stand; it looks cut off: fetch or export it again")
        return words

    def take_or_end(self) -> list[str]:
        """Take the words of the next line that holds any; an empty list at the end of the file."""
        while self.at < len(self.lines):
            self.at += 1
            words = self.lines[self.at - 1].split()
            if words and not words[0].startswith("#"):
                return words
        return []

    def fail(self, why: str, line: int | None = None) -> NoReturn:
        """Raise the ValueError that says what is wrong in which file and line (the one taken last, unless given)."""
        raise ValueError(f"{self.path}, line {self.at if line is None else line}: {why}")

    def numbers(self, words: list[str], count: int, what: str) -> list[float]:
        """Turn `count` words into finite numbers.

        Raises:
            ValueError: If there are fewer or more words, or one is not a finite number.
        """
        if len(words) != count:
            self.fail(f"{what}: {count} numbers wanted, got {' '.join(words) or 'none'}")
        for word in words:
            if not is_number(word):
                self.fail(f"{what}: {word!r} is not a finite number; mend it, or take its frame out")
        return [float(word) for word in words]


def read_text(path: Path) -> str:
    """A whole text file in UTF-8.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no such text, or no file.
    """
    check_regular(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}); save it as such") from error


def is_number(word: str) -> bool:
    """Tell whether a word is a finite number."""
    try:
        return bool(np.isfinite(float(word)))
    except ValueError:  # float() has no other way to say that a word is not a number
        return False


def to_numbers(words: list[str]) -> Float64[np.ndarray, " words"] | None:
    """Turn many words into numbers at once; None if one of them is not a finite number."""
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:  # as above, for the whole array
        return None
    return values if np.isfinite(values).all() else None
