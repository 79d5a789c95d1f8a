"""How large a number in a settings file may be: what sizes are checked against before anything is made of them."""

import numpy as np

MAX_DIM = 65_536
"""Longest vector, and widest layer."""

MAX_BLOCKS = 256
"""Most residual blocks of a network."""

MAX_FRAMES = 1_000_000
"""Longest clip that a setting may ask for: eleven hours at 25 frames a second."""

MAX_COUNT = 2**63 - 1
"""Most of anything that is only counted."""


def check_whole(name: str, value: object, least: int, most: int) -> None:
    """Refuse what is no whole number of a range.

    Raises:
        TypeError: If it is not an int, of Python's or of numpy's (a bool is none).
        ValueError: If it is less or more.
    """
    if isinstance(value, np.integer):
        value = int(value)
    if type(value) is not int:
        raise TypeError(f"{name} must be int, got {value!r:.40}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value!r:.40}")
