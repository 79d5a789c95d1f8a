"""How all pictures look: colours that colour-blind readers can tell apart, sizes in inches and points."""

import re
import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke

LEFT, RIGHT, MIDDLE = "#0072B2", "#E69F00", "0.35"
"""Of the person's left side, of their right side, and of what is neither."""

MARK = "#C51B7D"
"""Of the rings round joints that need a look."""

LABELS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
"""Of labels (Okabe and Ito, Color Universal Design)..."""

MARKERS = ("o", "^", "s")
"""...each in as many shapes, before labels run out of looks."""

OTHER = "0.75"
"""Of labels that ran out of looks, and of points without a label."""

FRAME = "0.8"
"""Of the thin lines round thumbnails."""

COLORMAP, UNKNOWN = "viridis", "0.85"
"""Of similarities, and of those that are NaN."""

BONE_WIDTH = 2.5
"""Of a bone, points."""

THUMBNAIL = 1.5
"""Side of a thumbnail, inches."""

SMALL = "small"
"""Font size of what stands at thumbnails and in legends."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches that moves its axes until no text is cut off; unknown to pyplot."""
    return Figure(figsize=(width, height), layout="constrained")


def wrapped(name: str, letters: int = 18, lines: int = 2) -> str:
    """A name in lines of so many letters, broken where names have joints; what does not fit becomes "…"."""
    joints = re.sub(r"([_./\\-])", r"\1\v", name)  # textwrap breaks at a vertical tab, as at any white space
    rows = textwrap.wrap(joints, letters, max_lines=lines, placeholder="…", replace_whitespace=False)
    return "\n".join(row.replace("\v", "") for row in rows)


def halo(width: float) -> list[AbstractPathEffect]:
    """A white rim round a line of so many points, to tell it from a dark or busy picture."""
    return [Stroke(linewidth=width + 1.5, foreground="white"), Normal()]


def side_handles() -> Sequence[Line2D]:
    """Entries of a legend of the two sides."""
    return [
        Line2D([], [], color=LEFT, linewidth=BONE_WIDTH, label="person's left"),
        Line2D([], [], color=RIGHT, linewidth=BONE_WIDTH, label="person's right"),
    ]
