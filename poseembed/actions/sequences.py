"""Sequences of pose vectors: the checks at the door, and clips of any length brought to the length that is wanted."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from poseembed.keypoints import to_tensor
from poseembed.poses import Poses

Sequences = Iterable[np.ndarray | Tensor | Poses]
"""What users pass: one (frames, dim) array or tensor a clip, or its embedded `Poses`."""


def check_sequences(sequences: Sequences, dim: int | None = None) -> list[Float32[np.ndarray, "frames dim"]]:
    """One array a clip, without gaps.

    A row with a NaN is a frame in which nobody was seen. Such rows are cut off at the ends of a clip; between, the
    nearest frame in which somebody was seen stands in, so that time is kept and no pose is invented.

    Args:
        sequences: One (frames, dim) array or tensor a clip, or `Poses` with `z_pose`, whose `track()` is taken.
        dim: How long the vectors should be; None for any length that they share.

    Raises:
        TypeError: If that is not a collection of such things.
        ValueError: If a shape is not (frames, dim) or `dim` differs, a value is infinite, in a clip nobody is ever
            seen, or `Poses` have no vectors or no single track.
    """
    if isinstance(sequences, Poses | str) or not isinstance(sequences, Iterable):
        raise TypeError(
            f"got {type(sequences).__name__}; wanted a list with one (frames, dim) array, or Poses, a clip; "
            "put a single one into a list: [clip]"
        )
    arrays: list[Float32[np.ndarray, "frames dim"]] = []
    for number, sequence in enumerate(sequences):
        array = _vectors(sequence, f"sequence {number}")
        dim = array.shape[1] if dim is None else dim
        if array.shape[1] != dim:
            raise ValueError(
                f"sequence {number} has vectors of length {array.shape[1]}, wanted {dim}; "
                "embed all clips with the same encoder"
            )
        arrays.append(_without_gaps(array, number))
    return arrays


def resample(sequence: Float[np.ndarray, "frames dim"], length: int) -> Float[np.ndarray, "length dim"]:
    """Bring a clip to `length` frames by repeating or skipping frames, evenly.

    Frame `t` of the result is frame `floor((t + 0.5) * n / length)` of a clip of `n`, as in
    `training.datasets.actions.clips.resample`: one that was observed.
    """
    return sequence[(2 * np.arange(length) + 1) * len(sequence) // (2 * length)]


def _vectors(sequence: object, name: str) -> Float32[np.ndarray, "frames dim"]:
    """The vectors of one clip, with its gaps."""
    if isinstance(sequence, Poses):
        if sequence.z_pose is None:
            raise ValueError(f"{name} is Poses without vectors; call poses.embed(encoder) first")
        try:
            sequence = sequence.track().z_pose
        except ValueError as error:  # several people without an identity
            raise ValueError(f"{name}: {error}") from error
    if not isinstance(sequence, np.ndarray | Tensor):
        raise TypeError(f"{name} is a {type(sequence).__name__}; wanted a (frames, dim) array, or Poses")
    vectors: np.ndarray = to_tensor(sequence, name).detach().cpu().float().numpy()
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError(
            f"{name} has shape {vectors.shape}; wanted (frames, dim), one z_pose a frame "
            "(a single clip goes into a list: [clip])"
        )
    if np.isinf(vectors).any():
        raise ValueError(f"{name} holds infinite values; a frame without a person is a row of NaN")
    return vectors


def _without_gaps(sequence: Float32[np.ndarray, "frames dim"], number: int) -> Float32[np.ndarray, "frames dim"]:
    seen = np.flatnonzero(~np.isnan(sequence).any(1))
    if not len(seen):
        raise ValueError(
            f"sequence {number} has no frame with a person ({len(sequence)} frames, all NaN), so there is no action "
            "to tell; leave it out"
        )
    frames = np.arange(seen[0], seen[-1] + 1)
    return sequence[seen[np.searchsorted((seen[1:] + seen[:-1]) / 2, frames)]]
