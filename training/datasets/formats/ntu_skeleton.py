"""One `.skeleton` file of NTU RGB+D: what a Kinect (version 2) tracked in one recording, and who the main actor is.

The text holds the number of frames; for each frame the number of bodies; for each body a line of 10 numbers that
begins with the body's id, a line with the number of joints (25), and a line of 12 numbers a joint: x y z (metres, in
the sensor's frame), depthX depthY, colorX colorY (pixels of the 1920 x 1080 colour picture), orientation W X Y Z, and
trackingState (0 not tracked, 1 inferred, 2 tracked). Described by the data set's own `read_skeleton_file.m`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from training.datasets.formats.text_lines import TextLines

NUM_JOINTS = 25

_BODY_NUMBERS = 10
_COLUMNS = (0, 1, 2, 5, 6, 11)  # x y z, colorX colorY, trackingState


@dataclass(frozen=True)
class Body:
    """What was seen of one body, in the frames in which it was tracked.

    Attributes:
        positions: Metres, in the sensor's frame.
        pixels: Where the joints are in the colour picture, y down; NaN where a joint was not tracked, or the sensor
            could not place it there.
    """

    positions: Float64[np.ndarray, "frames 25 3"]
    pixels: Float64[np.ndarray, "frames 25 2"]

    @property
    def motion(self) -> float:
        """Variance over time of x, y and z of each joint, added up, in square metres."""
        known = np.where(np.isfinite(self.positions), self.positions, 0.0)
        return float(known.var(0).sum())


def main_actor(bodies: Sequence[Body]) -> Body:
    """Pick the body that moves the most, as the data set's owners do; what else was tracked is often furniture."""
    return max(bodies, key=lambda body: body.motion)


def read_bodies(path: Path) -> list[Body]:
    """Read all bodies of a recording, in the order in which they appear; often there is one, and there may be none.

    Raises:
        ValueError: If the file ends too early, or something else stands in it; the message names the place.
    """
    lines = TextLines(path)
    rows: list[str] = []
    places: dict[str, list[int]] = defaultdict(list)  # by id, kept as text: floating point has too few digits for it
    for _ in range(_take_count(lines, "the number of frames")):
        for _ in range(_take_count(lines, "the number of bodies")):
            body = lines.take("a body")
            if len(body) != _BODY_NUMBERS:
                lines.fail(f"a body is described by {_BODY_NUMBERS} numbers, got {len(body)}")
            if (joints := _take_count(lines, "the number of joints")) != NUM_JOINTS:
                lines.fail(f"a body has {NUM_JOINTS} joints, got {joints}")
            places[body[0]].append(len(rows) // NUM_JOINTS)
            rows += lines.lines[lines.at : lines.at + NUM_JOINTS]
            lines.at += NUM_JOINTS
    if not rows:  # numpy would warn of it
        return []
    values = np.loadtxt(rows, usecols=_COLUMNS, comments=None)
    if lines.at > len(lines.lines) or len(values) != len(rows):
        raise ValueError(f"{path}: the file ends or has an empty line where a joint should stand")
    values = values.reshape(-1, NUM_JOINTS, len(_COLUMNS))
    pixels = values[..., 3:5].copy()
    pixels[(values[..., 5] == 0) | ~np.isfinite(pixels).all(-1)] = np.nan
    return [Body(values[seen, :, :3], pixels[seen]) for seen in places.values()]


def _take_count(lines: TextLines, what: str) -> int:
    words = lines.take(what)
    if len(words) != 1 or not words[0].isdecimal():
        lines.fail(f"{what} should stand here, got {' '.join(words)[:60]!r}")
    return int(words[0])
