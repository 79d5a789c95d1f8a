"""The 13 joints, the maps from the source skeletons, joint counts and mirroring."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses, Skeleton, load_embedded, read_poses
from poseembed.adapters import read_openpose
from poseembed.skeleton import (
    BONES,
    HIPS,
    JOINTS,
    MIRRORED,
    SHOULDERS,
    SKELETONS,
    SkeletonName,
    check_joint_count,
    get_skeleton,
    mirror,
)

Kind = Callable[[np.ndarray], Any]

COCO = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
)

SOURCES = {  # the joints of each source in its own order, and which of them stands for the nose
    "poseembed13": (" ".join(JOINTS), "nose"),
    "coco": (COCO, "nose"),
    "coco_wholebody": (
        f"{COCO} left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel "
        + " ".join([f"face_{i}" for i in range(68)])
        + " "
        + " ".join([f"{side}_hand_{i}" for side in ("left", "right") for i in range(21)]),
        "nose",
    ),
    "mediapipe": (
        "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
        "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
        "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
        "right_ankle left_heel right_heel left_foot_index right_foot_index",
        "nose",
    ),
    "openpose_body25": (
        "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip "
        "right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe "
        "left_small_toe left_heel right_big_toe right_small_toe right_heel",
        "nose",
    ),
    "openpose_coco": (
        "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
        "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear",
        "nose",
    ),
    "openpose_body25b": (
        f"{COCO} upper_neck head_top left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
        "nose",
    ),
    "crowdpose": (
        "left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee "
        "right_knee left_ankle right_ankle top_head neck",
        "top_head",
    ),
    "halpe26": (
        f"{COCO} head neck hip left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel",
        "nose",
    ),
    "halpe136": (
        f"{COCO} head neck hip left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel"
        + " ".join(f" {part}{i}" for part, count in (("face", 68), ("hand", 42)) for i in range(count)),
        "nose",
    ),
    "h36m": (
        "hip right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax neck head left_shoulder "
        "left_elbow left_wrist right_shoulder right_elbow right_wrist",
        "head",
    ),
    "h36m_legacy": (
        "hip head neck thorax left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist spine "
        "left_hip right_hip left_knee right_knee left_ankle right_ankle",
        "head",
    ),
    "mpii": (
        "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top right_wrist "
        "right_elbow right_shoulder left_shoulder left_elbow left_wrist",
        "head_top",
    ),
    "mpi_inf_3dhp": (
        "head_top neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip "
        "right_knee right_ankle left_hip left_knee left_ankle pelvis spine head",
        "head",
    ),
    "kinect_v1": (
        "hip_center spine shoulder_center head left_shoulder left_elbow left_wrist left_hand right_shoulder "
        "right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle "
        "right_foot",
        "head",
    ),
    "kinect_v2": (
        "spine_base spine_mid neck head left_shoulder left_elbow left_wrist left_hand right_shoulder right_elbow "
        "right_wrist right_hand left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot "
        "spine_shoulder left_hand_tip left_thumb right_hand_tip right_thumb",
        "head",
    ),
    "azure_kinect": (  # k4abttypes.h
        "pelvis spine_navel spine_chest neck left_clavicle left_shoulder left_elbow left_wrist left_hand left_handtip "
        "left_thumb right_clavicle right_shoulder right_elbow right_wrist right_hand right_handtip right_thumb "
        "left_hip left_knee left_ankle left_foot right_hip right_knee right_ankle right_foot head nose left_eye "
        "left_ear right_eye right_ear",
        "nose",
    ),
    "panoptic": (  # MMPose's panoptic_body3d.py
        "neck nose mid_hip left_shoulder left_elbow left_wrist left_hip left_knee left_ankle right_shoulder "
        "right_elbow right_wrist right_hip right_knee right_ankle left_eye left_ear right_eye right_ear",
        "nose",
    ),
    "smpl24": (
        "pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 left_foot "
        "right_foot neck left_collar right_collar head left_shoulder right_shoulder left_elbow right_elbow left_wrist "
        "right_wrist left_hand right_hand",
        "head",
    ),
    "jhmdb": (
        "neck belly face right_shoulder left_shoulder right_hip left_hip right_elbow left_elbow right_knee left_knee "
        "right_wrist left_wrist right_ankle left_ankle",
        "face",
    ),
    # The file says left where the viewer sees it; these are the person's sides.
    "penn_action": (
        "head right_shoulder left_shoulder right_elbow left_elbow right_wrist left_wrist right_hip left_hip "
        "right_knee left_knee right_ankle left_ankle",
        "head",
    ),
}


def test_names_of_the_type_are_those_of_the_skeletons() -> None:
    assert get_args(SkeletonName) == tuple(SKELETONS)


def test_every_skeleton_is_checked_here() -> None:
    assert set(SKELETONS) == set(SOURCES)
    assert all(skeleton.name == name and skeleton.description for name, skeleton in SKELETONS.items())


@pytest.mark.parametrize("name", SOURCES)
def test_map_picks_the_joints_of_the_same_name(name: str) -> None:
    names, nose = SOURCES[name]
    source, skeleton = names.split(), get_skeleton(name)
    assert skeleton.num_joints == len(source)
    assert [source[index] for index in skeleton.indices] == [nose, *JOINTS[1:]]


def test_both_human36m_orders_pick_the_same_joints() -> None:
    to_legacy = np.array([0, 10, 9, 8, 11, 14, 12, 15, 13, 16, 7, 4, 1, 5, 2, 6, 3])
    picked = to_legacy[list(get_skeleton("h36m_legacy").indices)]
    assert tuple(picked) == get_skeleton("h36m").indices


def test_joints_come_in_left_right_pairs_after_the_nose() -> None:
    parts = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    assert ("nose", *(f"{side}_{part}" for part in parts for side in ("left", "right"))) == JOINTS
    assert [JOINTS[i] for i in SHOULDERS + HIPS] == ["left_shoulder", "right_shoulder", "left_hip", "right_hip"]


def test_bones_are_those_of_the_official_profile_and_symmetric() -> None:
    text = "(0,1)(0,2)(1,2)(1,3)(2,4)(3,5)(4,6)(1,7)(2,8)(7,8)(7,9)(8,10)(9,11)(10,12)"
    assert tuple((int(a), int(b)) for a, b in re.findall(r"\((\d+),(\d+)\)", text)) == BONES
    assert {frozenset(MIRRORED[i] for i in bone) for bone in BONES} == {frozenset(bone) for bone in BONES}


def test_an_unknown_skeleton_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown skeleton 'coco17'") as caught:
        get_skeleton("coco17")
    assert all(name in str(caught.value) for name in SKELETONS)


@pytest.mark.parametrize(
    "count, given, fitting",
    [
        (17, "poseembed13", {"coco", "h36m", "h36m_legacy", "mpi_inf_3dhp"}),
        (25, "coco", {"openpose_body25", "openpose_body25b", "kinect_v2"}),
        (14, "coco", {"crowdpose"}),
        (33, "coco", {"mediapipe"}),
        (13, "coco", {"poseembed13", "penn_action"}),
        (133, "coco", {"coco_wholebody"}),
    ],
)
def test_a_wrong_joint_count_names_the_skeletons_that_fit(count: int, given: str, fitting: set[str]) -> None:
    with pytest.raises(ValueError, match=f"got {count} joints, but skeleton='{given}' has") as caught:
        check_joint_count(count, get_skeleton(given))
    _, advice = str(caught.value).split("; ")
    choices = advice.removeprefix(f"for {count} joints pass ").split(" or ")
    assert set(choices) == {f"skeleton={name!r}" for name in fitting}


@pytest.mark.parametrize("count", [0, 12, 21])
def test_a_count_that_no_skeleton_has_says_to_pick_joints(count: int) -> None:
    with pytest.raises(
        ValueError, match=f"for {count} joints pass a Skeleton, or 13 joints picked in the order of JOINTS$"
    ):
        check_joint_count(count, get_skeleton("coco"))


def test_the_right_joint_count_is_accepted() -> None:
    for skeleton in SKELETONS.values():
        check_joint_count(skeleton.num_joints, skeleton)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.bool_])
@pytest.mark.parametrize("leading", [(), (3,), (2, 0), (2, 3)], ids=str)
def test_select_picks_the_joints_and_keeps_the_rest(kind: Kind, dtype: type, leading: tuple[int, ...]) -> None:
    skeleton = get_skeleton("openpose_body25")
    points = np.random.default_rng(0).integers(0, 100, (*leading, 25, 3)).astype(dtype)
    given = kind(points)
    picked, scores = skeleton.select(given), skeleton.select(given[..., 0], axis=-1)
    assert type(picked) is type(given) and picked.dtype == given.dtype
    np.testing.assert_array_equal(np.asarray(picked), points[..., list(skeleton.indices), :])
    np.testing.assert_array_equal(np.asarray(scores), points[..., list(skeleton.indices), 0])


def test_a_skeleton_of_ones_own_is_taken_where_a_name_is(encoder: PoseEncoder, tmp_path: Path) -> None:
    order = [3, *range(8, 20)]
    mine = Skeleton("mine", 21, tuple(order))
    points = np.random.default_rng(0).normal(300, 100, (5, 21, 2))
    np.testing.assert_array_equal(encoder.embed(points, skeleton=mine).z_pose, encoder.embed(points[:, order]).z_pose)
    assert get_skeleton(mine) is mine and Skeleton("mine", 21, tuple(np.array(order))) == mine
    np.save(tmp_path / "x.npy", points)
    body = np.column_stack([points[0], np.ones(21)]).ravel().tolist()
    (tmp_path / "x_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": body}]}))
    wanted = Poses.from_arrays(points[:, order]).keypoints
    for read in (
        Poses.from_arrays(points, skeleton=mine),
        read_poses(tmp_path / "x.npy", skeleton=mine),
        load_embedded(tmp_path / "x.npy", encoder, skeleton=mine),
    ):
        np.testing.assert_array_equal(read.keypoints, wanted)
    np.testing.assert_array_equal(read_openpose(tmp_path / "x_keypoints.json", skeleton=mine).keypoints, wanted[:1])
    with pytest.raises(ValueError, match="got 17 joints, but skeleton='mine' has 21"):
        encoder.embed(np.zeros((1, 17, 2)), skeleton=mine)


@pytest.mark.parametrize(
    "joints, indices, error, words",
    [
        (17, range(12), ValueError, "wanted 13 from 0 to 16: of the nose, left_shoulder"),
        (13, range(1, 14), ValueError, "wanted 13 from 0 to 12"),
        (17, range(-1, 12), ValueError, "wanted 13 from 0 to 16"),
        (17, [0.5] * 13, TypeError, "of the skeleton 'mine' must be whole numbers"),
        ("17", range(13), TypeError, "of the skeleton 'mine' must be whole numbers"),
    ],
)
@pytest.mark.unchecked_types
def test_what_picks_no_joints_is_no_skeleton(joints: Any, indices: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Skeleton("mine", joints, tuple(indices))


def test_select_copies_and_lets_gradients_through(poses: np.ndarray) -> None:
    skeleton = get_skeleton("poseembed13")
    skeleton.select(poses)[:] = 0
    assert poses.any()
    points = torch.zeros(2, 17, 2, requires_grad=True)
    get_skeleton("coco").select(points).sum().backward()
    assert points.grad is not None and points.grad.sum(dim=(0, 2)).nonzero().flatten().tolist() == [0, *range(5, 17)]


def test_select_refuses_what_has_other_joints() -> None:
    with pytest.raises(ValueError, match="got 25 joints, but skeleton='coco' has 17"):
        get_skeleton("coco").select(np.zeros((17, 25)), axis=-1)
    for scalar_or_row, axis in ((np.zeros(()), -1), (np.zeros(17), -2), (np.zeros(17), 1)):
        with pytest.raises(ValueError, match=re.escape(f"got shape {scalar_or_row.shape}, which has no axis {axis}")):
            get_skeleton("coco").select(scalar_or_row, axis=axis)


def test_mirrored_swaps_sides_by_name() -> None:
    other = {"left": "right", "right": "left"}
    assert [JOINTS[i] for i in MIRRORED] == [re.sub("left|right", lambda m: other[m[0]], name) for name in JOINTS]


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("axis", [0.0, 960.0, -0.25])
def test_mirror_reflects_x_and_swaps_sides(poses: np.ndarray, kind: type, axis: float) -> None:
    given = kind(poses)
    flipped = mirror(given, axis=axis)
    assert type(flipped) is type(given) and flipped.dtype == given.dtype
    np.testing.assert_array_equal(np.asarray(given), poses, "the input was changed")
    left_wrist, right_wrist = JOINTS.index("left_wrist"), JOINTS.index("right_wrist")
    np.testing.assert_allclose(flipped[..., left_wrist, 0], 2 * axis - poses[..., right_wrist, 0], rtol=1e-6)
    np.testing.assert_array_equal(flipped[..., left_wrist, 1], poses[..., right_wrist, 1])
    np.testing.assert_allclose(flipped[..., 0, 0], 2 * axis - poses[..., 0, 0], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(mirror(flipped, axis=axis)), poses, rtol=1e-5)
    np.testing.assert_array_equal(mirror(given)[..., 0, 0], -poses[..., 0, 0], "centred, unless told otherwise")


def test_mirror_keeps_missing_joints_missing_on_the_other_side(poses: np.ndarray) -> None:
    poses[:, JOINTS.index("left_knee")] = np.nan
    missing = np.isnan(mirror(poses)).any(axis=(0, 2))
    assert [JOINTS[i] for i in np.flatnonzero(missing)] == ["right_knee"]


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_mirror_of_whole_numbers_is_exact(kind: type, dtype: type) -> None:
    points = np.arange(26).reshape(13, 2)
    wanted = mirror(points.astype(float), axis=2.25)
    np.testing.assert_array_equal(np.asarray(mirror(kind(points.astype(dtype)), axis=2.25)), wanted)


@pytest.mark.parametrize("shape", [(17, 2), (13, 3), (2, 13), (13,), ()])
def test_mirror_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got shape {shape}; mirror() wants (..., 13, 2)")):
        mirror(np.zeros(shape))


def test_mirror_refuses_lists() -> None:
    with pytest.raises(TypeError, match="got list"):
        mirror([[0.0, 0.0]] * 13)  # type: ignore[type-var]
