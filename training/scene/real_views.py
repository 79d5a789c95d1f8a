"""Pairs of views half of which real cameras saw: detected keypoints in place of projections, as in the CV-MIM paper."""

import hashlib

import torch
from jaxtyping import Float32
from numpy import ndarray

from poseembed.keypoints import normalize_keypoints
from poseembed.skeleton import NUM_JOINTS
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import Batch, ViewSampler
from training.scene.world import heading, turn

_MIN_JOINTS = 2
"""A detection with fewer joints says nothing of the pose."""


class RealViewSampler(ViewSampler):
    """Draws recorded poses and, for each, two views: both detected, both projected, or one of each.

    Each of a pair's views is detected with probability 1/2, whatever the other is, else projected as `ViewSampler`
    does; two detected ones are of different cameras (`2D_INPUT_AND_3D_PROJECTION` of google-research/poem, whose
    records are ordered pairs of cameras). A view is one or the other as a whole; never are their joints mixed. Where
    not even two joints were detected, the pose is projected.

    Args:
        bodies: The recorded poses, unvaried.
        detected: What the real cameras saw of each, in the same order: points in any unit with square pixels, joints
            that were not detected NaN.
        cameras: Where the virtual cameras stand.
        detector: What becomes of their pictures; detections stay as they are.

    Raises:
        ValueError: If the bodies are varied (nobody detected those), the numbers of poses differ, or there are fewer
            than two cameras.
    """

    def __init__(
        self,
        bodies: Bodies,
        detected: Float32[ndarray, "poses cameras 13 2"],
        cameras: CameraRange,
        detector: Detector,
    ) -> None:
        super().__init__(bodies, cameras, detector)
        if bodies.variation != Variation():
            raise ValueError(
                f"detections are of the recorded poses, and this varies them: {bodies.variation}; take a recipe "
                "without variation, such as cv_mim_paper"
            )
        if len(detected) != len(bodies) or detected.shape[1] < 2 or detected.shape[2:] != (NUM_JOINTS, 2):
            raise ValueError(
                f"got detections of shape {detected.shape} for {len(bodies)} poses; wanted (poses, cameras, 13, 2) "
                "with two cameras or more"
            )
        self.detected = torch.from_numpy(detected).to(self.device)
        self._digest = hashlib.sha256(bodies.digest().encode() + detected.tobytes()).hexdigest()

    def digest(self) -> str:
        """A fingerprint of the recorded poses and their detections."""
        return self._digest

    def sample(self, pairs: int) -> Batch:
        """Two views of each of `pairs` random recorded poses, from torch's global random state.

        Nobody says where the real cameras stood, so the batch does not know its cameras.
        """
        chosen = self.bodies.draw(pairs)
        points = self.bodies.vary(chosen)
        projected, visible, _ = self.photograph(points.repeat(2, 1, 1), views=2)
        # the second camera is any but the first: so many places further on
        first, further = (
            torch.randint(low, high, (pairs,), device=self.device)
            for low, high in ((0, self.detected.shape[1]), (1, self.detected.shape[1]))
        )
        camera = torch.cat([first, (first + further) % self.detected.shape[1]])
        detected = self.detected[chosen.repeat(2), camera]
        found = detected.isfinite().all(-1)
        real = (torch.rand(2 * pairs, device=self.device) < 0.5) & (found.sum(-1) >= _MIN_JOINTS)
        picture = torch.where(real[:, None, None], detected, projected)
        visible = torch.where(real[:, None], found, visible)
        return Batch(
            points=normalize_keypoints(picture, visible).unflatten(0, (2, pairs)),
            visible=visible.unflatten(0, (2, pairs)),
            body=turn(points[:, :NUM_JOINTS], -heading(points)[:, None]),
            camera=None,
        )
