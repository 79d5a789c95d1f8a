"""The likeness of two aligned performances, on vectors whose likeness is known."""

import numpy as np
import pytest

from poseembed.likeness import frame_mean, likeness

FRAMES = 60
TOGETHER = np.repeat(np.arange(FRAMES)[:, None], 2, axis=1)


def movement(
    change: int, *, posture: float = 1.0, extent: float = 2.0, person: int | None = None, frames: int = FRAMES
) -> np.ndarray:
    """(frames, 8) unit vectors: a posture, which a person adds something to, and a change there and back."""
    vectors = np.zeros((frames, 8))
    vectors[:, 0] = posture
    vectors[:, change] = extent * np.sin(np.linspace(0, np.pi, frames))
    if person is not None:
        vectors[:, person] += 0.7
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_same_movement_by_another_person_is_more_alike_than_another_movement() -> None:
    mine, coach, other = movement(1), movement(1, person=6), movement(2, person=6)
    assert likeness(mine, mine, TOGETHER) == pytest.approx(1)
    apart = [
        likeness(mine, coach, TOGETHER, mean_taken_off=share) - likeness(mine, other, TOGETHER, mean_taken_off=share)
        for share in (0.0, 0.5)
    ]
    assert apart[1] > apart[0] > 0.2  # the mean, of which half is taken off, makes all people who stand alike


def test_somebody_who_stands_still_does_no_movement() -> None:
    mine, still = movement(1), movement(1, extent=0.0)
    assert likeness(mine, still, TOGETHER) < 0.35
    assert likeness(still, mine, TOGETHER) == pytest.approx(likeness(mine, still, TOGETHER))
    noise = np.random.default_rng(0).normal(scale=0.1, size=(FRAMES, 8))
    trembling = still + noise
    trembling /= np.linalg.norm(trembling, axis=1, keepdims=True)
    assert np.std(trembling, axis=0).max() > 0.08
    assert likeness(mine, trembling, TOGETHER) < 0.4
    # two who hold the same pose do the same, and a single frame is a pose that is held
    assert likeness(still, still, TOGETHER) == pytest.approx(1)
    assert likeness(still[:1], still[:1], TOGETHER[:1]) == pytest.approx(1)
    assert likeness(mine, mine[:1].repeat(FRAMES, axis=0), TOGETHER * [1, 0]) < 0.35


def test_a_smaller_movement_is_at_most_as_alike_as_it_is_large() -> None:
    mine = movement(1)
    found = [likeness(mine, movement(1, extent=extent), TOGETHER) for extent in (2.0, 1.0, 0.4)]
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.5 < found[1]


def test_pauses_and_pace_count_no_more_than_their_frames() -> None:
    mine = movement(1)
    paused = np.concatenate([TOGETHER[:30], np.array([[29, 29]]).repeat(500, axis=0), TOGETHER[30:]])
    at, other = paused.T
    assert likeness(mine[at], mine[other], paused) == pytest.approx(1)
    slow = movement(1, frames=2 * FRAMES)
    rows = np.stack([np.arange(2 * FRAMES) // 2, np.arange(2 * FRAMES)], axis=1)
    assert likeness(mine[rows[:, 0]], slow, rows) > 0.99


def test_it_is_never_above_1_nor_undefined() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0, 0.5, 0.9):
        one, other = rng.normal(size=(2, FRAMES, 8))
        one, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (one, other))
        assert -1 <= likeness(one, other, TOGETHER, mean_taken_off=share) < 0.3
    forth = np.zeros((2, 8))
    forth[:, 0] = 1, -1  # a mean of length 0
    assert likeness(forth, -forth, TOGETHER[:2]) == pytest.approx(-1)


def test_frame_mean_averages_the_steps_of_a_frame_first() -> None:
    assert frame_mean(np.array([1.0, 0.0, 0.0, 0.0]), np.array([4, 7, 7, 7])) == pytest.approx(0.5)
