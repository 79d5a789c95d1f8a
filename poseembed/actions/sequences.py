"""Sequences of pose vectors: the checks at the door, and clips of any length brought to the length that is wanted."""

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float, Float32

from poseembed.origin import MadeBy, meet
from poseembed.poses import Poses
from poseembed.vectors import Track, Vectors

Sequences: TypeAlias = Iterable[Vectors]
"""What users pass: one (frames, dim) array or tensor a clip, or its embedded `Poses`."""


class Clips(NamedTuple):
    """Clips that are what they should be.

    Attributes:
        arrays: One a clip, without gaps.
        made_by: What made the vectors, if that is known.
    """

    arrays: list[Float32[np.ndarray, "_frames dim"]]
    made_by: MadeBy | None


def check_sequences(sequences: Sequences, dim: int | None = None, made_by: MadeBy | None = None) -> Clips:
    """One array a clip, without gaps.

    A row with a NaN is a frame in which nobody was seen. Such rows are cut off at the ends of a clip; between, the
    nearest frame in which somebody was seen stands in, so that time is kept and no pose is invented.

    Args:
        sequences: One (frames, dim) array or tensor a clip, or `Poses` with `z_pose`, whose `track()` is taken.
        dim: How long the vectors should be; None for any length that they share.
        made_by: What made the vectors that these are compared with, if that is known.

    Raises:
        TypeError: If that is not a collection of such things.
        ValueError: If a shape is not (frames, dim) or `dim` differs, a value is infinite, in a clip nobody is ever
            seen, `Poses` have no vectors or no single track, or vectors are of checkpoints of two spaces.
    """
    if isinstance(sequences, Poses | str) or not isinstance(sequences, Iterable):
        raise TypeError(
            f"got {type(sequences).__name__}; wanted a list with one (frames, dim) array, or Poses, a clip; "
            "put a single one into a list: [clip]"
        )
    arrays: list[Float32[np.ndarray, "_frames dim"]] = []
    for number, sequence in enumerate(sequences):
        name = f"sequence {number}"
        track = Track.of(sequence, name)
        made_by = meet(made_by, track.made_by, ("what came before", name))
        dim = track.z_pose.shape[1] if dim is None else dim
        if track.z_pose.shape[1] != dim:
            raise ValueError(
                f"{name} has vectors of length {track.z_pose.shape[1]}, wanted {dim}; "
                "embed all clips with the same encoder"
            )
        arrays.append(_without_gaps(track.z_pose.astype(np.float32), name))
    return Clips(arrays, made_by)


def resample(sequence: Float[np.ndarray, "frames dim"], length: int) -> Float[np.ndarray, "length dim"]:
    """Bring a clip to `length` frames by repeating or skipping frames, evenly.

    Frame `t` of the result is frame `floor((t + 0.5) * n / length)` of a clip of `n`, as in
    `training.datasets.actions.clips.resample`: one that was observed.
    """
    return sequence[(2 * np.arange(length) + 1) * len(sequence) // (2 * length)]


def _without_gaps(sequence: Float32[np.ndarray, "frames dim"], name: str) -> Float32[np.ndarray, "kept dim"]:
    seen = np.flatnonzero(~np.isnan(sequence).any(1))
    if not len(seen):
        raise ValueError(
            f"{name} has no frame with a person ({len(sequence)} frames, all NaN), so there is no action "
            "to tell; leave it out"
        )
    frames = np.arange(seen[0], seen[-1] + 1)
    return sequence[seen[np.searchsorted((seen[1:] + seen[:-1]) / 2, frames)]]
