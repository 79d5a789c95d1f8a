"""Dynamic time warping of two sequences of vectors, however long, in memory that grows as they do."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from poseembed.extras import how_to_install

EXACT_CELLS = 10_000**2
"""Pairs of frames up to which the best of all paths is found: 0.8 GB, and some three seconds."""

BLOCK = 2000
"""Frames of each, about, among which longer sequences are searched at a time: more than a minute of video."""

MAX_THINNING = 16
"""Frames that one mean stands for at most: half a second of video, in which a movement keeps its shape."""

Sequence = Float64[np.ndarray, "_frames dim"]
Steps = Int64[np.ndarray, "steps 2"]


def warping_path(
    one: Sequence, other: Sequence, open_ends: tuple[int, int] = (0, 0), *, cells: int = EXACT_CELLS
) -> Steps:
    """Which frames belong together: the path of the least sum of squared distances, by the dtaidistance package.

    Up to `cells` pairs of frames it is the best of all paths (Sakoe and Chiba, 1978). The path of longer
    sequences is found as FastDTW does (Salvador and Chan, 2007): first on means of some frames each, and then, along
    what was found, on the frames themselves, with all paths of about `BLOCK` by `BLOCK` frames searched where FastDTW
    looks at a corridor. Half of each such piece is kept, and the next one starts there. So time and memory grow as the
    sum of the two lengths.

    Args:
        one: The vectors of a sequence.
        other: Those of the other one.
        open_ends: Frames of each that may stay without counterpart at the start, and again at the end.
        cells: Pairs of frames of which all paths are searched; 8 bytes each, and at least `BLOCK` by `BLOCK`.

    Returns:
        Steps, each a row of `one` and one of `other`; neither ever falls.

    Raises:
        ImportError: If dtaidistance is not installed.
    """
    lengths, openings = np.array([len(one), len(other)]), np.array(open_ends)
    pairs = math.prod(lengths.tolist())
    if pairs <= cells:
        return _exact(one, other, openings, openings)
    thinning = min(MAX_THINNING, math.ceil(math.sqrt(pairs / cells)))
    skip, skip_other = (openings // thinning).tolist()
    rough = warping_path(_thin(one, thinning), _thin(other, thinning), (skip, skip_other), cells=cells)
    return np.concatenate(list(_refine(one, other, rough * thinning, thinning, openings)))


def _exact(one: Sequence, other: Sequence, begin: Int64[np.ndarray, "2"], end: Int64[np.ndarray, "2"]) -> Steps:
    """The best of all paths, of whose sequences so many frames may stay out at the beginning and at the end.

    dtaidistance's own paths with open ends are neither always the best nor keep to what may stay out; its matrix of the
    sums that lead to each pair of frames is right, and the best path lies in it.
    """
    dtw, dtw_ndim = import_dtw()
    _, sums = dtw_ndim.warping_paths_fast(one, other, psi=(begin[0], 0, begin[1], 0), psi_neg=False, keep_int_repr=True)
    row, column = len(one), len(other)
    ends = [(row - left, column) for left in range(end[0] + 1)] + [(row, column - left) for left in range(end[1] + 1)]
    row, column = min(ends, key=lambda at: sums[at])
    return np.array(dtw.best_path(sums, row=row, col=column))


def _thin(sequence: Sequence, thinning: int) -> Sequence:
    """Means of so many frames each; of fewer at the end."""
    starts = np.arange(0, len(sequence), thinning)
    return np.add.reduceat(sequence, starts, axis=0) / np.diff(starts, append=len(sequence))[:, None]


def _refine(
    one: Sequence, other: Sequence, rough: Steps, thinning: int, openings: Int64[np.ndarray, "2"]
) -> Iterator[Steps]:
    """The path along a rough one, each of whose steps is the first of `thinning` frames, piece by piece."""
    lengths = np.array([len(one), len(other)])
    start, begin = _opening(rough[0], openings)
    left, end = _opening(np.maximum(lengths - thinning - rough[-1], 0), openings)
    guide = np.minimum(rough + thinning // 2, lengths - 1 - left)
    while True:
        to = np.searchsorted(guide.sum(1), start.sum() + 2 * BLOCK)
        last = to == len(guide)
        corner = np.maximum(lengths - 1 - left if last else guide[to - 1], start)
        rows, columns = (slice(first, past) for first, past in zip(start, corner + 1, strict=True))
        room = corner - start
        piece = start + _exact(
            one[rows], other[columns], np.minimum(begin, room), np.minimum(end, room) if last else np.zeros_like(end)
        )
        if last:
            yield piece
            return
        kept = np.searchsorted(piece.sum(1), start.sum() + BLOCK)
        yield piece[:kept]
        start, begin = piece[kept], np.zeros_like(begin)


def _opening(
    first: Int64[np.ndarray, "2"], openings: Int64[np.ndarray, "2"]
) -> tuple[Int64[np.ndarray, "2"], Int64[np.ndarray, "2"]]:
    """Where to look for the first step, when it is about there: the least row of each, and how many may stay out more.

    A path may leave out the beginning of one of the sequences, not of both.
    """
    least = np.maximum(first - BLOCK // 2, 0)
    more = np.clip(openings - least, 0, BLOCK)
    return least, np.where(least[::-1] > 0, 0, more)


def import_dtw() -> tuple[Any, Any]:
    """The modules `dtw` and `dtw_ndim` of dtaidistance.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        from dtaidistance import dtw, dtw_ndim
    except ImportError as error:
        raise ImportError(f"dynamic time warping needs dtaidistance: {how_to_install('align')}") from error
    return dtw, dtw_ndim
