"""Two performances laid alongside each other in time, whatever the cameras: dynamic time warping of pose vectors."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64

from poseembed.decoder import Decoder
from poseembed.encoder import MIN_CONFIDENCE, PoseEncoder
from poseembed.keypoints import visible_joints
from poseembed.poses import Poses

SAME_PERFORMANCE = 0.85
"""From this score on two videos show the same performance, not two actions that share some poses. Chosen on held-out
actors of the CMU motion capture; `training/benchmarks/alignment.py` says how often it errs."""

SPEED_SHARE = 0.1
"""Speeds are measured over this share of the path around each step: single steps only know 0, 1 and infinity."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What `align` returns: k steps of a warping path, each a row of the first and a row of the second performance.

    Attributes:
        first: The first performance, one person, a row a frame, with vectors.
        second: The second.
        rows: (k, 2) rows of `first` and of `second` that belong together; neither ever falls.
        similarity: (k,) cosines of their pose vectors.
        score: From 0 to 1; see `align`.
        speed: (k,) seconds of the second that pass in one of the first (frames, where either has no times), over a
            tenth of the path around each step: above 1 the second is slower there; inf where the first waits.
        joint_differences: (k, 13) how far each joint of the second is from the first's, both seen by the first's
            camera, in torso lengths; NaN for a joint that either does not show. None if the encoder has no decoder.
        guides: (k, 13, 2) the first's keypoints moved by those differences: the second's pose, on the first's body and
            in the first's picture, pixels. None if the encoder has no decoder.
    """

    first: Poses
    second: Poses
    rows: Int64[np.ndarray, "k 2"]
    similarity: Float[np.ndarray, " k"]
    score: float
    speed: Float[np.ndarray, " k"]
    joint_differences: Float[np.ndarray, "k 13"] | None = None
    guides: Float[np.ndarray, "k 13 2"] | None = None


def align(first: Poses, second: Poses, encoder: PoseEncoder, *, open_ends: float = 0.0) -> Alignment:
    """Find which frames of two performances belong together, and how alike they are there.

    Dynamic time warping (Sakoe and Chiba, 1978) on unit-length pose vectors, at the least sum of 1 - cosine, by the
    dtaidistance package. Frames in which the person was not seen are left out. The memory it takes is the product of
    the two lengths: 100 MB for two performances of two minutes at 30 frames a second.

    The score is the expected share of a performance's frames that show the same pose as their counterparts, of the two
    performances the lower one: the match probabilities along the path (`PoseEncoder.match_probability`, at even odds)
    are averaged over the counterparts of each frame, and then over the frames. So a pose that is held, and matched
    again and again, counts no more than its frames. 1 is the same performance. For a checkpoint without calibration
    (1 + cosine) / 2 stands for the probability; that ranks pairs of performances, but is no share of anything.

    Args:
        first: One person, a row a frame: of several, `Poses.track` picks one, by default whoever is seen longest. It
            is embedded here if it has no vectors.
        second: The other performance, likewise.
        encoder: What made the vectors, or makes them now.
        open_ends: Share of each performance, 0 to 0.5, that may stay without counterpart at its start, and again at
            its end: videos seldom begin at the same moment.

    Raises:
        ImportError: If the extra "align" is not installed.
        ValueError: If one of them shows nobody, or `open_ends` is out of range.
    """
    try:
        from dtaidistance import dtw_ndim
    except ImportError as error:
        raise ImportError('aligning needs dtaidistance: pip install "poseembed[align]"') from error
    if not 0 <= open_ends < 0.5:
        raise ValueError(f"got open_ends={open_ends}; it is a share of each performance, 0 to under 0.5")
    one, other = _Performance.of(first, "first", encoder), _Performance.of(second, "second", encoder)
    skip_one, skip_other = int(open_ends * len(one.seen)), int(open_ends * len(other.seen))
    # Half the squared distance of unit vectors is 1 - cosine.
    steps = dtw_ndim.warping_path(
        one.directions, other.directions, use_c=True, psi=(skip_one, skip_one, skip_other, skip_other)
    )
    at, at_other = np.array(steps).T
    rows, rows_other = one.seen[at], other.seen[at_other]
    timed = one.poses.timed and other.poses.timed
    similarity = (one.directions[at] * other.directions[at_other]).sum(-1).clip(-1, 1).astype(np.float32)
    calibrated = encoder.config.calibration is not None
    probability = encoder.match_probability(similarity) if calibrated else (1 + similarity) / 2
    differences = guides = None
    if encoder.decoder is not None:
        differences, guides = _compare_joints(one.poses.select(rows), other.poses.select(rows_other), encoder.decoder)
    return Alignment(
        first=one.poses,
        second=other.poses,
        rows=np.stack([rows, rows_other], axis=1),
        similarity=similarity,
        score=min(_share(probability, frames) for frames in (at, at_other)),
        speed=_speed(one.clock(timed)[rows], other.clock(timed)[rows_other]),
        joint_differences=differences,
        guides=guides,
    )


@dataclass(frozen=True, eq=False)
class _Performance:
    """A performance ready to be warped: its poses, which rows have a vector, and those vectors' directions."""

    poses: Poses
    seen: Int64[np.ndarray, " n"]
    directions: Float[np.ndarray, "n pose_dim"]

    @classmethod
    def of(cls, poses: Poses, name: str, encoder: PoseEncoder) -> "_Performance":
        track = poses.track()
        if track.z_pose is None or track.z_view is None:
            track = track.embed(encoder)
        z_pose = np.asarray(track.z_pose, dtype=np.float64)
        seen = np.flatnonzero(np.isfinite(z_pose).all(-1))
        if not len(seen):
            raise ValueError(f"the {name} performance shows nobody: none of its {len(track)} frames has a pose vector")
        return cls(track, seen, z_pose[seen] / np.linalg.norm(z_pose[seen], axis=-1, keepdims=True))

    def clock(self, timed: bool) -> Float[np.ndarray, " rows"]:
        """Seconds, or else frames."""
        return self.poses.time if timed else self.poses.frame.astype(float)


def _share(probability: Float[np.ndarray, " k"], frames: Int64[np.ndarray, " k"]) -> float:
    """Expected share of the frames that show the pose of their counterparts; every frame has one at least."""
    _, place, steps = np.unique(frames, return_inverse=True, return_counts=True)
    return float((np.bincount(place, probability) / steps).mean())


def _speed(first: Float[np.ndarray, " k"], second: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Time that passes in the second by time in the first, around each step of the path."""
    steps = np.arange(len(first))
    reach = max(1, round(SPEED_SHARE * len(first) / 2))
    start, end = np.maximum(steps - reach, 0), np.minimum(steps + reach, len(first) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # the first may wait; of a single step nothing is known
        return (second[end] - second[start]) / (first[end] - first[start])


@torch.no_grad()
def _compare_joints(
    first: Poses, second: Poses, decoder: Decoder
) -> tuple[Float[np.ndarray, "k 13"], Float[np.ndarray, "k 13 2"]]:
    """Differences of the joints, and the first's keypoints moved by them; both poses seen by the first's camera."""
    weight = decoder.read_camera.weight
    pose, view, other_pose = (
        torch.as_tensor(z, device=weight.device, dtype=weight.dtype)
        for z in (first.z_pose, first.z_view, second.z_pose)
    )
    own, other = (decoder(z_pose, view).float().cpu().numpy() for z_pose in (pose, other_pose))
    moved = other - own
    in_first, in_second = (
        visible_joints(torch.from_numpy(poses.keypoints), poses.confidence, MIN_CONFIDENCE).numpy()
        for poses in (first, second)
    )
    unit = _pixels_a_torso(own, first.keypoints, in_first)
    guides = first.keypoints + unit[:, None, None] * moved
    return np.where(in_first & in_second, np.linalg.norm(moved, axis=-1), np.nan), guides


def _pixels_a_torso(
    decoded: Float[np.ndarray, "k 13 2"], keypoints: Float[np.ndarray, "k 13 2"], visible: Bool[np.ndarray, "k 13"]
) -> Float[np.ndarray, " k"]:
    """Scale that brings decoded poses to the size of the visible keypoints: the ratio of their spreads.

    NaN where fewer than two joints are visible, for then nothing has a size.
    """
    shown = visible[..., None]
    spreads = []
    for points in (keypoints, decoded):
        centre = points.sum(1, where=shown, keepdims=True) / np.maximum(shown.sum(1, keepdims=True), 1)
        spreads.append(((points - centre) ** 2).sum((1, 2), where=shown))
    sized = visible.sum(-1) > 1
    return np.sqrt(np.divide(spreads[0], spreads[1], out=np.full(len(visible), np.nan), where=sized))
