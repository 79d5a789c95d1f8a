"""Bones of CMU's skeletons that the BVH conversion for MotionBuilder (cgspeed) lost, put back.

The Acclaim files have bones that the conversion's names leave no place for. It keeps a joint in their stead, of no
length: whatever stood at the bone's end stands at its start instead, too near to the middle of the body. That is how
they are found, so that files with these names and all their bones stay as they are.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from training.datasets.formats.motion import Motion

_NOTHING = 1e-3
"""Of the bone beside it: what is shorter has no length."""

_log = logging.getLogger(__name__)


def put_back(motion: Motion) -> Motion:
    """Give a motion back the bones that its conversion lost: none but of CMU's for MotionBuilder."""
    return _with_wrists(_with_thorax(motion))


def _with_thorax(motion: Motion) -> Motion:
    """Put the thorax back, 12 cm of the trunk.

    The ASF climbs from the hips by lowerback, upperback and thorax, of nearly equal lengths. The conversion has
    LowerBack, Spine and Spine1 in their places, but Neck and both Shoulders at Spine1. Here the thorax stands straight
    up from Spine1, as long as Spine to Spine1.
    """
    needed = ("LowerBack", "Spine", "Spine1", "Neck", "Neck1", "LeftShoulder", "RightShoulder")
    if not set(needed) <= set(motion.names):
        return motion
    spine, chest, *tops = (motion.names.index(needed[i]) for i in (1, 2, 3, 5, 6))
    length = float(np.linalg.norm(motion.rest[chest] - motion.rest[spine]))
    if np.abs(motion.rest[tops] - motion.rest[chest]).max() > _NOTHING * length:
        return motion
    _log.info("thorax put back: Neck and Shoulders stood at Spine1")
    up = np.array((0.0, length, 0.0))
    return _moved(motion, tops, motion.rotations[:, chest] @ up, up)


def _with_wrists(motion: Motion) -> Motion:
    """Put the bones of the wrists back, which are a third of each forearm.

    In the ASF the forearm is two bones in a line, lradius from the elbow and lwrist, which turns about it; the wrist is
    at their end, where lhand starts. The conversion has LeftForeArm and LeftHand in their places, but LeftFingerBase,
    which stands for lhand, at LeftHand: two thirds down the forearm. In every ASF file of the database lwrist is half
    as long as lradius, so the hand moves away from the elbow to one and a half times its distance.
    """
    for side in ("Left", "Right"):
        needed = (f"{side}ForeArm", f"{side}Hand", f"{side}FingerBase")
        if not set(needed) <= set(motion.names):
            continue
        elbow, hand, fingers = (motion.names.index(name) for name in needed)
        radius = motion.rest[hand] - motion.rest[elbow]
        if np.linalg.norm(motion.rest[fingers] - motion.rest[hand]) > _NOTHING * np.linalg.norm(radius):
            continue
        _log.info("%s wrist put back: %s stood at %s", side.lower(), needed[2], needed[1])
        motion = _moved(motion, [hand], (motion.positions[:, hand] - motion.positions[:, elbow]) / 2, radius / 2)
    return motion


def _moved(
    motion: Motion, joints: Iterable[int], shift: Float64[np.ndarray, "frames 3"], rest_shift: Float64[np.ndarray, "3"]
) -> Motion:
    """Some joints and all that hang on them, elsewhere: in each frame and at rest."""
    moving = list(joints)
    for joint, parent in enumerate(motion.parents):  # parents stand before their children
        if parent in moving:
            moving.append(joint)
    positions, rest = motion.positions.copy(), motion.rest.copy()
    positions[:, moving] += shift[:, None]
    rest[moving] += rest_shift
    return replace(motion, positions=positions, rest=rest)
