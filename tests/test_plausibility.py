"""Keypoints that are not what they are taken for: each kind is warned of, and real people and test poses never are."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import KeypointsWarning, PoseEncoder, Poses
from poseembed.plausibility import HABIT, SAMPLE

DATA = os.environ.get("POSEEMBED_DATA")


@pytest.fixture
def many(poses: np.ndarray) -> np.ndarray:
    """Enough people, none as another, for a habit to show."""
    rng = np.random.default_rng(1)
    return np.concatenate([poses + rng.normal(0, 3, poses.shape).astype(np.float32) for _ in range(6)])


def kinds(encoder: PoseEncoder, *args: np.ndarray | torch.Tensor, skeleton: str = "poseembed13") -> list[str]:
    """The texts of what `embed` warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder.embed(*args, skeleton=skeleton)
    assert all(warning.category is KeypointsWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


def test_plausible_poses_pass_in_silence(encoder: PoseEncoder, many: np.ndarray) -> None:
    hidden = many.copy()
    hidden[::3, 5] = np.nan
    centred = many - many[:, :1]  # on the nose, which is (0, 0) in each
    for points in (many, many[:1], hidden, centred, centred[:1], many - 5000, many.round(), many[:0]):
        assert kinds(encoder, points) == []
        assert kinds(encoder, points.astype(np.float64), np.ones(points.shape[:-1])) == []


@pytest.mark.parametrize("missing", [0, -1])
@pytest.mark.parametrize("count", [1, 24, 144])
def test_zeros_for_missing_joints(encoder: PoseEncoder, many: np.ndarray, missing: int, count: int) -> None:
    points = many[:count].copy()
    points[::20, 5] = missing
    (text,) = kinds(encoder, points)
    assert "make them NaN: keypoints[(keypoints <= 0).all(-1)] = numpy.nan" in text
    confidence = np.where((points == missing).all(-1), 0, 0.9)
    assert kinds(encoder, points, confidence) == []
    points[(points <= 0).all(-1)] = np.nan
    assert kinds(encoder, points) == []


def test_divided_coordinates(encoder: PoseEncoder, many: np.ndarray) -> None:
    for points in (many / [1920, 1080], many[:1] / [1920, 1080], torch.from_numpy(many) / 1920):
        (text,) = kinds(encoder, points)
        assert "keypoints * [width, height]" in text


@pytest.mark.parametrize("offset, kind", [(1e8, np.float32), (1e17, np.float64), (10**8, np.int64)])
def test_coordinates_that_lost_their_digits(encoder: PoseEncoder, many: np.ndarray, offset: float, kind: type) -> None:
    (text,) = kinds(encoder, (many.astype(np.float64) + offset).astype(kind))
    assert "subtract an offset" in text
    assert kinds(encoder, many.astype(np.float64) + 1e8) == []


def test_y_that_points_up(encoder: PoseEncoder, many: np.ndarray) -> None:
    (text,) = kinds(encoder, many * [1, -1])
    assert "y must point down" in text
    assert kinds(encoder, many[: HABIT - 1] * [1, -1]) == []  # some people do stand on their heads


def test_scores_in_percent(encoder: PoseEncoder, many: np.ndarray) -> None:
    (text,) = kinds(encoder, many, np.full((144, 13), 87.0))
    assert "divide a percentage by 100" in text
    assert kinds(encoder, many, torch.full((144, 13), 1.7)) == []  # detectors whose scores pass 1 a little


def test_joints_of_another_skeleton(encoder: PoseEncoder, many: np.ndarray) -> None:
    other = np.full((144, 25, 2), np.nan)  # OpenPose's BODY_25B, which begins as COCO does
    other[:, [0, *range(5, 17)]] = many
    towards = many[:, 1:3].mean(1) - many[:, 0]
    for eye_or_ear, at in enumerate(([4, -4], [-4, -4], [9, 0], [-9, 0]), start=1):
        other[:, eye_or_ear] = many[:, 0] + np.array(at) * np.linalg.norm(towards, axis=-1, keepdims=True) / 30
    (text,) = kinds(encoder, other, skeleton="openpose_body25")
    assert "another order" in text
    assert kinds(encoder, other[:, :17], skeleton="coco") == []


def test_one_habit_in_a_long_recording_is_found(encoder: PoseEncoder, many: np.ndarray) -> None:
    points = np.tile(many, (100, 1, 1))
    assert len(points) > 100 * SAMPLE
    points[:, 3] = 0
    assert len(kinds(encoder, points)) == 1


def test_each_kind_is_said_once_for_a_place(encoder: PoseEncoder, many: np.ndarray) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for count in range(1, 5):
            encoder.embed(many[:count] / 2000)
    said = {(str(warning.message), warning.filename, warning.lineno) for warning in caught}
    assert len(caught) == 4 and len(said) == 1, "whose filters are as they come shows these once"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KeypointsWarning)
        encoder.embed(many / 2000)


def test_poses_are_looked_at_too(encoder: PoseEncoder, many: np.ndarray) -> None:
    with pytest.warns(KeypointsWarning, match="make them NaN"):
        Poses.from_arrays(np.where(np.arange(13)[:, None] == 4, 0, many)).embed(encoder)


@pytest.mark.parametrize("count", [1, 2, 17, 100, 1000])
@pytest.mark.parametrize("scale, offset", [(1, 0), (100, 300)])
def test_random_numbers_are_no_mistake(encoder: PoseEncoder, count: int, scale: float, offset: float) -> None:
    for seed in range(20):
        assert kinds(encoder, np.random.default_rng(seed).normal(offset, scale, (count, 13, 2))) == []


@pytest.mark.skipif(not DATA, reason="set POSEEMBED_DATA to a folder with penn_action.npz and real/ to run it")
def test_real_people_are_almost_never_taken_for_a_mistake(plain_folder: Path) -> None:
    encoder = PoseEncoder.from_pretrained(plain_folder)
    folder = Path(str(DATA))
    for path in sorted((folder / "real").glob("*.npz")):
        for camera in np.load(path)["keypoints"][:, :, 0]:
            assert kinds(encoder, camera) == []
    penn = np.load(folder / "penn_action.npz")
    points = penn["keypoints"].astype(np.float32)
    points[(points <= 1).all(-1)] = np.nan
    clips = np.split(points, penn["offsets"][1:-1])[::4]
    wrong = sum(bool(kinds(encoder, clip, skeleton="penn_action")) for clip in clips)
    assert wrong <= len(clips) / 200  # bodies that lie, or whose one side was guessed
