"""Warping sequences that are too long to compare every frame with every other: as good a path, in pieces."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poseembed import warping
from poseembed.warping import warping_path

Pair = tuple[np.ndarray, np.ndarray]

FEW = 2000
"""Pairs of frames that are searched whole."""


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BLOCK": 60, "MAX_THINNING": 4}.items():
        monkeypatch.setattr(warping, name, value)


def walk(frames: int, seed: int) -> np.ndarray:
    """Unit vectors that wander about."""
    steps = np.random.default_rng(seed).normal(size=(frames, 8)).cumsum(0)
    return steps / np.linalg.norm(steps, axis=1, keepdims=True)


def twice(frames: int, seed: int) -> Pair:
    """The same walk, and that walk with other speeds and pauses, each frame a little off."""
    rng = np.random.default_rng(seed)
    one = walk(frames, seed)
    other = one[np.repeat(np.arange(frames), rng.choice([0, 1, 1, 2, 30], frames, p=[0.2, 0.3, 0.3, 0.18, 0.02]))]
    return one, other + rng.normal(0, 0.01, other.shape)


def cost(pair: Pair, path: np.ndarray) -> float:
    return float(np.square(pair[0][path[:, 0]] - pair[1][path[:, 1]]).sum())


def is_path(path: np.ndarray) -> bool:
    steps = np.diff(path, axis=0)
    return bool(((steps >= 0) & (steps <= 1)).all() and steps.any(1).all())


def is_whole(path: np.ndarray, frames: tuple[int, int], openings: tuple[int, int]) -> bool:
    """Whether it goes from one end to the other, but for what may stay out of one of the two at each end."""
    start, left = path[0], np.array(frames) - 1 - path[-1]
    return is_path(path) and all(end.min() == 0 and bool((end <= openings).all()) for end in (start, left))


def least_cost(one: np.ndarray, other: np.ndarray, skip: int, skip_other: int) -> float:
    """Of all paths that leave out so much at either end."""
    sums = np.full((len(one) + 1, len(other) + 1), np.inf)
    sums[: skip + 1, 0] = sums[0, : skip_other + 1] = 0
    for i, frame in enumerate(one):
        for j, counterpart in enumerate(other):
            sums[i + 1, j + 1] = np.square(frame - counterpart).sum() + min(sums[i, j], sums[i, j + 1], sums[i + 1, j])
    return float(min(sums[-1, -1 - skip_other :].min(), sums[-1 - skip :, -1].min()))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 0.49), st.floats(0, 0.49), st.integers(0, 99))
def test_the_path_is_the_best_one_that_leaves_out_no_more_than_it_may(
    frames: int, others: int, share: float, other_share: float, seed: int
) -> None:
    pair = walk(frames, seed), walk(others, seed + 100)
    skip, skip_other = int(share * frames), int(other_share * others)
    path = warping_path(*pair, (skip, skip_other))
    assert is_whole(path, (frames, others), (skip, skip_other))
    assert cost(pair, path) == pytest.approx(least_cost(*pair, skip, skip_other))


@pytest.mark.parametrize("seed", range(4))
def test_in_pieces_the_same_performance_gets_the_best_path(seed: int, small_pieces: None) -> None:
    pair = twice(900, seed)
    pieces, exact = warping_path(*pair, cells=FEW), warping_path(*pair)
    assert is_whole(pieces, (len(pair[0]), len(pair[1])), (0, 0))
    np.testing.assert_array_equal(pieces, exact)


def test_in_pieces_two_performances_get_a_path_nearly_as_good(small_pieces: None) -> None:
    pairs = [(walk(700, seed), walk(900, seed + 100)) for seed in range(8)]
    pieces = [cost(pair, warping_path(*pair, cells=FEW)) for pair in pairs]
    exact = [cost(pair, warping_path(*pair)) for pair in pairs]
    excess = np.divide(pieces, exact) - 1
    assert excess.min() > -1e-9 and excess.max() < 0.1 and np.median(excess) < 0.03


@pytest.mark.parametrize("at_the_end", [False, True])
@pytest.mark.parametrize("longer", [0, 1])
def test_in_pieces_the_ends_can_stay_open(longer: int, at_the_end: bool, small_pieces: None) -> None:
    pair = list(twice(500, 5))
    kept = len(pair[longer])
    astray = -np.repeat(pair[longer][:1], 90, axis=0)
    pair[longer] = np.concatenate([pair[longer], astray] if at_the_end else [astray, pair[longer]])
    openings = (100, 0) if longer == 0 else (0, 100)
    path = warping_path(pair[0], pair[1], openings, cells=FEW)
    found, wanted = (path[-1, longer], kept - 1) if at_the_end else (path[0, longer], 90)
    assert abs(found - wanted) <= 1  # by chance the next one may fit as well
    np.testing.assert_array_equal(path, warping_path(pair[0], pair[1], openings))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0, 0.49), st.integers(0, 3))
def test_any_two_lengths_get_a_whole_path(frames: int, others: int, share: float, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"BLOCK": 12, "MAX_THINNING": 3}.items():
            patch.setattr(warping, name, value)
        openings = int(share * frames), int(share * others)
        path = warping_path(walk(frames, seed), walk(others, seed + 10), openings, cells=100)
    assert is_whole(path, (frames, others), openings)


def test_no_piece_is_larger_than_what_is_searched_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    exact = warping._exact

    def watched(one: np.ndarray, other: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        asked.append(len(one) * len(other))
        return exact(one, other, begin, end)

    for name, value in {"BLOCK": 100, "MAX_THINNING": 4}.items():
        monkeypatch.setattr(warping, name, value)
    monkeypatch.setattr(warping, "_exact", watched)
    still = np.repeat(walk(1, 0), 1500, axis=0)  # the first waits, and the second, for most of the time
    one, other = np.concatenate([walk(800, 1), still]), np.concatenate([still, walk(800, 1)])
    assert is_path(warping_path(one, other, cells=300**2))
    assert len(asked) > 20 and max(asked) <= 300**2


@pytest.mark.long
def test_an_hour_with_an_hour_stays_within_two_gigabytes() -> None:
    one = walk(108_000, 0)
    tracemalloc.start()
    path = warping_path(one, one[np.minimum(np.arange(108_000) * 2, 107_999)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert is_path(path) and peak + 8 * warping.EXACT_CELLS < 2e9  # what the C library takes is not traced
