from dataclasses import replace

import numpy as np
import pytest

from training.datasets.formats.motion import Motion, from_z_up
from training.datasets.mocap.joints import (
    NAMINGS,
    Naming,
    body_joints,
    check_metres,
    find_naming,
    guess_unit,
    torso_forward,
)

# A skeleton named as CMU's for MotionBuilder, which lost its thorax: Neck and Shoulders stand at Spine1. It faces +z.
TREE: dict[str, tuple[str, tuple[float, float, float]]] = {
    "Hips": ("", (0, 1, 0)),
    "LeftUpLeg": ("Hips", (0.1, 0.9, 0)),
    "LeftLeg": ("LeftUpLeg", (0.1, 0.5, 0)),
    "LeftFoot": ("LeftLeg", (0.1, 0.1, 0)),
    "RightUpLeg": ("Hips", (-0.1, 0.9, 0)),
    "RightLeg": ("RightUpLeg", (-0.1, 0.5, 0)),
    "RightFoot": ("RightLeg", (-0.1, 0.1, 0)),
    "LowerBack": ("Hips", (0, 1, 0)),
    "Spine": ("LowerBack", (0, 1.12, 0)),
    "Spine1": ("Spine", (0, 1.24, 0)),
    "Neck": ("Spine1", (0, 1.24, 0)),
    "Neck1": ("Neck", (0, 1.34, 0)),
    "Head": ("Neck1", (0, 1.44, 0)),
    "Head_end": ("Head", (0, 1.64, 0)),
    "LeftShoulder": ("Spine1", (0, 1.24, 0)),
    "LeftArm": ("LeftShoulder", (0.2, 1.24, 0)),
    "LeftForeArm": ("LeftArm", (0.5, 1.24, 0)),
    "LeftHand": ("LeftForeArm", (0.75, 1.24, 0)),
    "RightShoulder": ("Spine1", (0, 1.24, 0)),
    "RightArm": ("RightShoulder", (-0.2, 1.24, 0)),
    "RightForeArm": ("RightArm", (-0.5, 1.24, 0)),
    "RightHand": ("RightForeArm", (-0.75, 1.24, 0)),
}


def standing(scale: float = 1.0) -> Motion:
    names = tuple(TREE)
    rest = np.array([place for _, place in TREE.values()]) * scale
    parents = tuple(names.index(parent) if parent else -1 for parent, _ in TREE.values())
    return Motion(names, parents, rest[None], np.tile(np.eye(3), (1, len(names), 1, 1)), rest, 30.0)


def with_turn(motion: Motion, joint: str, matrix: list[list[float]]) -> Motion:
    rotations = motion.rotations.copy()
    rotations[:, motion.names.index(joint)] = matrix
    return replace(motion, rotations=rotations)


def moved(motion: Motion, joint: str, place: tuple[float, float, float]) -> Motion:
    """Elsewhere both at rest and in the frame."""
    positions, rest = motion.positions.copy(), motion.rest.copy()
    positions[:, motion.names.index(joint)] = rest[motion.names.index(joint)] = place
    return replace(motion, positions=positions, rest=rest)


def motion_named(naming: Naming) -> Motion:
    """Joints of a naming and some others, each at its own place."""
    names = ("pelvis", *dict.fromkeys([*naming.head, *(name for names in naming.sources for name in names)]), "tail")
    places = np.arange(3.0 * len(names)).reshape(-1, 3) ** 1.5
    turns = np.broadcast_to(np.eye(3), (1, len(names), 3, 3))
    return Motion(names, (-1, *[0] * (len(names) - 1)), places[None], turns, places, 30.0)


@pytest.mark.parametrize("naming", NAMINGS, ids=lambda naming: naming.name)
def test_every_naming_finds_its_joints(naming: Naming) -> None:
    motion = motion_named(naming)
    assert find_naming(motion.names) == naming
    assert find_naming(tuple(f"someone:{name.upper()}" for name in motion.names)) == naming
    joints, _ = body_joints(motion)
    places = dict(zip(motion.names, motion.positions[0], strict=True))
    hips = (places[naming.sources[7][0]] + places[naming.sources[8][0]]) / 2
    for joint, left in ((1, 0), (3, 1), (5, 2), (7, 3), (9, 4), (11, 5)):
        for side in (0, 1):
            name = naming.limbs[left].format(naming.sides[side])
            np.testing.assert_allclose(joints[0, joint + side], places[name] - hips)


def test_the_nose_is_in_front_of_the_heads_centre_and_turns_with_it() -> None:
    joints, nose = body_joints(standing())
    np.testing.assert_allclose(joints[0, 0], (0, 0.76, 0), atol=1e-12)
    np.testing.assert_allclose(nose[0], (0, 0.76, 0.1), atol=1e-12)
    _, nose = body_joints(with_turn(standing(), "Head", [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]))
    np.testing.assert_allclose(nose[0], (0.1, 0.76, 0), atol=1e-12)  # a quarter turn to the person's left


def test_without_an_upright_rest_pose_the_torso_tells_the_nose() -> None:
    motion = standing()
    lying = replace(motion, rest=motion.rest[:, [1, 2, 0]])
    joints, nose = body_joints(with_turn(lying, "Head", [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]))
    np.testing.assert_allclose(nose - joints[:, 0], 0.1 * torso_forward(joints))


def test_the_torso_faces_forward() -> None:
    joints, _ = body_joints(standing())
    np.testing.assert_allclose(torso_forward(joints), [(0, 0, 1)], atol=1e-12)
    quarter_turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # to the person's left
    np.testing.assert_allclose(torso_forward(joints[0] @ quarter_turn.T), (1, 0, 0), atol=1e-12)
    assert np.isnan(torso_forward(np.zeros((13, 3)))).all()


def test_a_head_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="the Head has no length"):
        body_joints(moved(standing(), "Head_end", (0, 1.44, 0)))


def test_unknown_names_are_listed() -> None:
    names = tuple(name.replace("LeftLeg", "LeftShank") for name in TREE)
    with pytest.raises(ValueError, match="misses LeftLeg; found Hips, .*LeftShank.*; add a naming"):
        find_naming(names)


@pytest.mark.parametrize("metres", [1.0, 0.0254 / 0.45, 0.0254, 0.01, 0.001])
def test_the_unit_is_guessed_from_the_legs(metres: float) -> None:
    assert guess_unit(standing(1 / metres)) == metres


def test_unlikely_legs_want_a_word() -> None:
    with pytest.raises(ValueError, match="the legs are 5.6 units long.*--unit-metres"):
        guess_unit(standing(7))
    check_metres(standing())
    with pytest.raises(ValueError, match="the legs are 5.6 m long.*--unit-metres"):
        check_metres(standing(7))


def test_z_up_becomes_y_up() -> None:
    motion = with_turn(standing(), "Head", [[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    to_z = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    turned = {"positions": motion.positions @ to_z.T, "rest": motion.rest @ to_z.T}
    back = from_z_up(replace(motion, **turned, rotations=to_z @ motion.rotations @ to_z.T))
    for joints, expected in zip(body_joints(back), body_joints(motion), strict=True):
        np.testing.assert_allclose(joints, expected, atol=1e-12)
