"""Counting repetitions: on movements made for it, and on squats that two cameras saw."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poseembed import PoseEncoder, Poses
from poseembed.repetitions import RepetitionCounter, Repetitions, count_repetitions

POSE_DIM = 32


def there_and_back(frames: int, *, extreme: int = 1, reach: float = 1.2) -> np.ndarray:
    """(frames, 32) unit vectors that leave the rest pose for another, `reach` radians away, and come back."""
    angle = reach / 2 * (1 - np.cos(2 * np.pi * np.arange(frames) / frames))
    vectors = np.zeros((frames, POSE_DIM))
    vectors[:, 0], vectors[:, extreme] = np.cos(angle), np.sin(angle)
    return vectors


def rest(frames: int) -> np.ndarray:
    return np.tile(there_and_back(1), (frames, 1))


def bouncing(frames: int) -> np.ndarray:
    """There and back, with a small bounce at the far end."""
    far = there_and_back(frames // 3, reach=0.3)
    turned = np.zeros_like(far)
    turned[:, 0], turned[:, 1] = (
        np.cos(1.2) * far[:, 0] + np.sin(1.2) * far[:, 1],
        np.sin(1.2) * far[:, 0] - np.cos(1.2) * far[:, 1],
    )
    whole = there_and_back(frames)
    return np.concatenate([whole[: frames // 2], turned, whole[frames // 2 :]])


def exercise(*lengths: int, pause: int = 0, noise: float = 0.0) -> np.ndarray:
    """Repetitions that take so many frames each, one after the other."""
    parts = [part for length in lengths for part in (there_and_back(length), rest(pause))]
    vectors = np.concatenate([rest(5), *parts, rest(5)])
    return vectors + noise * np.random.default_rng(0).normal(size=vectors.shape)


@pytest.mark.parametrize(
    ("vectors", "count"),
    [
        (exercise(30), 1),
        (exercise(30, 30), 2),
        (exercise(*[40] * 10), 10),
        (exercise(20, 60, 35, 90, 25), 5),
        (exercise(30, 45, 30, pause=70), 3),
        (exercise(*[30] * 4, noise=0.05), 4),
        (exercise(*[40] * 4, noise=0.2), 4),
        (exercise(*[600] * 3), 3),
        (np.concatenate([bouncing(45)] * 3), 3),
        (rest(90), 0),
        (exercise(noise=0.05, pause=80), 0),
        (rest(90) + 0.03 * np.random.default_rng(0).normal(size=(90, POSE_DIM)), 0),
        (np.concatenate([there_and_back(30, reach=0.2)] * 3), 0),
        (there_and_back(60)[:30], 0),
        (rest(1), 0),
        (rest(0), 0),
        (np.full((40, POSE_DIM), np.nan), 0),
    ],
    ids=[
        "once",
        "twice",
        "ten times",
        "at changing tempo",
        "with pauses",
        "noisy",
        "very noisy",
        "very slowly",
        "with small bounces",
        "standing still",
        "nothing but noise at the ends",
        "trembling",
        "too little movement",
        "never back",
        "one frame",
        "no frame",
        "nobody",
    ],
)
def test_repetitions_are_counted(vectors: np.ndarray, count: int) -> None:
    found = count_repetitions(vectors)
    assert found.count == count
    assert found.boundaries.shape == (count, 2)
    assert found.similarity.shape == (count,)
    assert found.signal.shape == (len(vectors),)


def test_small_movements_count_when_asked_for() -> None:
    assert count_repetitions(np.concatenate([there_and_back(30, reach=0.3)] * 3), min_swing=0.1).count == 3


@pytest.mark.parametrize("shift", [0, 8, 15, 22])
def test_it_does_not_matter_much_where_the_recording_begins(shift: int) -> None:
    found = count_repetitions(exercise(*[30] * 6)[5 + shift : 5 + shift + 150])
    assert found.count in ((5,) if shift in (0, 15) else (4, 5))


def test_movements_unlike_each_other_are_not_repetitions() -> None:
    movements = [there_and_back(40, reach=1.4) for _ in range(4)]
    for other, movement in enumerate(movements, start=2):
        movement[:, other] = 0.8 * movement[:, 1]
        movement[:, 1] *= 0.6  # what they have in common
    different = np.concatenate(movements)
    assert count_repetitions(different, min_similarity=-1).count == 4
    assert count_repetitions(different).count == 1


def test_the_typical_repetition_has_similarity_1_and_an_odd_one_less() -> None:
    odd = there_and_back(40)
    odd[:, 2] = 0.7 * odd[:, 1]
    similarity = count_repetitions(np.concatenate([exercise(40, 40), odd, exercise(40)])).similarity
    assert len(similarity) == 4
    assert similarity.max() == pytest.approx(1)
    assert similarity.argmin() == 2
    assert similarity[2] < 0.99 < np.delete(similarity, 2).min()


def test_boundaries_leave_pauses_out() -> None:
    found = count_repetitions(exercise(40, 40, pause=60))
    true = np.array([(5, 45), (105, 145)])
    assert np.abs(found.boundaries - true).max() <= 8  # the slow start of a movement looks like rest
    assert (found.boundaries[:, 0] < found.boundaries[:, 1]).all()
    assert found.boundaries.dtype == np.int64


def test_the_period_is_in_frames_or_seconds() -> None:
    vectors = exercise(*[40] * 5)
    assert count_repetitions(vectors).period == pytest.approx(40, abs=1)
    assert count_repetitions(vectors, 7 + np.arange(len(vectors)) / 20).period == pytest.approx(2, abs=0.05)
    assert np.isnan(count_repetitions(exercise(40)).period)


def test_the_period_is_between_movements_that_count() -> None:
    other = there_and_back(40)
    other[:, 2] = 0.9 * other[:, 1]
    other[:, 1] *= 0.45
    found = count_repetitions(np.concatenate([exercise(40)[5:-5], other, exercise(40)[5:-5]]), min_similarity=0.95)
    assert found.count == 2
    assert found.period == pytest.approx(80, abs=2)


@pytest.mark.parametrize("rate", [10, 30, 120])
def test_the_frame_rate_does_not_matter(rate: int) -> None:
    vectors = exercise(*[2 * rate] * 4)
    found = count_repetitions(vectors, np.arange(len(vectors)) / rate)
    assert found.count == 4
    assert found.period == pytest.approx(2, abs=0.1)


def filmed(at: np.ndarray, *, period: float, tremble: float = 0.0) -> np.ndarray:
    """Pose vectors at these seconds of somebody who rests for a second, then moves every `period` seconds."""
    phase = np.clip(at - 1, 0, 4 * period) / period
    angle = 0.6 * (1 - np.cos(2 * np.pi * phase))
    vectors = np.zeros((len(at), POSE_DIM))
    vectors[:, 0], vectors[:, 1] = np.cos(angle), np.sin(angle)
    return vectors + tremble * np.random.default_rng(0).normal(size=vectors.shape)


@pytest.mark.parametrize(
    ("rate", "period", "tremble"),
    [(8, 0.6, 0.0), (30, 0.6, 0.0), (240, 0.6, 0.0), (30, 2.0, 0.3), (240, 2.0, 0.3), (240, 4.0, 0.3)],
)
def test_what_is_smoothed_away_is_measured_in_seconds(rate: int, period: float, tremble: float) -> None:
    at = np.arange(0, 4 * period + 2, 1 / rate)  # the quick ones have 5 frames at 8 a second; noise is in every frame
    found = count_repetitions(filmed(at, period=period, tremble=tremble), at)
    assert found.count == 4
    assert found.period == pytest.approx(period, abs=0.1)


def test_a_repetition_can_be_quicker_than_what_changes_are_looked_at_over() -> None:
    vectors = np.concatenate([rest(5), there_and_back(110), rest(5)])
    assert count_repetitions(vectors, np.arange(120) / 240).count == 1


def test_thirty_frames_a_second_are_taken_for_granted() -> None:
    vectors = exercise(*[40] * 4, noise=0.1)
    untimed, timed = count_repetitions(vectors), count_repetitions(vectors, np.arange(len(vectors)) / 30)
    np.testing.assert_allclose(untimed.signal, timed.signal, atol=1e-9)
    np.testing.assert_array_equal(untimed.boundaries, timed.boundaries)
    assert untimed.period == pytest.approx(30 * timed.period)


def test_a_frame_every_other_second_is_enough_for_a_slow_movement() -> None:
    at = np.arange(0, 100, 2.0)
    found = count_repetitions(filmed(at, period=20), at)
    assert found.count == 4
    assert found.period == pytest.approx(20, abs=2)


@pytest.mark.parametrize("sign", [1, -1])  # of the vectors: the direction of most change has none
@pytest.mark.parametrize("held", [0, 100])
def test_rest_is_where_the_recording_starts_and_ends_however_long_the_other_pose_is_held(held: int, sign: int) -> None:
    whole = there_and_back(40)
    one = np.concatenate([whole[:20], np.tile(whole[20:21], (held, 1)), whole[20:]])
    found = count_repetitions(sign * np.concatenate([rest(5), one, one, one, rest(5)]))
    assert found.count == 3
    assert found.signal[0] < found.signal[25] and found.signal[-1] < found.signal[25]


@pytest.mark.parametrize("reach", [0.7, 1.2])
def test_a_repetition_spans_what_is_a_tenth_up_from_rest(reach: float) -> None:
    found = count_repetitions(np.concatenate([rest(30), *[there_and_back(40, reach=reach), rest(60)] * 3]))
    rise = (found.signal - found.signal.min()) / np.ptp(found.signal)
    assert found.count == 3
    for start, end in found.boundaries:
        assert rise[start - 1] <= 0.1 and (rise[start : end + 1] > 0.1).all() and rise[end + 1] <= 0.1
    # where no rest is between, too, it takes as long up as down
    start, end = count_repetitions(np.concatenate([there_and_back(40)] * 3)).boundaries.T
    assert (np.abs(start + end - 2 * np.array([20, 60, 100])) <= 1).all()


def test_what_the_typical_repetition_is_does_not_depend_on_the_first() -> None:
    odd = there_and_back(40)
    odd[:, 2] = 0.7 * odd[:, 1]
    similarity = count_repetitions(np.concatenate([odd, exercise(40, 40, 40)])).similarity
    assert len(similarity) == 4
    assert similarity[0] < 0.99 < similarity[1:].min()
    assert similarity[1:].max() == pytest.approx(1)


def test_no_similarity_is_beyond_one() -> None:
    similarity = np.concatenate([count_repetitions(exercise(*[35] * 12, noise=n / 500)).similarity for n in range(20)])
    assert len(similarity) == 240 and similarity.max() <= 1


def test_where_nothing_is_repeated_the_signal_is_there_all_the_same() -> None:
    short, one_way = (there_and_back(60, reach=0.2), there_and_back(60)[:30])
    for vectors, least, most in ((short, 0.1, 0.3), (one_way, 1.0, 1.2)):
        found = count_repetitions(vectors)
        assert least < np.ptp(found.signal) < most
        assert np.isnan(found.period) and found.boundaries.dtype == np.int64 and len(found.similarity) == 0
    assert count_repetitions(np.full((9, POSE_DIM), np.nan)).signal.tolist() == [0] * 9


def test_a_zero_vector_shows_nobody() -> None:
    vectors = exercise(*[40] * 4)
    nobody = [0, 1, 30, 31, 90]
    blank, missing = vectors.copy(), vectors.copy()
    blank[nobody], missing[nobody] = 0, np.nan
    np.testing.assert_array_equal(count_repetitions(blank).signal, count_repetitions(missing).signal)


@pytest.mark.parametrize("dropped", [0.2, 0.5])
def test_a_movement_filmed_at_uneven_times_has_its_count_and_period(dropped: float) -> None:
    at = np.arange(0, 10, 1 / 30)
    at = 50 + at[np.random.default_rng(1).random(len(at)) > dropped]
    found = count_repetitions(filmed(at - 50, period=2), at)
    assert found.count == 4
    assert found.period == pytest.approx(2, abs=0.1)
    # each span holds the moment at which the movement is furthest, and starts and ends nearer to rest
    start, end = at[found.boundaries].T - 50
    furthest = 1 + 2 * (np.arange(4) + 0.5)
    assert (np.abs((start + end) / 2 - furthest) < 0.2).all()
    assert (end - start < 2).all() and (end - start > 1).all()


def test_times_of_poses_count(encoder: PoseEncoder) -> None:
    at = np.arange(0, 5.2, 0.1)
    poses = Poses.from_arrays(np.zeros((len(at), 13, 2)), time=at)
    object.__setattr__(poses, "z_pose", filmed(at, period=0.8))
    found = count_repetitions(poses)
    assert found.count == 4
    assert found.period == pytest.approx(0.8, abs=0.05)


def test_frames_without_anybody_are_filled_in() -> None:
    vectors = exercise(*[40] * 4)
    gaps = vectors.copy()
    gaps[[0, 1, 30, 60, 61, 62, 63, -1]] = np.nan
    gaps[90, 3] = np.nan
    whole, found = count_repetitions(vectors), count_repetitions(gaps)
    assert found.count == 4
    assert np.abs(found.boundaries - whole.boundaries).max() <= 2
    assert np.isfinite(found.signal).all()


def test_the_length_of_vectors_does_not_matter_and_they_are_left_alone() -> None:
    vectors = exercise(*[40] * 4).astype(np.float32)
    lengths = np.random.default_rng(0).uniform(0.5, 20, (len(vectors), 1)).astype(np.float32)
    scaled = lengths * vectors
    before = scaled.copy()
    np.testing.assert_allclose(count_repetitions(scaled).signal, count_repetitions(vectors).signal, atol=1e-5)
    np.testing.assert_array_equal(scaled, before)


def test_tensors_and_poses_count_as_arrays_do() -> None:
    vectors = exercise(*[40] * 4)
    expected = count_repetitions(vectors, np.arange(len(vectors)) / 25)
    seen = np.r_[0:50, 53 : len(vectors)]  # three frames without a row
    poses = Poses.from_arrays(np.zeros((len(seen), 13, 2)), frame=seen, time=seen / 25)
    object.__setattr__(poses, "z_pose", vectors[seen])
    tensor = torch.from_numpy(vectors).requires_grad_()
    for found in (count_repetitions(tensor, np.arange(len(vectors)) / 25), count_repetitions(poses)):
        assert found.count == 4
        assert found.period == pytest.approx(expected.period)
        np.testing.assert_allclose(found.boundaries, expected.boundaries, atol=1)


def test_poses_without_times_count_in_frames(encoder: PoseEncoder, poses: np.ndarray) -> None:
    found = count_repetitions(Poses.from_arrays(np.concatenate([poses[:1]] * 50)).embed(encoder))
    assert found.count == 0
    assert len(found.signal) == 50


@pytest.mark.parametrize(
    ("poses", "time", "error", "message"),
    [
        ([[1.0, 2.0]], None, TypeError, "must be a numpy array or a torch tensor"),
        (np.zeros((2, 3, 32)), None, ValueError, "poses has shape (2, 3, 32); wanted (frames, pose_dim)"),
        (np.full((9, 32), np.inf), None, ValueError, "infinite"),
        (rest(9), np.arange(8), ValueError, "got times of shape (8,); wanted (9,)"),
        (rest(9), np.zeros(9), ValueError, "times must rise"),
        (rest(9), np.full(9, np.nan), ValueError, "times must rise"),
        (Poses.from_arrays(np.zeros((9, 13, 2))), None, ValueError, "pass poses.embed(encoder)"),
    ],
)
@pytest.mark.unchecked_types
def test_impossible_input_is_refused(
    poses: np.ndarray, time: np.ndarray | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        count_repetitions(poses, time)
    assert message in str(raised.value)


def test_poses_bring_their_own_times(encoder: PoseEncoder, poses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="bring their own times"):
        count_repetitions(Poses.from_arrays(poses).embed(encoder), np.arange(len(poses)))


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    with pytest.raises(ImportError, match='pip install .*"scipy>='):
        count_repetitions(exercise(40))


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of mocap_*.npz")
@pytest.mark.parametrize("degrees", [0, 50, 110])
def test_squats_are_counted_from_any_side(degrees: float) -> None:
    with np.load(Path(os.environ["POSEEMBED_DATA"]) / "mocap_hdm05.npz") as file:
        clips = np.flatnonzero((file["action"] == "squat") & (file["subject"] == "bk"))[:4]
        joints = np.concatenate([file["joints"][file["offsets"][c] : file["offsets"][c + 1]] for c in clips])
    x, y, z = np.moveaxis(joints.astype(np.float64), -1, 0)
    angle = np.radians(degrees)
    keypoints = 100 * np.stack([x * np.cos(angle) + z * np.sin(angle), -y], axis=-1)
    found = count_repetitions(PoseEncoder.from_pretrained().embed(keypoints).z_pose)
    assert found.count == 4


def assert_same(found: Repetitions, wanted: Repetitions) -> None:
    np.testing.assert_array_equal(found.boundaries, wanted.boundaries)
    np.testing.assert_allclose(found.similarity, wanted.similarity, atol=1e-9)
    np.testing.assert_allclose(found.signal, wanted.signal, atol=1e-9)
    assert found.period == pytest.approx(wanted.period, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 99), st.sampled_from([0.2, 8.0, 30.0, 50.0])
)
def test_a_counter_says_of_what_came_so_far_what_is_said_of_the_whole(
    lengths: list[int], seed: int, rate: float
) -> None:
    vectors = exercise(30, 25, 40, 20, pause=4, noise=0.05)
    rng = np.random.default_rng(seed)
    for start in rng.integers(0, len(vectors), 3):  # nobody is seen for a while, perhaps at the start or the end
        vectors[start : start + rng.integers(1, 20)] = np.nan
    counter, fed = RepetitionCounter(rate), 0
    for length in lengths:
        part = vectors[fed : fed + length]
        counter.update(part[0] if len(part) == 1 else part)
        fed += len(part)
        assert_same(counter.repetitions(), count_repetitions(vectors[:fed], np.arange(fed) / rate))


def test_a_counter_that_is_fed_frame_by_frame_counts_as_the_frames_come() -> None:
    vectors, counter = exercise(*[30] * 6, noise=0.05), RepetitionCounter()
    assert counter.repetitions().count == 0
    counts, first = [], None
    for row in vectors:
        counter.update(torch.from_numpy(row))
        counts.append(counter.repetitions().count)
        if len(counts) == 100:
            first = counter.repetitions(), count_repetitions(vectors[:100], np.arange(100) / 30)
    assert counts[45] == 1 and counts[105] == 3 and counts[-1] == 6
    assert first is not None
    assert_same(*first)  # what was said stays as it was when more comes


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_a_counter_needs_a_frame_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="wanted frames a second, more than 0"):
        RepetitionCounter(rate)


def test_a_counter_refuses_what_is_no_pose_vector() -> None:
    counter = RepetitionCounter()
    counter.update(np.ones((3, 4)))
    with pytest.raises(ValueError, match="vectors of length 5, those before were 4 long"):
        counter.update(np.ones(5))
    with pytest.raises(ValueError, match=r"wanted \(frames, pose_dim\)"):
        counter.update(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="infinite"):
        counter.update(np.full(4, np.inf))
    with pytest.raises(TypeError, match="whole numbers"):
        counter.update(np.ones(4, dtype=int))
    assert counter.repetitions().signal.shape == (3,)
