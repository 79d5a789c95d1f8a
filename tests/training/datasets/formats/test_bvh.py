from pathlib import Path

import numpy as np
import pytest

from training.datasets.formats.bvh import read_bvh

# An arm along x with a forearm along x: turns of the upper one move both, its own unit being 1.
ARM = """HIERARCHY
ROOT Base
{{
  OFFSET 0 0 0
  CHANNELS {base}
  JOINT Upper
  {{
    OFFSET 1 0 0
    CHANNELS {upper}
    End Site
    {{
      OFFSET 0 2 3
    }}
  }}
}}
MOTION
Frames: {frames}
Frame Time: {frame_time}
{values}
"""
POSITION = "Xposition Yposition Zposition"


def write(folder: Path, **fields: object) -> Path:
    defaults: dict[str, object] = {"base": "0", "upper": "0", "frames": 1, "frame_time": 0.0083333, "values": ""}
    path = folder / "arm.bvh"
    path.write_text(ARM.format(**defaults | fields))
    return path


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Written out by hand, so that no code under test is used to check itself."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


@pytest.mark.parametrize(
    ("axis", "end"),
    [
        ("X", (1, -3, 2)),  # y goes to z, and z to -y
        ("Y", (4, 2, 0)),  # z goes to x
        ("Z", (-1, 0, 3)),  # y goes to -x
    ],
)
def test_a_quarter_turn_about_one_axis(tmp_path: Path, axis: str, end: tuple[int, ...]) -> None:
    motion = read_bvh(write(tmp_path, upper=f"1 {axis}rotation", values="90"))
    assert motion.names == ("Base", "Upper", "Upper_end")
    assert motion.parents == (-1, 0, 1)
    np.testing.assert_allclose(motion.positions[0], [(0, 0, 0), (1, 0, 0), end], atol=1e-12)
    np.testing.assert_allclose(motion.rest, [(0, 0, 0), (1, 0, 0), (1, 2, 3)])


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_rotations_multiply_in_the_order_of_the_channels(tmp_path: Path, order: str) -> None:
    channels = " ".join(f"{axis}rotation" for axis in order)
    motion = read_bvh(write(tmp_path, upper=f"3 {channels}", values="10 20 30"))
    matrix = rotation(order[0], 10) @ rotation(order[1], 20) @ rotation(order[2], 30)
    np.testing.assert_allclose(motion.positions[0, 2], (1, 0, 0) + matrix @ (0, 2, 3), atol=1e-12)
    np.testing.assert_allclose(motion.rotations[0, 1], matrix, atol=1e-12)


def test_a_parent_turns_its_children_and_channels_may_be_mixed(tmp_path: Path) -> None:
    base = "6 Zrotation Xposition Yposition Zposition Xrotation Yrotation"
    path = write(tmp_path, base=base, upper="1 zROTATION", frames=2, values="0 0 0 0 0 0 0\n90 5 6 7 0 0 90\n")
    motion = read_bvh(path)
    np.testing.assert_allclose(motion.positions[0], [(0, 0, 0), (1, 0, 0), (1, 2, 3)], atol=1e-12)
    # Half a turn in all: (0, 2, 3) becomes (0, -2, 3).
    np.testing.assert_allclose(motion.positions[1], [(5, 6, 7), (5, 7, 7), (5, 5, 10)], atol=1e-12)


def test_position_channels_replace_the_offset_they_name(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path, base=f"3 {POSITION}", upper="1 Yposition", values="1 1 1 8"))
    np.testing.assert_allclose(motion.positions[0], [(1, 1, 1), (2, 9, 1), (2, 11, 4)])


@pytest.mark.parametrize(("frame_time", "fps"), [(".0083333", 120.0), ("0.033333", 30.0), ("0.04", 25.0)])
def test_frame_rates_are_whole_where_the_file_means_so(tmp_path: Path, frame_time: str, fps: float) -> None:
    assert read_bvh(write(tmp_path, upper="1 Xrotation", values="0", frame_time=frame_time)).fps == fps


def test_braces_may_share_a_line_with_names(tmp_path: Path) -> None:
    path = write(tmp_path, upper="1 Zrotation", values="90")
    path.write_text(path.read_text().replace("\n{", " {").replace("\n  {", " {").replace("\n    {", " {"))
    np.testing.assert_allclose(read_bvh(path).positions[0, 2], (-1, 0, 3), atol=1e-12)


def test_other_frame_rates_stay(tmp_path: Path) -> None:
    path = write(tmp_path, upper="1 Xrotation", values="0", frame_time="0.033367")
    assert read_bvh(path).fps == pytest.approx(29.97, abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"values": "0\n1", "frames": 3}, "'Frames: 3', but 2 lines of values follow; it looks cut off"),
        ({"values": "0\n1", "frames": 1}, "'Frames: 1', but 2 lines"),
        ({"values": "0\n1 2", "frames": 2}, "line 20: 2 values, but the joints have 1 channels"),
        ({"values": "0\nx", "frames": 2}, "line 20: 'x' is not a finite number"),
        ({"values": "0\nnan", "frames": 2}, "line 20: 'nan' is not a finite number"),
        ({"values": "0", "frames": "many"}, "line 17: 'Frames: <how many>' should follow MOTION"),
        ({"values": "", "frames": 0}, "no frames"),
        ({"values": "0", "frame_time": 0}, "line 18: Frame Time should be above 0"),
        ({"values": "0", "upper": "2 Xrotation"}, "line 9: CHANNELS of Upper wants its number"),
        ({"values": "0", "upper": "1 Wrotation"}, "line 9: channel 'wrotation' of Upper"),
    ],
)
def test_broken_files_say_where(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    path = write(tmp_path, **{"upper": "1 Xrotation"} | fields)
    with pytest.raises(ValueError, match=message) as caught:
        read_bvh(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "#!BVH\nSKELETON", "begins with HIERARCHY"),
        ("OFFSET 1 0 0", "OFFSET 1 0", "line 8: OFFSET of Upper: 3 numbers wanted"),
        ("    OFFSET 1 0 0\n", "", "Upper has no OFFSET"),
        ("    CHANNELS 1 Xrotation\n", "", "Upper has no CHANNELS"),
        ("JOINT Upper", "JOINT Base", "a second joint is called 'Base'"),
        ("JOINT Upper", "JOINT", "JOINT has no name"),
        ("  }\n}\nMOTION", "  }\nMOTION", "MOTION before Base is closed"),
        ("  }\n}\nMOTION", "  }\n}\n}\nMOTION", "outside of the ROOT's braces"),
        ("    OFFSET 1", "    SHIFT 1", "'SHIFT' is none of"),
        ("MOTION", "ROOT Other\n{\nOFFSET 0 0 0\nCHANNELS 0\n}\nMOTION", "a second ROOT"),
        ("JOINT Upper\n  {", "JOINT Upper\n", "'{' should follow the name of Upper"),
    ],
)
def test_broken_hierarchies_say_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, upper="1 Xrotation", values="0")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        read_bvh(path)


@pytest.mark.parametrize("lines", [0, 1, 5, 9, 14, 16])
def test_a_file_cut_off_in_its_head_says_so(tmp_path: Path, lines: int) -> None:
    path = write(tmp_path, upper="1 Xrotation", values="0")
    path.write_text("\n".join(path.read_text().splitlines()[:lines]))
    with pytest.raises(ValueError, match="the file ends where .* should stand; it looks cut off"):
        read_bvh(path)
