"""Exact search among up to about a million pose vectors, by cosine; `poseembed.index` is for more."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, overload

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor
from typing_extensions import NamedTuple

from poseembed.keypoints import Array, to_tensor
from poseembed.origin import meet
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors, unit

CHUNK, QUERIES = 8192, 64
"""Gallery rows and queries that are compared at once: 2 MB of cosines, which a processor's cache can hold."""

MOST_CHUNKS = 8
"""As many chunks are compared at once with a query by itself, whose cosines take less room."""

STEPS = 2.0**24
"""Cosines are told apart in steps of 1 / STEPS, about 6e-8, which float32 holds exactly."""

MAX_ROWS = 2**28
"""Rows that a search can number: STEPS * MAX_ROWS is the largest whole number that float64 surely holds, 2^52."""


class Hits(NamedTuple, Generic[Array]):
    """What `search` returns; unpacks as `similarities, indices`.

    Attributes:
        similarities: (..., top_k) cosines, float32, the largest first; NaN where there is no hit.
        indices: (..., top_k) rows of the gallery, int64; -1 where there is no hit.

    Examples:
        >>> from poseembed.search import search
        >>> hits = search(np.eye(3)[0], np.eye(3)[:2], top_k=3)
        >>> hits.similarities.tolist(), hits.indices.tolist()
        ([1.0, 0.0, nan], [0, 1, -1])
    """

    similarities: Array
    indices: Array


@overload
def search(
    query: Poses | np.ndarray,
    gallery: Poses | np.ndarray,
    *,
    top_k: int = 10,
    where: np.ndarray | Tensor | None = None,
) -> Hits[np.ndarray]: ...


@overload
def search(
    query: Tensor, gallery: Tensor, *, top_k: int = 10, where: np.ndarray | Tensor | None = None
) -> Hits[Tensor]: ...


@torch.no_grad()
def search(
    query: Poses | np.ndarray | Tensor,
    gallery: Poses | np.ndarray | Tensor,
    *,
    top_k: int = 10,
    where: np.ndarray | Tensor | None = None,
) -> Hits[np.ndarray] | Hits[Tensor]:
    """Find the vectors of a gallery that are most alike to each query, by cosine similarity.

    The search is exact, and its outcome depends on the query and the gallery alone: cosines are rounded to a step of
    6e-8, and of rows with the same cosine the lower one comes first. The gallery is read a part at a time, so it can
    be a memory-mapped array or in half precision, and no matrix of all similarities is ever held.

    Args:
        query: Embedded `Poses`; or (..., dim) pose vectors as `PoseEncoder.embed` returns them, of any length, where
            (dim,) is a single one.
        gallery: Embedded `Poses`, or (rows, dim) pose vectors, numpy or torch as the query is. It can be on another
            device than `query`, where the work is done.
        top_k: Hits a query.
        where: (rows,) booleans; rows where it is False are no hits. All count if None.

    Returns:
        `(similarities, indices)`, each (..., top_k): numpy arrays for numpy input and `Poses`, tensors on the device of
        `query` for torch input. Where there are fewer hits than `top_k` the rest is NaN and -1. A row that is not
        finite, as those of poses without joints, is never a hit, and gets none as a query.

    Raises:
        TypeError: If the vectors are not two arrays or two tensors of floating-point numbers, or `where` is not of
            booleans.
        ValueError: If `Poses` are not embedded, or by checkpoints of two spaces; if shapes do not fit each other,
            `top_k` is under 1 or the gallery has more than 2^28 rows.

    Examples:
        >>> from poseembed.search import search
        >>> gallery = np.random.default_rng(0).normal(size=(1000, 32))  # yours: the z_pose of 1000 poses
        >>> similarities, indices = search(2 * gallery[[7, 40]], gallery, top_k=3)
        >>> similarities.shape, indices[:, 0].tolist()
        ((2, 3), [7, 40])
        >>> search(gallery[7], gallery, top_k=3, where=np.arange(1000) != 7).indices.tolist()
        [650, 837, 257]
    """
    asked, kept = PoseVectors.of(query, "query"), PoseVectors.of(gallery, "gallery")
    meet(asked.made_by, kept.made_by, ("the query", "the gallery"))
    query, gallery = asked.z_pose, kept.z_pose
    if isinstance(query, Tensor) != isinstance(gallery, Tensor):
        raise TypeError(f"got {type(query).__name__} and {type(gallery).__name__}; pass two arrays or two tensors")
    if gallery.ndim != 2 or query.shape[-1] != gallery.shape[-1]:
        raise ValueError(
            f"got a query of shape {tuple(query.shape)} and a gallery of shape {tuple(gallery.shape)}; "
            "wanted (..., dim) and (rows, dim) with one dim, both of the same checkpoint's vectors"
        )
    wanted = None if where is None else check_where(where, len(gallery))
    queries = unit(to_tensor(query, "query").reshape(-1, query.shape[-1]))
    size = rows_at_once(len(queries))
    parts = (to_tensor(gallery[at : at + size], "gallery") for at in range(0, len(gallery), size))
    chunks = (Chunk.of(part.detach().to(queries.device)) for part in parts)
    hits = nearest(queries, chunks, rows=len(gallery), top_k=top_k, where=wanted)
    similarities, indices = (part.reshape(*query.shape[:-1], top_k) for part in hits)
    if isinstance(query, Tensor):
        return Hits(similarities.to(query.device), indices.to(query.device))
    return Hits(similarities.numpy(), indices.numpy())


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a gallery.

    Attributes:
        vectors: As they are kept.
        lengths: Of the vectors, float32, NaN and inf as they come; None if `unit` has prepared them already.
    """

    vectors: Float[Tensor, "rows dim"]
    lengths: Float32[Tensor, " rows"] | None = None

    @classmethod
    def of(cls, vectors: Float[Tensor, "rows dim"]) -> "Chunk":
        """Rows of any length."""
        return cls(vectors, torch.linalg.vector_norm(vectors.float(), dim=-1))

    def cosines(self, queries: Float32[Tensor, "queries dim"]) -> Float[Tensor, "queries rows"]:
        """Cosines that are `rounding` off at most, NaN for rows that are not finite."""
        if self.lengths is None:
            return _product(queries, self.vectors)
        cosines = _product(queries, self.vectors).div_(self.lengths)
        odd = ~((self.lengths > 1e-11) & (self.lengths < 1e15))  # float32 cannot hold their squares, or they are NaN
        if odd.any():
            cosines[:, odd] = _product(queries, unit(self.vectors[odd]))
        return cosines

    def unit(self, rows: Int64[Tensor, " rows"]) -> Float32[Tensor, "rows dim"]:
        """Some of the rows, as `poseembed.vectors.unit` prepares them."""
        return self.vectors[rows] if self.lengths is None else unit(self.vectors[rows])


def nearest(
    queries: Float32[Tensor, "queries dim"],
    chunks: Iterable[Chunk],
    *,
    rows: int,
    top_k: int,
    where: Bool[Tensor, " rows"] | None = None,
) -> Hits[Tensor]:
    """`search` on queries that `unit` has prepared, the gallery in chunks.

    A row and its cosine become one number: the cosine in whole steps, times `MAX_ROWS`, less the row. Such numbers
    all differ, and the largest are the best hits in order, whatever `topk` does with ties. Products of float32
    numbers are summed in float64, so that rounding, which depends on how the matrix is cut, does not reach the steps.
    That is done for few rows: those that can be among the best for all that a product in float32 knows of them.

    Raises:
        ValueError: If `top_k` is under 1 or there are more than `MAX_ROWS` rows.
    """
    if top_k < 1:
        raise ValueError(f"got top_k={top_k}; it must be at least 1")
    if rows > MAX_ROWS:
        raise ValueError(f"got {rows} rows; search takes up to {MAX_ROWS}, poseembed.index.PoseIndex more")
    scaled = queries.double() * STEPS
    best = torch.full((len(queries), top_k), -torch.inf, dtype=torch.float64, device=queries.device)
    margin = rounding(queries.shape[1])
    start = 0
    for chunk in chunks:
        size = len(chunk.vectors)
        left_out = None if where is None else ~where[start : start + size].to(queries.device)
        for block, steps, kept in zip(queries.split(QUERIES), scaled.split(QUERIES), best.split(QUERIES), strict=True):
            cosines = chunk.cosines(block)
            if left_out is not None:
                cosines.masked_fill_(left_out, torch.nan)
            least = (kept[:, -1:] / MAX_ROWS).ceil() / STEPS - margin
            if least.isinf().any():  # there were not yet enough
                first = cosines.nan_to_num(nan=-torch.inf).topk(min(top_k, size)).values
                least = torch.maximum(least, first[:, -1:] - 2 * margin)
            able = cosines >= least.to(cosines)  # NaN is not
            some = able.any(0).nonzero().squeeze(1)
            keys = (steps @ chunk.unit(some).double().mT).round_().clamp_(-STEPS, STEPS)
            keys = keys.mul_(MAX_ROWS).sub_(some + start).masked_fill_(~able[:, some], -torch.inf)
            kept.copy_(torch.cat([kept, keys], dim=1).topk(top_k).values)
        start += size
    none = best.isinf()
    steps = (best / MAX_ROWS).ceil()
    indices = (steps * MAX_ROWS - best).masked_fill(none, -1).long()
    return Hits((steps / STEPS).masked_fill(none, torch.nan).float(), indices)


def rows_at_once(queries: int) -> int:
    """Rows of a gallery that so many queries are compared with at once."""
    return CHUNK * max(1, min(MOST_CHUNKS, QUERIES // max(1, queries)))


def rounding(dim: int) -> float:
    """How far cosines in float32 are off at most: by the product, by the length, and by a step."""
    return (2 * dim + 8) / 2**24 + 1 / STEPS


def _product(
    queries: Float32[Tensor, "queries dim"], vectors: Float[Tensor, "rows dim"]
) -> Float[Tensor, "queries rows"]:
    """In float32, by numpy, which no setting of torch makes coarser; on a GPU in float64 for that reason."""
    if queries.device.type != "cpu":
        return queries.double() @ vectors.double().mT
    with np.errstate(all="ignore"):  # of rows that are not finite
        return torch.from_numpy(queries.numpy() @ vectors.float().numpy().T)


def check_where(where: np.ndarray | Tensor, rows: int) -> Bool[Tensor, " rows"]:
    """A mask of rows, as a tensor.

    Raises:
        TypeError: If it is not an array or a tensor of booleans.
        ValueError: If it is not one boolean a row.
    """
    if not isinstance(where, np.ndarray | Tensor) or where.dtype not in (np.bool_, torch.bool):
        kind = getattr(where, "dtype", type(where).__name__)
        raise TypeError(f"where must be an array or a tensor of booleans, one a row; got {kind}")
    if tuple(where.shape) != (rows,):
        raise ValueError(f"got where of shape {tuple(where.shape)}; wanted one boolean a row, ({rows},)")
    return where if isinstance(where, Tensor) else torch.tensor(where)
