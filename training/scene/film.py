"""Motion capture as a virtual video camera films it: one camera for a whole clip, and what a detector makes of it."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from poseembed import Poses
from training.scene.cameras import Camera, CameraRange
from training.scene.detector import Detector
from training.scene.world import to_world

CENTRE = (640, 360)
"""Middle of the picture, pixels; the hips stay there."""

TORSO = 120
"""A torso as far away as the hips is so long in the picture, pixels, whatever the distance: the operator zooms."""


def random_camera(seed: int) -> Camera:
    """The camera, within `CameraRange()`, that a seed stands for."""
    return CameraRange().sample(1, generator=Generator().manual_seed(seed))


def film(
    joints: Float[Tensor, "frames 13 3"],
    camera: Camera,
    *,
    fps: float,
    detector: Detector | None = None,
    seed: int = 0,
) -> Poses:
    """What one still camera sees of a performance.

    Args:
        joints: Motion capture, metres, y up, as `training.datasets.mocap` reads it.
        camera: One, for the whole clip. It follows the hips.
        fps: Frames a second, those of the clip.
        detector: What becomes of the keypoints; None is a perfect one. Torch's global random state is left as it was.
        seed: Of the detector.

    Returns:
        A row a frame of person 0; a lost joint has confidence 0.
    """
    picture = camera.look(to_world(joints))
    frames = len(picture)
    visible = torch.ones(frames, 13, dtype=torch.bool)
    if detector is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            picture = detector.shift(detector.swap(picture), camera.torso.expand(frames))
            visible = detector.see(picture)
    pixels = picture * (TORSO * camera.distance)[..., None, None] + torch.tensor(CENTRE)
    return Poses.from_arrays(
        pixels.numpy(), visible.numpy(), person=[0] * frames, time=torch.arange(frames).double().numpy() / fps
    )
