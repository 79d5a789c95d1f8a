"""Two performances side by side."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from poseembed.align import Alignment
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.plot import style
from poseembed.plot.inputs import Frames, frame_image, to_array, visible_points
from poseembed.plot.poses import add_skeleton
from poseembed.plot.similarity import plot_similarity
from poseembed.plot.thumbnails import draw_thumbnail, extent
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors

_LETTERS = 28  # of a name in the title
_GUIDE_STYLE: dict[str, Any] = {"color": style.MARK, "linewidth": 1.5, "alpha": 0.6}
_RING_STYLE: dict[str, Any] = {
    "color": style.MARK,
    "linestyle": "",
    "marker": "o",
    "fillstyle": "none",
    "markersize": 10,
    "markeredgewidth": 2,
}


def alignment_moments(alignment: Alignment, moments: int = 6) -> Int64[np.ndarray, " moments"]:
    """The steps of a path that `plot_alignment` shows: evenly spaced over the first performance, from end to end.

    `alignment.first.frame[alignment.rows[steps, 0]]` are the frames of the first video that are needed for it.

    Args:
        alignment: What `poseembed.align.align` returned.
        moments: How many; fewer where the first performance has fewer frames.

    Raises:
        ValueError: If `moments` is under 1, or the alignment has no step.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> from poseembed.align import align
        >>> from poseembed.plot import alignment_moments
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> z_pose, _ = encoder.embed(np.random.default_rng(0).normal(size=(9, 13, 2)))
        >>> alignment_moments(align(z_pose, z_pose, encoder), moments=3).tolist()
        [0, 4, 8]
    """
    if moments < 1:
        raise ValueError(f"got moments={moments}; it must be at least 1")
    if not len(alignment.rows):
        raise ValueError("the alignment has no step, so there is nothing to draw")
    rows = alignment.rows[:, 0]
    wanted = rows[np.searchsorted(rows, np.linspace(rows[0], rows[-1], moments).round())]
    # Where the second takes its time, many of its frames belong to one of the first: the middle one stands for them.
    middle = (np.searchsorted(rows, wanted, "left") + np.searchsorted(rows, wanted, "right") - 1) // 2
    return np.unique(middle)


def plot_alignment(
    alignment: Alignment,
    *,
    first_frames: Frames | None = None,
    second_frames: Frames | None = None,
    moments: int = 6,
    names: tuple[str, str] = ("first", "second"),
    min_confidence: float = MIN_CONFIDENCE,
) -> Figure:
    """Picture of how two performances compare, whatever their cameras.

    Top row: moments of the first performance, evenly spaced in time, with the second's pose as the first's camera
    would have seen it drawn behind them, thin and pink. Next row: the second at the moments that belong to them;
    rings mark the joints that differ by more than the pictures leave open (`Alignment.joints_differ`). Both are left
    out where the alignment does not know them. Below: how similar the two are as time passes in the first,
    with dotted lines at the moments above; and which moments belong together, over the similarities of all pairs of
    frames. What that amounts to is in the title.

    Args:
        alignment: What `poseembed.align.align` returned.
        first_frames: Pictures of the first video by frame number, a list of all or a dict of those needed (see
            `alignment_moments`), each (height, width, 3), RGB; skeletons on white if None.
        second_frames: Pictures of the second.
        moments: How many to show.
        names: Of the two performances.
        min_confidence: A joint with a score below this is left out.

    Returns:
        The figure.

    Raises:
        TypeError: If a picture is not an array.
        ValueError: If the alignment has no step, `moments` is under 1, or a needed picture is missing or is none.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> from poseembed.align import align
        >>> from poseembed.plot import plot_alignment
        >>> poses = Poses.from_arrays(np.random.default_rng(0).normal(300, 100, size=(9, 13, 2)))
        >>> alignment = align(poses, poses, PoseEncoder.from_pretrained("poseembed-small"))
        >>> print(plot_alignment(alignment, names=("mine", "coach")).get_suptitle())
        mine and coach: the same performance
        (score 1.00, likeness 1.00)
    """
    steps = alignment_moments(alignment, moments)
    figure = style.new_figure(max(1.6 * len(steps), 9.0), 6.9)
    short = [style.wrapped(name, _LETTERS, lines=1) for name in names]
    score = "no score" if np.isnan(alignment.score) else f"score {alignment.score:.2f}"
    figure.suptitle(f"{short[0]} and {short[1]}: {alignment.verdict}\n({score}, likeness {alignment.likeness:.2f})")
    above, below = figure.subfigures(2, 1, height_ratios=(3.9, 2.7), squeeze=False)[:, 0]
    _draw_moments(above, alignment, steps, (first_frames, second_frames), names, min_confidence)
    curve, way = below.subplots(1, 2, width_ratios=(3, 2))
    _draw_curve(curve, alignment, steps, names[0])
    _draw_way(way, alignment, names)
    return figure


def _draw_moments(
    figure: SubFigure,
    alignment: Alignment,
    steps: Int64[np.ndarray, " moments"],
    frames: tuple[Frames | None, Frames | None],
    names: tuple[str, str],
    min_confidence: float,
) -> None:
    """The moments of both, in two rows, with the comparison drawn in."""
    axes = figure.subplots(2, len(steps), squeeze=False)
    shown = []
    for row, (poses, pictures) in enumerate(zip((alignment.first, alignment.second), frames, strict=True)):
        at = alignment.rows[steps, row]
        points = visible_points(poses.select(at), None, min_confidence)
        side = extent(points)  # the same at every moment, so that coming nearer shows
        for ax, skeleton, i in zip(axes[row], points, at.tolist(), strict=True):
            draw_thumbnail(ax, skeleton, frame_image(pictures, int(poses.frame[i]), f"{names[row]}'s frames"), side)
            ax.set_title(_moment(poses, i), fontsize=style.SMALL)
        axes[row, 0].set_ylabel(style.wrapped(names[row]))
        shown.append(points)
    handles = list(style.side_handles())
    if alignment.guides is not None:
        for ax, points, guide in zip(axes[0], shown[0], alignment.guides[steps], strict=True):
            add_skeleton(ax, np.where(np.isnan(points), np.nan, guide), **_GUIDE_STYLE, zorder=1)
        one, other = (style.wrapped(name, lines=1) for name in names)
        handles.append(Line2D([], [], **_GUIDE_STYLE, label=f"{other}, as {one}'s camera would see it"))
    if alignment.joints_differ is not None:
        for ax, points, differ in zip(axes[1], shown[1], alignment.joints_differ[steps], strict=True):
            ax.plot(*points[differ & ~np.isnan(points).any(-1)].T, **_RING_STYLE, zorder=3)
        handles.append(Line2D([], [], **_RING_STYLE, label="differs"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=style.SMALL)


def _draw_curve(ax: Axes, alignment: Alignment, steps: Int64[np.ndarray, " moments"], name: str) -> None:
    """Similarity as time passes in the first."""
    when, unit = _clock(alignment.first)
    when = when[alignment.rows[:, 0]]
    ax.plot(when, alignment.similarity, color="black", linewidth=1.5, marker="." if len(np.unique(when)) == 1 else "")
    for moment in when[steps]:
        ax.axvline(moment, color=style.OTHER, linestyle=":", zorder=0)
    least = np.nanmin(alignment.similarity, initial=0)
    ax.set(
        xlabel=f"{style.wrapped(name, _LETTERS, lines=1)}, {unit}",
        ylabel="similarity",
        ylim=(min(0, least) - 0.03, 1.03),
    )
    ax.spines[["top", "right"]].set_visible(False)


def _draw_way(ax: Axes, alignment: Alignment, names: tuple[str, str]) -> None:
    """The warping path over the similarities of all pairs of frames."""
    first, second = alignment.first, alignment.second
    matrix = _directions(first) @ _directions(second).T
    plot_similarity(
        matrix,
        path=alignment.rows,
        limits=(0.0, 1.0),
        first_times=first.time,
        second_times=second.time,
        names=names,
        ax=ax,
    )


def _directions(poses: Poses) -> Float[np.ndarray, "n pose_dim"]:
    """Pose vectors of length 1."""
    vectors = to_array(PoseVectors.of(poses, "the alignment").z_pose, "the alignment")
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _clock(poses: Poses) -> tuple[Float[np.ndarray, " n"], str]:
    """When the rows are, and in what unit."""
    return (poses.time, "seconds") if poses.timed else (poses.frame.astype(np.float64), "frame")


def _moment(poses: Poses, row: int) -> str:
    """When a row is, in words."""
    when, unit = _clock(poses)
    return f"{when[row]:.2f} s" if unit == "seconds" else f"frame {when[row]:.0f}"
