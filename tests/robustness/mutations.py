"""Damage to files, the same for the same number: what disks, cut downloads, other tools and bad intentions do."""

import random
import re
from collections.abc import Callable

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_KEY = re.compile(rb'"[A-Za-z_0-9]+":')
_WORD = re.compile(rb"[A-Za-z_]+")

_STRANGE = (
    *(b"1e39", b"-1e39", b"1e400", b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"18446744073709551616"),
    *(b"-1", b"0", b"-9223372036854775809", b"1e19", b"1000000000000", b"100000001", b"0.5", b"1_000", b"5", b"-3"),
    *(b"9" * 5000, b"true", b"null", b'"x"', b"[]", b"{}", b"[[1]]", b"''", b"\xd9\xa1\xd9\xa2", b"\x00", b"\xff\xfe"),
)
"""What may stand in the place of a number."""


def mutate(content: bytes, number: int) -> bytes:
    """The content with damage of a kind and at a place that follow from the number; 0 leaves it whole."""
    if number == 0:
        return content
    chance = random.Random(number)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice(_KINDS)(content, chance)
    return content


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _flip(content: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 20)) if content else 0):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _flip_near_an_end(content: bytes, chance: random.Random) -> bytes:
    """Headers and tables of contents stand there."""
    flipped = bytearray(content)
    if content:
        at = chance.randrange(min(400, len(flipped)))
        flipped[at if chance.random() < 0.6 else -1 - at] = chance.randrange(256)
    return bytes(flipped)


def _overwrite(content: bytes, chance: random.Random) -> bytes:
    start, length = chance.randrange(len(content) + 1), chance.choice((1, 4, 8, 64, 512))
    length = min(length, len(content) - start)
    filler = chance.choice((bytes(length), b"\xff" * length, b"\x7f" * length, chance.randbytes(length)))
    return content[:start] + filler + content[start + length :]


def _take_out(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.choice((1, 2, 8, 100)) :]


def _repeat(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    piece = content[start : start + chance.choice((1, 8, 100, 1000))]
    return content[:start] + piece * chance.choice((2, 3, 50)) + content[start + len(piece) :]


def _other_number(content: bytes, chance: random.Random) -> bytes:
    return _replace(content, _NUMBER, chance.choice(_STRANGE), chance)


def _other_word(content: bytes, chance: random.Random) -> bytes:
    return _replace(content, _WORD, chance.choice((b"", b"x", b"x" * 5000, b"1", b"\xe2\x82")), chance)


def _same_key(content: bytes, chance: random.Random) -> bytes:
    keys = _KEY.findall(content)
    return _replace(content, _KEY, chance.choice(keys), chance) if keys else content


def _deep(content: bytes, chance: random.Random) -> bytes:
    many = chance.choice((10, 1000, 100_000))
    start, end = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"{\n", b"}\n")))
    return _replace(content, _NUMBER, start * many + b"1" + end * chance.choice((0, many)), chance)


def _replace(content: bytes, pattern: re.Pattern[bytes], new: bytes, chance: random.Random) -> bytes:
    """One of the pattern's places, of the first ten thousand, replaced."""
    places = [match.span() for _, match in zip(range(10_000), pattern.finditer(content), strict=False)]
    if not places:
        return content
    start, end = chance.choice(places)
    return content[:start] + new + content[end:]


_KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_cut, _flip, _flip_near_an_end, _overwrite, _take_out, _repeat),
    *(_other_number, _other_number, _other_word, _same_key, _deep),
)
