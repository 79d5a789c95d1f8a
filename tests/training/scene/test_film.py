"""Filming motion capture by one virtual camera."""

import numpy as np
import torch
from torch.testing import assert_close

from training.scene.cameras import Camera
from training.scene.detector import Detector
from training.scene.film import CENTRE, TORSO, film, random_camera

STANDING = np.array(  # metres, y up, facing +z; the person's left is +x
    [
        (0, 0.7, 0.05),
        *((0.2, 0.5, 0), (-0.2, 0.5, 0), (0.25, 0.2, 0), (-0.25, 0.2, 0), (0.27, 0, 0.1), (-0.27, 0, 0.1)),
        *((0.12, 0, 0), (-0.12, 0, 0), (0.13, -0.45, 0), (-0.13, -0.45, 0), (0.14, -0.85, 0), (-0.14, -0.85, 0)),
    ],
    dtype=np.float32,
)
CAMERA = random_camera(3)
CLIP = torch.from_numpy(np.repeat(STANDING[None], 50, axis=0))


def test_one_camera_films_a_whole_clip() -> None:
    poses = film(CLIP, CAMERA, fps=25.0)
    assert (poses.keypoints == poses.keypoints[:1]).all()
    assert (poses.confidence == 1).all() and (poses.person == 0).all()
    np.testing.assert_allclose(poses.time, np.arange(50) / 25)
    np.testing.assert_allclose(poses.keypoints[0, [7, 8]].mean(0), CENTRE, atol=2)  # the hips
    assert poses.keypoints[0, 0, 1] < poses.keypoints[0, 7, 1] < poses.keypoints[0, 11, 1]  # upright


def test_a_seed_stands_for_one_camera() -> None:
    first, again, other = (film(CLIP, random_camera(seed), fps=30.0).keypoints for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert (first != other).any()


def test_the_operator_zooms() -> None:
    for distance in (3.0, 12.0):
        front = Camera(*torch.tensor([np.pi, 0.0, 0.0, distance]))
        torso = film(CLIP, front, fps=30.0).keypoints[0, [[7, 8], [1, 2]], 1].mean(-1)
        np.testing.assert_allclose(torso[0] - torso[1], TORSO, rtol=1e-5)


def test_a_detector_spoils_frames_by_itself_and_leaves_the_random_state() -> None:
    before = torch.get_rng_state()
    spoiled = [film(CLIP, CAMERA, fps=30.0, detector=Detector(noise=0.05, occluded=0.5), seed=s) for s in (3, 3, 4)]
    assert_close(torch.get_rng_state(), before)
    poses = spoiled[0]
    moved = np.linalg.norm(poses.keypoints - film(CLIP, CAMERA, fps=30.0).keypoints, axis=-1)
    assert 0 < np.median(moved) < 12  # 5 % of 120 pixels is the largest deviation
    lost = poses.confidence == 0
    assert 0.05 < lost.mean() < 0.5
    assert len(np.unique(lost, axis=0)) > 5
    assert np.array_equal(spoiled[1].keypoints, poses.keypoints)
    assert (spoiled[2].keypoints != poses.keypoints).any()
