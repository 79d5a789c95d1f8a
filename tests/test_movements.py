"""Finding movements: on vectors made for it, whose right answers are known, and between real cameras."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed import MadeBy, PoseEncoder, Poses
from poseembed.movements import MovementIndex, find_movement, warping
from poseembed.movements.clock import moments
from training.datasets import multiview

Motion = Callable[[np.ndarray], np.ndarray]
"""From seconds, (n,), to unit vectors, (n, 6)."""

DIM = 6
DATA = os.environ.get("POSEEMBED_DATA")


def dance(seed: int) -> Motion:
    """A motion that is smooth and never the same again."""
    rng = np.random.default_rng(seed)
    rate, phase = rng.uniform(1, 3, (2, DIM)), rng.uniform(0, 6, DIM)

    def at(seconds: np.ndarray) -> np.ndarray:
        vectors = np.sin(seconds[:, None] * rate[0] + phase) + np.cos(seconds[:, None] * rate[1] * 1.7)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return at


def with_quote(start: float, lasting: float, *, speed: float = 1.0) -> Motion:
    """`dance(1)`, inside which `dance(0)` is quoted from its third second on, faster or slower."""

    def at(seconds: np.ndarray) -> np.ndarray:
        quoted = (seconds >= start - 1e-9) & (seconds <= start + lasting + 1e-9)
        return np.where(quoted[:, None], dance(0)(2 + (seconds - start) * speed), dance(1)(seconds))

    return at


def seen(z_pose: np.ndarray, **columns: np.ndarray) -> Poses:
    poses = Poses.from_arrays(np.zeros((len(z_pose), 13, 2)), **columns)
    return replace(poses, z_pose=z_pose.astype(np.float32), z_view=np.zeros((len(z_pose), 2)))


def film(motion: Motion, seconds: float, fps: float = 30.0) -> Poses:
    time = np.arange(round(seconds * fps) + 1) / fps
    return seen(motion(time), time=time)


QUERY = film(lambda seconds: dance(0)(seconds + 2), 2.0)


def naive(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Least costs of the paths that end in each row, cell by cell."""
    cost = 1 - query @ gallery.T
    best = np.full(cost.shape, np.inf)
    best[0] = cost[0]
    for i, j in np.ndindex(*cost.shape):
        if i >= 1 and j >= 1:
            best[i, j] = best[i - 1, j - 1] + cost[i, j]
        if i >= 1 and j >= 2:
            best[i, j] = np.fmin(best[i, j], best[i - 1, j - 2] + (cost[i, j - 1] + cost[i, j]) / 2)
        if i >= 2 and j >= 1:
            best[i, j] = np.fmin(best[i, j], best[i - 2, j - 1] + cost[i - 1, j] + cost[i, j])
    return np.where(np.isnan(best[-1]), np.inf, best[-1])


@pytest.mark.parametrize("chunk", [warping.CHUNK, 16])
@pytest.mark.parametrize("length", [1, 2, 3, 9, 30])
def test_paths_are_those_of_the_pattern(length: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warping, "CHUNK", chunk)
    monkeypatch.setattr(warping, "BLOCK", 4)
    rng = np.random.default_rng(length)
    query, gallery = rng.normal(size=(length, DIM)), rng.normal(size=(150, DIM))
    query, gallery = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (query, gallery))
    gallery[[40, 41, 107]] = np.nan
    found = warping.occurrences(query, gallery)
    cost = naive(query, gallery)
    beside = np.pad(cost, 1, constant_values=np.inf)
    assert found.ends.tolist() == np.flatnonzero((cost < beside[:-2]) & (cost <= beside[2:])).tolist()
    assert found.scores == pytest.approx(1 - cost[found.ends] / length, abs=1e-3)
    for start, end in zip(found.starts, found.ends, strict=True):
        assert naive(query, gallery[start : end + 1])[-1] == pytest.approx(cost[end])
        assert start == end or naive(query, gallery[start + 1 : end + 1])[-1] > cost[end]


def test_what_the_query_does_not_show_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(60, DIM))
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    query = gallery[20:32].copy()
    query[3:7] = np.nan
    found = warping.occurrences(query, gallery)
    best = found.scores.argmax()
    assert (found.starts[best], found.ends[best]) == (20, 31)
    assert found.scores[best] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.0, 1.5, 2.0])
def test_a_movement_is_found_at_half_to_double_the_speed(speed: float) -> None:
    galleries = {"none": film(dance(2), 20), "quoted": film(with_quote(7.0, 2 / speed, speed=speed), 20)}
    best, other, *_ = find_movement(QUERY, galleries)
    assert best.recording == "quoted" and best.person == -1
    assert best.start == pytest.approx(7, abs=0.15) and best.end == pytest.approx(7 + 2 / speed, abs=0.15)
    assert best.speed == pytest.approx(speed, rel=0.12)
    assert best.first_frame == round(30 * best.start) and best.last_frame == round(30 * best.end)
    assert best.score > 0.96 > other.score


def test_a_performance_that_is_faster_here_and_slower_there() -> None:
    def uneven(seconds: np.ndarray) -> np.ndarray:
        quoted = (seconds >= 5) & (seconds <= 7.25)
        progress = np.interp(seconds, [5, 5.75, 7.25], [0, 1, 2])
        return np.where(quoted[:, None], dance(0)(2 + progress), dance(1)(seconds))

    (best,) = find_movement(QUERY, film(uneven, 12), top_k=1)
    assert (best.start, best.end) == (pytest.approx(5, abs=0.15), pytest.approx(7.25, abs=0.15))
    assert best.score > 0.98 and best.recording == "gallery"


@pytest.mark.parametrize(("fps", "of_gallery"), [(10, 60), (25, 30), (60, 12.5), (120, 5)])
def test_frame_rates_may_differ(fps: float, of_gallery: float) -> None:
    query = film(lambda seconds: dance(0)(seconds + 2), 2.0, fps)
    (best,) = find_movement(query, film(with_quote(7.0, 2.0), 20, of_gallery), top_k=1)
    assert best.start == pytest.approx(7, abs=0.21) and best.end == pytest.approx(9, abs=0.21)
    assert best.score > 0.95


def test_times_need_not_be_even() -> None:
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 20, 500)).round(2)  # some of them twice
    (best,) = find_movement(QUERY, seen(with_quote(7.0, 2.0)(time), time=time + 100), top_k=1)
    assert best.start == pytest.approx(107, abs=0.2) and best.end == pytest.approx(109, abs=0.2)
    assert time[best.first_frame] + 100 == best.start


def test_poses_without_times_have_30_frames_a_second() -> None:
    gallery = film(with_quote(7.0, 2.0), 20)
    untimed = replace(gallery, time=np.full(len(gallery), np.nan))
    (best,) = find_movement(QUERY, untimed, top_k=1)
    (wanted,) = find_movement(QUERY, gallery, top_k=1)
    assert np.isnan([best.start, best.end]).all()
    assert (best.first_frame, best.last_frame, best.score) == (wanted.first_frame, wanted.last_frame, wanted.score)


def test_lost_frames_are_filled_in_and_long_gaps_are_not_crossed() -> None:
    def gallery(first: int, last: int) -> Poses:
        poses = film(with_quote(7.0, 2.0), 20)
        assert poses.z_pose is not None
        poses.z_pose[first:last] = np.nan
        return poses

    (best,) = find_movement(QUERY, gallery(240, 252), top_k=1)  # 0.4 s in the midst of it
    assert best.start == pytest.approx(7, abs=0.15) and best.end == pytest.approx(9, abs=0.15) and best.score > 0.95
    for hit in find_movement(QUERY, gallery(240, 260), top_k=100):
        assert hit.last_frame < 240 or hit.first_frame >= 260


def test_a_query_with_a_gap_asks_for_the_rest() -> None:
    assert QUERY.z_pose is not None
    query = replace(QUERY, z_pose=QUERY.z_pose.copy())
    query.z_pose[20:40] = np.nan
    (best,) = find_movement(query, film(with_quote(7.0, 2.0), 20), top_k=1)
    assert best.start == pytest.approx(7, abs=0.15) and best.end == pytest.approx(9, abs=0.15) and best.score > 0.98


def test_people_are_told_apart() -> None:
    """Also where they come and go, and rows of nobody stand between them."""
    one, two = film(dance(3), 12), film(with_quote(5.0, 2.0), 12)
    rows = np.arange(len(one))
    order = np.argsort(np.r_[rows, rows], kind="stable")
    both = {name: np.concatenate([getattr(one, name), getattr(two, name)])[order] for name in ("time", "z_pose")}
    person = np.r_[np.full(len(one), 4), np.full(len(two), 7)][order]
    poses = seen(both["z_pose"], time=both["time"], frame=np.r_[rows, rows][order], person=person)
    (best,) = find_movement(QUERY, {"both": poses}, top_k=1)
    assert best.person == 7 and best.start == pytest.approx(5, abs=0.15)
    (alone,) = find_movement(QUERY, {"two": two}, top_k=1)
    assert alone == replace(best, recording="two", person=-1)


def test_tracks_follow_each_other_without_joining() -> None:
    """Half of the query ends one recording, the other half begins the next."""
    halves = {"first": film(lambda s: dance(0)(s + 2), 1.0), "second": film(lambda s: dance(0)(s + 3), 1.0)}
    for hit in find_movement(QUERY, halves):
        assert hit.score < 0.95


def test_overlapping_hits_are_one_and_repetitions_are_many() -> None:
    def repeated(seconds: np.ndarray) -> np.ndarray:
        return dance(0)(2 + seconds % 2)

    hits = find_movement(QUERY, film(repeated, 8), top_k=50)
    assert sorted(round(hit.start) for hit in hits[:4]) == [0, 2, 4, 6]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for number, hit in enumerate(hits):
        for other in hits[:number]:
            shared = min(hit.end, other.end) - max(hit.start, other.start)
            assert shared <= 0.5 * min(hit.end - hit.start, other.end - other.start) + 1e-9


def test_tiny_galleries() -> None:
    nobody = seen(np.full((30, DIM), np.nan), time=np.arange(30) / 30)
    assert find_movement(QUERY, nobody) == []
    assert find_movement(QUERY, nobody[:0]) == []
    assert find_movement(QUERY, film(dance(0), 0.9)) == []  # under half of the query
    assert find_movement(QUERY, QUERY[:1]) == []
    assert len(find_movement(QUERY, film(dance(0), 1.1))) == 1


def test_an_index_finds_what_its_recordings_do() -> None:
    galleries = {"none": film(dance(2), 20), "quoted": film(with_quote(7.0, 2.0), 20)}
    wanted = find_movement(QUERY, galleries)
    index = MovementIndex.build(galleries)
    assert find_movement(QUERY, index) == wanted
    assert find_movement(QUERY, MovementIndex.build((name, galleries[name]) for name in galleries)) == wanted
    assert repr(index) == "<MovementIndex: 40 seconds of 2 recordings>"


def test_a_saved_index_is_the_same(tmp_path: Path) -> None:
    made_by = MadeBy("a" * 16, "b" * 16)
    galleries = {"none": film(dance(2), 20), "quöted": replace(film(with_quote(7.0, 2.0), 20), made_by=made_by)}
    index = MovementIndex.build(galleries)
    for _ in range(2):
        index.save(tmp_path / "index.npz")
    loaded = MovementIndex.load(tmp_path / "index.npz")
    assert find_movement(QUERY, loaded) == find_movement(QUERY, index)
    assert loaded.made_by == made_by and loaded.names == index.names
    nobody = MovementIndex.build({"nobody": seen(np.full((30, DIM), np.nan))})
    nobody.save(tmp_path / "nobody.npz")
    assert find_movement(QUERY, MovementIndex.load(tmp_path / "nobody.npz")) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("directions", np.zeros((44, DIM), np.float32)),
        ("directions", np.zeros((44, DIM), np.float16)),
        ("directions", np.full((44, DIM), np.inf, np.float16)),
        ("directions", np.float16(1)),
        ("time", np.zeros(43)),
        ("offsets", np.array([0, 22, 43])),
        ("offsets", np.array([0, 1, 44])),
        ("recording", np.array([1, 1])),
        ("recording", np.array([-1, 0])),
        ("names", np.array("a")),
        ("made_by", np.array("me")),
    ],
)
def test_a_damaged_index_is_refused(name: str, value: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "index.npz"
    two = replace(QUERY, person=np.zeros(len(QUERY), np.int64)), replace(QUERY, person=np.ones(len(QUERY), np.int64))
    both = Poses.concatenate(row for pair in zip(*two, strict=True) for row in pair)
    MovementIndex.build({"a": both}).save(path)
    arrays = dict(np.load(path))
    assert arrays["directions"].shape == (44, DIM)
    np.savez(path, **arrays | {name: value})
    with pytest.raises(
        ValueError, match=r"index.npz is damaged, or no index that MovementIndex.save wrote \(.+\); build"
    ):
        MovementIndex.load(path)


def test_rows_without_identity_count_only_alone() -> None:
    poses = film(with_quote(7.0, 2.0), 20)
    assert find_movement(QUERY, poses, top_k=1)[0].score > 0.98
    known = replace(poses, person=np.where(np.arange(len(poses)) < 60, 0, -1))
    assert all(hit.last_frame < 60 for hit in find_movement(QUERY, known))


def test_moments_are_the_mean_of_the_frames_around_them() -> None:
    track = seen(dance(0)(np.arange(31) / 30), time=np.arange(31) / 30)
    found = moments(track)
    assert found.ticks.tolist() == list(range(11)) and found.rows.tolist() == list(range(0, 31, 3))
    mean = track.z_pose[2:5].mean(0)  # type: ignore[index]
    assert found.directions[1] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


@pytest.mark.parametrize(
    ("query", "gallery", "said"),
    [
        (QUERY[:4], QUERY, "the query shows somebody for 0.1 s; wanted 0.2 to 819 s"),
        (film(dance(0), 900, 5), QUERY, "the query shows somebody for 900 s; wanted 0.2 to 819 s"),
        (seen(np.full((30, DIM), np.nan)), QUERY, "the query shows nobody: none of its 30 frames"),
        (seen(np.ones((30, DIM)), time=-np.arange(30) / 30), QUERY, "the query: times must not fall from one frame"),
        (QUERY, seen(np.ones((9, DIM)), time=np.arange(9)[::-1]), "gallery: times must not fall from one frame"),
        (QUERY, seen(np.ones((30, 5))), "vectors of length 6, the gallery of length 5"),
        (QUERY, {"a": QUERY, "b": seen(np.ones((30, 5)))}, "b has vectors of length 5, what came before of length 6"),
        (QUERY, {}, "there is no recording to search in"),
        (QUERY, {"a": replace(QUERY, z_pose=None)}, "a: these Poses have no vectors yet; pass poses.embed(encoder)"),
        (QUERY, {"a": seen(np.ones((4, DIM)), frame=np.array([0, 0, 1, 1]))}, "a: several people without an identity"),
        (replace(QUERY, z_pose=None), QUERY, "the query: these Poses have no vectors yet"),
    ],
)
def test_bad_input_is_named(query: Poses, gallery: Poses | dict[str, Poses], said: str) -> None:
    with pytest.raises(ValueError) as raised:
        find_movement(query, gallery)
    assert said in str(raised.value)


@pytest.mark.unchecked_types
def test_wrong_types_are_named() -> None:
    for query, gallery in ((QUERY.z_pose, QUERY), (QUERY, QUERY.z_pose), (QUERY, {"a": QUERY.z_pose})):
        with pytest.raises(TypeError, match="wanted Poses"):
            find_movement(query, gallery)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="top_k=0; it must be at least 1"):
        find_movement(QUERY, QUERY, top_k=0)
    with pytest.raises(ValueError, match="two recordings are called 'a'"):
        MovementIndex.build([("a", QUERY), ("a", QUERY)])


def test_vectors_of_two_spaces_are_refused() -> None:
    mine, other, of_my_space = (MadeBy(name * 16, space * 16) for name, space in (("a", "a"), ("b", "b"), ("c", "a")))
    poses = {made_by: replace(QUERY, made_by=made_by) for made_by in (mine, other, of_my_space)}
    assert find_movement(poses[mine], {"a": poses[mine], "c": poses[of_my_space]}, top_k=1)[0].score > 0.99
    with pytest.raises(ValueError, match="the query has vectors of checkpoint a{16}, the gallery of checkpoint b{16}"):
        find_movement(poses[mine], poses[other])
    with pytest.raises(ValueError, match="what came before has vectors of checkpoint a{16}, b of checkpoint b{16}"):
        MovementIndex.build({"a": poses[mine], "b": poses[other]})


@pytest.mark.skipif(not DATA, reason="set POSEEMBED_DATA to a folder with real/two_sh273.npz")
def test_real_cameras() -> None:
    """What one real camera saw for two seconds is nearly always found in what the other saw."""
    recording = multiview.read(Path(str(DATA)) / "real" / "two_sh273.npz")
    time = np.arange(recording.keypoints.shape[1]) / recording.fps
    one, other = (
        Poses.from_arrays(points[:, 0], time=time).embed(PoseEncoder.from_pretrained())
        for points in recording.keypoints
    )
    hits = [(start, find_movement(one[start : start + 60], other, top_k=1)[0]) for start in range(0, 210, 15)]
    shared = [(min(hit.last_frame, start + 59) - max(hit.first_frame, start)) for start, hit in hits]
    whole = [(max(hit.last_frame, start + 59) - min(hit.first_frame, start)) for start, hit in hits]
    assert np.mean(np.array(shared) >= 0.5 * np.array(whole)) >= 0.75
