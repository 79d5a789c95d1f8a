"""Clips of 2D poses with an action each, as every action-recognition data set is read into."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from poseembed.clips import end_to_end
from poseembed.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class ActionClips:
    """Labelled clips that lie end to end: clip `i` is frames `offsets[i]:offsets[i + 1]`.

    Attributes:
        keypoints: Points (x, y), y down, of the 13 joints of `poseembed.skeleton.JOINTS`, left being the person's
            left; NaN where a joint is missing. The reader says in which unit; its pixels are square.
        offsets: Where each clip starts, and at the end the number of frames.
        labels: Action of each clip, an index into `classes`.
        classes: Names of the actions.
        views: Name of the view each clip was seen from, an array of strings (clips,).
        train: True for the clips that are there to train on, False for those to test on.
        subjects: Number of the person in each clip, or None where a data set does not tell.
        fps: Frames per second; 30, about right for all of them, where a data set does not tell.

    Raises:
        ValueError: If the arrays do not fit together, or a clip has no frames.
    """

    keypoints: Float32[np.ndarray, "frames 13 2"]
    offsets: Int64[np.ndarray, " bounds"]
    labels: Int64[np.ndarray, " clips"]
    classes: tuple[str, ...]
    views: np.ndarray
    train: Bool[np.ndarray, " clips"]
    subjects: Int64[np.ndarray, " clips"] | None = None
    fps: float = 30.0

    def __post_init__(self) -> None:
        """Check that the arrays describe the same clips."""
        if self.keypoints.ndim != 3 or self.keypoints.shape[1:] != (NUM_JOINTS, 2):
            raise ValueError(f"keypoints have shape {self.keypoints.shape}, wanted (frames, {NUM_JOINTS}, 2)")
        check_offsets(self.offsets, len(self.keypoints))
        described = {"labels": self.labels, "views": self.views, "train": self.train, "subjects": self.subjects}
        for name, array in described.items():
            if array is not None and array.shape != (len(self),):
                raise ValueError(f"{name} has shape {array.shape}, wanted ({len(self)},): one entry a clip")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.classes):
            raise ValueError(f"labels must lie in 0..{len(self.classes) - 1}, the indices of classes")

    def __len__(self) -> int:
        """Number of clips."""
        return len(self.offsets) - 1

    @property
    def times(self) -> Float64[np.ndarray, " frames"]:
        """Seconds of all frames, rising throughout, the clips far apart: for `PoseEncoder.embed_clip`."""
        frames = np.arange(len(self.keypoints))
        return end_to_end(frames / self.fps, np.isin(frames, self.offsets))


def check_offsets(offsets: Int64[np.ndarray, " bounds"], frames: int) -> None:
    """Refuse offsets that do not cut `frames` frames into clips of at least one frame.

    Raises:
        ValueError: Naming the first clip without frames, or the ends that do not fit.
    """
    if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != frames:
        raise ValueError(f"offsets must be one-dimensional, start at 0 and end at the number of frames, {frames}")
    empty = np.flatnonzero(np.diff(offsets) <= 0)
    if len(empty):
        raise ValueError(f"clip {empty[0]} has no frames (offsets must rise)")


def resample(
    features: Float[np.ndarray, "frames dim"], offsets: Int64[np.ndarray, " bounds"], length: int
) -> Float[np.ndarray, "clips length dim"]:
    """Bring clips to one length by repeating or skipping frames, evenly.

    Frame `t` of the result is frame `floor((t + 0.5) * n / length)` of a clip of `n` frames, so each resampled
    frame is one that was observed. Interpolating instead would invent poses: missing joints have no value to
    interpolate, and points on the way between two embeddings need not be embeddings of anything.

    Args:
        features: One vector a frame, clips end to end.
        offsets: Where each clip starts, and at the end the number of frames.
        length: Number of frames wanted, at least 1.

    Returns:
        One sequence a clip, of the dtype of `features`.

    Raises:
        ValueError: If `length` is below 1, or `offsets` do not fit.
    """
    _check_cut(features, offsets, length)
    # In whole numbers, because (t + 0.5) * n / length in floating point can fall short of a whole frame.
    steps = (2 * np.arange(length) + 1) * np.diff(offsets)[:, None] // (2 * length)
    return features[offsets[:-1, None] + steps]


def replay(
    features: Float[np.ndarray, "frames dim"], offsets: Int64[np.ndarray, " bounds"], length: int
) -> Float[np.ndarray, "clips length dim"]:
    """Bring clips to one length by playing them again from the start until they are long enough.

    Frame `t` of the result is frame `t mod n` of a clip of `n` frames, so a longer clip is cut at `length`. The
    CV-MIM paper brings NTU RGB+D to 300 frames so; the speed of the movement stays what it was.

    Args:
        features: One vector a frame, clips end to end.
        offsets: Where each clip starts, and at the end the number of frames.
        length: Number of frames wanted, at least 1.

    Returns:
        One sequence a clip, of the dtype of `features`.

    Raises:
        ValueError: If `length` is below 1, or `offsets` do not fit.
    """
    _check_cut(features, offsets, length)
    return features[offsets[:-1, None] + np.arange(length) % np.diff(offsets)[:, None]]


def _check_cut(features: Float[np.ndarray, "frames dim"], offsets: Int64[np.ndarray, " bounds"], length: int) -> None:
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    check_offsets(offsets, len(features))
