"""The space of a checkpoint's pose vectors: how alike two of them are, and what that is worth."""

from typing import overload

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import CheckpointConfig
from poseembed.keypoints import to_tensor
from poseembed.origin import meet
from poseembed.poses import Poses
from poseembed.vectors import PoseVectors, Vectors

_ROUNDING = 0.01  # how much longer than 1 a vector of certainty 1 may be, in half precision say


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
        first, second = self._rows(*_arrays(a, b))
        return _like(_cosines(first, second), a)

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
            array([0.85, 0.88], dtype=float32)
        """
        first, second = self._pairs(*_arrays(a, b))
        return _like(_cosines_pairwise(first, second), a)

    @overload
    def match_probability(self, a: Poses | np.ndarray, b: Poses | np.ndarray, *, prior: float = 0.5) -> np.ndarray: ...

    @overload
    def match_probability(self, a: Tensor, b: Tensor, *, prior: float = 0.5) -> Tensor: ...

    def match_probability(self, a: Vectors, b: Vectors, *, prior: float = 0.5) -> np.ndarray | Tensor:
        """Probability that two pictures show the same pose, of every vector of `a` with every one of `b`.

        It knows how alike the vectors are, and by their lengths how sure the encoder is of both poses: of two that
        hardly show anything it says no more than `prior`. `poseembed.calibration` has what a match is, and the formula.

        Args:
            a: (n, pose_dim) pose vectors as `PoseEncoder.embed` returns them, numpy or torch, or embedded `Poses`; a
                single vector counts as one row. Vectors that were scaled to length 1 count as those of sure poses.
            b: (m, pose_dim), of the same kind.
            prior: Share of the compared pairs that match: about 1 / m where each pose has one match among m.

        Returns:
            (n, m) probabilities, 0 to 1; NaN for the NaN vectors of poses without joints.

        Raises:
            TypeError: If `a` and `b` are not both numpy arrays (or `Poses`) or both tensors.
            ValueError: If the checkpoint has no calibration, or `prior` is not in 0 to 1; and as `similarity` does.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> z_pose, _ = encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2)))
            >>> chances = encoder.match_probability(z_pose[:2], z_pose, prior=1 / 5)
            >>> chances.shape, chances.argmax(axis=1).tolist()
            ((2, 5), [0, 1])
        """
        calibration = self._calibration()
        first, second = self._rows(*_arrays(a, b))
        certainty = self._certainty(first)[:, None] * self._certainty(second)
        return _like(calibration.probability(_cosines(first, second), certainty, prior), a)

    @overload
    def match_probability_pairwise(
        self, a: Poses | np.ndarray, b: Poses | np.ndarray, *, prior: float = 0.5
    ) -> np.ndarray: ...

    @overload
    def match_probability_pairwise(self, a: Tensor, b: Tensor, *, prior: float = 0.5) -> Tensor: ...

    def match_probability_pairwise(self, a: Vectors, b: Vectors, *, prior: float = 0.5) -> np.ndarray | Tensor:
        """`match_probability` of each pose vector of `a` with the one in the same place in `b`.

        Args:
            a: (..., pose_dim) pose vectors, numpy or torch, or embedded `Poses`.
            b: The same shape and kind.
            prior: Share of the compared pairs that match.

        Returns:
            (...) probabilities.

        Raises:
            TypeError: If `a` and `b` are not both numpy arrays (or `Poses`) or both tensors.
            ValueError: If the checkpoint has no calibration, or `prior` is not in 0 to 1; and as `similarity_pairwise`
                does.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> keypoints = np.random.default_rng(0).normal(size=(2, 13, 2))
            >>> z_pose, _ = encoder.embed(keypoints)
            >>> moved, _ = encoder.embed(0.5 * keypoints + 40)
            >>> (encoder.match_probability_pairwise(z_pose, moved) > 0.5).tolist()
            [True, True]
        """
        calibration = self._calibration()
        first, second = self._pairs(*_arrays(a, b))
        certainty = self._certainty(first) * self._certainty(second)
        return _like(calibration.probability(_cosines_pairwise(first, second), certainty, prior), a)

    def _calibration(self) -> MatchCalibration:
        """What turns cosines into probabilities."""
        if self.config.calibration is None:
            raise ValueError(
                "this checkpoint has no calibration, so what its cosines are worth is not known; load one that has, "
                "or fit it in a checkout of poseembed: python -m training.calibrate FOLDER --data FILE"
            )
        return self.config.calibration

    def _certainty(self, vectors: Float[Tensor, "*shape dim"]) -> Float[Tensor, "*shape"]:
        """How sure the encoder is of poses, 0 to 1, by their vectors; always 1 if its lengths do not say."""
        length = vectors.norm(dim=-1)
        if not self.config.network.certainty:
            return torch.ones_like(length)
        if (length > 1 + _ROUNDING).any():
            raise ValueError(
                f"got pose vectors of length {length.nan_to_num().max().item():.3g}; those of this checkpoint say by "
                "their length, at most 1, how sure it is of a pose; embed again, or scale them to length 1 if they are "
                "to count as sure"
            )
        return length.clamp_max(1)

    def _rows(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> tuple[Tensor, Tensor]:
        """Two lists of pose vectors, all of which are to be compared with all."""
        first, second = (torch.atleast_2d(vectors) for vectors in self._vectors(a, b))
        if first.ndim > 2 or second.ndim > 2:
            raise ValueError(
                f"got shapes {tuple(a.shape)} and {tuple(b.shape)}; wanted (n, {self.pose_dim}) and "
                f"(m, {self.pose_dim}), as from reshape(-1, {self.pose_dim})"
            )
        return first, second

    def _pairs(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> tuple[Tensor, Tensor]:
        """Pose vectors of two collections that belong together, place by place."""
        first, second = self._vectors(a, b)
        if first.shape != second.shape:
            raise ValueError(f"got shapes {tuple(a.shape)} and {tuple(b.shape)}; for all against all use similarity()")
        return first, second

    def _vectors(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> tuple[Tensor, Tensor]:
        """Check pose vectors, and bring them to the wider of their types."""
        if isinstance(a, Tensor) != isinstance(b, Tensor):
            raise TypeError(f"got {type(a).__name__} and {type(b).__name__}; pass two arrays or two tensors")
        first, second = to_tensor(a, "a"), to_tensor(b, "b")
        for vectors in (a, b):
            if not vectors.ndim or vectors.shape[-1] != self.pose_dim:
                raise ValueError(f"got shape {tuple(vectors.shape)}; wanted pose vectors, (..., {self.pose_dim})")
        dtype = torch.promote_types(first.dtype, second.dtype)
        return first.to(dtype), second.to(dtype)


def _cosines(first: Float[Tensor, "n dim"], second: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    return (normalize(first, dim=-1) @ normalize(second, dim=-1).mT).clamp(-1, 1)


def _cosines_pairwise(
    first: Float[Tensor, "*shape dim"], second: Float[Tensor, "*shape dim"]
) -> Float[Tensor, "*shape"]:
    return (normalize(first, dim=-1) * normalize(second, dim=-1)).sum(-1).clamp(-1, 1)


def _arrays(a: Vectors, b: Vectors) -> tuple[np.ndarray | Tensor, np.ndarray | Tensor]:
    """The vectors of `Poses`, which have to be of one space; arrays as they are."""
    one, other = (
        PoseVectors.of(vectors, name) if isinstance(vectors, Poses) else PoseVectors(vectors)
        for vectors, name in ((a, "a"), (b, "b"))
    )
    meet(one.made_by, other.made_by, ("a", "b"))
    return one.z_pose, other.z_pose


def _like(values: Tensor, example: Vectors) -> np.ndarray | Tensor:
    """Torch if the example is, else numpy."""
    return values if isinstance(example, Tensor) else values.numpy()
