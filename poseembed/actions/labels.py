"""Names of classes: those of clips, those that were saved, and that of clips of no class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from poseembed.files.records import Record

MAX_TEXT = 64 * 2**20
"""Most bytes that the names of a recognizer's classes may take, each as many as the longest, four a character."""


def read_classes(record: Record) -> np.ndarray:
    """The classes of a record: different texts, or different whole numbers, in order, as `fit` finds them.

    Raises:
        ValueError: If they are something else, or take more than `MAX_TEXT` bytes as an array, whose texts all take the
            room of the longest.
    """
    names = record.get("classes", list)
    kinds = {type(name) for name in names}
    if len(names) < 2 or len(kinds) != 1 or not kinds <= {str, int, bool}:
        raise ValueError("classes must be two at least, all texts or all whole numbers")
    if kinds == {str} and 4 * len(names) * max(map(len, names)) > MAX_TEXT:
        raise ValueError(f"the names of its classes take more than {MAX_TEXT} bytes; wanted short ones")
    if kinds == {int} and not all(-(2**63) <= name < 2**63 for name in names):
        raise ValueError("classes must be whole numbers of 64 bits")
    classes = np.array(names)
    if not np.array_equal(classes, np.unique(classes)):
        raise ValueError("its classes are not in order, or one is there twice")
    return classes


def check_labels(labels: ArrayLike, clips: int) -> np.ndarray:
    """Labels as an array of strings or whole numbers."""
    given: Sequence[Any] = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)  # type: ignore[arg-type]
    array = np.asarray(given if len(given) else [], dtype=None if len(given) else np.int64)
    if array.ndim != 1 or len(array) != clips:
        raise ValueError(f"got {clips} sequences and labels of shape {array.shape}; wanted one label a sequence")
    mixed = array.dtype.kind == "U" and not all(isinstance(label, str) for label in given)
    if array.dtype.kind not in "biuU" or mixed:
        raise TypeError("labels must be all strings or all whole numbers; convert them, with str say")
    return array


def check_outlier_label(label: object, classes: np.ndarray) -> None:
    """Refuse what cannot be the label of clips unlike those of all classes; None is none.

    Raises:
        TypeError: If it is a text where the classes are numbers, or the other way round, or something else.
        ValueError: If it is one of the classes, or a whole number that they have no room for.
    """
    if label is None:
        return
    wanted = {"U": str, "i": int, "u": int}.get(classes.dtype.kind)
    if wanted is None or isinstance(label, bool) or not isinstance(label, wanted):
        raise TypeError(
            f"got outlier_label={label!r}; wanted {wanted.__name__ if wanted else 'None'}, as the labels are"
        )
    if label in classes.tolist():
        raise ValueError(f"got outlier_label={label!r}, which is one of the classes")
    if isinstance(label, int) and not -(2**63) <= label < 2**63:
        raise ValueError(f"got outlier_label={label}; wanted a whole number of 64 bits")
