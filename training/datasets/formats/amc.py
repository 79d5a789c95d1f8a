"""Reader of Acclaim skeletons (ASF) and motions (AMC), as the CMU Graphics Lab Motion Capture Database has them."""

from dataclasses import dataclass
from math import pi
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from training.datasets.formats.motion import END, Motion, euler_matrices
from training.datasets.formats.text_lines import TextLines, to_numbers

FPS = 120.0
"""Frames per second of the database; AMC files do not say."""

METRES_PER_INCH = 0.0254

ROOT = "root"
_TURNS = ("rx", "ry", "rz")
_SHIFTS = ("tx", "ty", "tz")
_Body = list[tuple[int, list[str]]]  # the lines of a section: number, words


@dataclass
class _Bone:
    """A bone of the skeleton; its own frame is turned from the world's by `axis`, in radians."""

    name: str
    offset: Float64[np.ndarray, "3"]  # from its start to its end at rest, in the file's unit
    axis: Float64[np.ndarray, "3"]
    order: str = "xyz"
    dof: tuple[str, ...] = ()
    parent: int = -1


def read_amc(
    skeleton: str | PathLike[str],
    motion: str | PathLike[str],
    *,
    metres_per_unit: float | None = None,
    fps: float = FPS,
) -> Motion:
    """Read a motion and work out where every bone of its skeleton is in every frame.

    A joint is called after the bone that **starts** there, as in BVH: `lhumerus` is the left shoulder, which is where
    `lclavicle` ends, and `lradius` the left elbow. The end of a bone that has no child is called as the bone, with
    `_end` behind: `head_end` is the top of the head.

    With C a bone's `axis` and M its angles in the AMC, a bone's orientation is its parent's times C M C^-1, and it
    reaches from its parent's end along `direction` (given in the world's frame at rest) by `length`; the root's C is
    its `orientation`, and its place is `position` plus its translation in the AMC. Angles in the order X Y Z multiply
    as R_z R_y R_x: the first acts first. `axis` holds the angles about x, y, z and then their order, X Y Z if left
    out; a bone's `dof` gives the order of its M, and `order` that of the root's.

    Lengths are divided by the ASF's `length` unit and are then inches: metres = value / length * 0.0254, with the
    database's `length 0.45` 0.05644 m a unit. The world is the database's, y up, right-handed.

    Args:
        skeleton: The ASF file.
        motion: The AMC file.
        metres_per_unit: Metres in one unit of the files, where the rule above does not hold for them.
        fps: Frames per second of the motion.

    Returns:
        The motion, positions in metres.

    Raises:
        ValueError: If a file breaks its format, is cut off, holds a value that is not a finite number, or the two do
            not belong together; the message names the file, the line and how to mend it.
        OSError: If a file cannot be read.
    """
    bones, unit, degrees = _read_skeleton(TextLines(Path(skeleton)))
    metres = METRES_PER_INCH / unit if metres_per_unit is None else metres_per_unit
    angles = _read_motion(TextLines(Path(motion)), bones, degrees)
    positions, rotations = _forward_kinematics(bones, angles)
    rest, _ = _forward_kinematics(bones, [np.zeros((1, len(bone.dof))) for bone in bones])
    last = _childless(bones)
    names = [bone.name for bone in bones] + [bones[i].name + END for i in last]
    parents = [bone.parent for bone in bones] + last
    return Motion(tuple(names), tuple(parents), positions * metres, rotations, rest[0] * metres, fps)


def _read_skeleton(source: TextLines) -> tuple[list[_Bone], float, bool]:
    """Bones with every parent before its children, root first; the length unit; whether angles are in degrees."""
    unit, degrees = 1.0, True
    root: _Bone | None = None
    bones: list[_Bone] = []
    for start, keyword, body in _split_sections(source):
        source.at = start
        if keyword == ":units":
            unit, degrees = _read_units(source, body)
        elif keyword == ":root":
            root = _read_root(source, body, degrees)
        elif keyword == ":bonedata":
            bones = _read_bones(source, body, degrees)
        elif keyword == ":hierarchy":
            if root is None or not bones:
                source.fail(":root and :bonedata should stand before :hierarchy")
            return _join(source, body, [root, *bones]), unit, degrees
    source.fail("the file ends without a :hierarchy; it looks cut off: fetch or export it again", len(source.lines))


def _split_sections(source: TextLines) -> list[tuple[int, str, _Body]]:
    """(line, keyword, body) of every section."""
    sections: list[tuple[int, str, _Body]] = []
    while words := source.take_or_end():
        if words[0].startswith(":"):
            sections.append((source.at, words[0].lower(), []))
        elif sections:
            sections[-1][2].append((source.at, words))
        else:
            source.fail(f"an ASF file begins with sections such as :version or :units; got {words[0]!r}")
    return sections


def _read_units(source: TextLines, body: _Body) -> tuple[float, bool]:
    unit, degrees = 1.0, True
    for source.at, (key, *values) in body:
        if key == "length":
            (unit,) = source.numbers(values, 1, "length unit")
            if unit <= 0:
                source.fail(f"the length unit should be above 0; got {unit}")
        elif key == "angle":
            if values not in (["deg"], ["rad"]):
                source.fail(f"angle should be deg or rad; got {' '.join(values)!r}")
            degrees = values == ["deg"]
    return unit, degrees


def _read_root(source: TextLines, body: _Body, degrees: bool) -> _Bone:
    start = source.at
    root = _Bone(ROOT, np.zeros(3), np.zeros(3))
    for source.at, (key, *values) in body:
        if key == "order":
            root.dof = tuple(value.lower() for value in values)
        elif key == "axis":
            root.order = _read_order(source, values)
        elif key == "position":
            root.offset = np.array(source.numbers(values, 3, "position of the root"))
        elif key == "orientation":
            root.axis = _radians(source.numbers(values, 3, "orientation of the root"), degrees)
    if sorted(root.dof) != sorted(_SHIFTS + _TURNS):
        source.fail(f"the root's order should list TX TY TZ RX RY RZ; got {' '.join(root.dof) or 'none'!r}", start)
    return root


def _read_bones(source: TextLines, body: _Body, degrees: bool) -> list[_Bone]:
    bones: list[_Bone] = []
    fields: dict[str, list[str]] | None = None
    for source.at, (key, *values) in body:
        if key == "begin":
            fields = {}
        elif fields is None:
            source.fail(f"'begin' should stand here; got {key!r}")
        elif key == "end":
            bones.append(_make_bone(source, fields, degrees))
            fields = None
        else:
            fields.setdefault(key, values)  # limits go on over several lines; they are not needed here
    if fields is not None:
        source.fail(f"bone {' '.join(fields.get('name', ['?']))} has no 'end'; it looks cut off: fetch it again")
    if len({bone.name for bone in bones}) < len(bones):
        source.fail("two bones have the same name; give each its own")
    return bones


def _make_bone(source: TextLines, fields: dict[str, list[str]], degrees: bool) -> _Bone:
    if len(fields.get("name", [])) != 1:
        source.fail("the bone that ends here has no name")
    name = fields["name"][0]
    for field in ("direction", "length", "axis"):
        if field not in fields:
            source.fail(f"bone {name} has no {field}")
    direction = np.array(source.numbers(fields["direction"], 3, f"direction of {name}"))
    norm = float(np.linalg.norm(direction))
    (length,) = source.numbers(fields["length"], 1, f"length of {name}")
    if norm == 0 or length < 0:
        source.fail(f"bone {name} wants a direction that is not 0 and a length of at least 0")
    axis = _radians(source.numbers(fields["axis"][:3], 3, f"axis of {name}"), degrees)
    dof = tuple(word.lower() for word in fields.get("dof", []))
    if len(set(dof)) < len(dof) or not set(dof) <= set(_TURNS):
        source.fail(f"dof of {name} may hold rx, ry and rz, each once; got {' '.join(dof)!r}")
    return _Bone(name, direction / norm * length, axis, _read_order(source, fields["axis"][3:] or ["XYZ"]), dof)


def _read_order(source: TextLines, words: list[str]) -> str:
    order = "".join(words).lower()
    if sorted(order) != ["x", "y", "z"]:
        source.fail(f"an axis order is some order of XYZ; got {' '.join(words)!r}")
    return order


def _radians(angles: list[float], degrees: bool) -> Float64[np.ndarray, "3"]:
    return np.array(angles) * (pi / 180 if degrees else 1.0)


def _join(source: TextLines, body: _Body, bones: list[_Bone]) -> list[_Bone]:
    """Set the bones' parents and put them in an order in which parents come first."""
    start = source.at
    by_name = {bone.name: bone for bone in bones}
    order = [ROOT]
    for source.at, (parent, *children) in body:
        if parent in ("begin", "end"):
            continue
        if parent not in order:
            source.fail(f"{parent!r} should be the child of an earlier line before it has children")
        for child in children:
            if child not in by_name or child in order:
                source.fail(f"{child!r} is no bone of :bonedata, or has a parent already")
            by_name[child].parent = order.index(parent)
            order.append(child)
    if missing := [bone.name for bone in bones if bone.name not in order]:
        source.fail(f"the hierarchy leaves out {', '.join(missing)}; if the file is cut off, fetch it again", start)
    return [by_name[name] for name in order]


def _read_motion(source: TextLines, bones: list[_Bone], degrees: bool) -> list[Float64[np.ndarray, "frames _dof"]]:
    """Each bone's values in its dof's order; angles in radians."""
    words: dict[str, list[str]] = {bone.name: [] for bone in bones}
    sizes = {bone.name: len(bone.dof) for bone in bones if bone.dof}
    frames = 0
    while line := source.take_or_end():
        name = line[0]
        if name.startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(name.lower(), degrees)
        elif name.isdigit() and len(line) == 1:
            _check_frame(source, words, sizes, frames)
            frames += 1
        elif name not in sizes or not frames:
            source.fail(f"{name!r} is neither a frame's number nor a moving bone of the ASF; do the two files belong?")
        elif len(line) - 1 != sizes[name] or len(words[name]) != (frames - 1) * sizes[name]:
            source.fail(f"{name} wants {sizes[name]} values, once a frame; got {' '.join(line[1:])!r}; mend the line")
        else:
            words[name] += line[1:]
    if not frames:
        source.fail("there are no frames in this file")
    _check_frame(source, words, sizes, frames)
    return [_read_values(source, bone, words[bone.name], frames, degrees) for bone in bones]


def _check_frame(source: TextLines, words: dict[str, list[str]], sizes: dict[str, int], frames: int) -> None:
    """Every bone that moves has its values up to the frame that is just complete."""
    if missing := [name for name, size in sizes.items() if len(words[name]) != frames * size]:
        mend = "if the file is cut off, fetch it again"
        source.fail(f"the frame that ends here, number {frames}, has no values of {', '.join(missing)}; {mend}")


def _read_values(
    source: TextLines, bone: _Bone, words: list[str], frames: int, degrees: bool
) -> Float64[np.ndarray, "frames dof"]:
    values = to_numbers(words)
    if values is None:
        for number, line in enumerate(source.lines, 1):
            if line.split()[:1] == [bone.name] and to_numbers(line.split()[1:]) is None:
                source.fail(f"a value of {bone.name} is not a finite number; mend it, or take the frame out", number)
        source.fail(f"the values of {bone.name} cannot be read")
    values = values.reshape(frames, len(bone.dof))
    turns = [i for i, kind in enumerate(bone.dof) if kind in _TURNS]
    values[:, turns] *= pi / 180 if degrees else 1.0
    return values


def _forward_kinematics(
    bones: list[_Bone], values: list[Float64[np.ndarray, "frames _dof"]]
) -> tuple[Float64[np.ndarray, "frames joints 3"], Float64[np.ndarray, "frames joints 3 3"]]:
    """Where the bones start, in the file's unit, and their orientations; then the same for the ends of the last ones.

    Parents stand before their children in `bones`.
    """
    shape = (len(values[0]), len(bones))
    starts, ends, rotations = np.empty((*shape, 3)), np.empty((*shape, 3)), np.empty((*shape, 3, 3))
    for i, (bone, angles) in enumerate(zip(bones, values, strict=True)):
        to_bone = euler_matrices(bone.order[::-1], bone.axis[["xyz".index(axis) for axis in bone.order[::-1]]])
        turns = [k for k, kind in enumerate(bone.dof) if kind in _TURNS][::-1]
        turn = to_bone @ euler_matrices("".join(bone.dof[k][1] for k in turns), angles[:, turns]) @ to_bone.T
        if bone.parent < 0:
            shifts = [bone.dof.index(kind) for kind in _SHIFTS]
            starts[:, i] = ends[:, i] = bone.offset + angles[:, shifts]
            rotations[:, i] = turn
        else:
            starts[:, i] = ends[:, bone.parent]
            rotations[:, i] = rotations[:, bone.parent] @ turn
            ends[:, i] = starts[:, i] + rotations[:, i] @ bone.offset
    last = _childless(bones)
    return np.concatenate([starts, ends[:, last]], 1), np.concatenate([rotations, rotations[:, last]], 1)


def _childless(bones: list[_Bone]) -> list[int]:
    parents = {bone.parent for bone in bones}
    return [i for i in range(len(bones)) if i not in parents]
