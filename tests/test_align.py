"""Aligning two performances: which frames, how fast, how alike, which joints."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from poseembed import JOINTS, PoseEncoder, Poses
from poseembed.align import SAME_MOVEMENT, SAME_PERFORMANCE, Alignment, align
from poseembed.likeness import likeness

from .conftest import STANDING

FRAMES = 40
LEFT_WRIST = JOINTS.index("left_wrist")


@pytest.fixture(scope="module")
def base() -> PoseEncoder:
    return PoseEncoder.from_pretrained("poseembed-base")


def squat(azimuth: float, *, frames: int = FRAMES) -> np.ndarray:
    """(frames, 13, 2) pixels of somebody who bends the knees once and raises the left arm to the side meanwhile."""
    phase = np.sin(np.linspace(0, np.pi, frames))[:, None]
    body = np.repeat(STANDING[None], frames, axis=0)
    body[:, :9, 1] += 0.3 * phase  # all but the legs goes down
    body[:, 9:11, 1] += 0.12 * phase
    body[:, 9:11, 2] -= 0.3 * phase
    body[:, 5, :2] += phase * np.array([0.35, -0.55])
    body[:, 3, :2] += phase * np.array([0.2, -0.25])
    x = body[..., 0] * np.cos(azimuth) + body[..., 2] * np.sin(azimuth)
    return 300 + 150 * np.stack([x, body[..., 1]], axis=-1)


def video(points: np.ndarray, fps: float | None = 30.0) -> Poses:
    return Poses.from_arrays(points, time=None if fps is None else np.arange(len(points)) / fps)


def test_the_same_performance_from_two_cameras(base: PoseEncoder) -> None:
    alignment = align(video(squat(0.0)), video(squat(0.5)), base)
    first, second = alignment.rows.T
    assert np.abs(first - second).mean() < 2
    assert (np.diff(alignment.rows, axis=0) >= 0).all()
    assert alignment.rows[0].tolist() == [0, 0] and alignment.rows[-1].tolist() == [FRAMES - 1, FRAMES - 1]
    assert alignment.score > 0.75


def test_a_slower_second_has_a_speed_above_one(base: PoseEncoder) -> None:
    alignment = align(video(squat(0.0)), video(squat(0.0, frames=2 * FRAMES)), base)
    assert np.median(alignment.speed) == pytest.approx(2, rel=0.15)
    # the same frames played twice as fast take the same time
    alignment = align(video(squat(0.0)), video(squat(0.0, frames=2 * FRAMES), fps=60.0), base)
    assert np.median(alignment.speed) == pytest.approx(1, rel=0.15)
    # where one has no times, frames are counted
    alignment = align(video(squat(0.0)), video(squat(0.0, frames=2 * FRAMES), fps=None), base)
    assert np.median(alignment.speed) == pytest.approx(2, rel=0.15)


def test_the_score_counts_frames_and_not_steps(base: PoseEncoder) -> None:
    alignment = align(video(squat(0.0)), video(squat(0.5)), base)
    sides = zip((alignment.first, alignment.second), alignment.rows.T, strict=True)
    probability = base.match_probability_pairwise(*(poses.z_pose[rows] for poses, rows in sides))
    shares = [np.mean([probability[side == frame].mean() for frame in range(FRAMES)]) for side in alignment.rows.T]
    assert alignment.score == pytest.approx(min(shares), abs=1e-6)
    # somebody who only stands there matches the standing frames as often as they like
    still = np.repeat(squat(0.5)[:1], 5 * FRAMES, axis=0)
    assert align(video(squat(0.0)), video(still), base).score < 0.75
    assert align(video(still), video(squat(0.0)), base).score < 0.75


def test_another_performance_scores_less(base: PoseEncoder) -> None:
    jumble = np.random.default_rng(0).normal(300, 100, (FRAMES, 13, 2))
    assert align(video(squat(0.0)), video(jumble), base).score < 0.2


def test_the_likeness_is_that_of_the_vectors_along_the_path(base: PoseEncoder) -> None:
    alignment = align(video(squat(0.0)), video(squat(0.5, frames=2 * FRAMES)), base)
    directions = []
    for poses, rows in zip((alignment.first, alignment.second), alignment.rows.T, strict=True):
        assert poses.z_pose is not None
        z_pose = poses.z_pose[rows].astype(np.float64)
        directions.append(z_pose / np.linalg.norm(z_pose, axis=1, keepdims=True))
    assert alignment.likeness == pytest.approx(likeness(*directions, alignment.rows), abs=1e-6)
    back = align(video(squat(0.5, frames=2 * FRAMES)), video(squat(0.0)), base)
    assert back.likeness == pytest.approx(alignment.likeness, abs=0.02)


@pytest.mark.parametrize("weights", ["poseembed-base", "poseembed-small"])
def test_the_verdict_tells_a_movement_from_standing_still(weights: str) -> None:
    encoder = PoseEncoder.from_pretrained(weights)
    mine, still = video(squat(0.0)), video(np.repeat(squat(0.5)[:1], FRAMES, axis=0))
    assert align(mine, video(squat(0.5)), encoder).verdict == "the same performance"
    assert align(mine, still, encoder).verdict == align(still, mine, encoder).verdict == "another movement"


def test_the_verdict_goes_by_both_numbers(base: PoseEncoder) -> None:
    made = align(video(squat(0.0)), video(squat(0.5)), base)

    def verdict(score: float, likeness: float) -> str:
        alignment: Alignment = replace(made, score=score, likeness=likeness)
        return alignment.verdict

    below = np.nextafter(SAME_PERFORMANCE, 0), np.nextafter(SAME_MOVEMENT, 0)
    assert verdict(SAME_PERFORMANCE, 0.0) == "the same performance"
    assert verdict(below[0], SAME_MOVEMENT) == "the same movement, by another person or once more"
    assert verdict(below[0], below[1]) == "another movement"


def test_frames_without_anybody_are_left_out(base: PoseEncoder) -> None:
    points = squat(0.0)
    points[10:13] = np.nan
    alignment = align(video(points), video(squat(0.5)), base)
    assert not set(alignment.rows[:, 0]) & {10, 11, 12}
    assert {9, 13} <= set(alignment.rows[:, 0])
    assert np.isfinite(alignment.score)


def test_open_ends_let_a_longer_take_hang_over(base: PoseEncoder) -> None:
    one = squat(0.0)
    rng = np.random.default_rng(0)
    lead_in = rng.normal(300, 100, (8, 13, 2))
    longer = np.concatenate([lead_in, one])
    assert align(video(longer), video(one), base).rows[0].tolist() == [0, 0]
    alignment = align(video(longer), video(one), base, open_ends=0.2)
    assert alignment.rows[0].tolist() == [8, 0]
    assert alignment.score > 0.99


@pytest.mark.parametrize("longer", [0, 1], ids=["of the first", "of the second"])
@pytest.mark.parametrize("end", [0, -1], ids=["start", "end"])
def test_each_end_of_each_performance_can_stay_open(base: PoseEncoder, longer: int, end: int) -> None:
    one = squat(0.0)
    astray = np.random.default_rng(0).normal(300, 100, (8, 13, 2))
    pair = [video(one), video(one)]
    pair[longer] = video(np.concatenate([one, astray] if end else [astray, one]))
    last = [len(poses) - 1 for poses in pair]
    closed, opened = (align(*pair, base, open_ends=share) for share in (0.0, 0.2))
    assert closed.rows[0].tolist() == [0, 0] and closed.rows[-1].tolist() == last
    start, stop = [0, 0], [FRAMES - 1, FRAMES - 1]
    if end == 0:
        start[longer], stop[longer] = 8, FRAMES + 7
    assert opened.rows[0].tolist() == start and opened.rows[-1].tolist() == stop
    assert closed.score < 0.9 < 0.99 < opened.score


def test_no_more_than_the_share_stays_open(base: PoseEncoder) -> None:
    one = squat(0.0)
    astray = np.random.default_rng(0).normal(300, 100, (8, 13, 2))
    longer = video(np.concatenate([astray, one]))  # 48 frames
    assert align(longer, video(one), base, open_ends=0.15).rows[0].tolist() == [7, 0]
    assert align(video(one), longer, base, open_ends=0.15).rows[0].tolist() == [0, 7]


def test_vectors_that_are_there_are_not_made_again(base: PoseEncoder) -> None:
    first, second = (video(squat(angle)).embed(base) for angle in (0.0, 0.5))
    hidden = replace(first, keypoints=np.full_like(first.keypoints, np.nan))
    assert align(hidden, second, base).score == align(first, second, base).score


def test_of_several_people_the_one_seen_longest_is_aligned(base: PoseEncoder) -> None:
    main, passer_by = squat(0.0), squat(2.0)[:3]
    both = Poses.from_arrays(
        np.concatenate([main, passer_by])[np.argsort([*range(FRAMES), 0, 1, 2], kind="stable")],
        frame=sorted([*range(FRAMES), 0, 1, 2]),
        person=np.array([0] * FRAMES + [1] * 3)[np.argsort([*range(FRAMES), 0, 1, 2], kind="stable")],
    )
    alignment = align(both, video(main), base)
    assert len(alignment.first) == FRAMES and alignment.score > 0.99


def test_joints_of_the_same_video_do_not_differ(base: PoseEncoder) -> None:
    first = video(squat(0.3))
    alignment = align(first, first, base)
    assert alignment.joint_differences is not None and alignment.guides is not None
    np.testing.assert_allclose(alignment.joint_differences, 0, atol=1e-5)
    np.testing.assert_allclose(alignment.guides, first.keypoints, atol=1e-2)
    assert alignment.different_joints() == {}


def waving(azimuth: float, raised: float = 1.0) -> np.ndarray:
    """(frames, 13, 2) pixels of somebody who stands and raises the left arm to the side once, and lowers it."""
    angle = raised * 2.5 * np.sin(np.linspace(0, np.pi, FRAMES))
    body = np.repeat(STANDING[None], FRAMES, axis=0)
    for joint, length in ((3, 0.31), (5, 0.57)):
        body[:, joint] = STANDING[1] + length * np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
    x = body[..., 0] * np.cos(azimuth) + body[..., 2] * np.sin(azimuth)
    return 300 + 150 * np.stack([x, body[..., 1]], axis=-1)


@pytest.mark.parametrize("azimuth", [0.4, -0.8, 1.3])
def test_joints_of_one_performance_do_not_differ_whatever_the_camera(base: PoseEncoder, azimuth: float) -> None:
    alignment = align(video(waving(0.0)), video(waving(azimuth)), base)
    assert alignment.joint_differences is not None and alignment.joint_differences.max() > 0.1  # but by no more than...
    assert alignment.different_joints() == {}


@pytest.mark.parametrize("azimuth", [0.0, 0.8])
def test_the_joints_that_differ_are_named(base: PoseEncoder, azimuth: float) -> None:
    alignment = align(video(waving(0.0)), video(waving(azimuth, raised=0.5)), base)
    found = alignment.different_joints()
    assert list(found) in (["left_wrist", "left_elbow"], ["left_wrist"])
    assert alignment.joints_differ is not None and alignment.joint_differences is not None
    differ = alignment.joints_differ[:, LEFT_WRIST]
    assert found["left_wrist"] == pytest.approx(alignment.joint_differences[differ, LEFT_WRIST].mean())
    assert differ[len(differ) // 2] and not differ[[0, -1]].any()  # up there, and not when both arms hang


def test_the_joint_that_differs_and_where_it_should_go(base: PoseEncoder) -> None:
    lowered = squat(0.3)
    still = np.repeat(lowered[:1], FRAMES, axis=0)
    raised = np.repeat(squat(1.2)[:1], FRAMES, axis=0)  # another camera
    raised[:, [3, 5], 1] = raised[:, [1, 1], 1] - [30, 90]  # the left arm straight up
    alignment = align(video(still), video(raised), base)
    assert alignment.joint_differences is not None and alignment.guides is not None
    assert (alignment.joint_differences.argmax(1) == LEFT_WRIST).all()
    assert list(alignment.different_joints()) == ["left_wrist", "left_elbow"]
    moved = alignment.guides - still[0]
    assert (moved[:, LEFT_WRIST, 1] < -60).all()  # up, by most of what the arm was raised
    assert (np.abs(moved[:, 7:]) < 40).all()  # the legs stay


def test_a_joint_that_one_video_does_not_show_has_no_difference(base: PoseEncoder) -> None:
    first, second = squat(0.0), squat(0.5)
    first[:, 6] = np.nan
    second[:, 12] = np.nan
    alignment = align(video(first), video(second), base)
    assert alignment.joint_differences is not None and alignment.guides is not None
    assert alignment.joints_differ is not None and not alignment.joints_differ[:, [6, 12]].any()
    missing = np.isnan(alignment.joint_differences)
    assert missing[:, [6, 12]].all() and missing.sum() == 2 * len(missing)
    assert np.isfinite(alignment.guides[:, :6]).all()


@pytest.mark.parametrize("shown", [[5], [1, 8]], ids=str)
def test_two_joints_tell_how_large_a_person_is_in_the_picture(base: PoseEncoder, shown: list[int]) -> None:
    first = video(squat(0.0)).embed(base)
    keypoints = np.full_like(first.keypoints, np.nan)
    keypoints[:, shown] = first.keypoints[:, shown]
    guides = align(replace(first, keypoints=keypoints), video(squat(0.5)), base).guides
    assert guides is not None
    assert (np.isfinite(guides[:, shown]) == (len(shown) == 2)).all()


def test_without_calibration_and_decoder(encoder: PoseEncoder) -> None:
    alignment = align(video(squat(0.0)), video(squat(1.0)), encoder)
    assert alignment.joint_differences is alignment.joints_differ is alignment.guides is None
    with pytest.raises(ValueError, match="no joints were compared"):
        alignment.different_joints()
    assert np.isnan(alignment.score)
    assert replace(alignment, likeness=SAME_MOVEMENT).verdict == "the same movement, by another person or once more"
    assert replace(alignment, likeness=0.0).verdict == "another movement"


def test_vectors_in_arrays_are_aligned_as_those_of_poses_are(base: PoseEncoder) -> None:
    first, second = (video(squat(angle), fps=None).embed(base) for angle in (0.0, 0.5))
    assert first.z_pose is not None and second.z_pose is not None
    wanted = align(first, second, base)
    for one, other in (
        (first.z_pose, second.z_pose),
        (torch.from_numpy(first.z_pose), second),
        (first, second.z_pose.astype(np.float64)),
    ):
        alignment = align(one, other, base)
        np.testing.assert_array_equal(alignment.rows, wanted.rows)
        np.testing.assert_array_equal(alignment.speed, wanted.speed)
        assert alignment.score == pytest.approx(wanted.score, abs=1e-6)
        assert alignment.joint_differences is None and alignment.guides is None
        assert alignment.first.frame.tolist() == alignment.second.frame.tolist() == list(range(FRAMES))


def test_vectors_of_two_checkpoints_do_not_meet(base: PoseEncoder) -> None:
    small, foreign = PoseEncoder.from_pretrained("poseembed-small"), PoseEncoder.from_pretrained("cv-mim")
    first, second = video(squat(0.0)), video(squat(0.5))
    assert align(first.embed(base), second.embed(small), base).score > 0.7
    assert align(first.embed(base), second.embed(base), small).joint_differences is not None
    words = f"second performance has vectors of checkpoint {foreign.made_by}, the encoder of checkpoint {base.made_by}"
    with pytest.raises(ValueError, match=words):
        align(first.embed(base), second.embed(foreign), base)
    with pytest.raises(ValueError, match="first performance has vectors of length 7, those of the encoder are 32 long"):
        align(np.ones((5, 7)), second, base)


def test_refused(base: PoseEncoder) -> None:
    nobody = video(np.full((5, 13, 2), np.nan))
    with pytest.raises(ValueError, match="second performance shows nobody: none of its 5 frames"):
        align(video(squat(0.0)), nobody, base)
    with pytest.raises(ValueError, match="open_ends=0.5"):
        align(video(squat(0.0)), video(squat(0.0)), base, open_ends=0.5)


def test_a_missing_package_is_named(base: PoseEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dtaidistance", None)
    with pytest.raises(ImportError, match='pip install "dtaidistance>=.*" "scipy>='):
        align(video(squat(0.0)), video(squat(0.0)), base)
