"""One person in a small square."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from poseembed.plot import style
from poseembed.plot.inputs import Image
from poseembed.plot.poses import add_skeleton, say_nobody

_MARGIN = 1.25  # of a square, as a share of the person's extent
_BONE_WIDTH = 2.0


def extent(points: Float[np.ndarray, "*batch 13 2"]) -> float:
    """Side of a square that holds any of some poses, with a margin; NaN if nobody is in any of them."""
    poses = points.reshape(-1, *points.shape[-2:])
    somebody = poses[~np.isnan(poses).all((1, 2))]
    if not len(somebody):
        return np.nan
    sides = np.nanmax(somebody, 1) - np.nanmin(somebody, 1)
    return _MARGIN * max(float(sides.max()), 1.0)


def draw_thumbnail(
    ax: Axes, points: Float[np.ndarray, "13 2"], image: Image | None = None, side: float | None = None
) -> None:
    """Draw a square around a person: the part of the picture, if there is one, and the skeleton.

    Args:
        ax: Where to draw.
        points: The person's joints, NaN where missing; all of them for nobody, who is shown as the whole picture, or as
            the word "nobody".
        image: The picture, in whose pixels the points are.
        side: Of the square, pixels; fits the person if None.
    """
    ax.set(xticks=[], yticks=[], aspect="equal", facecolor="white" if image is None else "0.9")
    ax.spines[:].set_color(style.FRAME)
    if np.isnan(points).all():
        ax.set_box_aspect(1)
        say_nobody(ax)
        return
    half = (side or extent(points)) / 2
    x, y = (np.nanmin(points, 0) + np.nanmax(points, 0)) / 2
    if image is not None:
        _show_part(ax, image, (x - half, x + half), (y - half, y + half))
    add_skeleton(ax, points, linewidth=_BONE_WIDTH)
    ax.set(xlim=(x - half, x + half), ylim=(y + half, y - half))


def _show_part(ax: Axes, image: Image, across: tuple[float, float], down: tuple[float, float]) -> None:
    """Show the part of a picture between two columns and two rows; nothing of what lies beyond its borders."""
    left, right = np.clip((int(across[0]), int(across[1]) + 2), 0, image.shape[1])
    top, bottom = np.clip((int(down[0]), int(down[1]) + 2), 0, image.shape[0])
    if left < right and top < bottom:
        edges = (left - 0.5, right - 0.5, bottom - 0.5, top - 0.5)
        ax.imshow(image[top:bottom, left:right], extent=edges, zorder=0)
