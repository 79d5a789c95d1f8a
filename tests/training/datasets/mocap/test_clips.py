import numpy as np
import pytest

from training.datasets.mocap.clips import resampled_times, subject_of, trusted


@pytest.mark.parametrize(
    ("fps", "wanted", "frames", "times", "result"),
    [
        (120.0, 30.0, 9, [0, 4, 8], 30.0),
        (119.88, 30.0, 8, [0, 4], 29.97),
        (30.0, 30.0, 3, [0, 1, 2], 30.0),
        (50.0, 30.0, 6, [0, 5 / 3, 10 / 3, 5], 30.0),
        (25.0, 30.0, 3, [0, 5 / 6, 5 / 3], 30.0),
        (120.0, 30.0, 1, [0], 30.0),
    ],
)
def test_resampled_moments(fps: float, wanted: float, frames: int, times: list[float], result: float) -> None:
    moments, made = resampled_times(frames, fps, wanted)
    np.testing.assert_allclose(moments, times)
    assert made == pytest.approx(result)


def test_frames_near_a_jump_are_not_trusted() -> None:
    joints = np.zeros((40, 13, 3))
    joints[20:, 5, 0] = 0.2  # 12 m/s at 60 frames a second
    ok = trusted(joints, 60.0)
    assert np.flatnonzero(~ok).tolist() == list(range(13, 27))  # both frames, and 0.1 s to either side
    assert trusted(joints, 60.0, max_speed=13.0).all()
    assert trusted(joints, 30.0).all()
    assert trusted(joints[:1], 60.0).tolist() == [True]
    joints[:1] += 9  # the first frame, as where a T-pose comes before the motion
    assert np.flatnonzero(~trusted(joints, 60.0)).tolist() == [*range(8), *range(13, 27)]


@pytest.mark.parametrize(
    ("clip", "subject"),
    [("02_01", "2"), ("131_09", "131"), ("HDM_bd_walk_001_120", "bd"), ("zombie", "zombie"), ("00_1", "0")],
)
def test_subjects_are_in_the_names(clip: str, subject: str) -> None:
    assert subject_of(clip) == subject


def test_other_patterns_of_subjects() -> None:
    assert subject_of("walk_s07_a", r".*_s(\d+)") == "7"
    with pytest.raises(ValueError, match="no subject in 'walk'"):
        subject_of("walk", r".*_s(\d+)")
