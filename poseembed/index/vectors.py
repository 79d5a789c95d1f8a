"""What `PoseIndex` asks of faiss: to make an index, to teach it, and to find the nearest of its rows."""

from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from poseembed.extras import how_to_install
from poseembed.search import Chunk, Hits, nearest, rows_at_once
from poseembed.vectors import unit

TRAINING_ROWS = 64
"""Vectors a list that an index learns from: four times as many, the most that faiss takes, find no more here."""


def new(kind: str, dim: int, *, nprobe: int) -> Any:
    """An empty index of a kind that is named by its factory string, for inner products.

    Raises:
        ImportError: If faiss is not installed.
        ValueError: If there is no such kind, or it is neither Flat nor IVF.
    """
    faiss = import_faiss()
    try:
        index = faiss.index_factory(dim, kind, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        raise ValueError(f"faiss has no kind {kind!r} for {dim} dimensions; try 'Flat' or 'IVF4096,SQfp16'") from error
    if isinstance(index, faiss.IndexIVF):
        index.nprobe = min(nprobe, index.nlist)
        index.cp.min_points_per_centroid = 1  # or faiss prints advice
    elif not isinstance(index, faiss.IndexFlat):
        raise ValueError(f"kind {kind!r} is neither Flat nor IVF, whose rows alone can be chosen from without loss")
    return index


def train(index: Any, vectors: Float[Tensor, "rows dim"], usable: Bool[Tensor, " rows"]) -> None:
    """Let an index learn from usable rows drawn at random, always the same ones; nothing where it need not learn.

    Raises:
        ValueError: If there are too few.
    """
    if index.is_trained:
        return
    rows = np.flatnonzero(usable.numpy())
    if len(rows) < index.nlist:
        raise ValueError(
            f"{index.nlist} lists are learnt from as many vectors at least, better {40 * index.nlist}; got {len(rows)}"
        )
    drawn = np.random.default_rng(0).permutation(rows)[: TRAINING_ROWS * index.nlist]
    index.train(unit(vectors[np.sort(drawn)]).numpy())


def nearest_rows(
    index: Any, queries: Float[Tensor, "queries dim"], top_k: int, where: Bool[Tensor, " rows"] | None
) -> Hits[np.ndarray]:
    """The nearest rows of an index, among those that a mask leaves: numpy arrays, as `search` fills them.

    Queries have length 1. A flat index is read by `poseembed.search`, whose hits do not depend on rounding.
    """
    faiss = import_faiss()
    if isinstance(index, faiss.IndexFlat):
        stored = torch.from_numpy(faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)).reshape(-1, index.d)
        chunks = map(Chunk, stored.split(rows_at_once(len(queries))))
        exact = nearest(queries, chunks, rows=len(stored), top_k=top_k, where=where)
        return Hits(exact.similarities.numpy(), exact.indices.numpy())
    parameters = None
    if where is not None:
        chosen = faiss.IDSelectorBitmap(np.packbits(where.numpy(), bitorder="little"))
        parameters = faiss.SearchParametersIVF(sel=chosen, nprobe=index.nprobe)
    finite = queries.isfinite().all(-1).numpy()
    similarities = np.full((len(queries), top_k), np.nan, dtype=np.float32)
    indices = np.full((len(queries), top_k), -1, dtype=np.int64)
    cosines, rows = index.search(queries.numpy()[finite], top_k, params=parameters)
    cosines[rows < 0] = np.nan
    order = np.lexsort((rows, -cosines))  # NaN comes last
    similarities[finite] = np.take_along_axis(cosines, order, 1).clip(-1, 1)
    indices[finite] = np.take_along_axis(rows, order, 1)
    return Hits(similarities, indices)


def stored(index: Any, rows: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, "n dim"]:
    """The vectors that an index keeps in some rows, at length 1; those of an IVF index are decompressed."""
    if isinstance(index, import_faiss().IndexIVF):
        index.make_direct_map()  # where in its lists each row is; from then on kept up to date
    vectors: np.ndarray = index.reconstruct_batch(rows)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write_index(index: Any, file: BinaryIO) -> None:
    """Write an index as faiss does, but through a file of Python's, whose errors say what went wrong.

    Raises:
        OSError: If the file cannot be written.
    """
    failed: list[OSError] = []

    def write(content: bytes) -> None:
        try:
            file.write(content)
        except OSError as error:
            failed.append(error)
            raise

    faiss = import_faiss()
    try:
        faiss.write_index(index, faiss.PyCallbackIOWriter(write))
    except RuntimeError:  # what faiss makes of any error; it does not say of which
        if failed:
            raise failed[0] from None
        raise


def import_faiss() -> Any:
    """The faiss module.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise ImportError(f"PoseIndex needs faiss: {how_to_install('search')}") from error
    return faiss
