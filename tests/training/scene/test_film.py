"""Filming motion capture by one virtual camera."""

import numpy as np
import torch
from torch.testing import assert_close

from training.scene.detector import Detector
from training.scene.film import CENTRE, film

STANDING = np.array(  # metres, y up, facing +z; the person's left is +x
    [
        (0, 0.7, 0.05),
        *((0.2, 0.5, 0), (-0.2, 0.5, 0), (0.25, 0.2, 0), (-0.25, 0.2, 0), (0.27, 0, 0.1), (-0.27, 0, 0.1)),
        *((0.12, 0, 0), (-0.12, 0, 0), (0.13, -0.45, 0), (-0.13, -0.45, 0), (0.14, -0.85, 0), (-0.14, -0.85, 0)),
    ],
    dtype=np.float32,
)
CLIP = torch.from_numpy(np.repeat(STANDING[None], 50, axis=0))


def test_one_camera_films_a_whole_clip() -> None:
    poses = film(CLIP, fps=25.0, seed=3)
    assert (poses.keypoints == poses.keypoints[:1]).all()
    assert (poses.confidence == 1).all() and (poses.person == 0).all()
    np.testing.assert_allclose(poses.time, np.arange(50) / 25)
    np.testing.assert_allclose(poses.keypoints[0, [7, 8]].mean(0), CENTRE, atol=2)  # the hips
    assert poses.keypoints[0, 0, 1] < poses.keypoints[0, 7, 1] < poses.keypoints[0, 11, 1]  # upright
    assert (film(CLIP, fps=30.0, seed=4).keypoints != poses.keypoints).any()
    assert np.array_equal(film(CLIP, fps=30.0, seed=3).keypoints, poses.keypoints)


def test_a_detector_spoils_frames_by_itself_and_leaves_the_random_state() -> None:
    before = torch.get_rng_state()
    poses = film(CLIP, fps=30.0, seed=3, detector=Detector(noise=0.05, occluded=0.5))
    assert_close(torch.get_rng_state(), before)
    perfect = film(CLIP, fps=30.0, seed=3)
    moved = np.linalg.norm(poses.keypoints - perfect.keypoints, axis=-1)
    assert 0 < np.median(moved) < 12  # 5 % of 120 pixels is the largest deviation
    lost = poses.confidence == 0
    assert 0.05 < lost.mean() < 0.5
    assert len(np.unique(lost, axis=0)) > 5
