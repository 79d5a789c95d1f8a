"""Searching many pose vectors: how much an index finds of what exact search finds, how fast, in how much memory.

Pictures are of given poses, each from a camera of its own: any azimuth, elevation and roll within 30 degrees, 3 to 12
torso lengths away. Recall@k is the share of the k exact nearest that are among the first k of an index; where rows are
chosen by camera, of the nearest among the same rows. Milliseconds are those of one query, when all are asked at once
and when it is asked alone. Bytes are those of a vector on disk, without its id and view vector.

And what a cosine of two view vectors tells of the cameras: the angle between the directions in which they stand, seen
from the body and relative to where it faces, for pairs of pictures of one pose and of two.
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Generator
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.index import OTHER_CAMERA, SAME_CAMERA, PoseIndex
from poseembed.index.files import VECTORS_FILE
from poseembed.index.vectors import import_faiss
from poseembed.search import search
from poseembed.vectors import unit
from training.scene.cameras import CameraRange
from training.scene.world import heading, to_world

RANKS = (1, 10)
TOP_K = max(RANKS)

NPROBES = (8, 16, 32, 64, 128)
"""Lists that a query looks into, or candidates that it keeps in a graph, tried one after the other."""

BATCH = 8192
"""Pictures made at once."""

ALONE = 50
"""Queries that are asked one by one, at most."""

CAMERAS = {"": None, "same camera": SAME_CAMERA, "other camera": OTHER_CAMERA}
"""Choices of rows by the cosine of their view vectors; all rows if None."""

RANGES = ((0.95, 1.0), (0.9, 1.0), (0.8, 1.0), (0.5, 1.0), (-1.0, 0.5), (-1.0, 0.0), (-1.0, -0.5))
PERCENTILES = (5, 10, 50, 90, 95)


class Pictures(NamedTuple):
    """Vectors of pictures, and the directions from the bodies to their cameras, relative to where the bodies face."""

    z_pose: Float[np.ndarray, "pictures pose_dim"]
    z_view: Float[np.ndarray, "pictures view_dim"]
    direction: Float[np.ndarray, "pictures 3"]


@dataclass(frozen=True)
class SearchResult:
    """What one way of searching does.

    Attributes:
        kind: "search()" for `poseembed.search`, else the kind of the index.
        nprobe: Lists that a query looks into, or candidates that it keeps in a graph (efSearch), if there are any.
        cameras: How rows are chosen, a key of `CAMERAS`.
        recall: Share of the nearest that are found, at each of `RANKS`.
        batched_ms: For one query of many at once.
        alone_ms: For a query by itself.
        build_seconds: To build the index.
        bytes: On disk, a vector.
    """

    kind: str
    nprobe: int | None
    cameras: str
    recall: dict[int, float]
    batched_ms: float
    alone_ms: float
    build_seconds: float
    bytes: float


@dataclass(frozen=True)
class Angles:
    """What a range of cosines of view vectors tells of the cameras.

    Attributes:
        pairs: "one pose" or "two poses".
        low: Least cosine.
        high: Largest.
        share: Of the pairs that are in the range.
        degrees: Percentiles of the angle between the directions of the two cameras.
    """

    pairs: str
    low: float
    high: float
    share: float
    degrees: dict[int, float]


def take_pictures(
    encoder: PoseEncoder,
    poses: Float[np.ndarray, "poses 13 3"],
    *,
    generator: Generator,
    progress: bool = False,
    batch_size: int = BATCH,
) -> Pictures:
    """Let a random camera see each pose (metres, y up), and embed what it sees."""
    parts = []
    for rows in tqdm(np.array_split(poses, -(-len(poses) // batch_size)), unit="batch", disable=not progress):
        bodies = to_world(torch.from_numpy(rows))
        camera = CameraRange().sample(len(bodies), generator=generator)
        parts.append([*encoder.embed(camera.look(bodies)), camera.viewpoint(heading(bodies)).direction])
    return Pictures(*(torch.cat(part).numpy() for part in zip(*parts, strict=True)))


def angles(one: Pictures, other: Pictures, pairs: str) -> Iterator[Angles]:
    """Compare cosines of view vectors with angles between cameras, picture by picture."""
    cosine = _cosine(one.z_view, other.z_view)
    degrees = np.rad2deg(np.arccos(_cosine(one.direction, other.direction)))
    for low, high in RANGES:
        chosen = degrees[(cosine >= low) & (cosine <= high)]
        if len(chosen):
            found = dict(zip(PERCENTILES, np.percentile(chosen, PERCENTILES).tolist(), strict=True))
            yield Angles(pairs, low, high, len(chosen) / len(degrees), found)


def _cosine(a: Float[np.ndarray, "rows dim"], b: Float[np.ndarray, "rows dim"]) -> Float[np.ndarray, " rows"]:
    return torch.cosine_similarity(torch.from_numpy(a), torch.from_numpy(b)).clamp(-1, 1).numpy()


def recall(found: Int64[np.ndarray, "queries k"], exact: Int64[np.ndarray, "queries k"]) -> dict[int, float]:
    """Share of the exact first k that are among the found first k; -1 is no hit, and nothing that could be missed."""
    shares = {}
    for k in RANKS:
        there = exact[:, :k] >= 0
        missed = there & (exact[:, :k, None] != found[:, None, :k]).all(-1)
        shares[k] = 1 - float(missed.sum()) / max(1, int(there.sum()))
    return shares


def run(
    gallery: Pictures,
    queries: Pictures,
    kinds: Sequence[str],
    *,
    nprobes: Sequence[int] = NPROBES,
    alone: int = ALONE,
) -> Iterator[SearchResult]:
    """Measure `search` and each kind of index; yields results as soon as each is there.

    Args:
        gallery: What to search in.
        queries: What to search for.
        kinds: faiss's factory strings; a graph, "HNSW...", is searched by faiss itself, in all rows: `PoseIndex` takes
            none.
        nprobes: Lists that a query looks into, where a kind has so many, or candidates that it keeps in a graph.
        alone: Queries that are asked one by one, at most.
    """
    start = time.perf_counter()
    flat = PoseIndex.build(gallery.z_pose, gallery.z_view, kind="Flat")
    build_seconds = time.perf_counter() - start
    asks = {cameras: _asker(flat, queries, cameras) for cameras in CAMERAS}
    exact = {cameras: ask(slice(_count(queries, cameras, alone))) for cameras, ask in asks.items()}
    for cameras, ask in asks.items():
        times = _times(ask, len(exact[cameras]), alone)
        found = recall(exact[cameras], exact[cameras])
        yield SearchResult("Flat", None, cameras, found, *times, build_seconds, _bytes(flat))
    del flat, asks

    def ask_search(rows: slice) -> Int64[np.ndarray, "queries k"]:
        indices: Int64[np.ndarray, "queries k"] = search(queries.z_pose[rows], gallery.z_pose, top_k=TOP_K).indices
        return indices

    found = recall(ask_search(slice(None)), exact[""])
    times = _times(ask_search, len(queries.z_pose), alone)
    yield SearchResult("search()", None, "", found, *times, 0.0, float(gallery.z_pose[0].nbytes))
    for kind in kinds:
        if kind.startswith("HNSW"):
            yield from _graph(gallery, queries, kind, exact[""], nprobes=nprobes, alone=alone)
            continue
        start = time.perf_counter()
        index = PoseIndex.build(gallery.z_pose, gallery.z_view, kind=kind)
        build_seconds, size = time.perf_counter() - start, _bytes(index)
        for nprobe, cameras in product(_nprobes(kind, nprobes), CAMERAS):
            if nprobe:
                index.nprobe = nprobe
            ask = _asker(index, queries, cameras)
            found = recall(ask(slice(len(exact[cameras]))), exact[cameras])
            yield SearchResult(
                kind, nprobe, cameras, found, *_times(ask, len(exact[cameras]), alone), build_seconds, size
            )


def _graph(
    gallery: Pictures,
    queries: Pictures,
    kind: str,
    exact: Int64[np.ndarray, "queries k"],
    *,
    nprobes: Sequence[int],
    alone: int,
) -> Iterator[SearchResult]:
    """Measure a graph of the nearest of each row, as faiss searches it."""
    faiss = import_faiss()
    rows, asked = (unit(torch.from_numpy(pictures.z_pose)).numpy() for pictures in (gallery, queries))
    start = time.perf_counter()
    index = faiss.index_factory(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.add(rows)
    build_seconds, size = time.perf_counter() - start, len(faiss.serialize_index(index)) / len(rows)

    def ask(some: slice) -> Int64[np.ndarray, "queries k"]:
        found: np.ndarray = index.search(asked[some], TOP_K)[1]
        return found

    for nprobe in nprobes:
        index.hnsw.efSearch = nprobe
        found = recall(ask(slice(None)), exact)
        yield SearchResult(kind, nprobe, "", found, *_times(ask, len(asked), alone), build_seconds, size)


def _nprobes(kind: str, nprobes: Sequence[int]) -> Sequence[int | None]:
    """The numbers of lists to look into, none for a kind without lists."""
    lists = re.match(r"IVF(\d+)", kind)
    return [nprobe for nprobe in nprobes if nprobe <= int(lists[1])] if lists else [None]


def _count(queries: Pictures, cameras: str, alone: int) -> int:
    """Number of queries that are asked: fewer where each takes a pass over all rows."""
    return len(queries.z_pose) if CAMERAS[cameras] is None else min(alone, len(queries.z_pose))


def _asker(index: PoseIndex, queries: Pictures, cameras: str) -> Callable[[slice], Int64[np.ndarray, "queries k"]]:
    """What asks an index some of the queries."""
    similarity = CAMERAS[cameras]

    def ask(rows: slice) -> Int64[np.ndarray, "queries k"]:
        views = queries.z_view[rows] if similarity else None
        return index.query(queries.z_pose[rows], top_k=TOP_K, z_view=views, view_similarity=similarity).indices

    return ask


def _times(ask: Callable[[slice], object], count: int, alone: int) -> tuple[float, float]:
    """Milliseconds a query, asked together and alone."""
    start = time.perf_counter()
    ask(slice(count))
    batched = time.perf_counter() - start
    alone = min(alone, count)
    start = time.perf_counter()
    for i in range(alone):
        ask(slice(i, i + 1))
    return 1e3 * batched / count, 1e3 * (time.perf_counter() - start) / alone


def _bytes(index: PoseIndex) -> float:
    """Size of the saved vectors, a vector."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "index"
        index.save(saved)
        return (saved / VECTORS_FILE).stat().st_size / len(index)
