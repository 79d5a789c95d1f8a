"""The picture of Figure 4: queries, and what lies near them in pose space and in view space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from torch import Tensor

from poseembed.keypoints import normalize_keypoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = 100.0  # of half a torso in a thumbnail, pixels
_THUMBNAIL, _BETWEEN, _CAPTION, _GAP, _HEAD, _FOOT = 1.0, 0.08, 0.42, 0.3, 0.85, 0.35  # inches


@dataclass(frozen=True)
class Neighbour:
    """A picture of the gallery beside a query.

    Attributes:
        points: Picture points (x, y), y down.
        np_mpjpe: Between the 3D poses, torso lengths.
        degrees: Between the cameras' directions.
    """

    points: Float[Tensor, "13 2"]
    np_mpjpe: float
    degrees: float


@dataclass(frozen=True)
class Row:
    """A query with its neighbours, the nearest first.

    Attributes:
        query: Picture points (x, y), y down.
        pose: Neighbours in pose space.
        view: As many neighbours in view space.
    """

    query: Float[Tensor, "13 2"]
    pose: Sequence[Neighbour]
    view: Sequence[Neighbour]


def draw_neighbours(rows: Sequence[Row], title: str) -> "Figure":
    """Draw a line of thumbnails for each query: itself, its neighbours in pose space, those in view space.

    Args:
        rows: One query at least, all with as many neighbours.
        title: Above everything.

    Raises:
        ImportError: Without matplotlib.
    """
    from poseembed.plot import style
    from poseembed.plot.thumbnails import draw_thumbnail

    count = len(rows[0].pose)
    width = (1 + 2 * count) * _THUMBNAIL + 3 * _GAP
    height = _HEAD + len(rows) * (_THUMBNAIL + _CAPTION) + _FOOT
    figure = style.new_figure(width, height)
    figure.set_layout_engine("none")  # all places are given

    def place(line: int, left: float, points: Float[Tensor, "13 2"]) -> "Axes":
        bottom = height - _HEAD - line * (_THUMBNAIL + _CAPTION) - _THUMBNAIL
        side = _THUMBNAIL - _BETWEEN
        ax = figure.add_axes((left / width, bottom / height, side / width, side / height))
        draw_thumbnail(ax, _upright(points))
        return ax

    starts = {"pose": 1.5 * _GAP + _THUMBNAIL, "view": 2.5 * _GAP + (1 + count) * _THUMBNAIL}
    for line, row in enumerate(rows):
        place(line, _GAP / 2, row.query).spines[:].set(color="black", linewidth=1.5)
        for space, neighbours in (("pose", row.pose), ("view", row.view)):
            for number, neighbour in enumerate(neighbours):
                ax = place(line, starts[space] + number * _THUMBNAIL, neighbour.points)
                _caption(ax, f"pose {neighbour.np_mpjpe:.2f}", line=0, counts=space == "pose")
                _caption(ax, f"camera {neighbour.degrees:.0f}°", line=1, counts=space == "view")
    for left, columns, text, wanted in (
        (_GAP / 2, 1, "query", ""),
        (starts["pose"], count, "nearest in pose space", "wanted: the same pose, from whatever side"),
        (starts["view"], count, "nearest in view space", "wanted: the same side, in whatever pose"),
    ):
        middle = (left + (columns * _THUMBNAIL - _BETWEEN) / 2) / width
        for string, up, weight, size in ((text, 0.24, "bold", "medium"), (wanted, 0.06, "normal", "small")):
            base = (height - _HEAD + up) / height
            figure.text(middle, base, string, ha="center", va="bottom", fontweight=weight, fontsize=size)
    figure.text(0.5, 1 - 0.12 / height, title, ha="center", va="top", fontsize="large")
    figure.text(
        _GAP / 2 / width,
        0.12 / height,
        "pose: NP-MPJPE to the query, torso lengths; camera: angle between its direction and the query's",
        va="bottom",
        fontsize="small",
    )
    figure.legend(handles=style.side_handles(), loc="lower right", ncols=2, frameon=False, fontsize="small")
    return figure


def _caption(ax: "Axes", text: str, *, line: int, counts: bool) -> None:
    """Write a line below a thumbnail, grey if it is not what the space is for."""
    ax.annotate(
        text,
        (0.5, 0),
        xycoords="axes fraction",
        xytext=(0, -2 - 12 * line),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize="small",
        color="black" if counts else "0.5",
    )


def _upright(points: Float[Tensor, "13 2"]) -> Float[np.ndarray, "13 2"]:
    """Points in pixels of a thumbnail."""
    everything = points.new_ones(13).bool()
    return (_SIZE * normalize_keypoints(points, everything)).double().numpy()
