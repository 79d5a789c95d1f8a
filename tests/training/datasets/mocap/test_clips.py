import logging
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from tests.training.datasets.skeleton_files import (
    BODY,
    CMU_UNIT,
    EXPECTED,
    REST,
    Turns,
    amc,
    asf,
    bvh,
    converted,
    write,
)
from training.datasets.mocap.clips import Clip, Settings, read_clip, resampled_times, subject_of, trusted
from training.datasets.mocap.joints import METRES_PER_UNIT


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


# --- files ------------------------------------------------------------------------------------------------------------


def read(folder: Path, frames: list[Turns], kind: str, settings: Settings | None = None) -> Clip:
    if kind == "bvh":
        return read_clip(write(folder / "02_01.bvh", bvh(frames)), None, settings or Settings())
    skeleton = write(folder / "02.asf", asf())
    return read_clip(write(folder / "02_01.amc", amc(frames)), skeleton, settings or Settings())


@pytest.mark.parametrize("kind", ["bvh", "amc"])
def test_a_t_pose_gives_the_thirteen_joints(tmp_path: Path, kind: str) -> None:
    clip = read(tmp_path, [REST], kind)
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    np.testing.assert_allclose(clip.nose[0], (0, 0.7, 0.1), atol=1e-3)
    assert clip.joints[0, JOINTS.index("left_wrist"), 0] > 0 > clip.joints[0, JOINTS.index("right_wrist"), 0]


def test_both_formats_give_the_same_motion(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frames: list[Turns] = [{bone: tuple(random.uniform(-40, 40, 3)) for bone in ("root", *BODY)} for _ in range(3)]
    settings = Settings(fps=120.0, max_speed=1e9)
    one, other = read(tmp_path, frames, "bvh", settings), read(tmp_path, frames, "amc", settings)
    np.testing.assert_allclose(one.joints, other.joints, atol=1e-3)
    np.testing.assert_allclose(one.nose, other.nose, atol=1e-3)
    assert one.fps == other.fps == 120


def test_a_conversion_that_lost_bones_gives_the_motion_of_its_original(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frames: list[Turns] = [{bone: tuple(random.uniform(-40, 40, 3)) for bone in ("root", *BODY)} for _ in range(3)]
    for turns in frames:  # the bone of the wrist does nothing but turn about the forearm, which is along x at rest
        turns |= {"lwrist": (turns["lwrist"][0], 0, 0), "rwrist": (turns["rwrist"][0], 0, 0)}
    settings = Settings(fps=120.0, max_speed=1e9)
    path = write(tmp_path / "02_01.bvh", bvh(frames, body=converted(BODY)))
    one, other = read_clip(path, None, settings), read(tmp_path, frames, "amc", settings)
    np.testing.assert_allclose(one.joints, other.joints, atol=1e-3)
    np.testing.assert_allclose(one.nose, other.nose, atol=1e-3)


@pytest.mark.parametrize("kind", ["bvh", "amc"])
def test_the_nose_follows_the_head(tmp_path: Path, kind: str) -> None:
    clip = read(tmp_path, [{"head": (0, 90, 0)}, {"root": (0, 90, 0)}], kind, Settings(fps=120.0))
    np.testing.assert_allclose(clip.nose, [(0.1, 0.7, 0), (0.1, 0.7, 0)], atol=1e-3)  # to the person's left; all turned
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    np.testing.assert_allclose(clip.joints[1, 1], (-0.01, 0.5, -0.2), atol=1e-3)


def test_unknown_joint_names_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "1_1.bvh", bvh([REST]).replace("LeftLeg", "LeftShank"))
    with pytest.raises(ValueError, match=r"1_1.bvh: unknown joint names; .* misses LeftLeg; found Hips, .*LeftShank"):
        read_clip(path, None, Settings())


@pytest.mark.parametrize("unit", METRES_PER_UNIT)
def test_the_unit_is_guessed_from_the_legs(tmp_path: Path, unit: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = write(tmp_path / "1_1.bvh", bvh([REST], METRES_PER_UNIT[unit]))
    np.testing.assert_allclose(read_clip(path, None, Settings()).joints[0], EXPECTED, atol=1e-3)
    assert f"unit guessed from the length of the legs: {unit}" in caplog.text


def test_an_unlikely_unit_wants_a_word(tmp_path: Path) -> None:
    path = write(tmp_path / "1_1.bvh", bvh([REST], unit=1 / 7))
    with pytest.raises(ValueError, match="1_1.bvh: the legs are 5.6.* units long.*--unit-metres"):
        read_clip(path, None, Settings())
    clip = read_clip(path, None, Settings(unit_metres=1 / 7))
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    skeleton = write(tmp_path / "1.asf", asf().replace("length 0.45", "length 45"))
    motion = write(tmp_path / "1_1.amc", amc([REST]))
    with pytest.raises(ValueError, match="the legs are .* m long.*--unit-metres"):
        read_clip(motion, skeleton, Settings())
    clip = read_clip(motion, skeleton, Settings(unit_metres=CMU_UNIT))
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)


def test_resampling_draws_straight_lines(tmp_path: Path) -> None:
    frames: list[Turns] = [{"lhumerus": (0, 0, angle)} for angle in (0.0, 2.0, 4.0)]
    path = write(tmp_path / "1_1.bvh", bvh(frames, fps=20.0))
    every, resampled = read_clip(path, None, Settings(fps=20.0)), read_clip(path, None, Settings(fps=30.0))
    assert resampled.fps == 30 and len(resampled.joints) == 4
    between = every.joints[0].astype(float) / 3 + every.joints[1].astype(float) * 2 / 3
    np.testing.assert_allclose(resampled.joints[1], between, atol=1e-3)


def test_the_first_frames_can_be_dropped(tmp_path: Path) -> None:
    frames = [REST] + [{"lhumerus": (0.0, 0.0, -90.0)}] * 30
    path = write(tmp_path / "02_01.bvh", bvh(frames))
    ok = read_clip(path, None, Settings()).ok
    assert not ok[:4].any() and ok[4:].all()
    assert read_clip(path, None, Settings(skip_frames=1)).ok.all()
    with pytest.raises(ValueError, match="31 frames, and 31 are skipped"):
        read_clip(path, None, Settings(skip_frames=31))
