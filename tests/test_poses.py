"""`Poses`: one table of people in pictures."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from poseembed import SKELETONS, MadeBy, PoseEncoder, Poses
from poseembed.poses import NOBODY


def two_people() -> Poses:
    """Person 4 in frames 2, 3 and 6, person 1 in frames 3 and 4, nobody in frame 5; row r has r in all coordinates."""
    n = 6
    keypoints = np.tile(np.arange(n, dtype=np.float32)[:, None, None], (1, 13, 2))
    keypoints[4] = np.nan
    poses = Poses.from_arrays(
        keypoints,
        frame=[2, 3, 3, 4, 5, 6],
        person=[4, 1, 4, 1, NOBODY, 4],
        time=[0.2, 0.3, 0.3, 0.4, 0.5, 0.6],
        image=["c", "d", "d", "e", "f", "g"],
    )
    z = np.arange(n * 2, dtype=np.float32).reshape(n, 2)
    return replace(poses, z_pose=z, z_view=z + 100)


def test_what_is_not_given_is_filled_in() -> None:
    keypoints = np.ones((3, 13, 2))
    keypoints[1, 5, 0] = np.nan
    poses = Poses.from_arrays(keypoints)
    assert poses.keypoints.dtype == poses.confidence.dtype == np.float32
    assert poses.confidence[1].tolist() == [1] * 5 + [0] + [1] * 7 and poses.confidence[[0, 2]].min() == 1
    assert poses.frame.tolist() == [0, 1, 2] and poses.person.tolist() == [NOBODY] * 3
    assert np.isnan(poses.time).all() and poses.image.tolist() == [""] * 3
    assert poses.z_pose is None and poses.z_view is None and poses.people == () and len(poses) == 3


@pytest.mark.parametrize(
    "change, words",
    [
        ({"keypoints": np.zeros((2, 17, 2))}, r"got 17 joints, .* for 17 joints pass skeleton='coco'"),
        ({"confidence": np.ones((2, 17))}, r"confidence of shape \(2, 17\)"),
        ({"frame": [0]}, r"frame of shape \(1,\)"),
        ({"frame": [1, 0]}, "sort the rows by frame"),
        ({"frame": [0, 0.5]}, "frame of row 2 is 0.5; wanted whole numbers from 0"),
        ({"frame": [0, np.nan]}, "frame of row 2 is nan"),
        ({"frame": [-1, 0]}, "frame of row 1 is -1"),
        ({"person": [0, -2]}, "person of row 2 is -2; wanted whole numbers from -1"),
        ({"person": [0, 1, 2]}, r"person of shape \(3,\)"),
        ({"time": [0.1]}, r"time of shape \(1,\)"),
        ({"image": ["a"]}, r"image of shape \(1,\)"),
    ],
)
@pytest.mark.unchecked_types
def test_columns_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Poses.from_arrays(**{"keypoints": np.zeros((2, 13, 2))} | change)


@pytest.mark.parametrize("shape", [(6,), (5, 32), (6, 2, 2)])
@pytest.mark.parametrize("name", ["z_pose", "z_view"])
@pytest.mark.unchecked_types
def test_vectors_are_rows(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"got {name} of shape"):
        replace(two_people(), **{name: np.zeros(shape, np.float32)})


def test_people_are_those_who_are_known_the_most_seen_first() -> None:
    assert two_people().people == (4, 1)
    assert two_people().select([0, 1]).people == (1, 4)


@pytest.mark.parametrize(
    "rows, picked",
    [
        (slice(1, 3), [1, 2]),
        ([0, 5], [0, 5]),
        ([True, False, False, True, False, False], [0, 3]),
        ([], []),
        (np.zeros(6, bool), []),
    ],
    ids=str,
)
def test_select(rows: Any, picked: list[int]) -> None:
    poses, chosen = two_people(), two_people().select(rows)
    assert len(chosen) == len(picked)
    for name in ("keypoints", "confidence", "frame", "person", "time", "image", "z_pose", "z_view"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(poses, name)[picked])


def test_rows_cannot_be_put_out_of_order() -> None:
    with pytest.raises(ValueError, match="sort the rows by frame"):
        two_people().select([5, 0])


@pytest.mark.parametrize("person", [None, 4])
def test_a_track_has_a_row_for_every_frame(person: int | None) -> None:
    track = two_people().track(person)
    assert track.frame.tolist() == [2, 3, 4, 5, 6] and set(track.person.tolist()) == {4}
    assert track.keypoints[[0, 1, 4], 0, 0].tolist() == [0, 2, 5] and np.isnan(track.keypoints[2:4]).all()
    assert track.confidence[:, 0].tolist() == [1, 1, 0, 0, 1]
    assert track.z_pose is not None and track.z_view is not None
    assert track.z_pose[[0, 1, 4], 0].tolist() == [0, 4, 10] and np.isnan(track.z_pose[2:4]).all()
    assert track.z_view[[0, 1, 4], 0].tolist() == [100, 104, 110] and np.isnan(track.z_view[2:4]).all()
    np.testing.assert_allclose(track.time, [0.2, 0.3, 0.4, 0.5, 0.6])
    assert track.image.tolist() == ["c", "d", "", "", "g"]


def test_without_identities_the_track_is_of_everybody() -> None:
    poses = Poses.from_arrays(np.zeros((3, 13, 2)), frame=[1, 3, 4])
    track = poses.track()
    assert track.frame.tolist() == [1, 2, 3, 4] and track.person.tolist() == [NOBODY] * 4
    assert np.isnan(track.time).all() and track.z_pose is None


@pytest.mark.parametrize(
    "frame, person, wanted, words",
    [
        ([0, 1], [3, 3], 5, "nobody is person 5; there are: 3"),
        ([0, 1], [NOBODY, NOBODY], 0, "nobody is person 0; there are: none"),
        ([1, 1], [NOBODY, NOBODY], None, "several people without an identity share a frame"),
        ([1, 1], [7, 7], 7, "several rows of person 7 share a frame"),
        ([], [], None, "there are: none"),
    ],
)
def test_tracks_that_there_are_not(frame: list[int], person: list[int], wanted: int | None, words: str) -> None:
    poses = Poses.from_arrays(np.zeros((len(frame), 13, 2)), frame=frame, person=person)
    with pytest.raises(ValueError, match=words):
        poses.track(wanted)


def test_embed_adds_the_vectors_of_the_encoder(encoder: PoseEncoder, poses: np.ndarray) -> None:
    poses[3] = np.nan
    confidence = np.ones((24, 13), np.float32)
    confidence[5, 6] = 0.1
    table = Poses.from_arrays(poses, confidence, frame=np.arange(24) // 2).embed(encoder)
    wanted = encoder.embed(poses, confidence)
    np.testing.assert_array_equal(table.z_pose, wanted.z_pose)
    np.testing.assert_array_equal(table.z_view, wanted.z_view)
    assert table.z_pose is not None and np.flatnonzero(np.isnan(table.z_pose).any(-1)).tolist() == [3]
    assert table.frame.tolist() == (np.arange(24) // 2).tolist()


# Whose vectors

A, B, PUPIL = MadeBy("a" * 16, "a" * 16), MadeBy("b" * 16, "b" * 16), MadeBy("c" * 16, "a" * 16)


def made_by(origin: MadeBy | None, frame: int = 0) -> Poses:
    one = Poses.from_arrays(np.zeros((1, 13, 2)), frame=[frame], person=[0])
    z = np.zeros((1, 2), np.float32)
    return replace(one, z_pose=z, z_view=z, made_by=origin)


def test_too_few_joints_get_no_vector(encoder: PoseEncoder, poses: np.ndarray) -> None:
    confidence = np.ones((24, 13))
    poses[0], poses[1, 1:], poses[2, 3:], poses[3, 4:] = np.nan, np.nan, np.nan, np.nan  # 0, 1, 3 and 4 joints
    confidence[4, 2:] = 0.2
    people = Poses.from_arrays(poses, confidence)
    assert np.flatnonzero(people.sparse()).tolist() == [1, 2, 4], "where nobody is, nothing is sparse"
    assert np.flatnonzero(people.sparse(2)).tolist() == [1]
    assert np.flatnonzero(people.sparse(min_confidence=0.1)).tolist() == [1, 2]
    for given, without in (({}, [0, 1, 2, 4]), ({"min_joints": 1}, [0]), ({"min_joints": 13}, [0, 1, 2, 3, 4])):
        embedded = people.embed(encoder, **given)
        assert embedded.z_pose is not None and embedded.z_view is not None
        for vectors in (embedded.z_pose, embedded.z_view):
            assert np.flatnonzero(np.isnan(vectors).all(-1)).tolist() == without
            assert np.isfinite(np.delete(vectors, without, axis=0)).all()


@pytest.mark.parametrize("min_joints", [0, 14])
def test_min_joints_is_a_number_of_joints(encoder: PoseEncoder, poses: np.ndarray, min_joints: int) -> None:
    with pytest.raises(ValueError, match=f"got min_joints={min_joints}; wanted a number of joints, 1 to 13"):
        Poses.from_arrays(poses).embed(encoder, min_joints=min_joints)


def test_embed_says_what_made_the_vectors(encoder: PoseEncoder, poses: np.ndarray) -> None:
    table = Poses.from_arrays(poses, person=np.zeros(24))
    assert table.made_by is None
    assert table.embed(encoder).made_by == encoder.made_by
    kept = [table.embed(encoder).select([1, 2]), table.embed(encoder).track(), replace(made_by(A)).embed(encoder)]
    assert {part.made_by for part in kept} == {encoder.made_by}


@pytest.mark.parametrize(
    "origins, wanted",
    [
        ([A, A], A),
        ([PUPIL, PUPIL], PUPIL),
        ([PUPIL, A], A),
        ([PUPIL, PUPIL, MadeBy("d" * 16, "a" * 16)], A),
        ([A, None], None),
        ([None, None], None),
    ],
)
def test_joined_poses_say_what_made_all_of_them(origins: list[MadeBy | None], wanted: MadeBy | None) -> None:
    joined = Poses.concatenate(made_by(origin, frame) for frame, origin in enumerate(origins))
    assert (len(joined), joined.made_by) == (len(origins), wanted)
    assert joined.z_pose is not None


@pytest.mark.parametrize("origins", [[A, B], [PUPIL, B], [A, None, B]])
def test_vectors_of_different_spaces_are_not_joined(origins: list[MadeBy | None]) -> None:
    with pytest.raises(ValueError, match=f"part {len(origins) - 1} of checkpoint {B}; .* so embed again"):
        Poses.concatenate(made_by(origin, frame) for frame, origin in enumerate(origins))


def test_empty_parts_say_nothing() -> None:
    empty = made_by(B).select([])
    assert Poses.concatenate([empty, made_by(A)]).made_by == A


def test_some_vectors_and_some_none_are_not_joined() -> None:
    with pytest.raises(ValueError, match="some of the poses have z_pose and others have none"):
        Poses.concatenate([made_by(A), replace(made_by(A), z_pose=None, z_view=None)])


@pytest.mark.parametrize("name", ["frame", "person"])
@pytest.mark.parametrize(
    "value", [np.inf, -np.inf, np.nan, 1e19, 2**64, 2**63, -(2**63), 0.5, 2.0**54, "3", True, None]
)
def test_whole_numbers_that_are_none_are_refused(name: str, value: Any) -> None:
    columns: dict[str, Any] = {name: [value]}
    with pytest.raises(ValueError, match=f"{name} (of row 1 is|holds) .*wanted whole numbers from"):
        Poses.from_arrays(np.zeros((1, 13, 2)), **columns)


def test_whole_numbers_are_kept_to_the_last_digit() -> None:
    ticks = [1403636579763555584, 1403636579763555585, 2**63 - 1]
    assert Poses.from_arrays(np.zeros((3, 13, 2)), frame=ticks).frame.tolist() == ticks
    assert Poses.from_arrays(np.zeros((1, 13, 2)), frame=[2.0**53]).frame.tolist() == [2**53]


def test_frames_counted_by_a_clock_have_no_track() -> None:
    clock = Poses.from_arrays(np.zeros((3, 13, 2)), frame=[0, 40_000_000, 80_000_000])
    with pytest.raises(ValueError, match="3 rows with frame from 0 to 80000000: .* clock.* into time"):
        clock.track()
    seen_twice_in_hours = Poses.from_arrays(np.zeros((2, 13, 2)), frame=[0, 900_000])
    assert len(seen_twice_in_hours.track()) == 900_001


def test_rows_by_number_slice_and_mask() -> None:
    poses = Poses.from_arrays(np.random.default_rng(0).normal(size=(4, 13, 2)), frame=[0, 0, 1, 5], person=[0, 1, 0, 0])
    assert [poses[i].frame.tolist() for i in (0, 3, -1, np.int64(2))] == [[0], [5], [5], [1]]
    assert [row.keypoints.tolist() for row in poses] == [[points] for points in poses.keypoints.tolist()]
    assert poses[1:3].frame.tolist() == [0, 1] and poses[poses.person == 0].frame.tolist() == [0, 1, 5]
    for row in (4, -5):
        with pytest.raises(IndexError, match=f"no row {row}; there are 4"):
            poses[row]
    assert list(poses[:0]) == []


def test_a_line_says_what_is_in_poses() -> None:
    poses = Poses.from_arrays(np.ones((3, 13, 2)), frame=[0, 0, 7], person=[0, 1, 0])
    assert repr(poses) == "<Poses: 3 rows in 2 frames, 2 people, not embedded>"
    assert repr(poses[0]) == "<Poses: 1 row in 1 frame, 1 person, not embedded>"
    vectors = np.ones((3, 32), np.float32)
    assert repr(replace(poses, person=np.full(3, -1), z_pose=vectors)) == "<Poses: 3 rows in 2 frames, z_pose of 32>"


@pytest.mark.unchecked_types
def test_arrays_of_another_skeleton() -> None:
    points, scores = np.random.default_rng(0).normal(size=(5, 17, 2)), np.random.default_rng(1).uniform(size=(5, 17))
    coco = SKELETONS["coco"]
    poses = Poses.from_arrays(points, scores, skeleton="coco")
    np.testing.assert_array_equal(poses.keypoints, coco.select(points).astype(np.float32))
    np.testing.assert_array_equal(poses.confidence, coco.select(scores, axis=-1).astype(np.float32))
    with pytest.raises(ValueError, match="unknown skeleton 'cocoa'"):
        Poses.from_arrays(points, skeleton="cocoa")


def test_a_long_gap_is_no_clock() -> None:
    assert len(Poses.from_arrays(np.ones((2, 13, 2)), frame=[5, 50_000]).track()) == 49_996
