"""Exact search: the nearest, in an order that nothing but the vectors decides."""

import re
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import MadeBy, Poses
from poseembed import search as module
from poseembed.search import Chunk, Hits, search
from poseembed.vectors import unit

DIM = 8


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries and gallery are cut into several parts, the last of them smaller."""
    monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(module, "QUERIES", 4)


@pytest.fixture
def gallery() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(300, DIM)).astype(np.float32)


@pytest.fixture
def query() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(10, DIM)).astype(np.float32)


def cosines(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    a, b = (
        x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=-1, keepdims=True) for x in (query, gallery)
    )
    return a @ b.T


@pytest.mark.parametrize("top_k", [1, 10, 64, 65, 300])
def test_hits_are_the_nearest_in_order(query: np.ndarray, gallery: np.ndarray, top_k: int) -> None:
    similarities, indices = search(query, gallery, top_k=top_k)
    wanted = cosines(query, gallery)
    np.testing.assert_array_equal(indices, np.argsort(-wanted, axis=1)[:, :top_k])
    np.testing.assert_allclose(similarities, np.take_along_axis(wanted, indices, 1), atol=2e-7)
    assert similarities.dtype == np.float32 and indices.dtype == np.int64


def test_the_length_of_vectors_does_not_count(query: np.ndarray, gallery: np.ndarray) -> None:
    lengths = np.random.default_rng(2).uniform(0.01, 100, (300, 1)).astype(np.float32)
    np.testing.assert_array_equal(search(query, gallery * lengths).indices, search(query / 7, gallery).indices)


def test_what_the_parts_are_does_not_matter(
    query: np.ndarray, gallery: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery[150:] = gallery[:150]
    wanted = search(query, gallery, top_k=20)
    for chunk, queries in ((1, 1), (7, 3), (1000, 1000)):
        monkeypatch.setattr(module, "CHUNK", chunk)
        monkeypatch.setattr(module, "QUERIES", queries)
        for ours, theirs in zip(search(query, gallery, top_k=20), wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for i in range(len(query)):
        np.testing.assert_array_equal(search(query[i], gallery, top_k=20).similarities, wanted.similarities[i])


def test_of_equal_rows_the_lower_comes_first(gallery: np.ndarray) -> None:
    copies = np.random.default_rng(3).permutation(300)[:90]
    gallery[copies] = gallery[copies[0]]
    similarities, indices = search(gallery[copies[0]], gallery, top_k=90)
    np.testing.assert_array_equal(indices, np.sort(copies))
    np.testing.assert_array_equal(similarities, 1)
    np.testing.assert_array_equal(search(gallery[copies[0]], gallery, top_k=13).indices, np.sort(copies)[:13])


def by_steps(query: np.ndarray, gallery: np.ndarray, top_k: int) -> np.ndarray:
    """Rows in the order of their cosines in whole steps, then of their numbers; float64 throughout."""
    units = [unit(torch.from_numpy(vectors)).double().numpy() for vectors in (query, gallery)]
    steps = (units[0] @ units[1].T * module.STEPS).round().clip(max=module.STEPS)
    return np.lexsort((np.broadcast_to(np.arange(len(gallery)), steps.shape), -steps))[:, :top_k]


@pytest.mark.parametrize("apart", [0, 3e-8, 1e-7, 1e-6, 1e-4])
def test_rows_that_float32_cannot_tell_apart_come_in_their_order(query: np.ndarray, apart: float) -> None:
    rng = np.random.default_rng(5)
    near = query[rng.integers(0, len(query), 2000)] * (1 + apart * rng.normal(size=(2000, DIM)))
    gallery = (near * rng.uniform(0.01, 100, (2000, 1))).astype(np.float32)
    for top_k in (1, 10, 300):
        np.testing.assert_array_equal(search(query, gallery, top_k=top_k).indices, by_steps(query, gallery, top_k))
    kept = unit(torch.from_numpy(gallery))
    for asked in (query, query[:1]):
        hits = module.nearest(unit(torch.from_numpy(asked)), map(Chunk, kept.split(64)), rows=2000, top_k=10)
        np.testing.assert_array_equal(hits.indices, by_steps(asked, kept.numpy(), 10))


@pytest.mark.parametrize("length", [0, 1e-37, 1e-20, 1e-14, 1e14, 1e20, 1e37])
def test_vectors_that_float32_cannot_square_are_found(query: np.ndarray, gallery: np.ndarray, length: float) -> None:
    gallery[10] = length * query[3] / np.linalg.norm(query[3])
    gallery[11] = 0
    indices = search(query, gallery, top_k=300).indices
    np.testing.assert_array_equal(indices, by_steps(query, gallery, 300))
    np.testing.assert_array_equal(search(query, gallery, top_k=2).indices, indices[:, :2])
    assert length < 1e-11 or indices[3, 0] == 10


@pytest.mark.parametrize("leading", [(), (1,), (10,), (2, 5), (0,), (3, 0)])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_kinds_and_leading_axes_are_kept(
    query: np.ndarray, gallery: np.ndarray, leading: tuple[int, ...], kind: Any
) -> None:
    some = query[: int(np.prod(leading))]
    hits = search(kind(some.reshape(*leading, DIM)), kind(gallery), top_k=3)
    assert isinstance(hits, Hits)
    wanted = search(some, gallery, top_k=3)
    for ours, theirs in zip(hits, wanted, strict=True):
        assert isinstance(ours, type(kind(query))) and tuple(ours.shape) == (*leading, 3)
        np.testing.assert_array_equal(np.asarray(ours).reshape(-1, 3), theirs)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_where_the_gallery_ends_there_are_no_more_hits(query: np.ndarray, gallery: np.ndarray, rows: int) -> None:
    similarities, indices = search(query, gallery[:rows], top_k=6)
    assert (indices[:, rows:] == -1).all() and np.isnan(similarities[:, rows:]).all()
    np.testing.assert_array_equal(np.sort(indices[:, :rows]), np.tile(np.arange(rows), (10, 1)))
    assert np.isfinite(similarities[:, :rows]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_poses_without_joints_are_no_hits_and_get_none(query: np.ndarray, gallery: np.ndarray, bad: float) -> None:
    gallery[10:290], gallery[5, 3] = bad, bad
    query[4] = bad
    similarities, indices = search(query, gallery, top_k=25)
    rest = np.delete(np.arange(10), 4)
    there = np.r_[0:5, 6:10, 290:300]
    np.testing.assert_array_equal(np.sort(indices[rest, :19]), np.tile(there, (9, 1)))
    for nothing in ((rest, slice(19, None)), (4, slice(None))):
        assert (indices[nothing] == -1).all() and np.isnan(similarities[nothing]).all()


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_only_chosen_rows_are_hits(query: np.ndarray, gallery: np.ndarray, kind: Any) -> None:
    where = np.random.default_rng(4).random(300) < 0.3
    hits = search(kind(query), kind(gallery), where=kind(where))
    wanted = search(query, gallery[where])
    np.testing.assert_array_equal(hits.similarities, wanted.similarities)
    np.testing.assert_array_equal(hits.indices, np.flatnonzero(where)[wanted.indices])
    assert (search(query, gallery, where=np.zeros(300, bool)).indices == -1).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"], ids=str)
def test_number_types(query: np.ndarray, gallery: np.ndarray, dtype: Any) -> None:
    gallery = gallery.astype(dtype)
    hits = search(query, gallery)
    np.testing.assert_array_equal(hits.indices, search(query, gallery.astype(np.float32)).indices)
    assert hits.similarities.dtype == np.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_tensor_types(query: np.ndarray, gallery: np.ndarray, dtype: torch.dtype) -> None:
    rows = torch.from_numpy(gallery).to(dtype)
    hits = search(torch.from_numpy(query).requires_grad_(), rows)
    assert torch.equal(hits.indices, search(torch.from_numpy(query), rows.float()).indices)
    assert not hits.similarities.requires_grad


def test_a_gallery_can_stay_on_disk(query: np.ndarray, gallery: np.ndarray, tmp_path: Any) -> None:
    np.save(tmp_path / "gallery.npy", gallery.astype(np.float16))
    hits = search(query, np.load(tmp_path / "gallery.npy", mmap_mode="r"))
    np.testing.assert_array_equal(hits.indices, search(query, gallery.astype(np.float16)).indices)


def test_a_gallery_is_read_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2048)  # fewer parts: old releases of jaxtyping keep some kB of each
    gallery = np.random.default_rng(0).normal(size=(400_000, DIM)).astype(np.float16)
    search(gallery[:1], gallery[:1])  # what a first call imports is not counted
    tracemalloc.start()
    try:
        search(gallery[:1], gallery)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < gallery.nbytes / 4


def test_ten_hits_unless_told_otherwise(query: np.ndarray, gallery: np.ndarray) -> None:
    assert search(query, gallery).indices.shape == (len(query), 10)


def test_no_cosine_is_beyond_one() -> None:
    ones = np.ones((1, 42), np.float32)  # 42 squares of the float32 next to 1 / sqrt(42) make 1 + 1.2e-7
    hits = search(ones, np.concatenate([-ones, ones, 3 * ones]), top_k=3)
    assert hits.similarities.tolist() == [[1, 1, -1]] and hits.indices.tolist() == [[1, 2, 0]]


@pytest.mark.parametrize(
    ("query", "gallery", "options", "words"),
    [
        (np.ones((2, 8)), np.ones((3, 8)), {"top_k": 0}, "got top_k=0; it must be at least 1"),
        (
            np.ones((2, 8)),
            np.ones((3, 7)),
            {},
            "a query of shape (2, 8) and a gallery of shape (3, 7); wanted (..., dim)",
        ),
        (np.ones(8), np.ones(8), {}, "a gallery of shape (8,); wanted (..., dim) and (rows, dim)"),
        (np.array(1.0), np.ones((3, 8)), {}, "query is a single number"),
        (
            np.ones(8),
            np.ones((3, 8)),
            {"where": np.ones(4, bool)},
            "got where of shape (4,); wanted one boolean a row, (3,)",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused(query: Any, gallery: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        search(query, gallery, **options)


@pytest.mark.parametrize(
    ("query", "gallery", "options", "words"),
    [
        (np.ones(8, int), np.ones((3, 8)), {}, "query holds whole numbers (int64)"),
        (torch.ones(8), torch.ones(3, 8, dtype=torch.int8), {}, "gallery holds whole numbers (torch.int8)"),
        (np.ones(8), torch.ones(3, 8), {}, "got ndarray and Tensor; pass two arrays or two tensors"),
        ([1.0] * 8, np.ones((3, 8)), {}, "query must be a numpy array or a torch tensor, got list"),
        (np.ones(8), np.ones((3, 8)), {"where": np.arange(3)}, "booleans, one a row; got int64"),
        (np.ones(8), np.ones((3, 8)), {"where": [True] * 3}, "booleans, one a row; got list"),
    ],
)
@pytest.mark.unchecked_types
def test_types_that_do_not_fit_are_refused(query: Any, gallery: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        search(query, gallery, **options)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    with pytest.raises(ValueError, match="got 3 rows; search takes up to 2, poseembed.index.PoseIndex more"):
        search(np.ones(8), np.ones((3, 8)))
    assert search(np.ones(8), np.ones((2, 8)), top_k=2).indices.tolist() == [0, 1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_finds_the_same(query: np.ndarray, gallery: np.ndarray) -> None:
    wanted = search(query, gallery)
    hits = search(torch.from_numpy(query).cuda(), torch.from_numpy(gallery))
    assert hits.indices.is_cuda
    np.testing.assert_array_equal(hits.indices.cpu(), wanted.indices)
    np.testing.assert_allclose(hits.similarities.cpu(), wanted.similarities, atol=1e-7)


# Poses, whose vectors say what made them


def poses_of(vectors: np.ndarray, made_by: MadeBy | None) -> Poses:
    return replace(Poses.from_arrays(np.zeros((len(vectors), 13, 2))), z_pose=vectors, made_by=made_by)


A, B, PUPIL = MadeBy("a" * 16, "a" * 16), MadeBy("b" * 16, "b" * 16), MadeBy("c" * 16, "a" * 16)


@pytest.mark.parametrize("origins", [(A, A), (A, PUPIL), (PUPIL, A), (None, B), (B, None)])
def test_poses_are_searched_as_their_vectors_are(query: np.ndarray, gallery: np.ndarray, origins: Any) -> None:
    wanted = search(query, gallery, top_k=3)
    one, other = poses_of(query, origins[0]), poses_of(gallery, origins[1])
    for hits in (search(one, other, top_k=3), search(query, other, top_k=3), search(one, gallery, top_k=3)):
        np.testing.assert_array_equal(hits.indices, wanted.indices)
        np.testing.assert_array_equal(hits.similarities, wanted.similarities)


def test_vectors_of_two_checkpoints_do_not_meet(query: np.ndarray, gallery: np.ndarray) -> None:
    with pytest.raises(ValueError, match=f"the query has vectors of checkpoint {PUPIL}, the gallery of checkpoint {B}"):
        search(poses_of(query, PUPIL), poses_of(gallery, B))


def test_poses_without_vectors_are_not_searched(gallery: np.ndarray) -> None:
    with pytest.raises(ValueError, match=re.escape("query: these Poses have no vectors yet; pass poses.embed(enc")):
        search(Poses.from_arrays(np.zeros((2, 13, 2))), gallery)
