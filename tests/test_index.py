"""`PoseIndex`: what it finds, what it knows of it, and that it comes back from disk as it went."""

import json
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses
from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import Checkpoint
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.index import IndexHits, PoseIndex, files
from poseembed.index import pose_index as module
from poseembed.origin import MadeBy
from poseembed.search import search

DIM, ROWS = 8, 600
LARGE_KINDS = ("IVF12,SQ8", "IVF12,SQfp16", "IVF12,Flat")


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture
def z_pose() -> np.ndarray:
    return normal(0, ROWS, DIM)


@pytest.fixture
def z_view() -> np.ndarray:
    return normal(1, ROWS, 4)


def same(ours: IndexHits, theirs: IndexHits) -> None:
    assert ours.metadata.keys() == theirs.metadata.keys()
    for one, other in zip([*ours[:3], *ours.metadata.values()], [*theirs[:3], *theirs.metadata.values()], strict=True):
        np.testing.assert_array_equal(one, other)


def share_found(hits: IndexHits, wanted: np.ndarray) -> float:
    return float(np.mean([np.isin(exact, found).mean() for found, exact in zip(hits.indices, wanted, strict=True)]))


# What is found


def test_a_small_index_finds_what_search_finds_to_the_last_bit(z_pose: np.ndarray) -> None:
    z_pose[300:] = z_pose[:300]
    z_pose[77] = np.nan
    query = np.concatenate([z_pose[70:90], normal(2, 20, DIM)]).reshape(4, 10, DIM)
    index = PoseIndex.build(z_pose)
    assert index.kind == "Flat"
    hits, wanted = index.query(query, top_k=7), search(query, z_pose, top_k=7)
    np.testing.assert_array_equal(hits.similarities, wanted.similarities)
    np.testing.assert_array_equal(hits.ids, wanted.indices)


@pytest.mark.parametrize("kind", ["Flat", *LARGE_KINDS])
def test_vectors_come_back_with_their_lengths(z_pose: np.ndarray, kind: str, tmp_path: Path) -> None:
    z_pose[7] = np.nan
    index = PoseIndex.build(z_pose[:400], kind=kind)
    assert np.isfinite(index.vectors(np.arange(399))).all()
    index.add(z_pose[400:])
    index.save(tmp_path / "index")
    kept, rows = np.delete(z_pose, 7, axis=0), np.array([[3, 7, -1], [598, 420, 0]])
    for one in (index, PoseIndex.load(tmp_path / "index")):
        vectors = one.vectors(rows)
        assert vectors.shape == (2, 3, DIM) and vectors.dtype == np.float32 and np.isnan(vectors[0, 2]).all()
        there, wanted = vectors[rows >= 0], kept[rows[rows >= 0]]
        lengths = np.linalg.norm(wanted, axis=1)
        np.testing.assert_allclose(np.linalg.norm(there, axis=1), lengths, rtol=1e-5)
        loss = 1e-5 if kind == "Flat" or kind.endswith("Flat") else 0.1  # of a byte a dimension, learnt from the first
        assert (np.linalg.norm(there - wanted, axis=1) <= loss * lengths).all()
    assert index.vectors(np.empty((0, 3), np.int64)).shape == (0, 3, DIM)
    for wrong in (599, -2):
        with pytest.raises(IndexError, match="this index has 599, -1 is none"):
            index.vectors(np.array([wrong, 0]))


def test_hits_have_the_probability_that_their_vectors_have(plain_folder: Path, poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained(plain_folder)
    encoder.config = replace(encoder.config, calibration=MatchCalibration((3.0,), (1.0,), (0.5,)))
    people = Poses.from_arrays(poses).embed(encoder)
    assert people.z_pose is not None
    index = PoseIndex.build(people)
    rows = index.query(people, top_k=3).indices
    query = np.repeat(people.z_pose[:, None], 3, axis=1)
    chances = encoder.match_probability_pairwise(query, index.vectors(rows))
    wanted = np.take_along_axis(encoder.match_probability(people, people), rows, axis=1)
    np.testing.assert_allclose(chances, wanted, rtol=1e-4)


@pytest.mark.parametrize("kind", LARGE_KINDS)
def test_large_kinds_find_nearly_the_same(z_pose: np.ndarray, kind: str) -> None:
    index, query = PoseIndex.build(z_pose, kind=kind), normal(2, 30, DIM)
    hits, wanted = index.query(query), search(query, z_pose)
    assert share_found(hits, wanted.indices) > 0.93
    np.testing.assert_allclose(hits.similarities, wanted.similarities, atol=0.02)
    assert (hits.similarities.dtype, hits.indices.dtype) == (wanted.similarities.dtype, wanted.indices.dtype)
    assert (np.diff(hits.similarities, axis=1) <= 0).all()


def test_the_kind_follows_from_the_number_of_rows(z_pose: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_UP_TO", ROWS)
    assert PoseIndex.build(z_pose).kind == "Flat"
    monkeypatch.setattr(module, "EXACT_UP_TO", ROWS - 1)
    assert PoseIndex.build(z_pose).kind == "IVF98,SQfp16"  # 4 sqrt(600)
    z_pose[3] = np.nan
    assert PoseIndex.build(z_pose).kind == "Flat"


def test_more_lists_find_more(z_pose: np.ndarray) -> None:
    index, query = PoseIndex.build(z_pose, kind="IVF40,Flat"), normal(2, 30, DIM)
    assert index.nprobe == module.NPROBE
    found = []
    for index.nprobe in (1, 4, 40):
        found.append(share_found(index.query(query), search(query, z_pose).indices))
    assert found[0] < found[1] < found[2] == 1
    for lists in (0, 41):
        with pytest.raises(ValueError, match=f"got nprobe={lists}; this index has 40 lists"):
            index.nprobe = lists
    for ask in (lambda flat: flat.nprobe, lambda flat: setattr(flat, "nprobe", 3)):
        with pytest.raises(AttributeError, match="'Flat' has no lists"):
            ask(PoseIndex.build(z_pose))


@pytest.mark.parametrize("leading", [(), (1,), (6,), (2, 3), (0,)])
@pytest.mark.parametrize("kind", ["Flat", "IVF12,SQ8"])
@pytest.mark.parametrize("array", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_leading_axes_are_kept(z_pose: np.ndarray, leading: tuple[int, ...], kind: str, array: Any) -> None:
    index = PoseIndex.build(
        array(z_pose), array(z_pose), ids=[f"n{i}" for i in range(ROWS)], metadata={"a": z_pose[:, 0]}, kind=kind
    )
    query = normal(2, 6, DIM)[: int(np.prod(leading))]
    wanted = index.query(query, top_k=3)
    for views in ({}, {"z_view": array(query.reshape(*leading, DIM)), "view_similarity": (-1, 1)}):
        hits = index.query(array(query.reshape(*leading, DIM)), top_k=3, **views)
        assert hits.similarities.shape == hits.ids.shape == hits.metadata["a"].shape == (*leading, 3)
        np.testing.assert_array_equal(hits.ids.reshape(-1, 3), wanted.ids)
        np.testing.assert_array_equal(hits.metadata["a"], z_pose[hits.indices, 0])


@pytest.mark.parametrize("kind", ["Flat", *LARGE_KINDS])
def test_where_there_are_no_more_hits_there_are_fillers(z_pose: np.ndarray, kind: str) -> None:
    columns = {
        "number": np.arange(ROWS, dtype=np.uint8),
        "share": z_pose[:, 0],
        "name": ["x"] * ROWS,
        "seen": [True] * ROWS,
    }
    index = PoseIndex.build(z_pose, metadata=columns, kind=kind)
    query = normal(2, 3, DIM)
    query[1] = np.nan
    where = np.zeros(ROWS, bool)
    where[[5, 9]] = True
    hits = index.query(query, top_k=4, where=where)
    np.testing.assert_array_equal(np.sort(hits.ids[[0, 2]]), [[-1, -1, 5, 9]] * 2)
    assert (hits.ids[1] == -1).all() and np.isnan(hits.similarities[1]).all()
    nothing = hits.indices == -1
    assert np.isnan(hits.similarities[nothing]).all() and np.isfinite(hits.similarities[~nothing]).all()
    for name, filler in (("number", -1), ("share", np.nan), ("name", ""), ("seen", False)):
        np.testing.assert_array_equal(hits.metadata[name][nothing], filler)
        np.testing.assert_array_equal(hits.metadata[name][~nothing], index.metadata[name][hits.indices[~nothing]])


@pytest.mark.parametrize("kind", ["Flat", "IVF12,Flat"])
def test_only_chosen_rows_are_hits(z_pose: np.ndarray, kind: str) -> None:
    index = PoseIndex.build(z_pose, metadata={"person": np.arange(ROWS) % 3}, kind=kind)
    query = normal(2, 20, DIM)
    hits = index.query(query, where=index.metadata["person"] == 2)
    assert (hits.metadata["person"] == 2).all()
    np.testing.assert_array_equal(hits.indices, 2 + 3 * search(query, z_pose[2::3]).indices)


@pytest.mark.parametrize("kind", ["Flat", "IVF12,Flat"])
@pytest.mark.parametrize("view_similarity", [module.SAME_CAMERA, module.OTHER_CAMERA, (0.2, 0.3)])
def test_hits_of_certain_cameras(
    z_pose: np.ndarray, z_view: np.ndarray, kind: str, view_similarity: tuple[float, float]
) -> None:
    z_view[50] = np.nan
    index = PoseIndex.build(z_pose, z_view, kind=kind)
    query, views = normal(2, 6, DIM), normal(3, 6, 4)
    hits = index.query(query, z_view=views * 5, view_similarity=view_similarity)
    odd = index.query(query, z_view=views, view_similarity=view_similarity, where=index.ids % 2 == 1)
    kept = (z_view / np.linalg.norm(z_view, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    for i, view in enumerate(views):
        cosine = kept @ view / np.linalg.norm(view)
        rows = np.flatnonzero((cosine >= view_similarity[0]) & (cosine <= view_similarity[1]))
        for found, chosen in ((hits, rows), (odd, rows[rows % 2 == 1])):
            wanted = search(query[i], z_pose[chosen]).indices
            np.testing.assert_array_equal(found.indices[i], np.where(wanted < 0, -1, chosen[wanted]))


def test_the_query_itself_is_seen_by_the_same_camera(z_pose: np.ndarray, z_view: np.ndarray) -> None:
    index = PoseIndex.build(z_pose, z_view)
    for camera, range_ in ((z_view, (0.999, 1)), (-z_view, (-1, -0.999))):  # though float16 rounds beyond 1 and -1
        hits = index.query(z_pose, z_view=camera, view_similarity=range_, top_k=1)
        np.testing.assert_array_equal(hits.ids[:, 0], np.arange(ROWS))


def test_a_range_may_be_a_single_value() -> None:
    index = PoseIndex.build(np.ones((4, DIM)), np.eye(4))
    hits = index.query(np.ones(DIM), z_view=np.eye(4)[2], view_similarity=(1, 1), top_k=2)
    np.testing.assert_array_equal(hits.ids, [2, -1])


# What goes in


@pytest.mark.parametrize("kind", ["Flat", "IVF12,SQ8"])
def test_rows_without_vectors_shift_nothing(z_pose: np.ndarray, z_view: np.ndarray, kind: str) -> None:
    z_pose[:5], z_pose[40, 2], z_pose[-1] = np.nan, np.nan, np.inf
    names = np.arange(ROWS) * 10
    index = PoseIndex.build(z_pose, z_view, metadata={"name": names}, kind=kind)
    assert (len(index), index.skipped) == (ROWS - 7, 7)
    more = normal(2, 20, DIM)
    more[0] = np.nan
    index.add(more, normal(3, 20, 4), metadata={"name": np.arange(ROWS, ROWS + 20) * 10})
    assert (len(index), index.skipped, len(index.ids)) == (ROWS + 12, 8, ROWS + 12)
    for row, vector in ((5, z_pose[5]), (41, z_pose[41]), (598, z_pose[598]), (601, more[1]), (619, more[19])):
        hits = index.query(vector, top_k=1)
        assert hits.ids[0] == row and hits.metadata["name"][0] == 10 * row


def test_adding_is_building_in_parts(z_pose: np.ndarray, z_view: np.ndarray) -> None:
    ids = np.array([f"{i:03}" for i in range(ROWS)])
    whole = PoseIndex.build(z_pose, z_view, ids=ids, metadata={"row": np.arange(ROWS)})
    grown = PoseIndex.build(z_pose[:0], z_view[:0], ids=ids[:0], metadata={"row": np.arange(0)})
    for rows in (slice(0, 1), slice(1, 400), slice(400, 400), slice(400, None)):
        grown.add(z_pose[rows], z_view[rows], ids=ids[rows], metadata={"row": np.arange(ROWS)[rows]})
    query = {"poses": normal(2, 5, DIM), "z_view": normal(3, 5, 4), "view_similarity": (-1, 0.5)}
    same(grown.query(**query), whole.query(**query))


def test_a_large_index_grows(z_pose: np.ndarray) -> None:
    index = PoseIndex.build(z_pose[:400], kind="IVF12,SQ8")
    index.add(z_pose[400:])
    hits = index.query(z_pose, top_k=1)
    np.testing.assert_array_equal(hits.ids[:, 0], np.arange(ROWS))
    assert (hits.similarities <= 1).all(), "though eight bits round beyond"
    assert (index.query(-z_pose, top_k=ROWS).similarities >= -1).all()


def test_as_many_vectors_as_lists_are_enough(z_pose: np.ndarray) -> None:
    index = PoseIndex.build(z_pose[:12], kind="IVF12,Flat")
    np.testing.assert_array_equal(index.query(z_pose[:12], top_k=1).ids[:, 0], np.arange(12))


def test_the_same_vectors_make_the_same_lists(z_pose: np.ndarray) -> None:
    one, other = (PoseIndex.build(z_pose, kind="IVF5,Flat") for _ in range(2))  # learns from 320 of the 600
    one.nprobe = other.nprobe = 1
    same(one.query(normal(2, 30, DIM)), other.query(normal(2, 30, DIM)))


def test_an_empty_index_finds_nothing() -> None:
    index = PoseIndex.build(np.empty((0, DIM)), metadata={"a": np.empty(0)})
    hits = index.query(normal(0, 2, DIM), top_k=3)
    assert len(index) == 0 and (hits.ids == -1).all() and np.isnan(hits.metadata["a"]).all()


def test_poses_bring_their_columns(encoder: PoseEncoder, poses: np.ndarray) -> None:
    poses[3] = np.nan
    people = Poses.from_arrays(poses, person=np.arange(24) % 2, image=[f"{i}.jpg" for i in range(24)]).embed(encoder)
    index = PoseIndex.build(people, metadata={"video": np.full(24, 7)})
    index.add(people.select(slice(0, 2)), metadata={"video": np.full(2, 8)})
    assert (len(index), index.skipped) == (25, 1)
    hits = index.query(people.z_pose, top_k=2, z_view=people.z_view, view_similarity=(0.99, 1))
    for name, values in (("frame", [0, 0]), ("image", ["0.jpg", "0.jpg"]), ("person", [0, 0]), ("video", [7, 8])):
        np.testing.assert_array_equal(hits.metadata[name][0], values)
    assert hits.ids[4, 0] == 4 and hits.metadata["image"][4, 0] == "4.jpg"


def test_columns_are_copies(z_pose: np.ndarray) -> None:
    given = z_pose.copy()
    column = np.arange(ROWS)
    index = PoseIndex.build(given, metadata={"a": column})
    given[:], column[:] = 0, 0
    hits = index.query(z_pose[5], top_k=1)
    assert hits.similarities[0] == 1 and hits.metadata["a"][0] == 5


# On disk


@pytest.mark.parametrize("kind", ["Flat", *LARGE_KINDS])
def test_what_is_loaded_is_what_was_saved(z_pose: np.ndarray, z_view: np.ndarray, tmp_path: Path, kind: str) -> None:
    z_pose[9] = np.nan
    ids = [f"é{i}" for i in range(ROWS)]
    columns = {"file": np.arange(ROWS), "ids": z_pose[:, 1], "name": np.array(ids, dtype=object)}
    index = PoseIndex.build(z_pose, z_view, ids=ids, metadata=columns, kind=kind)
    if kind.startswith("IVF"):
        index.nprobe = 3
    index.save(tmp_path / "a" / "poses")
    loaded = PoseIndex.load(tmp_path / "a" / "poses")
    assert (loaded.kind, len(loaded), loaded.skipped, loaded.made_by) == (kind, ROWS - 1, 1, None)
    query = {"poses": normal(2, 5, DIM), "z_view": normal(3, 5, 4), "view_similarity": (-1, 0.5)}
    same(loaded.query(**query), index.query(**query))
    same(loaded.query(query["poses"]), index.query(query["poses"]))
    loaded.add(z_pose[:1], z_view[:1], ids=["new"], metadata={name: values[:1] for name, values in columns.items()})
    loaded.save(tmp_path / "a" / "poses")
    assert len(PoseIndex.load(tmp_path / "a" / "poses")) == ROWS
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["poses"]


@pytest.mark.parametrize("step", ["vectors", "rows", "record"])
def test_a_failed_save_leaves_the_old_index(
    z_pose: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    PoseIndex.build(z_pose[:10]).save(tmp_path / "poses")
    before = {path.name: path.read_bytes() for path in (tmp_path / "poses").iterdir()}

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    if step == "vectors":
        monkeypatch.setattr(files, "write_index", fail)
    elif step == "rows":
        monkeypatch.setattr(files.Rows, "save", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        PoseIndex.build(z_pose).save(tmp_path / "poses")
    assert {path.name: path.read_bytes() for path in (tmp_path / "poses").iterdir()} == before


def test_nothing_but_an_index_is_replaced(z_pose: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    PoseIndex.build(z_pose).save(tmp_path / "empty")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    for folder in ("mine", "mine/thesis.txt"):
        with pytest.raises(FileExistsError, match="is there and is not an index; save to a new folder"):
            PoseIndex.build(z_pose).save(tmp_path / folder)
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def spoil(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("file", "harm", "error", "words"),
    [
        (
            "index.json",
            Path.unlink,
            FileNotFoundError,
            "has no index.json; an index is a folder that PoseIndex.save wrote",
        ),
        ("rows.npz", Path.unlink, FileNotFoundError, "has no rows.npz"),
        ("vectors.faiss", cut, ValueError, "vectors.faiss is damaged or cut short"),
        ("rows.npz", cut, ValueError, "rows.npz is damaged or cut short"),
        ("vectors.faiss", flip, ValueError, "vectors.faiss is damaged or cut short"),
        ("rows.npz", flip, ValueError, "rows.npz is damaged or cut short"),
        ("vectors.faiss", spoil, ValueError, "vectors.faiss is damaged"),
        ("rows.npz", spoil, ValueError, "rows.npz is damaged"),
        ("index.json", cut, None, ""),  # its last byte is an end of line
        ("index.json", spoil, ValueError, "index.json is not JSON"),
        ("index.json", lambda path: edit(path, format_version=2), ValueError, "has format 2, this poseembed"),
        (
            "index.json",
            lambda path: path.write_text("{}"),
            ValueError,
            "index.json is not the record of an index: it has no format_version",
        ),
        (
            "index.json",
            lambda path: edit(path, rows=599),
            ValueError,
            "rows.npz is damaged .* is no column of 599 rows",
        ),
        ("index.json", lambda path: edit(path, dim=10**12), ValueError, "dim must be at most 65536, got 1000000000000"),
        ("index.json", lambda path: edit(path, rows=-1), ValueError, "rows must be at least 0"),
        ("index.json", lambda path: edit(path, sha256={"rows.npz": "x"}), ValueError, "wanted 64 hex digits"),
        ("index.json", lambda path: path.write_bytes(b" " * (2**24 + 1)), ValueError, "at most 16777216 are read"),
        ("index.json", lambda path: path.write_text("[" * 10**5), ValueError, "index.json is not JSON"),
        ("index.json", lambda path: path.write_text("9" * 5000), ValueError, "index.json is not JSON"),
        (
            "index.json",
            lambda path: edit(path, dim=9),
            ValueError,
            "600 rows of 9 dimensions, there are 600 vectors of 8",
        ),
    ],
)
def test_damaged_folders_are_refused(
    z_pose: np.ndarray, tmp_path: Path, file: str, harm: Any, error: type[Exception] | None, words: str
) -> None:
    PoseIndex.build(z_pose).save(tmp_path / "poses")
    harm(tmp_path / "poses" / file)
    if error is None:
        assert len(PoseIndex.load(tmp_path / "poses")) == ROWS
        return
    with pytest.raises(error, match=words):
        PoseIndex.load(tmp_path / "poses")


def test_files_of_two_indexes_do_not_mix(z_pose: np.ndarray, tmp_path: Path) -> None:
    for name, rows in (("a", 100), ("b", 99)):
        PoseIndex.build(z_pose[:rows]).save(tmp_path / name)
    (tmp_path / "b" / "rows.npz").replace(tmp_path / "a" / "rows.npz")
    with pytest.raises(ValueError, match="rows.npz is damaged or cut short, or was saved without the rest"):
        PoseIndex.load(tmp_path / "a")


@pytest.fixture
def unsummed(z_pose: np.ndarray, tmp_path: Path) -> Path:
    """An index as earlier libraries wrote it, which recorded lengths alone."""
    PoseIndex.build(z_pose, metadata={"name": ["a"] * len(z_pose)}).save(tmp_path / "poses")
    path = tmp_path / "poses" / "index.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content))
    return tmp_path / "poses"


def test_an_index_without_sums_still_loads(unsummed: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert len(PoseIndex.load(unsummed)) == ROWS
    assert len(caplog.records) == 2 and "damage inside it would not be noticed" in caplog.text


def npz(folder: Path, save: Any, **columns: Any) -> None:
    save(folder / "rows.npz", **{"ids": np.arange(ROWS)} | columns)


def huge(folder: Path) -> None:
    """A column that says it has 10^12 rows."""
    with zipfile.ZipFile(folder / "rows.npz", "w") as archive, archive.open("ids.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<i8", "fortran_order": False, "shape": (10**12,)})


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: npz(folder, np.savez, more=np.arange(5)), "more.npy' is no column of 600 rows"),
        (lambda folder: npz(folder, np.savez_compressed), "ids.npy' is compressed"),
        (lambda folder: npz(folder, np.savez, more=np.array(3)), "more.npy' is no column"),
        (lambda folder: npz(folder, np.savez, more=np.arange(ROWS) * 1j), "columns of other kinds"),
        (lambda folder: np.savez(folder / "rows.npz", more=np.arange(ROWS)), "has no ids"),
        (huge, "ids.npy' is no column of 600 rows"),
        (lambda folder: cut(folder / "rows.npz"), "rows.npz is damaged"),
        (lambda folder: spoil(folder / "vectors.faiss"), "vectors.faiss is damaged"),
    ],
)
def test_a_damaged_index_without_sums_is_refused(unsummed: Path, harm: Any, words: str) -> None:
    harm(unsummed)
    edit(unsummed / "index.json", bytes={p.name: p.stat().st_size for p in unsummed.iterdir()})
    with pytest.raises(ValueError, match=words):
        PoseIndex.load(unsummed)


@pytest.mark.parametrize("name", ["vectors.faiss", "rows.npz"])
def test_an_index_without_sums_has_lengths(unsummed: Path, name: str) -> None:
    cut(unsummed / name)
    with pytest.raises(ValueError, match=rf"{name} has \d+ bytes, \d+ were saved"):
        PoseIndex.load(unsummed)


def test_the_checkpoint_is_recorded_and_checked(
    plain_folder: Path, masked_folder: Path, poses: np.ndarray, tmp_path: Path
) -> None:
    encoder, other = PoseEncoder.from_pretrained(plain_folder), PoseEncoder.from_pretrained(masked_folder)
    vectors = encoder.embed(poses).z_pose
    PoseIndex.build(vectors, encoder=encoder).save(tmp_path / "poses")
    loaded = PoseIndex.load(tmp_path / "poses", encoder=PoseEncoder.from_pretrained(plain_folder))
    assert loaded.made_by == encoder.made_by == PoseIndex.load(tmp_path / "poses").made_by
    with pytest.raises(ValueError, match=f"checkpoint {encoder.made_by}, the encoder of checkpoint {other.made_by}"):
        PoseIndex.load(tmp_path / "poses", encoder=other)
    PoseIndex.build(vectors).save(tmp_path / "poses")
    with pytest.raises(ValueError, match="does not say which checkpoint made its vectors"):
        PoseIndex.load(tmp_path / "poses", encoder=encoder)


def test_a_decoder_that_is_added_later_changes_nothing(plain_folder: Path, poses: np.ndarray, tmp_path: Path) -> None:
    encoder = PoseEncoder.from_pretrained(plain_folder)
    PoseIndex.build(encoder.embed(poses).z_pose, encoder=encoder).save(tmp_path / "poses")
    shape = DecoderConfig(8)
    config = replace(encoder.config, decoder=shape, calibration=MatchCalibration((1.0,), (1.0,), (0.0,)))
    later = PoseEncoder(Checkpoint(config, encoder.network, decoder=Decoder(config.network, shape)))
    assert len(PoseIndex.load(tmp_path / "poses", encoder=later)) == len(poses)


def test_one_searches_an_index_of_the_other(poses: np.ndarray, tmp_path: Path) -> None:
    base, small, foreign = (
        PoseEncoder.from_pretrained(name) for name in ("poseembed-base", "poseembed-small", "cv-mim")
    )
    people = Poses.from_arrays(poses)
    index = PoseIndex.build(people.embed(base))
    assert index.made_by == base.made_by
    with pytest.raises(ValueError, match="cannot be compared, so embed again"):
        index.query(people.embed(foreign))
    with pytest.raises(ValueError, match="cannot be compared, so embed again"):
        index.add(people.embed(foreign))
    with pytest.raises(ValueError, match="cannot be compared, so embed again"):
        PoseIndex.build(people.embed(base), encoder=foreign)
    assert (len(index), index.made_by) == (len(poses), base.made_by), "what was refused left nothing"
    index.add(people.embed(small))
    assert index.made_by == MadeBy(base.space, base.space), "of two checkpoints of one space: the space's"
    index.save(tmp_path / "poses")
    loaded = PoseIndex.load(tmp_path / "poses", encoder=small)
    hits = loaded.query(people.embed(small), top_k=1)
    assert np.array_equal(hits.indices[:, 0], len(poses) + np.arange(len(poses)))
    with pytest.raises(ValueError, match=f"of checkpoint {base.space}, the encoder of checkpoint {foreign.made_by}"):
        PoseIndex.load(tmp_path / "poses", encoder=foreign)


def test_poses_bring_their_view_vectors_to_a_query(poses: np.ndarray) -> None:
    people = Poses.from_arrays(poses).embed(PoseEncoder.from_pretrained())
    assert people.z_pose is not None and people.z_view is not None
    index = PoseIndex.build(people)
    range_ = (0.5, 1.0)
    wanted = index.query(people.z_pose, z_view=people.z_view, view_similarity=range_)
    assert (wanted.indices < 0).any(), "some cameras are too far away"
    np.testing.assert_array_equal(index.query(people, view_similarity=range_).indices, wanted.indices)
    np.testing.assert_array_equal(index.query(people).indices, index.query(people.z_pose).indices)
    with pytest.raises(ValueError, match="poses bring their own z_view"):
        index.query(people, z_view=people.z_view, view_similarity=range_)


# Refusals

VECTORS = np.ones((4, DIM))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"poses": np.ones(DIM)}, ValueError, "got poses of shape (8,); wanted (rows, pose_dim) pose vectors"),
        ({"poses": np.ones((4, DIM), int)}, TypeError, "poses holds whole numbers (int64)"),
        ({"poses": Poses.from_arrays(np.ones((4, 13, 2)))}, ValueError, "no vectors yet; pass poses.embed(encoder)"),
        ({"z_view": np.ones((3, 4))}, ValueError, "got z_view of shape (3, 4); wanted (4, view_dim)"),
        ({"ids": [1, 2, 3]}, ValueError, "got ids of shape (3,); wanted one value a row, (4,)"),
        ({"ids": [0.1, 0.2, 0.3, 0.4]}, TypeError, "ids must be whole numbers or texts, got float64"),
        ({"metadata": {"a": [1, 2]}}, ValueError, "got metadata.a of shape (2,)"),
        (
            {"metadata": {"a": [1, "b", None, 2]}},
            TypeError,
            "metadata.a must hold numbers, booleans or texts, got object",
        ),
        ({"kind": "nonsense"}, ValueError, "faiss has no kind 'nonsense' for 8 dimensions; try 'Flat'"),
        ({"kind": "HNSW16"}, ValueError, "kind 'HNSW16' is neither Flat nor IVF"),
        ({"kind": "IVF5,SQ8"}, ValueError, "5 lists are learnt from as many vectors at least, better 200; got 4"),
    ],
)
def test_what_does_not_fit_is_not_built(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        PoseIndex.build(**{"poses": VECTORS} | arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"poses": np.ones((4, 7))}, "got poses of shape (4, 7); the vectors of this index are 8 long"),
        ({"ids": [1, 2, 3, 4]}, "this index was built without ids; add rows likewise"),
        ({"z_view": None}, "got the columns ids, metadata.a; this index has ids, metadata.a, z_view"),
        (
            {"metadata": {"b": ["x"] * 4}},
            "got the columns ids, metadata.b, z_view; this index has ids, metadata.a, z_view",
        ),
        ({"metadata": {"a": [1, 2, 3, 4]}}, "metadata.a must be of one kind in all rows"),
        (
            {"z_view": np.ones((4, 3))},
            "z_view must be of one kind in all rows: got and have float16 (3,) and float16 (5,)",
        ),
    ],
)
def test_what_does_not_fit_is_not_added(arguments: dict[str, Any], words: str) -> None:
    index = PoseIndex.build(VECTORS, np.ones((4, 5)), metadata={"a": ["x"] * 4})
    with pytest.raises(ValueError, match=re.escape(words)):
        index.add(**{"poses": VECTORS, "z_view": np.ones((4, 5)), "metadata": {"a": ["y"] * 4}} | arguments)
    assert len(index) == len(index.ids) == len(index.metadata["a"]) == 4
    assert (index.query(VECTORS[0], top_k=6).ids == [0, 1, 2, 3, -1, -1]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"poses": np.ones(7)}, ValueError, "got poses of shape (7,); the vectors of this index are 8 long"),
        ({"poses": [1.0] * DIM}, TypeError, "poses must be a numpy array or a torch tensor, got list"),
        ({"top_k": 0}, ValueError, "got top_k=0; it must be at least 1"),
        ({"where": np.ones(3, bool)}, ValueError, "got where of shape (3,); wanted one boolean a row, (4,)"),
        ({"z_view": np.ones(5)}, ValueError, "pass both z_view and view_similarity"),
        ({"view_similarity": (0, 1)}, ValueError, "pass both z_view and view_similarity"),
        ({"z_view": np.ones((1, 5)), "view_similarity": (0, 1)}, ValueError, "got z_view of shape (1, 5); wanted (5,)"),
        ({"z_view": np.ones(5), "view_similarity": (1, 0)}, ValueError, "got view_similarity=(1, 0); wanted a range"),
        ({"z_view": np.ones(5), "view_similarity": (-1.5, 0)}, ValueError, "wanted a range within -1 to 1"),
        ({"z_view": np.ones(5), "view_similarity": (0, 1.5)}, ValueError, "wanted a range within -1 to 1"),
    ],
)
@pytest.mark.parametrize("kind", ["Flat", "IVF2,SQ8"])
@pytest.mark.unchecked_types
def test_what_does_not_fit_is_not_asked(
    arguments: dict[str, Any], error: type[Exception], words: str, kind: str
) -> None:
    index = PoseIndex.build(VECTORS, np.ones((4, 5)), kind=kind)
    with pytest.raises(error, match=re.escape(words)):
        index.query(**{"poses": np.ones(DIM)} | arguments)


def test_cameras_need_view_vectors() -> None:
    with pytest.raises(ValueError, match="this index has no view vectors to compare; build it with z_view"):
        PoseIndex.build(VECTORS).query(np.ones(DIM), z_view=np.ones(5), view_similarity=(0, 1))


def test_without_faiss_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match='pip install "faiss-cpu>='):
        PoseIndex.build(VECTORS)
    assert search(VECTORS, VECTORS, top_k=1).indices.shape == (4, 1)


def test_nothing_is_printed(z_pose: np.ndarray, capfd: pytest.CaptureFixture[str]) -> None:
    PoseIndex.build(z_pose, kind="IVF100,SQ8").query(z_pose)
    assert capfd.readouterr() == ("", "")
