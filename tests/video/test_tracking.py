"""`Tracker`: who is who from frame to frame."""

import sys

import numpy as np
import pytest

from poseembed.poses import Poses
from poseembed.video.tracking import MEMORY, Tracker, pose_distance, without_duplicates

pytest.importorskip("scipy")

STEP = 1 / 30  # seconds between frames
SURE = np.ones(13, np.float32)


@pytest.fixture
def body(poses: np.ndarray) -> np.ndarray:
    """A person around the origin, one pixel large from corner to corner."""
    centred = poses[0] - poses[0].mean(0)
    return (centred / np.linalg.norm(np.ptp(centred, axis=0))).astype(np.float32)


def at(body: np.ndarray, *places: float, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """People side by side, at these x in body sizes, and their confidence."""
    keypoints = np.stack([body + np.array([x, 0]) for x in places]) if places else np.empty((0, 13, 2), np.float32)
    return size * keypoints, np.ones((len(places), 13), np.float32)


def test_people_keep_their_numbers_whatever_their_order(body: np.ndarray) -> None:
    tracker, rng = Tracker(), np.random.default_rng(0)
    for frame in range(60):
        places = np.array([0, 1.0, 2.5, 7]) + 0.03 * frame  # all walk to the right
        order = rng.permutation(4) if frame else np.arange(4)
        ids = tracker.update(*at(body, *places[order], size=300), frame * STEP)
        np.testing.assert_array_equal(ids, order)


def test_the_size_of_the_picture_does_not_matter(body: np.ndarray) -> None:
    for size in (0.5, 50, 5000):
        tracker = Tracker()
        first = tracker.update(*at(body, 0, 0.45, size=size), 0.0)
        assert tracker.update(*at(body, 0.2, 0.65, size=size), STEP).tolist() == first.tolist()
        assert tracker.update(*at(body, 0.6, size=size), 2 * STEP).tolist() == [1]


def test_the_sum_of_distances_counts_not_who_comes_first(body: np.ndarray) -> None:
    tracker = Tracker()
    tracker.update(*at(body, 0, 0.4), 0.0)
    assert tracker.update(*at(body, 0.21, 0.5), STEP).tolist() == [0, 1]  # the first is a bit nearer to person 1


def test_somebody_far_from_all_is_somebody_new(body: np.ndarray) -> None:
    tracker = Tracker()
    assert tracker.update(*at(body, 0), 0.0).tolist() == [0]
    assert tracker.update(*at(body, 0.4), STEP).tolist() == [1]
    assert tracker.update(*at(body, 3, 0), 2 * STEP).tolist() == [2, 0]


@pytest.mark.parametrize(("seconds", "wanted"), [(0.5, 0), (0.95 * MEMORY, 0), (1.05 * MEMORY, 1)])
def test_somebody_lost_for_a_moment_comes_back(body: np.ndarray, seconds: float, wanted: int) -> None:
    tracker = Tracker()
    tracker.update(*at(body, 0), 0.0)
    for time in np.arange(STEP, seconds, STEP):
        assert tracker.update(*at(body), time).tolist() == []
    assert tracker.update(*at(body, 0.1), seconds).tolist() == [wanted]


def test_somebody_lost_for_longer_may_have_walked_further(body: np.ndarray) -> None:
    for seconds, wanted in ((STEP, 1), (0.8, 0)):
        tracker = Tracker()
        tracker.update(*at(body, 0), 0.0)
        assert tracker.update(*at(body, 0.6), seconds).tolist() == [wanted]


def test_joints_that_are_not_seen_do_not_count(body: np.ndarray) -> None:
    tracker = Tracker()
    keypoints, confidence = at(body, 0, 2)
    tracker.update(keypoints, confidence, 0.0)
    moved = keypoints.copy()
    moved[0, 5] += 4  # a wrist, guessed wildly
    confidence[0, 5] = 0.0
    moved[1, 9:] = np.nan
    assert tracker.update(moved[::-1], confidence[::-1], STEP).tolist() == [1, 0]
    nothing = np.full_like(keypoints[:1], np.nan)
    assert tracker.update(nothing, confidence[:1], 2 * STEP).tolist() == [2]


def test_distance_is_in_body_sizes(body: np.ndarray) -> None:
    here, sure = at(body, 0, size=80)
    there, _ = at(body, 0, 0.25, -2, size=80)
    np.testing.assert_allclose(pose_distance(here, sure, there, np.ones((3, 13))), [[0, 0.25, 2]], atol=1e-5)


def test_one_body_found_twice_counts_once(body: np.ndarray) -> None:
    keypoints, confidence = at(body, 0, 5, 0.05, 5.5)
    confidence *= np.array([0.6, 0.8, 0.9, 0.5])[:, None]
    assert without_duplicates(keypoints, confidence).tolist() == [1, 2, 3]  # of the first and third the surer
    assert without_duplicates(keypoints[:0], confidence[:0]).tolist() == []


def test_a_tracker_that_remembers_goes_on_as_the_first(body: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    frames = [at(body, *np.flatnonzero(rng.random(5) < 0.7) * 1.2 + 0.02 * n) for n in range(80)]
    whole = Tracker()
    wanted = [whole.update(*people, n * STEP) for n, people in enumerate(frames)]
    rows = [
        Poses.from_arrays(*frames[n], person=wanted[n], time=[n * STEP] * len(wanted[n]), frame=[n] * len(wanted[n]))
        for n in range(40)
    ]
    resumed = Tracker()
    for poses in rows:
        resumed.remember(poses)
    for n in range(40, 80):
        np.testing.assert_array_equal(resumed.update(*frames[n], n * STEP), wanted[n])


def test_nobody_is_not_remembered(body: np.ndarray) -> None:
    tracker = Tracker()
    tracker.remember(Poses.from_arrays(np.full((3, 13, 2), np.nan), time=[0, STEP, 2 * STEP]))
    assert tracker.update(*at(body, 0), 3 * STEP).tolist() == [0]


def test_without_scipy_the_extra_is_named(body: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    tracker = Tracker()
    tracker.update(*at(body, 0), 0.0)
    with pytest.raises(ImportError, match='pip install "mediapipe>='):
        tracker.update(*at(body, 0), STEP)
