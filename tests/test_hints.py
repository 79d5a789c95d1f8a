"""Errors that name the right door: what people bring to `embed`, and the call that takes it."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, Poses, read_poses
from poseembed.adapters import from_rtmlib


def made_of(package: str, name: str) -> object:
    """Something of another package's class."""
    return type(name, (), {"__module__": f"{package}.inside"})()


@pytest.mark.parametrize(
    "thing, door",
    [
        (Poses.from_arrays(np.ones((2, 13, 2))), "poses.embed(encoder)"),
        (from_rtmlib((np.ones((2, 17, 2)), np.ones((2, 17)))), "encoder.embed(*keypoints)"),
        (made_of("mediapipe", "PoseLandmarkerResult"), "from_mediapipe(result, (width, height))"),
        (made_of("ultralytics", "Results"), "from_ultralytics(results[0])"),
        ([made_of("ultralytics", "Results")], "from_ultralytics(results[0])"),
        (made_of("supervision", "KeyPoints"), "from_supervision(key_points)"),
        (made_of("mmpose", "PoseDataSample"), "from_mmpose(result)"),
        ({"predictions": [[]], "visualization": []}, "from_mmpose(result)"),
        ([{"keypoints": torch.ones(17, 2), "scores": torch.ones(17)}], "from_transformers(people)"),
        ([{"image_id": 1, "keypoints": [0, 0, 0]}], "read_coco(path).embed(encoder)"),
        ([{"x": 1}], "out of the dicts"),
        ({"left_wrist": (1, 2)}, "out of the dict"),
        (made_of("pandas", "DataFrame"), "table.to_numpy()"),
        ([[[1.0, 2.0]] * 13], "numpy.asarray makes an array of nested lists"),
        ((np.ones((13, 2)), np.ones((13, 2))), "numpy.stack"),
        ("keypoints.json", "read_poses(path).embed(encoder)"),
        (Path("keypoints.json"), "read_poses(path).embed(encoder)"),
        (None, "shape (0, joints, 2)"),
        (0.5, "try numpy.asarray"),
        (SimpleNamespace(), "try numpy.asarray"),
        (b"", "try numpy.asarray"),
        ([], "try numpy.asarray"),
    ],
)
@pytest.mark.unchecked_types
def test_what_is_no_array_is_shown_its_door(encoder: PoseEncoder, thing: Any, door: str) -> None:
    with pytest.raises(TypeError, match=re.escape(door)):
        encoder.embed(thing)


@pytest.mark.filterwarnings("ignore::poseembed.KeypointsWarning")  # of the scores
@pytest.mark.parametrize(
    "shape, skeleton, change",
    [
        ((6, 34), "coco", lambda it: (it.reshape(-1, 17, 2),)),
        ((34,), "coco", lambda it: (it.reshape(-1, 17, 2),)),
        ((6, 26), "poseembed13", lambda it: (it.reshape(-1, 13, 2),)),
        ((6, 2, 17), "coco", lambda it: (it.swapaxes(-1, -2),)),
        ((2, 17), "coco", lambda it: (it.swapaxes(-1, -2),)),
        ((6, 3, 17), "coco", lambda it: (it.swapaxes(-1, -2)[..., :2],)),
        ((6, 17, 3), "coco", lambda it: (it[..., :2], it[..., 2])),
        ((6, 33, 4), "mediapipe", lambda it: (it[..., :2], it[..., 3])),
        ((6, 51), "coco", lambda it: (it.reshape(-1, 17, 3)[..., :2], it.reshape(-1, 17, 3)[..., 2])),
        ((6, 75), "openpose_body25", lambda it: (it.reshape(-1, 25, 3)[..., :2], it.reshape(-1, 25, 3)[..., 2])),
    ],
)
def test_other_shapes_are_told_the_way(encoder: PoseEncoder, shape: Any, skeleton: str, change: Any) -> None:
    keypoints = np.random.default_rng(0).uniform(0, 1, shape) * 300 + 5
    with pytest.raises(ValueError) as error:
        encoder.embed(keypoints, skeleton=skeleton)
    text = str(error.value)
    for step in (r"keypoints.reshape\(-1, \d+, \d\)", r"keypoints.swapaxes\(-1, -2\)(\[..., :2\])?"):
        if found := re.search(step, text):
            keypoints = eval(found[0], {"keypoints": keypoints})
    if ":2]" in text and keypoints.shape[-1] > 2:
        score = int(re.search(r"\[\.\.\., (\d)\]", text)[1])
        vectors = encoder.embed(keypoints[..., :2], keypoints[..., score], skeleton=skeleton)
    else:
        vectors = encoder.embed(keypoints, skeleton=skeleton)
    wanted = encoder.embed(*change(np.random.default_rng(0).uniform(0, 1, shape) * 300 + 5), skeleton=skeleton)
    np.testing.assert_array_equal(vectors.z_pose, wanted.z_pose)


def test_flat_rows_of_another_skeleton_name_its_number_of_joints(encoder: PoseEncoder) -> None:
    with pytest.raises(ValueError, match=re.escape("reshape(-1, 17, 2), with the skeleton= that has 17 joints")):
        encoder.embed(np.ones((6, 34)))


def test_a_shape_without_a_way_gets_no_advice(encoder: PoseEncoder) -> None:
    with pytest.raises(ValueError, match=re.escape("wanted (..., joints, 2) points (x, y)") + "$"):
        encoder.embed(np.ones((6, 7)))


def test_the_doors_open(encoder: PoseEncoder, tmp_path: Path) -> None:
    poses = Poses.from_arrays(np.random.default_rng(0).normal(300, 100, (2, 13, 2)))
    np.save(tmp_path / "keypoints.npy", poses.keypoints)
    read = read_poses(tmp_path / "keypoints.npy").embed(encoder)
    np.testing.assert_array_equal(read.z_pose, poses.embed(encoder).z_pose)
