"""What the readers of files do alike with people: their joints, identities and names, and the numbers of pictures."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from poseembed.files.values import check_points, settle_scores, text_column
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import NUM_JOINTS, Skeleton

_DIGITS = "0123456789"
_MOST_DIGITS = 18
"""Digits of a number that int64 surely holds."""

_FURTHEST = 1_000_000
_FURTHEST_EACH = 100
"""Numbers of frames are not further apart than this, or than this many times the number of pictures."""


class Person(NamedTuple):
    """A person in a picture, or a picture without anybody.

    Attributes:
        frame: Number of the picture.
        image: Name of the picture.
        joints: (joints, 3) numbers x, y and score, 0 is missing; None is nobody.
        person: Identity over time, as the file has it.
    """

    frame: int
    image: str
    joints: Float[np.ndarray, "joints 3"] | None
    person: int = NOBODY


def people_to_poses(people: Sequence[Person], source: Skeleton) -> Poses:
    """Poses of people, in the order of their pictures; a score of 0 is a missing joint.

    Who has no joints is left out, but for one row of each picture in which nobody has any.

    Raises:
        ValueError: If somebody's joints are not those of the skeleton, or a coordinate or score is no such number.
    """
    filled = {person.frame for person in people if person.joints is not None}
    empty = {person.frame: person for person in people if person.frame not in filled}
    seen = [person for person in people if person.joints is not None]
    rows = sorted([*seen, *(one._replace(person=NOBODY) for one in empty.values())], key=lambda one: one.frame)
    joints = np.full((len(rows), NUM_JOINTS, 3), (np.nan, np.nan, 0))
    for row, person in enumerate(rows):
        if person.joints is not None:
            joints[row] = source.select(person.joints)
    scores = settle_scores(joints[..., 2])
    points = np.where(scores[..., None] > 0, joints[..., :2], np.nan)
    check_points(points)
    return Poses.from_arrays(
        points,
        scores,
        frame=[person.frame for person in rows],
        person=[person.person for person in rows],
        image=text_column([person.image for person in rows], "a picture's name"),
    )


def triplets(numbers: object) -> Float[np.ndarray, "joints 3"] | None:
    """A flat list of x, y, score, x, y, score, ... as an array; None for an empty list or null.

    Raises:
        ValueError: If it is not such a list.
    """
    if numbers is None or numbers == []:
        return None
    if not isinstance(numbers, list) or len(numbers) % 3 or not all(type(number) in (int, float) for number in numbers):
        raise ValueError(f"got keypoints {numbers!r:.60}; wanted a flat list of numbers x, y, score for each joint")
    try:
        return np.array(numbers, dtype=np.float64).reshape(-1, 3)
    except OverflowError:  # a whole number of more than 308 digits
        raise ValueError("got a keypoint beyond all numbers; wanted x, y, score for each joint") from None


def identity(value: object, name: str) -> int:
    """Identity of a person: a whole number, the same in a list of one or as text; null or an empty list is not known.

    Raises:
        ValueError: If it is something else, or under -1.
    """
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    if inner is None or inner == []:
        return NOBODY
    number = _whole(inner)
    if number is None or number < NOBODY:
        raise ValueError(f"got {name} {value!r:.40}; wanted a whole number from 0, or -1 if it is not known")
    return number


def picture_name(value: object) -> str:
    """Name of a picture by its id, a whole number or text; 7 and "7" are the same picture.

    Raises:
        ValueError: If it is something else.
    """
    number = _whole(value) if not isinstance(value, str) else None
    if number is None and not (isinstance(value, str) and value):
        raise ValueError(f"got a picture's id {value!r:.40}; wanted a whole number or text")
    return value if isinstance(value, str) else str(number)


def number_pictures(names: Iterable[str]) -> dict[str, int]:
    """Numbers of pictures: those in their names where these differ in one number alone, else their places in order.

    Numbers too far apart to count frames (a clock's ticks, a photo's number) do not count either.
    """
    ordered = sorted(set(names), key=lambda name: (natural_order(name), name))
    split = [_around_number(name) for name in ordered]
    digits = [number for _, number, _ in split]
    same_but_for_numbers = len({(before, after) for before, _, after in split}) == 1
    if same_but_for_numbers and all(0 < len(number) <= _MOST_DIGITS for number in digits):
        numbers = list(map(int, digits))
        apart = max(numbers) - min(numbers)
        if len(set(numbers)) == len(numbers) and apart < max(_FURTHEST, _FURTHEST_EACH * len(numbers)):
            return dict(zip(ordered, numbers, strict=True))
    return {name: place for place, name in enumerate(ordered)}


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Key to sort names by, in which 10.jpg comes after 9.jpg."""
    parts: list[tuple[int, int, str]] = []
    start = 0
    while start < len(name):
        is_number, end = name[start] in _DIGITS, start + 1
        while end < len(name) and (name[end] in _DIGITS) == is_number:
            end += 1
        part = name[start:end]
        parts.append((1, len(part.lstrip("0")), part.lstrip("0")) if is_number else (0, 0, part))
        start = end
    return parts


def list_of_objects(value: object, what: str) -> list[dict[str, Any]]:
    """A list of JSON objects, as it is.

    Raises:
        ValueError: If it is something else.
    """
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ValueError(f"its {what} are {value!r:.40}; wanted a list of objects")
    return value


def _around_number(name: str) -> tuple[str, str, str]:
    """What stands before the last number of a name, that number, and what stands behind it; .jp2 is no number."""
    suffix = PurePosixPath(name).suffix
    stem = name.removesuffix(suffix) if any(map(str.isalpha, suffix)) else name
    end = max((place + 1 for place, sign in enumerate(stem) if sign in _DIGITS), default=0)
    before = stem[:end].rstrip(_DIGITS)
    return before, stem[len(before) : end], name[end:]


def _whole(value: object) -> int | None:
    """The whole number that a value of JSON stands for, if int64 holds it."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) <= _MOST_DIGITS:
        return int(value)
    if type(value) is float and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value if type(value) is int and abs(value) < 2**63 else None
