from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.training.datasets.skeleton_files import BODY, Body, Turns, bvh, converted, write
from training.datasets.formats.bvh import read_bvh
from training.datasets.formats.motion import Motion
from training.datasets.mocap.lost_bones import put_back


def read(folder: Path, body: Body) -> Motion:
    """Three frames, in which every bone but those of the wrists is turned anyhow."""
    random = np.random.default_rng(0)
    bones = sorted({"root", *BODY} - {"lwrist", "rwrist"})
    frames: list[Turns] = [{bone: tuple(random.uniform(-90, 90, 3)) for bone in bones} for _ in range(3)]
    return read_bvh(write(folder / "02_01.bvh", bvh(frames, body=body)))


def expected(whole: Motion) -> Motion:
    """The whole skeleton, but where the bones of the wrists start: the conversion's hand, which is at the wrist."""
    order = list(range(len(whole.names)))
    for side in ("Left", "Right"):
        order[whole.names.index(f"{side}ForeArmRoll")] = whole.names.index(f"{side}Hand")
    return replace(whole, positions=whole.positions[:, order], rest=whole.rest[order])


def renamed(body: Body) -> Body:
    """The names of the conversion, with all bones still there."""
    return {
        bone: (joint, parent, body[bone][2]) for bone, (joint, parent, _) in converted(body).items() if bone in body
    }


def test_thorax_and_wrists_come_back_with_all_that_hangs_on_them(tmp_path: Path) -> None:
    whole, lost = read(tmp_path, BODY), read(tmp_path, converted(BODY))
    found = put_back(lost)
    assert np.abs(lost.positions - whole.positions).max() > 5  # centimetres
    np.testing.assert_allclose(found.positions, expected(whole).positions, atol=1e-4)
    np.testing.assert_allclose(found.rest, expected(whole).rest, atol=1e-4)
    np.testing.assert_array_equal(found.rotations, lost.rotations)
    assert found.names == lost.names


def test_bones_that_are_there_stay(tmp_path: Path) -> None:
    for body in (BODY, renamed(BODY)):
        motion = read(tmp_path, body)
        assert put_back(motion) is motion


def test_each_is_found_by_itself(tmp_path: Path) -> None:
    """A thorax that has its length does not keep the wrists from being put back."""
    whole = renamed(BODY)
    lost = converted(BODY)
    rise = np.array(whole["thorax"][2]) - lost["thorax"][2]
    body = {bone: (joint, parent, tuple(np.array(place) + rise)) for bone, (joint, parent, place) in lost.items()}
    legs_and_back = [bone for bone in whole if bone[1:] in ("hipjoint", "femur", "tibia", "foot", "toes")]
    body |= {bone: whole[bone] for bone in (*legs_and_back, "lowerback", "upperback", "thorax")}
    np.testing.assert_allclose(put_back(read(tmp_path, body)).rest, expected(read(tmp_path, BODY)).rest, atol=1e-4)


def test_a_hand_without_its_fingers_does_not_tell(tmp_path: Path) -> None:
    """Other skeletons have these names too, and their wrists are right."""
    bare = {bone: value for bone, value in renamed(BODY).items() if bone[1:] not in ("hand", "fingers", "thumb")}
    motion = read(tmp_path, bare)
    assert put_back(motion) is motion
