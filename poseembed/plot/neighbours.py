"""A query with its nearest neighbours."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.plot import style
from poseembed.plot.inputs import Image, check_image, to_array, visible_points
from poseembed.plot.thumbnails import draw_thumbnail
from poseembed.poses import Poses
from poseembed.skeleton import NUM_JOINTS

_COLUMNS = 7  # of neighbours, at most
_LINES = 3  # of a label, at most


def plot_neighbours(
    query: Poses | np.ndarray | Tensor,
    neighbours: Sequence[Poses] | np.ndarray | Tensor,
    similarities: np.ndarray | Tensor | None = None,
    *,
    probabilities: np.ndarray | Tensor | None = None,
    query_image: Image | None = None,
    images: Sequence[Image] | None = None,
    labels: Sequence[str] | None = None,
    min_confidence: float = MIN_CONFIDENCE,
) -> Figure:
    """Picture of a query and what a search found for it, the nearest first, in a row (or several, beyond seven).

    Each is a square around the person, a skeleton on white or over its picture, with its rank above it and its
    similarity and match probability below it. A neighbour in whom nothing is visible is the word "nobody".

    Args:
        query: One pose: `Poses` of one row, or (13, 2) points (x, y), y down, NaN missing.
        neighbours: k poses, the nearest first: a list of `Poses` of one row each, such as
            `[poses.select([row]) for row in found]`, or (k, 13, 2) points.
        similarities: (k,) cosines of their vectors with the query's.
        probabilities: (k,) of a match, as `PoseEncoder.match_probability` gives them.
        query_image: The query's picture, (height, width, 3), RGB.
        images: The neighbours' pictures, k of them.
        labels: k names to write below the neighbours; if None, the names of the pictures or, failing that, the times
            of `Poses`. Long ones are cut to two lines.
        min_confidence: A joint of `Poses` with a score below this is left out.

    Returns:
        The figure.

    Raises:
        TypeError: If an input is not a numeric array or tensor.
        ValueError: If there is not one query, no neighbour, or not k of what is to be written or shown.

    Examples:
        >>> from poseembed.plot import plot_neighbours
        >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(4, 13, 2))
        >>> figure = plot_neighbours(keypoints[0], keypoints[1:], np.array([0.97, 0.91, 0.88]))
        >>> [ax.get_xlabel() for ax in figure.axes[1:]]
        ['similarity 0.97', 'similarity 0.91', 'similarity 0.88']
    """
    if isinstance(neighbours, Poses):
        raise TypeError("got neighbours as Poses, which are in the order of their frames; pass a list, nearest first")
    asked = _one_pose(query, min_confidence)
    found = [_one_pose(neighbour, min_confidence) for neighbour in neighbours]
    count = len(found)
    if not count:
        raise ValueError("got no neighbours, so there is nothing to draw; wanted one at least")
    names = [_name(neighbour) for neighbour in neighbours] if labels is None else list(labels)
    texts = _texts(count, similarities, probabilities, names)
    if images is not None and len(images) != count:
        raise ValueError(f"got {len(images)} images for {count} neighbours; wanted one each")
    query_picture = None if query_image is None else check_image(query_image)
    pictures = [None] * count if images is None else [check_image(image) for image in images]

    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    lines = max(text.count("\n") + 1 for text in texts)
    height = style.THUMBNAIL + 0.3 + 0.17 * lines
    figure = style.new_figure(style.THUMBNAIL * (columns + 1), rows * height + 0.3)
    grid = figure.add_gridspec(rows, columns + 1)
    ax = figure.add_subplot(grid[0, 0])
    draw_thumbnail(ax, asked, query_picture)
    ax.spines[:].set(color="black", linewidth=1.5)
    ax.set_title("query", fontweight="bold", fontsize="medium")
    ax.set_xlabel(style.wrapped(_name(query), lines=_LINES), fontsize=style.SMALL)
    for i in range(count):
        ax = figure.add_subplot(grid[i // columns, i % columns + 1])
        draw_thumbnail(ax, found[i], pictures[i])
        ax.set_title(str(i + 1), fontsize="medium")
        ax.set_xlabel(texts[i], fontsize=style.SMALL)
    figure.legend(
        handles=style.side_handles(), loc="outside lower center", ncols=2, frameon=False, fontsize=style.SMALL
    )
    return figure


def _texts(
    count: int,
    similarities: np.ndarray | Tensor | None,
    probabilities: np.ndarray | Tensor | None,
    names: Sequence[str],
) -> list[str]:
    """What stands below each neighbour."""
    columns: list[Sequence[str]] = []
    for name, values, form in (
        ("similarities", similarities, "similarity {:.2f}"),
        ("probabilities", probabilities, "match {:.0%}"),
    ):
        if values is not None:
            numbers = to_array(values, name)
            if numbers.shape != (count,):
                raise ValueError(f"got {name} of shape {numbers.shape} for {count} neighbours; wanted ({count},)")
            columns.append([form.format(number) for number in numbers])
    if len(names) != count:
        raise ValueError(f"got {len(names)} labels for {count} neighbours; wanted one each")
    columns.append([style.wrapped(name, lines=_LINES) for name in names])
    return ["\n".join(filter(None, lines)) for lines in zip(*columns, strict=True)]


def _one_pose(pose: Poses | np.ndarray | Tensor, min_confidence: float) -> Float[np.ndarray, "13 2"]:
    points = visible_points(pose, None, min_confidence)
    if points.size != NUM_JOINTS * 2:
        raise ValueError(f"got keypoints of shape {points.shape} where one pose is wanted, (13, 2)")
    return points.reshape(NUM_JOINTS, 2)


def _name(pose: Poses | np.ndarray | Tensor) -> str:
    """The name of the picture or, failing that, the time; empty where neither is known."""
    if not isinstance(pose, Poses):
        return ""
    return str(pose.image[0]) or ("" if np.isnan(pose.time[0]) else f"{pose.time[0]:.2f} s")
