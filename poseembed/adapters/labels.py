"""Joints by the labels that people give them in labelling tools."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from poseembed.skeleton import JOINTS, NUM_JOINTS, Skeleton

LEAST = 7
"""Joints that labels have to name before they are taken for a person's: more than half of the 13."""

_NOSE, _HEAD = "nose", "head"
_MOST_DIGITS = 3
"""Digits of a joint's number."""


def joint_name(label: str) -> str:
    """A joint's name however it is spelled: "Left Shoulder", "left-shoulder", "leftShoulder" and "LEFT_SHOULDER"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", label.strip())
    return re.sub(r"[\s_-]+", "_", words).lower()


def joint_places(labels: Iterable[str], source: Skeleton) -> dict[str, int] | None:
    """Which of the 13 joints the labels are, by the label; None if they are not a person's.

    Labels are the names of joints, where a head stands for a nose that is not among them; or all of them are numbers of
    joints of the skeleton, from 1, or from 0 if that is among them. Other joints, such as eyes, are left out.

    Raises:
        ValueError: If two labels are one joint.
    """
    known = sorted(set(labels))
    if all(label.isascii() and label.isdigit() and len(label) <= _MOST_DIGITS for label in known):
        first = 0 if "0" in known else 1
        numbers = {label: int(label) - first for label in known}
        if max(numbers.values(), default=0) >= source.num_joints:
            return None
        places = {label: source.indices.index(at) for label, at in numbers.items() if at in source.indices}
    else:
        names = {label: joint_name(label) for label in known}
        if _NOSE not in names.values():
            names = {label: _NOSE if name == _HEAD else name for label, name in names.items()}
        places = {label: JOINTS.index(name) for label, name in names.items() if name in JOINTS}
    if len(set(places.values())) < len(places):
        twice = ", ".join(sorted(places))
        raise ValueError(f"two of its labels are one joint: {twice:.120}")
    return places if len(places) >= LEAST else None


def arrange(
    points: Mapping[str, tuple[float, float]], places: Mapping[str, int]
) -> Float[np.ndarray, "joints 3"] | None:
    """The 13 joints of somebody's labelled points, x, y and 1, or 0 where a joint is missing; None if all are."""
    joints = np.zeros((NUM_JOINTS, 3))
    for label, point in points.items():
        if label in places:
            joints[places[label]] = *point, 1
    return joints if joints[:, 2].any() else None
