"""Poses in 3D: what a `PoseEncoder` with a decoder makes of keypoints besides vectors."""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from poseembed.batches import BATCH_SIZE, check_batch_size, compute
from poseembed.body import Body
from poseembed.decoder import Decoder
from poseembed.keypoints import MIN_CONFIDENCE, Array, read_joints
from poseembed.plausibility import look_at
from poseembed.pose_embedding import PoseEmbedder
from poseembed.skeleton import NUM_JOINTS, Skeleton, SkeletonName


class Lifter(PoseEmbedder):
    """Lifts poses to 3D, besides embedding them.

    Attributes:
        decoder: What reads bodies from the last hidden layer, where there is one.
    """

    decoder: Decoder | None

    @torch.no_grad()
    def lift(
        self,
        keypoints: Array,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: SkeletonName | Skeleton = "poseembed13",
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = BATCH_SIZE,
        device: str | torch.device | None = None,
    ) -> Body[Array]:
        """Estimate poses in 3D, each from one picture, and how far off each joint may be.

        The bodies stand in a frame of their own, so that they can be compared whatever the cameras: x to their front, y
        to their left, z up; in torso lengths from the middle of the hips. What a picture does not show, such as joints
        that are missing and how far away a joint is, is a guess, and the covariance says how wide a one.

        Args:
            keypoints: (..., joints, 2) points (x, y), y down, in any unit with square pixels. NaN is a missing joint.
            confidence: (..., joints) scores of the joints; NaN, or a score under `min_confidence`, is missing.
            skeleton: Name of the source's skeleton, see `poseembed.SKELETONS`.
            min_confidence: Least score of a joint that is there.
            batch_size: Poses that go through the network at once.
            device: Where to do it, with a copy of the encoder; None is where the encoder is.

        Returns:
            `(joints, covariance)` of shapes (..., 13, 3) and (..., 13, 3, 3), float32: numpy arrays for numpy input,
            tensors on the input's device for torch input (float64 if the encoder is). A pose without a single usable
            joint is NaN.

        Raises:
            TypeError: As `embed` does.
            ValueError: As `embed` does; and if the checkpoint has no decoder.

        Warns:
            KeypointsWarning: As `embed` does.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> body = encoder.lift(np.random.default_rng(0).normal(300, 100, size=(5, 17, 2)), skeleton="coco")
            >>> body.joints.shape, body.spread.shape
            ((5, 13, 3), (5, 13))
        """
        if self.decoder is None:
            raise ValueError(
                "this checkpoint has no decoder, so it cannot lift poses to 3D; poseembed-base and poseembed-small "
                "have one, and python -m training.decoder fits one to your own"
            )
        batch_size = check_batch_size(batch_size)
        points = read_joints(keypoints, confidence, skeleton, min_confidence)
        leading = points.shape[:-2]
        points = points.reshape(-1, NUM_JOINTS, 2)
        look_at(points, confidence)
        encoder = self._on(device)
        parts = compute(partial(_read, encoder), points, batch_size, device=encoder.device, place=points.device)
        joints, covariance = (part.reshape(*leading, *part.shape[1:]) for part in parts)
        if isinstance(keypoints, Tensor):
            return Body(joints, covariance)
        return Body(joints.float().numpy(), covariance.float().numpy())


def _read(encoder: Lifter, points: Float[Tensor, "batch 13 2"]) -> Body[Tensor]:
    """The bodies of poses; NaN where nobody is."""
    assert encoder.decoder is not None
    inputs, present = encoder._lay_out(points)
    body = encoder.decoder.body(encoder.network.features(inputs), inputs)
    somebody = present.any(-1)[:, None, None]
    return Body(
        torch.where(somebody, body.joints, torch.nan), torch.where(somebody[..., None], body.covariance, torch.nan)
    )
