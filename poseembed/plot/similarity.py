"""The similarity of every frame of one sequence with every frame of another."""

import numpy as np
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike
from torch import Tensor

from poseembed.plot import style
from poseembed.plot.inputs import to_array


def plot_similarity(
    matrix: np.ndarray | Tensor,
    *,
    path: ArrayLike | None = None,
    first_times: ArrayLike | None = None,
    second_times: ArrayLike | None = None,
    limits: tuple[float, float] | None = (-1.0, 1.0),
    names: tuple[str, str] = ("first", "second"),
    ax: Axes | None = None,
) -> Figure:
    """Picture of how alike two sequences are: a cell for each pair of their frames, and the way between them.

    The first sequence runs down, the second to the right, so the picture looks like the matrix. Similarities that are
    NaN, of frames without anybody, are grey.

    Args:
        matrix: (n, m) similarities of the n frames of the first with the m frames of the second, as
            `PoseEncoder.similarity` gives them.
        path: (k, 2) rows of the first and of the second that belong together, such as `Alignment.rows`.
        first_times: (n,) seconds of the frames of the first, rising; if None or not known (NaN), the axis counts
            frames. They may be unevenly spaced.
        second_times: (m,) seconds of the frames of the second.
        limits: Similarities at the two ends of the colour bar; None for the least and the greatest there are.
        names: Of the two sequences.
        ax: Where to draw; a figure of its own if None.

    Returns:
        The figure.

    Raises:
        TypeError: If `matrix` is not a numeric array or tensor.
        ValueError: If the matrix is empty or not a matrix, or times or a path do not fit it.

    Examples:
        >>> from poseembed.plot import plot_similarity
        >>> first, second = np.eye(4), np.eye(4)[[0, 1, 1, 2, 3]]  # yours: z_pose of the frames
        >>> figure = plot_similarity(first @ second.T, names=("mine", "coach"))
        >>> figure.axes[0].get_ylabel(), figure.axes[0].get_xlabel()
        ('mine, frame', 'coach, frame')
    """
    values = to_array(matrix, "matrix")
    if values.ndim != 2 or not values.size:
        raise ValueError(f"got a matrix of shape {values.shape}; wanted (n, m), one frame of each sequence at least")
    times = [_check_times(t, count) for t, count in zip((first_times, second_times), values.shape, strict=True)]
    if path is not None:
        _check_path(steps := np.asarray(path), values.shape)
    if ax is None:
        ax = style.new_figure(6.4, 5.2).add_subplot()
    low, high = limits or (None, None)
    shown = ax.imshow(
        values,
        cmap=colormaps[style.COLORMAP].with_extremes(bad=style.UNKNOWN),
        vmin=low,
        vmax=high,
        aspect="auto",
        interpolation="nearest",
    )
    if path is not None:
        rim = [Stroke(linewidth=3.5, foreground="black"), Normal()]
        ax.plot(steps[:, 1], steps[:, 0], color="white", linewidth=1.8, path_effects=rim, label="path")
        ax.set(xlim=(-0.5, values.shape[1] - 0.5), ylim=(values.shape[0] - 0.5, -0.5))
    for axis, name, t in zip((ax.yaxis, ax.xaxis), names, times, strict=True):
        _label(axis, name, t)
    beyond = "neither"
    if limits is not None:
        under, over = bool((values < limits[0]).any()), bool((values > limits[1]).any())
        beyond = ("both" if over else "min") if under else ("max" if over else "neither")
    ax.figure.colorbar(shown, ax=ax, label="similarity", extend=beyond)
    return ax.figure.canvas.figure


def _check_times(times: ArrayLike | None, count: int) -> Float[np.ndarray, " n"] | None:
    """Seconds of the frames; None if they are not known."""
    if times is None:
        return None
    seconds = np.asarray(times, dtype=np.float64)
    if seconds.shape != (count,):
        raise ValueError(f"got times of shape {seconds.shape} for {count} frames; wanted ({count},)")
    if np.isnan(seconds).any():
        return None
    if (np.diff(seconds) <= 0).any():
        raise ValueError("times must rise from one frame to the next")
    return seconds


def _check_path(path: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse a path that leaves the matrix."""
    if path.ndim != 2 or path.shape[1] != 2:
        raise ValueError(f"got a path of shape {path.shape}; wanted (k, 2) rows of the first and of the second")
    if len(path) and ((path < 0).any() or (path >= shape).any()):
        raise ValueError(f"the path leaves the matrix of shape {shape}: it goes to {tuple(path.max(0).tolist())}")


def _label(axis: Axis, name: str, times: Float[np.ndarray, " n"] | None) -> None:
    """Name an axis that counts frames, and put round seconds, where known, at the frames they fall on."""
    short = style.wrapped(name)
    if times is None or len(times) < 2:
        axis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        axis.set_label_text(f"{short}, frame")
        return
    ticks = MaxNLocator(6, steps=(1, 2, 2.5, 5, 10)).tick_values(times[0], times[-1])
    ticks = ticks[(ticks >= times[0]) & (ticks <= times[-1])]
    decimals = max((len(f"{tick:g}".partition(".")[2]) for tick in ticks), default=0)
    axis.set_ticks(np.interp(ticks, times, np.arange(len(times))), [f"{tick:.{decimals}f}" for tick in ticks])
    axis.set_label_text(f"{short}, seconds")
