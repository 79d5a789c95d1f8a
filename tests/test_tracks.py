"""`Poses.embed` with a clip encoder: who is followed over time, and who is embedded frame by frame."""

from dataclasses import replace

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses
from poseembed.align import align
from poseembed.poses import NOBODY

FPS = 25


def walk(seed: int, frames: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start, swing = rng.normal(300, 100, (13, 2)), rng.normal(0, 40, (13, 2))
    return (start + np.sin(np.arange(frames) / 7)[:, None, None] * swing).astype(np.float32)


@pytest.fixture
def crowd() -> Poses:
    """Two people of 30 frames, one of 12, one in a single frame, and in each third frame somebody unknown."""
    parts = {
        5: (walk(0, 30), range(30)),
        2: (walk(1, 30), range(30)),
        9: (walk(2, 12), range(8, 20)),
        4: (walk(3, 1), [17]),
        NOBODY: (walk(4, 10), range(0, 30, 3)),
    }
    rows = [
        (frame, person, point)
        for person, (points, at) in parts.items()
        for frame, point in zip(at, points, strict=True)
    ]
    rows.sort(key=lambda row: row[0])
    frame, person, points = (list(column) for column in zip(*rows, strict=True))
    return Poses.from_arrays(np.stack(points), frame=frame, person=person, time=np.array(frame) / FPS)


def vectors(poses: Poses) -> tuple[np.ndarray, np.ndarray]:
    assert poses.z_pose is not None and poses.z_view is not None
    return poses.z_pose, poses.z_view


def close(ours: Poses, wanted: tuple[np.ndarray, ...]) -> None:
    for one, other in zip(vectors(ours), wanted, strict=False):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=1e-4)


def test_everybody_who_is_known_is_a_clip(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    found = crowd.embed(clip_encoder, context=None)
    assert found.made_by == clip_encoder.clip_made_by and found.made_by != clip_encoder.made_by
    np.testing.assert_array_equal(found.keypoints, crowd.keypoints)
    for person in (5, 2, 9):
        rows = crowd.person == person
        close(found[rows], clip_encoder.embed_clip(crowd.keypoints[rows], times=crowd.time[rows]))
    for person in (4, NOBODY):
        rows = crowd.person == person
        close(found[rows], clip_encoder.embed(crowd.keypoints[rows]))


def test_context_zero_takes_each_frame_by_itself(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    found = crowd.embed(clip_encoder, context=0)
    np.testing.assert_array_equal(vectors(found), clip_encoder.embed(crowd.keypoints, crowd.confidence))
    assert found.made_by == clip_encoder.made_by


def test_less_context_and_less_look_ahead(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    rows = crowd.person == 5
    for options in ({"context": 0.2}, {"look_ahead": 0.0}, {"context": 0.3, "look_ahead": 0.1}):
        wanted = clip_encoder.embed_clip(crowd.keypoints[rows], fps=FPS, **options)
        close(crowd.embed(clip_encoder, **{"context": None, **options})[rows], wanted)


def test_frames_in_which_somebody_was_not_seen_stay_nan(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    with_gap = crowd[(crowd.person == 5) & (crowd.frame != 11)]
    track = with_gap.track()
    assert len(track) == 30
    found, wanted = track.embed(clip_encoder, context=None), with_gap.embed(clip_encoder, context=None)
    assert np.isnan(vectors(found)[0]).all(1).nonzero()[0].tolist() == [11]
    close(found[found.frame != 11], vectors(wanted))


def test_photos_are_no_clips(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    without_time = replace(crowd, time=np.full(len(crowd), np.nan))
    without_people = replace(crowd, person=np.full(len(crowd), NOBODY))
    photos = Poses.from_arrays(crowd.keypoints, image=[f"{number}.jpg" for number in range(len(crowd))])
    for poses in (without_time, without_people, photos):
        found = poses.embed(clip_encoder, context=None)
        np.testing.assert_array_equal(vectors(found), clip_encoder.embed(crowd.keypoints, crowd.confidence))
        assert found.made_by == clip_encoder.made_by
        with pytest.raises(ValueError, match="nobody can be followed over time here; give each row its person"):
            poses.embed(clip_encoder, context=0.4)
    nobody = Poses.from_arrays(np.full((3, 13, 2), np.nan), time=[0, 1, 2])
    assert np.isnan(vectors(nobody.embed(clip_encoder, context=0.4))[0]).all()


def test_each_video_has_people_of_its_own(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    another = replace(crowd, keypoints=crowd.keypoints[::-1].copy(), time=crowd.time + 0.02)
    twice = crowd.person == 9
    another = replace(another, time=np.where(twice, np.nan, another.time))
    videos = {"one.mp4": crowd, "another.mp4": another, "": replace(crowd, time=crowd.time[::-1].copy())}
    library = Poses.of_videos(videos)
    with pytest.warns(UserWarning, match="time of person . .and of . others. does not rise"):
        found = library.embed(clip_encoder, context=None)
        for name, part in found.by_video().items():
            close(part, vectors(videos[name].embed(clip_encoder, context=None)))


def test_too_few_joints_have_no_vectors_in_context_either(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    rows = np.flatnonzero(crowd.person == 5)[[0, 7, 29]]
    keypoints = crowd.keypoints.copy()
    keypoints[rows, 3:] = np.nan
    hidden = replace(crowd, keypoints=keypoints)
    found = hidden.embed(clip_encoder, context=None)
    assert np.isnan(vectors(found)[0]).all(1).nonzero()[0].tolist() == rows.tolist()
    assert np.isfinite(vectors(hidden.embed(clip_encoder, context=None, min_joints=3))[0]).all()
    with pytest.raises(ValueError, match="got min_joints=0"):
        hidden.embed(clip_encoder, context=None, min_joints=0)


def test_who_is_known_at_some_times_only_is_not_followed(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    time = crowd.time.copy()
    time[np.flatnonzero(crowd.person == 2)[4]] = np.nan
    found = replace(crowd, time=time).embed(clip_encoder, context=None)
    rows = crowd.person == 2
    close(found[rows], clip_encoder.embed(crowd.keypoints[rows]))
    close(found[~rows], vectors(crowd.embed(clip_encoder, context=None)[~rows]))


def test_two_rows_of_one_person_in_a_frame(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    person = np.where(crowd.person == 9, 2, crowd.person)
    with pytest.warns(UserWarning, match="time of person 2 does not rise .* is embedded by itself") as said:
        found = replace(crowd, person=person).embed(clip_encoder, context=None)
    assert said[0].filename == __file__
    rows = person == 2
    close(found[rows], clip_encoder.embed(crowd.keypoints[rows]))
    close(found[~rows], vectors(crowd.embed(clip_encoder, context=None)[~rows]))


def test_a_checkpoint_without_a_clip_encoder(encoder: PoseEncoder, crowd: Poses) -> None:
    found = crowd.embed(encoder)
    np.testing.assert_array_equal(vectors(found), encoder.embed(crowd.keypoints, crowd.confidence))
    np.testing.assert_array_equal(vectors(crowd.embed(encoder, context=0)), vectors(found))
    assert found.made_by == encoder.made_by and encoder.clip_made_by is None
    with pytest.raises(ValueError, match="got context=0.4, and this checkpoint has no clip encoder"):
        crowd.embed(encoder, context=0.4)


def test_the_summary_says_so(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    assert (
        repr(crowd.embed(clip_encoder, context=None))
        == "<Poses: 83 rows in 30 frames, 4 people, z_pose of 32 with context>"
    )
    assert repr(crowd.embed(clip_encoder, context=0)) == "<Poses: 83 rows in 30 frames, 4 people, z_pose of 32>"


def test_vectors_with_and_without_context_can_be_compared(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    around, alone = crowd.embed(clip_encoder, context=None), crowd.embed(clip_encoder, context=0)
    assert clip_encoder.similarity(around, alone).shape == (83, 83)
    joined = Poses.concatenate([around, replace(alone, frame=alone.frame + 100)])
    assert joined.made_by == clip_encoder.made_by


def test_what_embeds_poses_itself_takes_each_frame_by_itself(clip_encoder: PoseEncoder, crowd: Poses) -> None:
    pytest.importorskip("dtaidistance")
    one, other = (crowd[crowd.person == person] for person in (5, 2))
    aligned = align(one, other, clip_encoder)
    assert aligned.first.made_by == clip_encoder.made_by
    np.testing.assert_array_equal(vectors(aligned.first), vectors(one.embed(clip_encoder)))
