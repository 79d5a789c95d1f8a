"""The repetitions of a movement over time."""

import numpy as np
from matplotlib.figure import Figure

from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.plot import style
from poseembed.plot.inputs import visible_points
from poseembed.plot.thumbnails import draw_thumbnail, extent
from poseembed.poses import Poses
from poseembed.repetitions import Repetitions

_SHOWN = 7  # repetitions with a skeleton, at most


def plot_repetitions(poses: Poses, repetitions: Repetitions, *, min_confidence: float = MIN_CONFIDENCE) -> Figure:
    """Picture of what was counted: the signal, with each repetition shaded and numbered, and skeletons above it.

    The first skeleton is the first that is seen; the others are where the first seven repetitions have got furthest, or
    in the nearest frame in which anybody is seen.

    Args:
        poses: One person, a row a frame: what was counted in, or the track that was counted in (`poses.track()`).
        repetitions: What `poseembed.repetitions.count_repetitions` returned for it.
        min_confidence: A joint with a score below this is left out.

    Returns:
        The figure.

    Raises:
        ValueError: If there is not one row a frame of the signal, or nobody in any.

    Examples:
        >>> from poseembed import Poses
        >>> from poseembed.plot import plot_repetitions
        >>> from poseembed.repetitions import count_repetitions
        >>> time, bend = np.arange(90) / 30, np.sin(np.linspace(0, 3 * np.pi, 90)) ** 2
        >>> found = count_repetitions(np.stack([np.cos(bend), np.sin(bend)], axis=1), time=time)  # yours: of embed()
        >>> poses = Poses.from_arrays(np.random.default_rng(0).normal(300, 100, size=(90, 13, 2)), time=time)
        >>> plot_repetitions(poses, found).get_suptitle()
        '3 repetitions, one in 1.0 s'
    """
    if len(poses) != len(repetitions.signal):
        raise ValueError(
            f"got {len(poses)} poses for a signal of {len(repetitions.signal)} frames; pass what was counted in, or "
            "its longest track: poses.track()"
        )
    points = visible_points(poses, None, min_confidence)
    seen = np.flatnonzero(~np.isnan(points).all((1, 2)))
    if not len(seen):
        raise ValueError("the poses show nobody, so there is nothing to draw")
    when, unit = (poses.time, "s") if poses.timed else (poses.frame.astype(np.float64), "frames")
    signal = repetitions.signal
    turns = [start + int(signal[start : end + 1].argmax()) for start, end in repetitions.boundaries]
    shown = sorted({int(seen[0]), *(int(seen[abs(seen - turn).argmin()]) for turn in turns[:_SHOWN])})

    figure = style.new_figure(max(style.THUMBNAIL * len(shown), 8.0), 4.6)
    every = f", one in {repetitions.period:.1f} {unit}" if repetitions.count > 1 else ""
    figure.suptitle(f"{repetitions.count} repetition{'' if repetitions.count == 1 else 's'}{every}")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 2.4), squeeze=False)[:, 0]
    side = extent(points[shown])  # the same in all, so that sinking and rising show
    for ax, row in zip(above.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        draw_thumbnail(ax, points[row], side=side)
        ax.set_title(f"{when[row]:.1f} s" if unit == "s" else f"frame {when[row]:.0f}", fontsize=style.SMALL)
    above.legend(handles=style.side_handles(), loc="outside lower center", ncols=2, frameon=False, fontsize=style.SMALL)
    curve = below.subplots()
    curve.plot(when, signal, color="black")
    for number, (start, end) in enumerate(repetitions.boundaries, start=1):
        curve.axvspan(when[start], when[end], color=style.LABELS[2], alpha=0.2)
        curve.annotate(str(number), (when[turns[number - 1]], signal.min()), ha="center")
    curve.set(xlabel="seconds" if unit == "s" else "frame", ylabel="how far the movement has got")
    return figure
