"""Two performances laid alongside each other in time, whatever the cameras: dynamic time warping of pose vectors."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int64

from poseembed.differences import compare_joints
from poseembed.encoder import PoseEncoder
from poseembed.likeness import frame_mean, likeness
from poseembed.origin import meet
from poseembed.poses import Poses
from poseembed.skeleton import JOINTS, NUM_JOINTS
from poseembed.vectors import Track, Vectors
from poseembed.warping import import_dtw, warping_path

SAME_PERFORMANCE = 0.6
"""From this score on two videos show the same performance, not two actions that share some poses. Chosen on held-out
actors of the CMU motion capture by `training/benchmarks/alignment.py`, which also says how often it errs."""

SAME_MOVEMENT = 0.4
"""From this likeness on two videos show the same movement, though other people may do it, at another pace. Chosen on
the training people of UI-PRMD and on HDM05 by `training/benchmarks/likeness.py`, which also says how often it errs."""

SPEED_SHARE = 0.1
"""Speeds are measured over this share of the path around each step: single steps only know 0, 1 and infinity."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """What `align` returns: k steps of a warping path, each a row of the first and a row of the second performance.

    Attributes:
        first: The first performance, one person, a row a frame, with vectors; of an array, without keypoints.
        second: The second, likewise.
        rows: (k, 2) rows of `first` and of `second` that belong together; neither ever falls.
        similarity: (k,) cosines of their pose vectors.
        score: How much of it is the same performance, from 0 to 1; NaN if the checkpoint has no calibration.
            See `align`.
        likeness: How alike the two are as movements, whoever made them, from -1 to 1; see `align`.
        speed: (k,) seconds of the second that pass in one of the first (frames, where either has no times), over a
            tenth of the path around each step: above 1 the second is slower there; inf where the first waits.
        joint_differences: (k, 13) how far each joint of the second is from the first's in 3D, both on the bones of the
            first, in torso lengths; NaN for a joint that either does not show. None if the encoder has no decoder, or
            a performance came in an array.
        joint_deviations: (k, 13) how many standard deviations of what the two pictures leave open that is, on average
            over a fifth of the path around each step; NaN and None likewise. See `joints_differ`.
        joints_differ: (k, 13) whether that is more than in 95 of 100 pairs of videos of one performance at any joint
            and any step (`DecoderConfig.line`). None where `joint_differences` is.
        guides: (k, 13, 2) the first's keypoints moved by the differences: the second's pose, on the first's body and
            in the first's picture, pixels. None where `joint_differences` is.

    Examples:
        >>> from poseembed import PoseEncoder, Poses
        >>> from poseembed.align import align
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> poses = Poses.from_arrays(np.random.default_rng(0).normal(300, 100, size=(5, 13, 2)).cumsum(axis=0))
        >>> alignment = align(poses, poses, encoder)
        >>> alignment.rows.shape, alignment.joint_differences.shape, alignment.guides.shape
        ((5, 2), (5, 13), (5, 13, 2))
        >>> alignment.verdict
        'the same performance'
    """

    first: Poses
    second: Poses
    rows: Int64[np.ndarray, "k 2"]
    similarity: Float[np.ndarray, " k"]
    score: float
    likeness: float
    speed: Float[np.ndarray, " k"]
    joint_differences: Float[np.ndarray, "k 13"] | None = None
    joint_deviations: Float[np.ndarray, "k 13"] | None = None
    joints_differ: Bool[np.ndarray, "k 13"] | None = None
    guides: Float[np.ndarray, "k 13 2"] | None = None

    @property
    def verdict(self) -> str:
        """What the two numbers say, in words.

        "the same performance" from a score of `SAME_PERFORMANCE` on; else, or where there is no score, from a likeness
        of `SAME_MOVEMENT` on, "the same movement, by another person or once more"; else "another movement".
        """
        if self.score >= SAME_PERFORMANCE:
            return "the same performance"
        return (
            "the same movement, by another person or once more"
            if self.likeness >= SAME_MOVEMENT
            else "another movement"
        )

    def different_joints(self) -> dict[str, float]:
        """The joints that differ at any step, and how far there on average, torso lengths; those furthest off first.

        Raises:
            ValueError: If no joints were compared.

        Examples:
            >>> from poseembed import PoseEncoder, Poses
            >>> from poseembed.align import align
            >>> poses = Poses.from_arrays(np.random.default_rng(0).normal(300, 100, size=(5, 13, 2)).cumsum(axis=0))
            >>> align(poses, poses, PoseEncoder.from_pretrained("poseembed-small")).different_joints()
            {}
        """
        if self.joint_differences is None or self.joints_differ is None:
            raise ValueError("no joints were compared: that takes `Poses`, and an encoder with a decoder")
        means = {
            joint: float(distances[differ].mean())
            for joint, distances, differ in zip(JOINTS, self.joint_differences.T, self.joints_differ.T, strict=True)
            if differ.any()
        }
        return dict(sorted(means.items(), key=lambda item: -item[1]))


def align(first: Vectors, second: Vectors, encoder: PoseEncoder, *, open_ends: float = 0.0) -> Alignment:
    """Find which frames of two performances belong together, and how alike they are there.

    Dynamic time warping (Sakoe and Chiba, 1978) on unit-length pose vectors, at the least sum of 1 - cosine, by the
    dtaidistance package. Frames in which the person was not seen are left out. For up to 10,000 frames each, five
    minutes of video, the best of all paths is found, in some three seconds and 0.8 GB. Longer performances are aligned
    piece by piece along a rough path (`poseembed.warping`), so that time and memory grow as they do: an hour with an
    hour takes half a minute and 1.6 GB. Of the same performance that path was the best one too; of two others its sum
    was up to 0.3 % above the least (`python -m training.benchmarks.speed`).

    The score is the expected share of a performance's frames that show the same pose as their counterparts, of the two
    performances the lower one: the match probabilities along the path (`PoseEncoder.match_probability`, at even odds)
    are averaged over the counterparts of each frame, and then over the frames. So a pose that is held, and matched
    again and again, counts no more than its frames. It is near 1 only where the encoder is sure of all poses: the same
    performance scores less if the videos hide joints or the keypoints are noisy, `SAME_PERFORMANCE` or more for the
    most part. A checkpoint without calibration has no probabilities, and so no score: it is NaN.

    Another person, or the same one once more, never does quite the same: the score then says little, and the likeness
    is to be asked (`poseembed.likeness`). It is the mean cosine along the same path, averaged as the score is, of unit
    vectors from which half of each performance's mean is taken off, and at most the ratio of how far the two move. So
    it knows how the pose changes better than how a person holds themselves, and it needs no calibration.

    Args:
        first: `Poses` of one person, a row a frame: of several, `Poses.track` picks one, by default whoever is seen
            longest. They are embedded here if they have no vectors. Or (frames, pose_dim) pose vectors, numpy or torch,
            which bring neither times nor joints to compare.
        second: The other performance, likewise.
        encoder: What made the vectors, or makes them now; or an encoder of the same space.
        open_ends: Share of each performance, 0 to 0.5, that may stay without counterpart at its start, and again at
            its end: videos seldom begin at the same moment.

    Raises:
        ImportError: If the extra "align" is not installed.
        TypeError: If a performance is neither `Poses` nor an array or tensor of floating-point numbers.
        ValueError: If one of them shows nobody, has vectors of another checkpoint or of another shape, or `open_ends`
            is out of range.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> from poseembed.align import align
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> mine, _ = encoder.embed(np.random.default_rng(0).normal(300, 100, size=(3, 13, 2)))
        >>> coach = mine[[0, 1, 1, 1, 2]]  # the same, with a pause
        >>> align(mine, coach, encoder).rows.tolist()
        [[0, 0], [1, 1], [1, 2], [1, 3], [2, 4]]
    """
    import_dtw()  # before anything is embedded
    if not 0 <= open_ends < 0.5:
        raise ValueError(f"got open_ends={open_ends}; it is a share of each performance, 0 to under 0.5")
    one, other = _Performance.of(first, "first", encoder), _Performance.of(second, "second", encoder)
    skip_one, skip_other = int(open_ends * len(one.seen)), int(open_ends * len(other.seen))
    # Half the squared distance of unit vectors is 1 - cosine.
    at, at_other = warping_path(one.directions, other.directions, (skip_one, skip_other)).T
    rows, rows_other = one.seen[at], other.seen[at_other]
    timed = one.poses.timed and other.poses.timed
    similarity = (one.directions[at] * other.directions[at_other]).sum(-1).clip(-1, 1).astype(np.float32)
    steps = np.stack([rows, rows_other], axis=1)
    if encoder.config.calibration is None:
        score = np.nan
    else:
        probability = encoder.match_probability_pairwise(one.vectors[at], other.vectors[at_other])
        score = min(frame_mean(probability, frames) for frames in steps.T)
    alignment = Alignment(
        first=one.poses,
        second=other.poses,
        rows=steps,
        similarity=similarity,
        score=score,
        likeness=likeness(one.directions[at], other.directions[at_other], steps),
        speed=_speed(one.clock(timed)[rows], other.clock(timed)[rows_other]),
    )
    if encoder.decoder is None or not (one.joints and other.joints):
        return alignment
    joints = compare_joints(one.poses, other.poses, alignment.rows, encoder.lift, encoder.decoder)
    return replace(
        alignment,
        joint_differences=joints.differences,
        joint_deviations=joints.deviations,
        joints_differ=joints.deviations > encoder.decoder.config.line,
        guides=joints.guides,
    )


@dataclass(frozen=True, eq=False)
class _Performance:
    """A performance ready to be warped: its poses, which rows have a vector, those vectors, and their directions."""

    poses: Poses
    joints: bool
    seen: Int64[np.ndarray, " n"]
    vectors: Float[np.ndarray, "n pose_dim"]

    @property
    def directions(self) -> Float[np.ndarray, "n pose_dim"]:
        """The vectors at length 1."""
        directions: np.ndarray = self.vectors / np.linalg.norm(self.vectors, axis=-1, keepdims=True)
        return directions

    @classmethod
    def of(cls, poses: Vectors, name: str, encoder: PoseEncoder) -> "_Performance":
        if isinstance(poses, Poses) and (poses.z_pose is None or poses.z_view is None):
            poses = poses.embed(encoder)
        track = Track.of(poses, f"the {name} performance")
        meet(track.made_by, encoder.made_by, (f"the {name} performance", "the encoder"))
        if track.z_pose.shape[1] != encoder.pose_dim:
            raise ValueError(
                f"the {name} performance has vectors of length {track.z_pose.shape[1]}, those of the encoder are "
                f"{encoder.pose_dim} long; embed it with this encoder"
            )
        z_pose = track.z_pose.astype(np.float64)
        seen = np.flatnonzero(np.isfinite(z_pose).all(-1))
        if not len(seen):
            raise ValueError(f"the {name} performance shows nobody: none of its {len(z_pose)} frames has a pose vector")
        if track.poses is not None:
            return cls(track.poses, True, seen, z_pose[seen])
        nowhere = Poses.from_arrays(np.full((len(z_pose), NUM_JOINTS, 2), np.nan))
        return cls(replace(nowhere, z_pose=track.z_pose), False, seen, z_pose[seen])

    def clock(self, timed: bool) -> Float[np.ndarray, " rows"]:
        """Seconds, or else frames."""
        return self.poses.time if timed else self.poses.frame.astype(float)


def _speed(first: Float[np.ndarray, " k"], second: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """Time that passes in the second by time in the first, around each step of the path."""
    steps = np.arange(len(first))
    reach = max(1, round(SPEED_SHARE * len(first) / 2))
    start, end = np.maximum(steps - reach, 0), np.minimum(steps + reach, len(first) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # the first may wait; of a single step nothing is known
        return (second[end] - second[start]) / (first[end] - first[start])
