"""Where in a long sequence a short one occurs, as fast, or up to twice as fast or as slow: dynamic time warping.

The path of least cost from the query's first moment to its last, which may begin and end anywhere in the gallery, in
the steps of Sakoe and Chiba's asymmetric pattern with slope constraint P = 1 (IEEE ASSP 26, 1978): from one moment of
the query to the next the gallery moves on by one moment or by two, or by one while the query moves on by two. So no
part of it is slower than half or faster than double, every path costs as much as the query has moments, and costs of
two paths can be compared. As no step stays at one moment of the query, a whole row of the table of least costs is
made at once from the two rows before it: all moments of the gallery together, in plain array operations.

That is why this is not a library's: dtaidistance and tslearn keep the whole table and know no limits of the speed,
librosa knows them and keeps the whole table.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64

CHUNK = 32768
"""Rows of the gallery that are warped at once; what is made of them then fits a processor's cache."""

BLOCK = 64
"""Moments of the query that are compared with these at once."""

MAX_MOMENTS = 2**13
"""Most moments of a query: what a path costs, and where it starts, then fit the 53 bits of a float64."""

_STEPS = 2.0**15
"""Costs are told apart in steps of 1 / _STEPS."""

_STARTS = 2.0**20
"""More than the rows of a chunk and of the paths that end in it."""


class Occurrences(NamedTuple):
    """Where a query occurs.

    Attributes:
        scores: Mean cosines along the paths, over the moments of the query that are known.
        starts: Rows of the gallery in which the paths start.
        ends: Rows in which they end.
    """

    scores: Float[np.ndarray, " n"]
    starts: Int64[np.ndarray, " n"]
    ends: Int64[np.ndarray, " n"]


def occurrences(query: Float[np.ndarray, "moments dim"], gallery: Float[np.ndarray, "rows dim"]) -> Occurrences:
    """Wherever the query occurs, each time at the end that costs less than the ends beside it.

    Args:
        query: Unit vectors, at most `MAX_MOMENTS`; NaN where nothing is known, which makes no difference.
        gallery: Unit vectors; no path crosses a row of NaN.

    Returns:
        Occurrences in the order of the gallery.
    """
    unknown = np.isnan(query).any(1)
    asked = np.where(unknown[:, None], 0, query).astype(np.float32)  # costs 1 in every path, which is taken off again
    reach = 2 * len(query)  # no path is longer
    found = []
    for begin in range(0, max(1, len(gallery)), CHUNK):
        first = max(0, begin - reach - 1)
        paths = _paths(asked, gallery[first : begin + CHUNK + 1].astype(np.float32))
        cost = np.floor(paths / _STARTS) / (2 * _STEPS)
        earlier, later = np.pad(cost, (1, 0), constant_values=np.inf)[:-1], np.append(cost[1:], np.inf)
        ends = np.flatnonzero((cost < earlier) & (cost <= later))
        ends = ends[(ends >= begin - first) & (ends < begin - first + CHUNK)]
        score = 1 - (cost[ends] - unknown.sum()) / (~unknown).sum()
        found.append((score, first + (paths[ends] % _STARTS).astype(np.int64), first + ends))
    return Occurrences(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _paths(
    query: Float[np.ndarray, "moments dim"], gallery: Float[np.ndarray, "rows dim"]
) -> Float[np.ndarray, " rows"]:
    """Of the best path that ends in each row: what it costs, in whole numbers times `_STARTS`, plus where it starts.

    Such numbers add up and compare as the costs do, and carry the start along; of two paths of one cost the one that
    starts earlier is taken. Where no path ends, the number is infinite.
    """
    nowhere = np.full(len(gallery), np.inf)
    last, last_but_one, cost_of_last = nowhere, nowhere, nowhere
    for moment, cost in enumerate(_costs(query, gallery)):
        if not moment:
            paths = cost + np.arange(len(gallery))
        else:
            paths = nowhere.copy()
            paths[1:] = np.minimum(last[:-1], last_but_one[:-1] + cost_of_last[1:]) + cost[1:]
            paths[2:] = np.minimum(paths[2:], last[:-2] + (cost[1:-1] + cost[2:]) / 2)
        last, last_but_one, cost_of_last = paths, last, cost
    return last


def _costs(
    query: Float[np.ndarray, "moments dim"], gallery: Float[np.ndarray, "rows dim"]
) -> Iterator[Float[np.ndarray, " rows"]]:
    """Of each moment of the query, 1 - cosine to every row: even numbers, whose halves are whole, times `_STARTS`."""
    blocked = np.isnan(gallery).any(1)
    there = np.where(blocked[:, None], 0, gallery).T
    for block in np.split(query, range(BLOCK, len(query), BLOCK)):
        for cosines in block @ there:
            cost = np.rint((1 - cosines.astype(np.float64)) * _STEPS) * (2 * _STARTS)
            cost[blocked] = np.inf
            yield cost
