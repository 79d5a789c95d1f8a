"""3D poses to batches of what two cameras see of them, made on the training device without work per pose."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.keypoints import normalize_keypoints
from poseembed.skeleton import NUM_JOINTS
from training.scene.bodies import NOSE, Bodies
from training.scene.cameras import Camera, CameraRange
from training.scene.detector import Detector
from training.scene.world import heading, turn

AnyBatch = TypeVar("AnyBatch")
"""What a sampler gives to an objective: `Batch`, or windows of videos."""


@dataclass(frozen=True)
class Batch:
    """Two views of each of a batch of bodies, the anchors and the positives, and what is known of them.

    Attributes:
        points: Both pictures, normalised as `poseembed.keypoints.normalize_keypoints` does; 0 where nothing is visible.
        visible: Which joints they show.
        body: The 13 joints in 3D, on the body that both views have most in common; turned about the vertical to face
            +x (z up, torso lengths from the hips).
        camera: From where both views see `body`, as `poseembed.decoder.Viewpoint.encode` writes it; None where nobody
            says where the cameras stood.
    """

    points: Float[Tensor, "2 pairs 13 2"]
    visible: Bool[Tensor, "2 pairs 13"]
    body: Float[Tensor, "pairs 13 3"]
    camera: Float[Tensor, "2 pairs 5"] | None

    def known_camera(self) -> Float[Tensor, "2 pairs 5"]:
        """`camera`, for what cannot do without.

        Raises:
            ValueError: If nobody says where the cameras stood.
        """
        if self.camera is None:
            raise ValueError(
                "detections do not say where their cameras stand, so nothing that reads the cameras can be trained or "
                "measured on them; take an objective that compares views (cv_mim, pr_vipe), or leave --detections out"
            )
        return self.camera


class Sampler(ABC, Generic[AnyBatch]):
    """Draws what is recorded and, for each, two cameras; gives what a detector finds in what they see.

    Args:
        bodies: Where the 3D poses come from.
        cameras: Where the cameras stand.
        detector: What becomes of their pictures.
    """

    def __init__(self, bodies: Bodies, cameras: CameraRange, detector: Detector) -> None:
        self.bodies, self.cameras, self.detector = bodies, cameras, detector

    @property
    def device(self) -> torch.device:
        """Where the views are made."""
        return self.bodies.torso.device

    def digest(self) -> str:
        """A fingerprint of the data that the views are made of."""
        return self.bodies.digest()

    @abstractmethod
    def sample(self, pairs: int) -> AnyBatch:
        """Two views of each of `pairs` random draws, from torch's global random state."""


class ViewSampler(Sampler[Batch]):
    """Draws bodies and, for each, two cameras; gives what a detector finds in both pictures; see `Sampler`.

    Joint 0 of a view lies at random between the centre of the head and the nose, for annotators and detectors
    disagree on it as much (the paper mixes detected noses with projected heads).
    """

    def sample(self, pairs: int) -> Batch:
        """Two views of each of `pairs` random poses, from torch's global random state."""
        points, seen = self.bodies.sample_pairs(pairs)
        facing = heading(points)
        picture, visible, camera = self.photograph(seen.flatten(0, 1), views=2)
        return Batch(
            points=normalize_keypoints(picture, visible).unflatten(0, (2, pairs)),
            visible=visible.unflatten(0, (2, pairs)),
            body=turn(points[:, :NUM_JOINTS], -facing[:, None]),
            camera=camera.viewpoint(facing.repeat(2)).encode().unflatten(0, (2, pairs)),
        )

    def photograph(
        self, points: Float[Tensor, "views 14 3"], *, views: int = 1
    ) -> tuple[Float[Tensor, "views 13 2"], Bool[Tensor, "views 13"], Camera]:
        """See each body, the 13 joints and the nose, from a random camera.

        Args:
            points: Bodies.
            views: How often each body is there; see `CameraRange.sample`.

        Returns:
            Picture points, which of them are visible, and the cameras.
        """
        count, device = len(points), points.device
        seen = with_face(points, torch.rand(count, device=device))
        camera = self.cameras.sample(count, views=views, device=device)
        picture = self.detector.shift(self.detector.swap(camera.look(seen)), camera.torso)
        return picture, self.detector.see(picture), camera


def with_face(
    points: Float[Tensor, "views *frames 14 3"], share: Float[Tensor, "views *#frames"]
) -> Float[Tensor, "views *frames 13 3"]:
    """The 13 joints of bodies, joint 0 so far on the way from the centre of the head to the nose."""
    head = points[..., :1, :] + share[..., None, None] * (points[..., NOSE : NOSE + 1, :] - points[..., :1, :])
    return torch.cat([head, points[..., 1:NUM_JOINTS, :]], dim=-2)
