"""Poses into vectors, one by one: what a `PoseEncoder` makes of keypoints."""

import copy
from typing import Generic, Literal, overload

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from typing_extensions import NamedTuple, Self

from poseembed.batches import BATCH_SIZE, check_batch_size, compute
from poseembed.checkpoint import CheckpointConfig
from poseembed.devices import find_device
from poseembed.keypoints import MIN_CONFIDENCE, Array, normalize_keypoints, read_joints
from poseembed.network import Encoder
from poseembed.onnx.runtime import OnnxRuntime
from poseembed.plausibility import look_at
from poseembed.skeleton import NUM_JOINTS, Skeleton, SkeletonName
from poseembed.space import PoseSpace


class Embedding(NamedTuple, Generic[Array]):
    """What `PoseEncoder.embed` returns; unpacks as `z_pose, z_view`.

    Attributes:
        z_pose: What the body does, (..., pose_dim); the same from every camera. Compare with `similarity`.
        z_view: Where the camera stands, (..., view_dim). Not an angle by itself.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2))).z_view.shape
        (5, 32)
    """

    z_pose: Array
    z_view: Array


class PoseEmbedder(PoseSpace, nn.Module):
    """Embeds poses with a network, or what takes its place.

    Attributes:
        config: What the checkpoint says of itself.
        network: Makes vectors of normalised poses.
        runtime: What embeds in the place of torch, with the ONNX backend; else None.
    """

    def __init__(self, config: CheckpointConfig, network: Encoder, runtime: OnnxRuntime | None) -> None:
        super().__init__()
        self.runtime = runtime  # the first to be asked to move, before anything has moved
        self.config = config
        self.network = network

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._weight().device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        dtype = self._weight().dtype
        return dtype if dtype.is_floating_point else torch.float32  # what quantised layers give

    @property
    def view_dim(self) -> int:
        """Length of `z_view`, 0 for a checkpoint without view vectors."""
        return self.config.network.view_dim

    def forward(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None = None
    ) -> Embedding[Tensor]:
        """Embed 13-joint poses, differentiably and without checks; `embed` is for everyday use.

        Args:
            keypoints: Points (x, y), y down, on the encoder's device; NaN is missing.
            visible: Joints that count, besides not being NaN; all if None.

        Returns:
            Vectors of the encoder's dtype (pose vectors whose lengths say how sure it is are float32 at least); NaN
            rows for poses without a visible joint.
        """
        if self.runtime is not None:
            return Embedding(*self.runtime(keypoints, visible))
        return self._embed_laid_out(*self._lay_out(keypoints, visible))

    @overload
    def embed(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: SkeletonName | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: Literal[False] = False,
        device: str | torch.device | None = None,
    ) -> Embedding[np.ndarray]: ...

    @overload
    def embed(
        self,
        keypoints: Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: SkeletonName | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Embedding[Tensor]: ...

    @overload
    def embed(
        self,
        keypoints: np.ndarray | Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: SkeletonName | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: Literal[True],
        device: str | torch.device | None = None,
    ) -> Embedding[Tensor]: ...

    @torch.no_grad()  # not inference_mode: its vectors could not train whatever is put on top of them
    def embed(
        self,
        keypoints: np.ndarray | Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: SkeletonName | Skeleton = "poseembed13",
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = BATCH_SIZE,
        show_progress_bar: bool = False,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Embedding[np.ndarray] | Embedding[Tensor]:
        """Turn poses into vectors.

        A vector depends on its own pose alone: not on the rest of the batch, nor on where and how large the person
        stands in the picture: in float32 to about 1e-5 of its length, on any device and at any batch size; in bfloat16
        it is up to 4 % of its length from that, at a cosine of 0.999 and more.

        Args:
            keypoints: (..., joints, 2) points (x, y), y down, in any unit with square pixels (multiply normalised
                coordinates by the picture's width and height first). NaN is a missing joint; 0 is a coordinate.
            confidence: (..., joints) scores of the joints; NaN, or a score under `min_confidence`, is missing.
            skeleton: Name of the source's skeleton, see `poseembed.SKELETONS`.
            min_confidence: Least score of a joint that is there.
            batch_size: Poses that go through the network at once; fewer, where a GPU's memory does not hold so many,
                and 2,048 at most on a processor, which fit its cache.
            show_progress_bar: Show one, on stderr.
            convert_to_tensor: Return tensors, on the device that did the work, whatever came in.
            device: Where to do it, with a copy of the encoder; None is where the encoder is. For many calls on one
                device move the encoder there once, with `encoder.to(device)`.

        Returns:
            `(z_pose, z_view)` of shapes (..., pose_dim) and (..., view_dim), float32: numpy arrays for numpy input,
            tensors on the input's device for torch input (float64 if the encoder is). A pose without a single usable
            joint gives a NaN row. An empty batch gives an empty one.

        Raises:
            TypeError: If an input is not a numeric array or tensor, or a number is none.
            ValueError: For shapes that do not fit the skeleton or each other, infinite coordinates, an unknown
                skeleton, a batch size under 1, a `min_confidence` that is not in 0 to 1, or a device that is not there.
            torch.OutOfMemoryError: If a GPU's memory does not hold what a single pose takes, or the vectors of all.

        Warns:
            KeypointsWarning: If the poses are most likely not what they are taken for: zeros for missing joints,
                coordinates in 0 to 1, y up, scores in percent, joints in another order. It looks at 128 of them.
            UserWarning: If a GPU's memory does not hold `batch_size` poses at once; it says how many it does hold.
        """
        batch_size = check_batch_size(batch_size)
        points = read_joints(keypoints, confidence, skeleton, min_confidence)
        leading = points.shape[:-2]
        points = points.reshape(-1, NUM_JOINTS, 2)
        look_at(points, confidence)
        encoder = self._on(device)
        there = encoder.device
        z_pose, z_view = compute(
            encoder,
            points,
            batch_size,
            device=there,
            place=there if convert_to_tensor else points.device,
            show_progress_bar=show_progress_bar,
        )
        z_pose, z_view = z_pose.reshape(*leading, self.pose_dim), z_view.reshape(*leading, self.view_dim)
        if not isinstance(keypoints, Tensor) and not convert_to_tensor:
            return Embedding(z_pose.float().numpy(), z_view.float().numpy())
        return Embedding(z_pose, z_view)

    def _on(self, device: str | torch.device | None) -> Self:
        """The encoder if it is on that device, or else a copy there."""
        if device is None:
            return self
        wanted, here = find_device(device), self.device
        if wanted.type == here.type and wanted.index in (None, here.index):
            return self
        return copy.deepcopy(self).to(wanted)

    def _weight(self) -> Tensor:
        """A tensor of the network's type, where the network is."""
        weight = self.network.tower.head.weight
        return weight() if callable(weight) else weight  # a method of the layers that torch's quantisation puts there

    def _lay_out(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None = None
    ) -> tuple[Float[Tensor, "*batch inputs"], Bool[Tensor, "*batch 13"]]:
        """Poses as the networks read them, and which joints are there."""
        # Half types cannot hold pixel coordinates: normalise in float32 at least.
        points = keypoints.to(torch.promote_types(keypoints.dtype, torch.float32))
        present = ~points.isnan().any(-1)
        if visible is not None:
            present = present & visible
        return self.network.layout(normalize_keypoints(points, present).to(self.dtype), present), present

    def _embed_laid_out(
        self, inputs: Float[Tensor, "*batch inputs"], present: Bool[Tensor, "*batch 13"]
    ) -> Embedding[Tensor]:
        """Vectors of what `_lay_out` gives, by torch."""
        somebody = present.any(-1, keepdim=True)
        leading = inputs.shape[:-1]
        z_pose, z_view = self.network(inputs.reshape(-1, inputs.shape[-1]))
        return Embedding(
            torch.where(somebody, z_pose.reshape(*leading, self.pose_dim), torch.nan),
            torch.where(somebody, z_view.reshape(*leading, self.view_dim), torch.nan),
        )
