from pathlib import Path

import numpy as np
import pytest

from training.datasets.formats.amc import read_amc

INCH = 0.0254
SKELETON = """# a comment
:version 1.10
:name TEST
:units
  mass 1.0
  length {length}
  angle {angle}
:documentation
   begin words of any kind
:root
   order {order}
   axis XYZ
   position {position}
   orientation {orientation}
:bonedata
  begin
     id 1
     name upper
     direction 1 0 0
     length 2
     axis {axis}
    dof {dof}
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name lower
     direction 0 2 0
     length 3
     axis 0 0 0 XYZ
 end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
FRAME = "{number}\nroot {root}\nupper {upper}\n"


def write(folder: Path, root: str = "0 0 0 0 0 0", upper: str = "0 0 0", **fields: str) -> tuple[Path, Path]:
    defaults = {
        "length": "1",
        "angle": "deg",
        "order": "TX TY TZ RX RY RZ",
        "position": "0 0 0",
        "orientation": "0 0 0",
        "axis": "0 0 0 XYZ",
        "dof": "rx ry rz",
    }
    skeleton, motion = folder / "test.asf", folder / "test.amc"
    skeleton.write_text(SKELETON.format(**defaults | fields))
    motion.write_text(":FULLY-SPECIFIED\n:DEGREES\n" + FRAME.format(number=1, root=root, upper=upper))
    return skeleton, motion


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Written out by hand, so that no code under test is used to check itself."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def test_bones_start_at_their_parents_ends(tmp_path: Path) -> None:
    motion = read_amc(*write(tmp_path))
    assert motion.names == ("root", "upper", "lower", "lower_end")
    assert motion.parents == (-1, 0, 1, 2)
    assert motion.fps == 120
    expected = np.array([(0, 0, 0), (0, 0, 0), (2, 0, 0), (2, 3, 0)]) * INCH
    np.testing.assert_allclose(motion.positions[0], expected)
    np.testing.assert_allclose(motion.rest, expected)


def test_the_databases_unit(tmp_path: Path) -> None:
    motion = read_amc(*write(tmp_path, length="0.45", root="1 2 3 0 0 0"))
    np.testing.assert_allclose(motion.positions[0, 1], np.array([1, 2, 3]) / 0.45 * 2.54 / 100)
    motion = read_amc(*write(tmp_path, length="0.45", root="1 2 3 0 0 0"), metres_per_unit=0.01, fps=60.0)
    np.testing.assert_allclose(motion.positions[0, 1], (0.01, 0.02, 0.03))
    assert motion.fps == 60


@pytest.mark.parametrize(
    ("upper", "elbow", "end"),
    [
        ("90 0 0", (2, 0, 0), (2, 0, 3)),
        ("0 90 0", (0, 0, -2), (0, 3, -2)),
        ("0 0 90", (0, 2, 0), (-3, 2, 0)),
    ],
)
def test_a_quarter_turn_about_one_axis(
    tmp_path: Path, upper: str, elbow: tuple[int, ...], end: tuple[int, ...]
) -> None:
    motion = read_amc(*write(tmp_path, upper=upper))
    np.testing.assert_allclose(motion.positions[0, 2:] / INCH, [elbow, end], atol=1e-12)


def test_turns_are_about_the_bones_own_axes(tmp_path: Path) -> None:
    # The bone's frame is turned by 90 degrees about z, so its own x axis is the world's y: turning about it by 90
    # degrees takes x to -z.
    motion = read_amc(*write(tmp_path, axis="0 0 90 XYZ", upper="90 0 0"))
    np.testing.assert_allclose(motion.positions[0, 2:] / INCH, [(0, 0, -2), (0, 3, -2)], atol=1e-12)


@pytest.mark.parametrize(("axis", "order"), [("10 20 30 XYZ", "XYZ"), ("10 20 30 ZYX", "ZYX"), ("10 20 30", "XYZ")])
def test_three_turns_in_a_turned_frame(tmp_path: Path, axis: str, order: str) -> None:
    motion = read_amc(*write(tmp_path, axis=axis, upper="40 50 60", root="0 0 0 70 80 15"))
    own = {"X": rotation("X", 10), "Y": rotation("Y", 20), "Z": rotation("Z", 30)}
    c = own[order[2]] @ own[order[1]] @ own[order[0]]
    m = rotation("Z", 60) @ rotation("Y", 50) @ rotation("X", 40)
    root = rotation("Z", 15) @ rotation("Y", 80) @ rotation("X", 70)
    np.testing.assert_allclose(motion.rotations[0, 1], root @ c @ m @ c.T, atol=1e-12)
    np.testing.assert_allclose(motion.positions[0, 2] / INCH, root @ c @ m @ c.T @ (2, 0, 0), atol=1e-12)


def test_the_order_of_dof_and_of_the_roots_channels(tmp_path: Path) -> None:
    motion = read_amc(*write(tmp_path, dof="rz rx", upper="30 40", order="RZ RY RX TX TY TZ", root="10 20 30 1 2 3"))
    root = rotation("X", 30) @ rotation("Y", 20) @ rotation("Z", 10)
    np.testing.assert_allclose(motion.rotations[0, 0], root, atol=1e-12)
    np.testing.assert_allclose(motion.rotations[0, 1], root @ rotation("X", 40) @ rotation("Z", 30), atol=1e-12)
    np.testing.assert_allclose(motion.positions[0, 0] / INCH, (1, 2, 3))


def test_the_roots_place_and_orientation(tmp_path: Path) -> None:
    motion = read_amc(*write(tmp_path, position="5 6 7", orientation="0 0 90", root="1 1 1 90 0 0"))
    np.testing.assert_allclose(motion.positions[0, 0] / INCH, (6, 7, 8))
    np.testing.assert_allclose(motion.rotations[0, 0], rotation("Y", 90), atol=1e-12)
    np.testing.assert_allclose(motion.rest[0] / INCH, (5, 6, 7))


def test_radians_and_degrees(tmp_path: Path) -> None:
    degrees = read_amc(*write(tmp_path, axis="0 0 90 XYZ", upper="90 0 0"))
    half = str(np.pi / 2)
    skeleton, path = write(tmp_path, angle="rad", axis=f"0 0 {half} XYZ", upper=f"{half} 0 0")
    path.write_text(path.read_text().replace(":DEGREES", ":RADIANS"))
    np.testing.assert_allclose(read_amc(skeleton, path).positions, degrees.positions, atol=1e-12)
    path.write_text(path.read_text().replace(":RADIANS\n", ""))  # then the ASF's word holds
    np.testing.assert_allclose(read_amc(skeleton, path).positions, degrees.positions, atol=1e-12)


def test_several_frames(tmp_path: Path) -> None:
    skeleton, path = write(tmp_path)
    with path.open("a") as file:
        file.write(FRAME.format(number=2, root="1 0 0 0 0 0", upper="0 0 9e1"))
    motion = read_amc(skeleton, path)
    np.testing.assert_allclose(motion.positions[:, 2] / INCH, [(2, 0, 0), (1, 2, 0)], atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("upper 0 0 0", "upper 0 0", "test.amc, line 5: upper wants 3 values"),
        ("upper 0 0 0", "upper 0 0 x", "test.amc, line 5: a value of upper is not a finite number"),
        ("upper 0 0 0", "upper 0 0 inf", "test.amc, line 5: a value of upper is not a finite number"),
        ("upper 0 0 0", "tail 0", "test.amc, line 5: 'tail' is neither a frame's number nor a moving bone"),
        ("upper 0 0 0\n", "", "number 1, has no values of upper; if the file is cut off, fetch it again"),
        ("upper 0 0 0\n", "2\nroot 0 0 0 0 0 0\nupper 0 0 0\n", "line 5: the frame that ends here, number 1"),
        ("upper 0 0 0\n", "upper 0 0 0\nupper 0 0 0\n", "line 6: upper wants 3 values, once a frame"),
        ("1\nroot 0 0 0 0 0 0\nupper 0 0 0\n", "", "there are no frames"),
    ],
)
def test_broken_motions_say_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    skeleton, path = write(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_amc(skeleton, path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":version", "version", "begins with sections"),
        ("length 1\n", "length 0\n", "line 6: the length unit should be above 0"),
        ("angle deg", "angle gon", "line 7: angle should be deg or rad"),
        ("TX TY TZ RX RY RZ", "TX TY TZ RX", "line 10: the root's order should list"),
        ("axis 0 0 0 XYZ", "axis 0 0 0 XXZ", "an axis order is some order of XYZ"),
        ("direction 1 0 0", "direction 0 0 0", "bone upper wants a direction that is not 0"),
        ("direction 1 0 0", "direction 1 0", "direction of upper: 3 numbers wanted"),
        ("     length 2\n", "", "bone upper has no length"),
        ("dof rx ry rz", "dof rx tx", "dof of upper may hold rx, ry and rz"),
        ("     name lower\n", "", "line 32: the bone that ends here has no name"),
        ("name lower", "name upper", "two bones have the same name"),
        ("upper lower\n", "upper\n", "the hierarchy leaves out lower"),
        ("root upper\n", "root tail\n", "'tail' is no bone"),
        ("    root upper\n", "", "'upper' should be the child of an earlier line"),
    ],
)
def test_broken_skeletons_say_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    skeleton, path = write(tmp_path)
    skeleton.write_text(skeleton.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        read_amc(skeleton, path)
    assert str(skeleton) in str(caught.value)


@pytest.mark.parametrize("lines", [0, 8, 20, 33, 34])
def test_a_skeleton_cut_off_says_so(tmp_path: Path, lines: int) -> None:
    skeleton, path = write(tmp_path)
    skeleton.write_text("\n".join(skeleton.read_text().splitlines()[:lines]))
    with pytest.raises(ValueError, match="cut off"):
        read_amc(skeleton, path)
