"""Motion capture as a virtual video camera films it: one camera for a whole clip, and what a detector makes of it."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from poseembed import Poses
from training.scene.cameras import CameraRange, normalize_3d, orbit_matrix, project, y_up_to_z_up
from training.scene.detector import Detector

CENTRE = (640, 360)
"""Middle of the picture, pixels; the hips stay there."""

TORSO = 120
"""A torso as far away as the hips is so long in the picture, pixels, whatever the distance: the operator zooms."""


def camera(seed: int) -> tuple[Float[Tensor, "1 3 3"], Float[Tensor, " 1"]]:
    """Rotation in front of the camera that a seed stands for, and its distance in torso lengths."""
    azimuth, elevation, roll, distance = CameraRange().sample(1, generator=Generator().manual_seed(seed))
    return orbit_matrix(azimuth, elevation, roll), distance


def film(joints: Float[Tensor, "frames 13 3"], *, fps: float, seed: int, detector: Detector | None = None) -> Poses:
    """What one still camera sees of a performance.

    Args:
        joints: Motion capture, metres, y up, as `training.datasets.mocap` reads it.
        fps: Frames a second, those of the clip.
        seed: Of where the camera stands, within `CameraRange()`, and of the detector.
        detector: What becomes of the keypoints; None is a perfect one. Torch's global random state is left as it was.

    Returns:
        A row a frame of person 0; a lost joint has confidence 0.
    """
    rotation, distance = camera(seed)
    body = y_up_to_z_up(normalize_3d(joints))
    picture = project(body, rotation, distance)
    frames = len(picture)
    visible = torch.ones(frames, 13, dtype=torch.bool)
    if detector is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            picture = detector.shift(detector.swap(picture), (1 / distance).expand(frames))
            visible = detector.see(picture)
    pixels = picture * (TORSO * distance) + torch.tensor(CENTRE)
    return Poses.from_arrays(
        pixels.numpy(), visible.numpy(), person=[0] * frames, time=torch.arange(frames).double().numpy() / fps
    )
