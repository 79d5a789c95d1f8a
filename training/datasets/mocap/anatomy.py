"""Whether people have the proportions of people: what would tell a joint that is read from the wrong place.

A wrist that is taken for a piece of the forearm leaves every motion smooth and every picture plausible; that the
forearm is too short for the upper arm is the first thing to show it.
"""

import logging

import numpy as np
from jaxtyping import Float

from poseembed.skeleton import HIPS, JOINTS, SHOULDERS
from training.datasets.mocap.capture import MotionCapture

BOUNDS = {
    ("forearm", "upper arm"): (0.72, 1.18),
    ("shank", "thigh"): (0.77, 1.32),
    ("upper arm", "trunk"): (0.42, 0.83),
    ("thigh", "trunk"): (0.49, 1.21),
    ("shoulders", "trunk"): (0.39, 0.99),
    ("hips", "trunk"): (0.25, 0.53),
    ("neck", "trunk"): (0.28, 0.70),
}
"""The least and the most that one length is of another; see `bone_lengths` for what these are.

Made of the lengths of 6,068 people, estimated at their joints' centres from the survey ANSUR II (US Army, 2012): the
0.1st and the 99.9th percentile of each ratio. Sources do not put joints in one place, so each bound is moved by as much
as the median person of the source farthest beyond the survey's differs from it: of CMU (wrists mended), UI-PRMD, and
two recordings by real detectors, triangulated. CMU's forearms, for one, are 1.21 times as long for the upper arm as
the survey's, so 0.97 becomes 1.18; no source's are shorter, so 0.72 stays. Rounded outward.
"""

_BONES = {
    "upper arm": (("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow")),
    "forearm": (("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")),
    "thigh": (("left_hip", "left_knee"), ("right_hip", "right_knee")),
    "shank": (("left_knee", "left_ankle"), ("right_knee", "right_ankle")),
    "shoulders": (("left_shoulder", "right_shoulder"),),
    "hips": (("left_hip", "right_hip"),),
}

_log = logging.getLogger(__name__)


def bone_lengths(joints: Float[np.ndarray, "frames 13 3"], nose: Float[np.ndarray, "frames 3"]) -> dict[str, float]:
    """Measure a person: the median over frames of each length, left and right averaged, in the unit of the joints.

    Args:
        joints: Well-tracked frames, at least one; joint 0 is not looked at.
        nose: The nose in these frames.

    Returns:
        Upper arm, forearm, thigh, shank; the shoulders' and the hips' distance; the trunk, from the middle of the
        shoulders to that of the hips; and the neck, from the middle of the shoulders to the nose.
    """
    lengths = {}
    for bone, sides in _BONES.items():
        ends = [[JOINTS.index(joint) for joint in side] for side in sides]
        lengths[bone] = np.mean([_distance(joints[:, one], joints[:, other]) for one, other in ends], axis=0)
    top = joints[:, list(SHOULDERS)].mean(1)
    lengths["trunk"] = _distance(top, joints[:, list(HIPS)].mean(1))
    lengths["neck"] = _distance(top, nose)
    return {bone: float(np.median(length)) for bone, length in lengths.items()}


def proportions(capture: MotionCapture) -> dict[str, dict[tuple[str, str], float]]:
    """The ratios of `BOUNDS` of everybody who is in a well-tracked frame, by "source/subject"."""
    people = np.array([f"{clip.source}/{clip.subject}" for clip in capture])
    who = np.repeat(people, np.diff(capture.offsets))
    found = {}
    for person in np.unique(who[capture.ok]):
        rows = (who == person) & capture.ok
        lengths = bone_lengths(capture.joints[rows], capture.nose[rows])
        found[str(person)] = {(one, other): lengths[one] / lengths[other] for one, other in BOUNDS}
    return found


def warn_of_unlikely_bodies(capture: MotionCapture) -> None:
    """Log a warning for each ratio that somebody has outside of its `BOUNDS`, with the numbers."""
    people = proportions(capture)
    for (one, other), (least, most) in BOUNDS.items():
        ratios = {person: ratio[one, other] for person, ratio in people.items()}
        outside = [f"{person} {ratio:.2f}" for person, ratio in ratios.items() if not least <= ratio <= most]
        if outside:
            _log.warning(
                "%s to %s: people have %.2f to %.2f, but here are %s; is each joint read from where it is in the body "
                "(NAMINGS in training/datasets/mocap/joints.py)?",
                one,
                other,
                least,
                most,
                ", ".join(outside),
            )


def _distance(one: Float[np.ndarray, "frames 3"], other: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, " frames"]:
    distance: np.ndarray = np.linalg.norm(one - other, axis=-1)
    return distance
