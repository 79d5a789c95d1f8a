"""From a motion-capture skeleton to the 13 joints: names, unit of length, centre of the head, nose.

A new naming is one more entry of `NAMINGS`.
"""

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from poseembed.skeleton import HIPS, JOINTS, SHOULDERS
from training.datasets.formats.motion import Motion
from training.datasets.mocap import lost_bones

NOSE_AHEAD = 0.10
"""Metres from the centre of the head to the nose."""

METRES_PER_UNIT = {
    "metre": 1.0,
    "CMU unit (1 / 0.45 inch)": 0.0254 / 0.45,
    "inch": 0.0254,
    "centimetre": 0.01,
    "millimetre": 0.001,
}
"""Units that `guess_unit` knows; each makes an adult's leg from lengths that no other of them does."""

LEG_METRES = (0.6, 1.05)
"""From hip by knee to ankle, the least and most that an adult's leg is taken to measure."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Naming:
    """How one family of files calls the joints.

    Attributes:
        name: For messages.
        limbs: The left joints from shoulder to ankle, in the order of the 13; `{}` stands for the side.
        sides: What stands for the left and the right.
        head: First the joint that turns with the head. The middle of the last two is the centre of the head.
        head_ahead: Metres that this middle lies too far in front for that.
    """

    name: str
    limbs: tuple[str, str, str, str, str, str]
    sides: tuple[str, str]
    head: tuple[str, ...] = ("Head", "Head_end")
    head_ahead: float = 0.0

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """For each of the 13 joints, the names of those whose middle it is."""
        return (self.head[-2:], *((limb.format(side),) for limb in self.limbs for side in self.sides))


NAMINGS: tuple[Naming, ...] = (
    # ASF bones start at the joint: the humerus at the shoulder, the radius at the elbow. The bone called wrist is a
    # piece of the forearm, by which it turns; the wrist is at its end, where the hand starts.
    Naming(
        "CMU and HDM05 ASF",
        ("{}humerus", "{}radius", "{}hand", "{}femur", "{}tibia", "{}foot"),
        ("l", "r"),
        ("head", "head_end"),
    ),
    # In CMU's files with these names bones are missing; `lost_bones` puts them back before the joints are taken.
    Naming(
        "CMU BVH for MotionBuilder (cgspeed)",
        ("{}Arm", "{}ForeArm", "{}Hand", "{}UpLeg", "{}Leg", "{}Foot"),
        ("Left", "Right"),
    ),
    Naming(
        "Mixamo",
        ("{}Arm", "{}ForeArm", "{}Hand", "{}UpLeg", "{}Leg", "{}Foot"),
        ("Left", "Right"),
        ("Head", "HeadTop_End"),
    ),
    # BioVision's names, which many files have whose wrists are right. Nothing here tells CMU's, whose wrists the
    # conversion may have lost, from those: where they were lost, the check of `anatomy` warns of short forearms.
    Naming(
        "CMU BVH for 3ds Max (cgspeed)",
        ("{}Shoulder", "{}Elbow", "{}Wrist", "{}Hip", "{}Knee", "{}Ankle"),
        ("Left", "Right"),
    ),
    # The figure is DAZ's own, whose hands start at the wrists (its forearm is 0.84 of its upper arm). Its head ends in
    # two eyes, at the height of the head's centre and about 8 cm in front of it.
    Naming(
        "CMU BVH for DAZ and Poser (cgspeed)",
        ("{}Shldr", "{}ForeArm", "{}Hand", "{}Thigh", "{}Shin", "{}Foot"),
        ("l", "r"),
        ("head", "leftEye", "rightEye"),
        head_ahead=0.08,
    ),
    Naming(
        "Poser and Second Life",
        ("{}Shldr", "{}ForeArm", "{}Hand", "{}Thigh", "{}Shin", "{}Foot"),
        ("l", "r"),
        ("head", "head_end"),
    ),
    Naming(
        "HDM05 joints",
        ("{}shoulder", "{}elbow", "{}wrist", "{}hip", "{}knee", "{}ankle"),
        ("l", "r"),
        ("head", "headtop"),
    ),
)
"""The namings that `find_naming` tries, in order; capitals and a prefix up to a colon (`mixamorig:`) do not matter."""


def find_naming(names: tuple[str, ...]) -> Naming:
    """Find the naming that a skeleton follows.

    Raises:
        ValueError: If it follows none of `NAMINGS`; the message lists what the nearest one misses and what there is.
    """
    found = {_plain(name) for name in names}
    missing = {naming: [name for name in _wanted(naming) if _plain(name) not in found] for naming in NAMINGS}
    best = min(NAMINGS, key=lambda naming: len(missing[naming]))
    if missing[best]:
        raise ValueError(
            f"unknown joint names; the nearest naming, {best.name!r}, misses {', '.join(missing[best])}; "
            f"found {', '.join(names)}; add a naming to NAMINGS in training/datasets/mocap/joints.py"
        )
    return best


def guess_unit(motion: Motion) -> float:
    """Tell the metres in a motion's unit from the length of its legs (hip to knee to ankle, both sides' mean).

    Raises:
        ValueError: If no unit of `METRES_PER_UNIT` makes that an adult's leg (`LEG_METRES`), or the joints' names are
            unknown.
    """
    leg = _leg_length(motion)
    for unit, metres in METRES_PER_UNIT.items():
        if LEG_METRES[0] <= leg * metres <= LEG_METRES[1]:
            _log.info("unit guessed from the length of the legs: %s (%.5g m)", unit, metres)
            return metres
    raise ValueError(
        f"the legs are {leg:.4g} units long, an adult's {LEG_METRES[0]}-{LEG_METRES[1]} m in none of "
        f"{', '.join(METRES_PER_UNIT)}; give the unit with --unit-metres"
    )


def check_metres(motion: Motion) -> None:
    """Check that a motion is in metres, as far as the length of its legs can tell.

    Raises:
        ValueError: If the legs are not an adult's (`LEG_METRES`), or the joints' names are unknown.
    """
    leg = _leg_length(motion)
    if not LEG_METRES[0] <= leg <= LEG_METRES[1]:
        raise ValueError(
            f"the legs are {leg:.3g} m long by the unit that the files give, an adult's are "
            f"{LEG_METRES[0]}-{LEG_METRES[1]} m; give the unit with --unit-metres"
        )


def body_joints(
    motion: Motion, metres_per_unit: float = 1.0
) -> tuple[Float64[np.ndarray, "frames 13 3"], Float64[np.ndarray, "frames 3"]]:
    """Take the 13 joints and the nose out of a motion whose y axis points up.

    The nose lies `NOSE_AHEAD` from the centre of the head along the face. At rest the face looks to
    f = s x y, with y up and s from the right shoulder and hip to the left ones; in a frame the head's orientation
    turns f, so that the nose follows a turning head. Where the skeleton does not stand upright at rest, the face
    looks where `torso_forward` does.

    Args:
        motion: The motion, in the file's unit.
        metres_per_unit: Metres in that unit.

    Returns:
        Joints and nose in metres from the middle of the hips, y up, right-handed; joint 0 is the centre of the head.

    Raises:
        ValueError: If the joints' names are unknown, or the head has no length.
    """
    motion = lost_bones.put_back(motion)
    naming = find_naming(motion.names)
    columns = _columns(motion, naming)
    joints = np.stack([motion.positions[:, c].mean(1) for c in columns], 1) * metres_per_unit
    rest = np.stack([motion.rest[c].mean(0) for c in columns]) * metres_per_unit
    head = _index(motion.names, naming.head[0])
    if np.linalg.norm(rest[0] - motion.rest[head] * metres_per_unit) < 0.01:
        raise ValueError(f"the {naming.head[0]} has no length to find its centre by; give its end an OFFSET")
    middle = rest[list(HIPS)].mean(0)
    sideways, up = _sideways(rest), rest[0] - middle
    if up[1] > 0.8 * np.linalg.norm(up) and np.linalg.norm(sideways[[0, 2]]) > 0.5 * np.linalg.norm(sideways):
        face = motion.rotations[:, head] @ _unit(np.cross(sideways, (0.0, 1.0, 0.0)))
    else:
        _log.warning("the skeleton does not stand upright at rest; the nose is set by shoulders, hips and head")
        face = torso_forward(joints)
    joints[:, 0] -= naming.head_ahead * face
    joints -= joints[:, list(HIPS)].mean(1, keepdims=True)
    return joints, joints[:, 0] + NOSE_AHEAD * face


def torso_forward(joints: Float64[np.ndarray, "*batch 13 3"]) -> Float64[np.ndarray, "*batch 3"]:
    """Tell where a body faces from its 13 joints alone: the unit vector along s x u, in any right-handed frame.

    s goes from right to left (the sum of the vectors between the shoulders and between the hips), u from the middle of
    the shoulders to joint 0. It knows nothing of a head that is turned; NaN where the two are parallel.
    """
    neck = joints[..., list(SHOULDERS), :].mean(-2)
    return _unit(np.cross(_sideways(joints), joints[..., 0, :] - neck))


def _sideways(joints: Float64[np.ndarray, "*batch 13 3"]) -> Float64[np.ndarray, "*batch 3"]:
    shoulders = joints[..., SHOULDERS[0], :] - joints[..., SHOULDERS[1], :]
    sideways: np.ndarray = shoulders + joints[..., HIPS[0], :] - joints[..., HIPS[1], :]
    return sideways


def _unit(vectors: Float64[np.ndarray, "*batch 3"]) -> Float64[np.ndarray, "*batch 3"]:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = np.divide(vectors, norms, out=np.full_like(vectors, np.nan), where=norms > 0)
    return unit


def _leg_length(motion: Motion) -> float:
    rest = np.stack([motion.rest[c].mean(0) for c in _columns(motion, find_naming(motion.names))])
    thighs = rest[[JOINTS.index("left_knee"), JOINTS.index("right_knee")]] - rest[list(HIPS)]
    shins = rest[[JOINTS.index("left_ankle"), JOINTS.index("right_ankle")]] - (rest[list(HIPS)] + thighs)
    return float(np.linalg.norm(thighs, axis=-1).mean() + np.linalg.norm(shins, axis=-1).mean())


def _columns(motion: Motion, naming: Naming) -> list[list[int]]:
    return [[_index(motion.names, name) for name in names] for names in naming.sources]


def _wanted(naming: Naming) -> list[str]:
    return [*naming.head, *(name for names in naming.sources[1:] for name in names)]


def _index(names: tuple[str, ...], name: str) -> int:
    return [_plain(other) for other in names].index(_plain(name))


def _plain(name: str) -> str:
    return name.rsplit(":", 1)[-1].lower()
