"""What becomes of pictures before anything is measured on them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """What becomes of the pictures.

    Attributes:
        missing: Joints missing in each picture.
        noise: Standard deviation of the others' places, torso lengths.
    """

    missing: int = 0
    noise: float = 0.0

    def __str__(self) -> str:
        noise = f", noise of {100 * self.noise:g} % of the torso" if self.noise else ""
        return f"{self.missing} of 13 joints missing{noise}"


EXACT = Condition()
"""Complete and exact pictures."""

DAMAGED = Condition(missing=4, noise=0.05)
"""Pictures as they come in everyday use."""
