"""A set of embeddings laid out on a plane."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.plot import style
from poseembed.plot.inputs import to_array, visible_points
from poseembed.plot.poses import add_skeleton
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors, Vectors

_LOOKS = tuple(product(style.MARKERS, style.LABELS))  # all colours in one shape, then in the next
_OTHER = ("o", style.OTHER)
_THUMBNAIL = 0.085  # of the map's side
_GAP = 0.1  # between thumbnails, as a share of one
_BODY = 0.84  # of a thumbnail, as a share of it
_MARGIN = 0.06  # around the points, as a share of their extent
_SIDE = 7.0  # of a figure without labels, inches
_LETTERS = 30  # of a label
_TINY = 1e-30


def plot_map(
    embedded: Vectors,
    poses: Poses | np.ndarray | Tensor | None = None,
    *,
    labels: Sequence[str] | np.ndarray | None = None,
    xy: np.ndarray | Tensor | None = None,
    thumbnails: int = 60,
    min_confidence: float = MIN_CONFIDENCE,
    ax: Axes | None = None,
) -> Figure:
    """Picture of an embedding set: a point for each pose, near each other where poses are alike, some as skeletons.

    By default the plane is that of the two principal components of the vectors, scaled to length 1 as cosines have
    it; the share of the variance that they keep is written at the axes, and what they drop may be much. Skeletons
    stand centred on their points: as many as there is room for without one covering another, spread over the map.
    Points are coloured by label, and skeletons too; without labels skeletons show the sides of the body. Seven colours
    in three shapes make 21 looks, given to the labels that occur most; the rest are grey together, as "other".

    Args:
        embedded: n embedded `Poses`, or (n, d) pose vectors; rows of NaN, of frames without anybody, are left out.
        poses: Their n poses, for the skeletons: `Poses`, or (n, 13, 2) points (x, y), y down, NaN missing. If None,
            those of `embedded`; there are no skeletons where it is an array.
        labels: Their n labels.
        xy: (n, 2) places on the plane, from t-SNE or UMAP say, instead of principal components.
        thumbnails: How many skeletons at most; 0 for none.
        min_confidence: A joint of `Poses` with a score below this is left out.
        ax: Where to draw; a figure of its own if None.

    Returns:
        The figure.

    Raises:
        TypeError: If an input is not a numeric array or tensor.
        ValueError: If the numbers of rows differ, a shape is wrong, the `Poses` are not embedded, or no row holds a
            vector.

    Examples:
        >>> from poseembed.plot import plot_map
        >>> z_pose = np.random.default_rng(0).normal(size=(40, 32))  # yours
        >>> figure = plot_map(z_pose, labels=["squat", "wave"] * 20)
        >>> figure.axes[0].get_xlabel()
        'first principal component (10% of the variance)'
    """
    vectors = to_array(PoseVectors.of(embedded, "embedded").z_pose, "embedded")
    if vectors.ndim != 2:
        raise ValueError(f"got vectors of shape {vectors.shape}; wanted (n, d), one pose vector a row")
    if poses is None and isinstance(embedded, Poses):
        poses = embedded
    points = None if poses is None else visible_points(poses, None, min_confidence)
    places = None if xy is None else to_array(xy, "xy")
    for name, given, shape in (("poses", points, (13, 2)), ("xy", places, (2,))):
        if given is not None and given.shape != (len(vectors), *shape):
            raise ValueError(f"got {name} of shape {given.shape}; wanted {(len(vectors), *shape)} for as many vectors")
    if labels is not None and len(labels) != len(vectors):
        raise ValueError(f"got {len(labels)} labels for {len(vectors)} vectors; wanted one each")
    known = ~np.isnan(vectors).any(1)
    if places is not None:
        known &= ~np.isnan(places).any(1)
    if not known.any():
        raise ValueError(f"nothing to draw: none of the {len(vectors)} rows holds a vector without NaN")

    names = None if labels is None else [str(label) for label, there in zip(labels, known, strict=True) if there]
    if ax is None:
        ax = _new_axes(names)
    if places is None:
        places, shares = _principal_plane(vectors[known])
        for axis, number, share in zip((ax.xaxis, ax.yaxis), ("first", "second"), shares, strict=True):
            axis.set_label_text(f"{number} principal component ({share:.0%} of the variance)")
    else:
        places = places[known]
    looks = _looks(names or [])
    side = _square(ax, places)
    _draw_points(ax, places, names, looks)
    if points is not None:
        for i in _spread(places, ~np.isnan(points[known]).all((1, 2)), thumbnails, side * _THUMBNAIL * (1 + _GAP)):
            look = None if names is None else looks[names[i]]
            _draw_thumbnail(ax, points[known][i], places[i], side * _THUMBNAIL, look)
    _add_legend(ax, names, looks, points is not None and thumbnails > 0)
    return ax.figure.canvas.figure


def _new_axes(names: Sequence[str] | None) -> Axes:
    """Axes in a figure of their own, with room for labels beside them."""
    beside = 0.0 if names is None else 0.6 + 0.075 * min(max(map(len, names)), _LETTERS)
    figure = style.new_figure(_SIDE + beside, _SIDE)
    figure.set_layout_engine("compressed")  # the layout that knows that the map stays square
    return figure.add_subplot()


def _principal_plane(
    vectors: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "n 2"], tuple[float, float]]:
    """Places on the plane of the two directions of most variance, and the share of it in each."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    centred = unit - unit.mean(0)
    # Two rows and columns of zeros more: one vector, or vectors of one number, have no second component.
    left, sizes, _ = np.linalg.svd(np.pad(centred, ((0, 2), (0, 2))), full_matrices=False)
    total = max(float(np.square(sizes).sum()), _TINY)
    first, second = np.square(sizes[:2]) / total
    return (left * sizes)[: len(vectors), :2], (float(first), float(second))


def _looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Marker and colour of each label: those that occur most first, then by name."""
    counts = Counter(names)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return {name: _LOOKS[i] if i < len(_LOOKS) else _OTHER for i, name in enumerate(ranked)}


def _square(ax: Axes, places: Float[np.ndarray, "n 2"]) -> float:
    """Set limits that hold all places, of equal scale in both directions; the side of a square that holds them."""
    low, high = places.min(0), places.max(0)
    extent = float((high - low).max()) or 1.0
    half = extent * (0.5 + _MARGIN)
    middle = (low + high) / 2
    ax.set(xlim=middle[0] + np.array([-half, half]), ylim=middle[1] + np.array([-half, half]))
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal")
    return 2 * half


def _draw_points(
    ax: Axes, places: Float[np.ndarray, "n 2"], names: Sequence[str] | None, looks: dict[str, tuple[str, str]]
) -> None:
    size = float(np.clip(12000 / len(places), 9, 30))
    if names is None:
        ax.scatter(places[:, 0], places[:, 1], s=size, c=style.OTHER, linewidths=0, zorder=1)
        return
    each = np.array([_LOOKS.index(looks[name]) if looks[name] in _LOOKS else len(_LOOKS) for name in names])
    for look in np.unique(each)[::-1]:  # the most frequent last would hide the rare ones
        marker, color = (*_LOOKS, _OTHER)[look]
        of_look = places[each == look]
        ax.scatter(of_look[:, 0], of_look[:, 1], s=size, c=color, marker=marker, alpha=0.7, linewidths=0, zorder=1)


def _spread(places: Float[np.ndarray, "n 2"], usable: Bool[np.ndarray, " n"], count: int, distance: float) -> list[int]:
    """Up to so many rows, none within a square of another: each time the one farthest from all taken so far."""
    taken: list[int] = []
    nearest = np.where(usable, np.inf, -np.inf)
    while len(taken) < count and nearest.max() >= distance:
        # Start at the middle, for there the map is fullest.
        start = np.where(usable, np.abs(places - np.median(places, 0)).max(1), np.inf)
        taken.append(int(np.argmax(nearest) if taken else np.argmin(start)))
        nearest = np.minimum(nearest, np.abs(places - places[taken[-1]]).max(1))
    return taken


def _draw_thumbnail(
    ax: Axes,
    points: Float[np.ndarray, "13 2"],
    place: Float[np.ndarray, "2"],
    side: float,
    look: tuple[str, str] | None,
) -> None:
    """Draw a skeleton, upright, into a square around a place of a map whose y axis points up."""
    marker, color = look or ("", None)
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    scale = _BODY * side / max(float((high - low).max()), _TINY)
    ax.add_patch(
        FancyBboxPatch(
            (place[0] - side / 2, place[1] - side / 2),
            side,
            side,
            boxstyle=f"round,pad=0,rounding_size={side * 0.1}",
            facecolor="white",
            edgecolor=color or style.FRAME,
            linewidth=0.6,
            alpha=0.85,
            zorder=2,
        )
    )
    add_skeleton(ax, place + (points - (low + high) / 2) * (scale, -scale), color=color, linewidth=1.3, zorder=3)
    corner = place + side * np.array([-0.4, -0.4])
    ax.plot(corner[0], corner[1], marker=marker, color=color, markersize=4, markeredgewidth=0, zorder=4)


def _add_legend(ax: Axes, names: Sequence[str] | None, looks: dict[str, tuple[str, str]], skeletons: bool) -> None:
    """Say what the colours mean: beside the map for labels, below it for the sides of bodies."""
    if names is None:
        if skeletons:
            ax.legend(
                handles=style.side_handles(),
                loc="lower right",
                bbox_to_anchor=(1, 1),
                ncols=2,
                frameon=False,
                fontsize=style.SMALL,
            )
        return
    shown = {name: look for name, look in looks.items() if look != _OTHER}
    rest = len(looks) - len(shown)
    if rest:
        shown[f"other ({rest} labels)"] = _OTHER
    handles = [
        Line2D([], [], linestyle="", marker=m, color=c, label=style.wrapped(name, _LETTERS, lines=1))
        for name, (m, c) in shown.items()
    ]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=style.SMALL)
