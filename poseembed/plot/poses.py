"""Skeletons, one or many, on white or over a picture."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.plot import style
from poseembed.plot.inputs import Image, check_image, visible_points
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import BONES, JOINTS

_NOSE = JOINTS.index("nose")
_WIDTH = 6.4  # inches
_HEIGHTS = (3.0, 8.0)  # inches, least and greatest


def draw_skeleton(
    ax: Axes,
    keypoints: np.ndarray | Tensor,
    confidence: np.ndarray | Tensor | None = None,
    *,
    min_confidence: float = MIN_CONFIDENCE,
    color: str | None = None,
    linewidth: float = style.BONE_WIDTH,
    alpha: float = 1.0,
) -> Axes:
    """Draw one skeleton into axes, upright: the axes get an equal aspect and a y axis that points down.

    The person's left side is blue and their right side orange, wherever they face; the rest is grey. Bones to missing
    joints are left out.

    Args:
        ax: Where to draw.
        keypoints: (13, 2) points (x, y), y down, in the order of `poseembed.JOINTS`; NaN is missing.
        confidence: (13,) scores; all joints count if None.
        min_confidence: A joint with a score below this is left out.
        color: One colour for the whole skeleton, instead of those of the sides.
        linewidth: Of the bones, points.
        alpha: From 0, unseen, to 1.

    Returns:
        The axes.

    Raises:
        TypeError: If an input is not a numeric array or tensor.
        ValueError: If the shapes are not (13, 2) and (13,), or a coordinate is infinite.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from poseembed.plot import draw_skeleton
        >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(13, 2))
        >>> keypoints[0] = np.nan  # no nose
        >>> ax = draw_skeleton(Figure(layout="constrained").add_subplot(), keypoints)
        >>> len(ax.collections[0].get_segments())  # all 14 bones, without the two to the nose
        12
    """
    points = visible_points(keypoints, confidence, min_confidence)
    if points.ndim > 2:
        raise ValueError(f"got keypoints of shape {points.shape}; wanted one pose, (13, 2); see plot_poses for more")
    add_skeleton(ax, points, color=color, linewidth=linewidth, alpha=alpha)
    ax.autoscale_view()
    ax.set_aspect("equal")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    return ax


def plot_poses(
    poses: Poses | np.ndarray | Tensor,
    image: Image | None = None,
    *,
    confidence: np.ndarray | Tensor | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    ax: Axes | None = None,
) -> Figure:
    """Picture of the people in one picture: their skeletons over it, or on white.

    The person's left side is blue and their right side orange; people whose identity is known have it at their heads.
    Without anybody to draw, the picture is shown as it is (on white, the word "nobody").

    Args:
        poses: The rows of one frame, `poses.select(poses.frame == 7)`; or (13, 2) or (people, 13, 2) points (x, y),
            y down, in the order of `poseembed.JOINTS`, NaN missing.
        image: The picture, (height, width, 3), RGB, in whose pixels the points are.
        confidence: (13,) or (people, 13) scores of points that came as an array.
        min_confidence: A joint with a score below this is left out.
        ax: Where to draw; a figure of its own if None.

    Returns:
        The figure.

    Raises:
        TypeError: If an input is not a numeric array or tensor.
        ValueError: If the rows are of several frames, or for shapes that are not as above.

    Examples:
        >>> from poseembed import Poses
        >>> from poseembed.plot import plot_poses
        >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(2, 13, 2))
        >>> figure = plot_poses(Poses.from_arrays(keypoints, frame=[7, 7], person=[0, 1]))
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['person 0', 'person 1']
        >>> figure.savefig("people.png", dpi=150)
    """
    points = visible_points(poses, confidence, min_confidence)
    if points.ndim == 2:
        points = points[None]
    if points.ndim > 3:
        raise ValueError(f"got keypoints of shape {points.shape}; wanted the people of one picture, (people, 13, 2)")
    people = np.full(len(points), NOBODY)
    if isinstance(poses, Poses):
        people = poses.person
        if len(poses.by_video()) > 1:
            raise ValueError(f"got rows of several videos, {', '.join(poses.videos):.80}; wanted those of one")
        if len(frames := np.unique(poses.frame)) > 1:
            raise ValueError(
                f"got rows of {len(frames)} frames; wanted those of one: poses.select(poses.frame == {frames[0]})"
            )
    if image is not None:
        image = check_image(image)
    if ax is None:
        ax = _axes_for(points, image)
    for skeleton in points:
        draw_skeleton(ax, skeleton)
    for skeleton, person in zip(points, people, strict=True):
        if person != NOBODY and not np.isnan(skeleton).all():
            _name(ax, skeleton, f"person {person}", image)
    if image is not None:
        show_image(ax, image)
    if not np.isnan(points).all():
        ax.legend(handles=style.side_handles(), loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False)
    elif image is None:
        say_nobody(ax)
    ax.axis("off")
    return ax.figure.canvas.figure


def add_skeleton(
    ax: Axes,
    points: Float[np.ndarray, "13 2"],
    *,
    color: str | None = None,
    linewidth: float = style.BONE_WIDTH,
    alpha: float = 1.0,
    zorder: float = 2,
) -> None:
    """Add bones and joints, of a skeleton whose missing joints are NaN, to axes whose limits and aspect stay."""
    bones = np.array(BONES)
    drawn = ~np.isnan(points[bones]).any((1, 2))
    if drawn.any():
        ax.add_collection(
            LineCollection(
                list(points[bones[drawn]]),
                colors=[color or _bone_color(*bone) for bone in bones[drawn].tolist()],
                linewidths=linewidth,
                alpha=alpha,
                capstyle="round",
                path_effects=style.halo(linewidth),
                zorder=zorder,
            ),
            autolim=True,
        )
    there = np.flatnonzero(~np.isnan(points).any(-1))
    if len(there):
        diameter = np.where(there == _NOSE, 3.2, 1.4) * linewidth
        ax.scatter(
            points[there, 0],
            points[there, 1],
            s=diameter**2,
            c=[color or _joint_color(joint) for joint in there.tolist()],
            alpha=alpha,
            edgecolors="white",
            linewidths=[0.3 * linewidth * (joint == _NOSE) for joint in there.tolist()],
            zorder=zorder,
        )


def show_image(ax: Axes, image: Image) -> None:
    """Put a picture behind what is drawn, and let it set the limits."""
    height, width = image.shape[:2]
    ax.imshow(image, zorder=0)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def say_nobody(ax: Axes) -> None:
    """Write that there is nobody to draw."""
    ax.text(0.5, 0.5, "nobody", ha="center", va="center", color=style.MIDDLE, transform=ax.transAxes)


def _joint_color(joint: int) -> str:
    side = JOINTS[joint].partition("_")[0]
    return {"left": style.LEFT, "right": style.RIGHT}.get(side, style.MIDDLE)


def _bone_color(first: int, second: int) -> str:
    """The colour of a side for bones within it, else that of the middle."""
    colors = {_joint_color(first), _joint_color(second)}
    return colors.pop() if len(colors) == 1 else style.MIDDLE


def _name(ax: Axes, points: Float[np.ndarray, "13 2"], text: str, image: Image | None) -> None:
    """Write something above a person, or as near to it as the picture allows."""
    x, y = np.nanmean(points[:, 0]), np.nanmin(points[:, 1])
    above = True
    if image is not None:
        height, width = image.shape[:2]
        x, above = np.clip(x, 0.08 * width, 0.92 * width), y > 0.08 * height
        y = np.clip(y, 0, 0.95 * height)
    ax.annotate(
        text,
        (x, y),
        xytext=(0, 8 if above else -2),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        fontsize=style.SMALL,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )


def _axes_for(points: Float[np.ndarray, "people 13 2"], image: Image | None) -> Axes:
    """Axes in a figure of their own, of the shape of what is to be drawn."""
    ratio = 0.75
    if image is not None:
        ratio = image.shape[0] / image.shape[1]
    elif not np.isnan(points).all():
        width, height = np.nanmax(points, (0, 1)) - np.nanmin(points, (0, 1))
        ratio = height / max(width, 1e-9)
    height = float(np.clip(_WIDTH * ratio + 0.4, *_HEIGHTS))  # with a line for the legend
    return style.new_figure(_WIDTH, height).add_subplot()
