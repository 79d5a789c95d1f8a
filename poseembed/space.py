"""The space of a checkpoint's pose vectors: how alike two of them are, and what that is worth."""

from typing import overload

import numpy as np
import torch
from torch import Tensor, nn

from poseembed.checkpoint import CheckpointConfig
from poseembed.keypoints import Array, to_tensor
from poseembed.origin import meet
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors, Vectors


class PoseSpace:
    """What can be asked of pose vectors, whichever network made them.

    Attributes:
        config: What the checkpoint says of itself.
    """

    config: CheckpointConfig

    @property
    def pose_dim(self) -> int:
        """Length of `z_pose`."""
        return self.config.network.pose_dim

    @overload
    def similarity(self, a: Poses | np.ndarray, b: Poses | np.ndarray) -> np.ndarray: ...

    @overload
    def similarity(self, a: Tensor, b: Tensor) -> Tensor: ...

    def similarity(self, a: Vectors, b: Vectors) -> np.ndarray | Tensor:
        """Cosine similarity of every pose vector of `a` with every one of `b`: -1 to 1, larger is more alike.

        Args:
            a: (n, pose_dim) pose vectors, numpy or torch, or embedded `Poses`; a single vector counts as one row.
            b: (m, pose_dim), of the same kind.

        Returns:
            (n, m) similarities, NaN for the NaN vectors of poses without joints.

        Raises:
            TypeError: If `a` and `b` are not both numpy arrays (or `Poses`) or both tensors.
            ValueError: If `Poses` are not embedded, or by checkpoints of two spaces; if vectors are not
                `pose_dim` long, or have more than one leading axis.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> z_pose, _ = encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2)))
            >>> similarity = encoder.similarity(z_pose[:2], z_pose)
            >>> similarity.shape, similarity.argmax(axis=1).tolist()
            ((2, 5), [0, 1])
        """
        a, b = _arrays(a, b)
        first, second = (torch.atleast_2d(vectors) for vectors in self._unit_vectors(a, b))
        if first.ndim > 2 or second.ndim > 2:
            raise ValueError(
                f"got shapes {tuple(a.shape)} and {tuple(b.shape)}; wanted (n, {self.pose_dim}) and "
                f"(m, {self.pose_dim}), as from reshape(-1, {self.pose_dim})"
            )
        cosines = (first @ second.mT).clamp(-1, 1)
        return cosines if isinstance(a, Tensor) else cosines.numpy()

    @overload
    def similarity_pairwise(self, a: Poses | np.ndarray, b: Poses | np.ndarray) -> np.ndarray: ...

    @overload
    def similarity_pairwise(self, a: Tensor, b: Tensor) -> Tensor: ...

    def similarity_pairwise(self, a: Vectors, b: Vectors) -> np.ndarray | Tensor:
        """Cosine similarity of each pose vector of `a` with the one in the same place in `b`.

        Args:
            a: (..., pose_dim) pose vectors, numpy or torch, or embedded `Poses`.
            b: The same shape and kind.

        Returns:
            (...) similarities.

        Raises:
            TypeError: If `a` and `b` are not both numpy arrays (or `Poses`) or both tensors.
            ValueError: If `Poses` are not embedded, or by checkpoints of two spaces; if vectors are not
                `pose_dim` long, or the shapes differ.

        Examples:
            >>> from poseembed import JOINTS, PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> keypoints = np.random.default_rng(0).normal(size=(2, 13, 2))
            >>> whole, _ = encoder.embed(keypoints)
            >>> keypoints[:, JOINTS.index("left_wrist")] = np.nan
            >>> encoder.similarity_pairwise(whole, encoder.embed(keypoints).z_pose).round(2)
            array([0.92, 0.94], dtype=float32)
        """
        a, b = _arrays(a, b)
        first, second = self._unit_vectors(a, b)
        if first.shape != second.shape:
            raise ValueError(f"got shapes {tuple(a.shape)} and {tuple(b.shape)}; for all against all use similarity()")
        cosines = (first * second).sum(-1).clamp(-1, 1)
        return cosines if isinstance(a, Tensor) else cosines.numpy()

    def match_probability(self, similarity: Array, *, prior: float = 0.5) -> Array:
        """Probability that two pictures show the same pose; see `poseembed.calibration` for what that means.

        Args:
            similarity: (...) cosines, numpy or torch, as `similarity` and `similarity_pairwise` return them.
            prior: Share of the compared pairs that match: about 1 / m where each pose has one match among m.

        Returns:
            (...) probabilities, 0 to 1, of the same kind; NaN for NaN.

        Raises:
            TypeError: If `similarity` is not a numeric array or tensor.
            ValueError: If the checkpoint has no calibration, a similarity is not in -1 to 1 or `prior` not in 0 to 1.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> cosines = np.array([0.5, 0.8, 0.95])
            >>> encoder.match_probability(cosines).round(2).tolist()
            [0.35, 0.99, 1.0]
            >>> encoder.match_probability(cosines, prior=1 / 1000).round(2).tolist()  # where one of a thousand matches
            [0.0, 0.09, 0.5]
        """
        if self.config.calibration is None:
            raise ValueError(
                "this checkpoint has no calibration, so what its cosines are worth is not known; load one that has, "
                "or fit it in a checkout of poseembed: python -m training.calibrate FOLDER --data FILE"
            )
        return _like(self.config.calibration.probability(to_tensor(similarity, "similarity"), prior), similarity)

    def _unit_vectors(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> tuple[Tensor, Tensor]:
        """Check pose vectors, and scale them to length 1, in the wider of their types."""
        if isinstance(a, Tensor) != isinstance(b, Tensor):
            raise TypeError(f"got {type(a).__name__} and {type(b).__name__}; pass two arrays or two tensors")
        first, second = to_tensor(a, "a"), to_tensor(b, "b")
        for vectors in (a, b):
            if not vectors.ndim or vectors.shape[-1] != self.pose_dim:
                raise ValueError(f"got shape {tuple(vectors.shape)}; wanted pose vectors, (..., {self.pose_dim})")
        dtype = torch.promote_types(first.dtype, second.dtype)
        return nn.functional.normalize(first.to(dtype), dim=-1), nn.functional.normalize(second.to(dtype), dim=-1)


def _arrays(a: Vectors, b: Vectors) -> tuple[np.ndarray | Tensor, np.ndarray | Tensor]:
    """The vectors of `Poses`, which have to be of one space; arrays as they are."""
    one, other = (
        PoseVectors.of(vectors, name) if isinstance(vectors, Poses) else PoseVectors(vectors)
        for vectors, name in ((a, "a"), (b, "b"))
    )
    meet(one.made_by, other.made_by, ("a", "b"))
    return one.z_pose, other.z_pose


def _like(values: Tensor, example: Array) -> Array:
    """Numpy if the example is, else torch."""
    return values if isinstance(example, Tensor) else values.numpy()
