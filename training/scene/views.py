"""3D poses to batches of what two cameras see of them, made on the training device without work per pose."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig, network_input
from poseembed.skeleton import NUM_JOINTS
from training.scene.bodies import NOSE, Bodies, heading
from training.scene.cameras import CameraRange, orbit_matrix, project, turn
from training.scene.detector import Detector


def describe_camera(
    rotation: Float[Tensor, "views 3 3"], roll: Float[Tensor, " views"], facing: Float[Tensor, " views"]
) -> Float[Tensor, "views 5"]:
    """Where cameras stand, as `Batch.camera` says it.

    Args:
        rotation: From the world to the camera's frame, see `training.scene.cameras.orbit_matrix`.
        roll: Of the camera, radians.
        facing: Of the body, see `training.scene.bodies.heading`.
    """
    towards = turn(-rotation[:, 0], -facing)  # the camera looks along the x axis of its own frame
    return torch.cat([towards, roll.sin()[:, None], roll.cos()[:, None]], dim=-1)


@dataclass(frozen=True)
class Batch:
    """Two views of each of a batch of bodies, and what the virtual world knows of them.

    Attributes:
        inputs: Network inputs of the anchors and of the positives.
        body: The 13 joints in 3D, turned about the vertical to face +x (z up, torso lengths from the hips).
        camera: Of both views: the direction from the hips to the camera in the frame of `body` (a unit vector), and
            sine and cosine of the camera's roll.
    """

    inputs: Float[Tensor, "2 pairs inputs"]
    body: Float[Tensor, "pairs 13 3"]
    camera: Float[Tensor, "2 pairs 5"]


class ViewSampler:
    """Draws bodies and, for each, two cameras; gives what the network reads of both pictures.

    Joint 0 of a view lies at random between the centre of the head and the nose, for annotators and detectors
    disagree on it as much (the paper mixes detected noses with projected heads).

    Args:
        bodies: Where the 3D poses come from.
        cameras: Where the cameras stand.
        detector: What becomes of their pictures.
        network: Whose input to make.
    """

    def __init__(self, bodies: Bodies, cameras: CameraRange, detector: Detector, network: NetworkConfig) -> None:
        self.bodies, self.cameras, self.detector, self.network = bodies, cameras, detector, network

    @property
    def device(self) -> torch.device:
        """Where the views are made."""
        return self.bodies.torso.device

    def digest(self) -> str:
        """A fingerprint of the data that the views are made of."""
        return self.bodies.digest()

    def sample(self, pairs: int) -> Batch:
        """Two views of each of `pairs` random bodies, from torch's global random state."""
        points = self.bodies.sample(pairs)
        facing = heading(points)
        picture, visible, camera = self.photograph(points.repeat(2, 1, 1), facing.repeat(2))
        return Batch(
            inputs=self.inputs(picture, visible).unflatten(0, (2, pairs)),
            body=turn(points[:, :NUM_JOINTS], -facing[:, None]),
            camera=camera.unflatten(0, (2, pairs)),
        )

    def photograph(
        self, points: Float[Tensor, "views 14 3"], facing: Float[Tensor, " views"]
    ) -> tuple[Float[Tensor, "views 13 2"], Bool[Tensor, "views 13"], Float[Tensor, "views 5"]]:
        """See each body from a random camera.

        Args:
            points: The 13 joints and the nose.
            facing: Where the bodies face, see `training.scene.bodies.heading`.

        Returns:
            Picture points, which of them are visible, and where the cameras stand (see `Batch.camera`).
        """
        count, device = len(points), points.device
        seen = points[:, :NUM_JOINTS].clone()
        seen[:, 0] += torch.rand(count, 1, device=device) * (points[:, NOSE] - points[:, 0])
        azimuth, elevation, roll, distance = self.cameras.sample(count, device=device)
        rotation = orbit_matrix(azimuth, elevation, roll)
        picture = self.detector.swap(project(seen, rotation, distance))
        picture = self.detector.shift(picture, 1 / distance)
        return picture, self.detector.see(picture), describe_camera(rotation, roll, facing)

    def inputs(
        self, picture: Float[Tensor, "views 13 2"], visible: Bool[Tensor, "views 13"]
    ) -> Float[Tensor, "views inputs"]:
        """What the network reads of pictures."""
        return network_input(normalize_keypoints(picture, visible), visible, self.network)
