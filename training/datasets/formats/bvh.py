"""Reader of BVH motion files (Biovision hierarchy): any joint tree, any channels in any order."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float64

from training.datasets.formats.motion import END, Motion, euler_matrices
from training.datasets.formats.text_lines import TextLines, is_number, to_numbers

_FPS_ROUNDING = 1e-4


@dataclass
class _Joint:
    """One node of the tree; channels as (kind, axis), such as ("rotation", "z"), in the file's order."""

    name: str
    parent: int
    offset: list[float] | None = None
    channels: list[tuple[str, str]] | None = None


def read_bvh(path: str | PathLike[str]) -> Motion:
    """Read a BVH file and work out where every joint is in every frame.

    Positions are in the file's own unit, which BVH does not name (centimetres, inches, ...), and in its own world
    frame (right-handed, nearly always y up). An End Site becomes a joint called as its parent, with `_end` behind.
    A joint's rotation channels (degrees) multiply in the order listed: "Zrotation Yrotation Xrotation" is R_z R_y R_x
    acting on column vectors. Position channels replace those coordinates of OFFSET, at the root and elsewhere, as the
    common exporters mean them; OFFSET stays where there is no channel.

    Args:
        path: The file.

    Returns:
        The motion; `fps` is 1 / Frame Time, rounded to a whole number where that is within 0.01 % (Frame Time is
        written with few digits).

    Raises:
        ValueError: If the file breaks the format, is cut off, or holds a value that is not a finite number; the
            message names the file, the line and how to mend it.
        OSError: If the file cannot be read.
    """
    source = TextLines(Path(path))
    joints = _read_hierarchy(source)
    frames, frame_time = _read_motion_header(source)
    values = _read_values(source, frames, sum(len(joint.channels or ()) for joint in joints))
    fps = 1.0 / frame_time
    if abs(fps - round(fps)) <= _FPS_ROUNDING * fps:
        fps = float(round(fps))
    positions, rotations = _forward_kinematics(joints, values)
    rest, _ = _forward_kinematics([_Joint(j.name, j.parent, j.offset, []) for j in joints], np.zeros((1, 0)))
    names, parents = tuple(joint.name for joint in joints), tuple(joint.parent for joint in joints)
    return Motion(names, parents, positions, rotations, rest[0], fps)


def _read_hierarchy(source: TextLines) -> list[_Joint]:
    """The tree as a list in which every parent stands before its children; takes the MOTION line too."""
    if source.take("HIERARCHY")[0].upper() != "HIERARCHY":
        source.fail("a BVH file begins with HIERARCHY; this is another format")
    joints: list[_Joint] = []
    ancestors: list[int] = []  # of the line at hand, outermost first
    while True:
        words = source.take("MOTION")
        key = words[0].upper()
        if key in ("ROOT", "JOINT", "END"):
            joints.append(_new_joint(source, key, words, joints, ancestors))
            ancestors.append(len(joints) - 1)
        elif key == "MOTION":
            if ancestors:
                source.fail(f"MOTION before {joints[ancestors[-1]].name} is closed; a '}}' is missing above")
            if not joints:
                source.fail("no ROOT before MOTION")
            return joints
        elif not ancestors:
            source.fail(f"{' '.join(words)!r} outside of the ROOT's braces; got one '}}' too many above?")
        elif key == "}":
            _check_complete(source, joints[ancestors.pop()])
        elif key == "OFFSET":
            joints[ancestors[-1]].offset = source.numbers(words[1:], 3, f"OFFSET of {joints[ancestors[-1]].name}")
        elif key == "CHANNELS":
            joints[ancestors[-1]].channels = _read_channels(source, words, joints[ancestors[-1]].name)
        else:
            source.fail(f"{words[0]!r} is none of ROOT, JOINT, End Site, OFFSET, CHANNELS, braces or MOTION")


def _new_joint(source: TextLines, key: str, words: list[str], joints: list[_Joint], ancestors: list[int]) -> _Joint:
    """A joint from the line that names it; takes its opening brace too."""
    if key == "ROOT" and joints:
        source.fail("a second ROOT; a file holds one skeleton here, so split it into one file each")
    if key != "ROOT" and not ancestors:
        source.fail(f"{' '.join(words)!r} outside of the ROOT's braces")
    brace_here = words[-1] == "{"
    parent = ancestors[-1] if ancestors else -1
    name = joints[parent].name + END if key == "END" else " ".join(words[1 : -1 if brace_here else None])
    if not name:
        source.fail(f"{words[0]} has no name")
    if name in {joint.name for joint in joints}:
        source.fail(f"a second joint is called {name!r}; give each its own name")
    if not brace_here and source.take(f"the '{{' of {name}") != ["{"]:
        source.fail(f"'{{' should follow the name of {name}")
    return _Joint(name, parent, channels=[] if key == "END" else None)


def _check_complete(source: TextLines, joint: _Joint) -> None:
    if joint.offset is None:
        source.fail(f"{joint.name} has no OFFSET")
    if joint.channels is None:
        source.fail(f"{joint.name} has no CHANNELS; write 'CHANNELS 0' if it does not move")


def _read_channels(source: TextLines, words: list[str], joint: str) -> list[tuple[str, str]]:
    names = [word.lower() for word in words[2:]]
    if len(words) < 2 or words[1] != str(len(names)):
        source.fail(f"CHANNELS of {joint} wants its number and then as many names; got {' '.join(words[1:])!r}")
    for name in names:
        if name[:1] not in ("x", "y", "z") or name[1:] not in ("position", "rotation"):
            source.fail(f"channel {name!r} of {joint} is none of Xposition, ..., Xrotation, Yrotation, Zrotation")
    return [(name[1:], name[0]) for name in names]


def _read_motion_header(source: TextLines) -> tuple[int, float]:
    words = source.take("Frames:")
    if words[0].lower() != "frames:" or len(words) != 2 or not words[1].isdigit():
        source.fail(f"'Frames: <how many>' should follow MOTION; got {' '.join(words)!r}")
    frames = int(words[1])
    if frames == 0:
        source.fail("there are no frames in this file")
    words = source.take("Frame Time:")
    if [word.lower() for word in words[:2]] != ["frame", "time:"]:
        source.fail(f"'Frame Time: <seconds>' should follow Frames; got {' '.join(words)!r}")
    (frame_time,) = source.numbers(words[2:], 1, "Frame Time")
    if frame_time <= 0:
        source.fail(f"Frame Time should be above 0 seconds; got {frame_time}")
    return frames, frame_time


def _read_values(source: TextLines, frames: int, channels: int) -> Float64[np.ndarray, "frames channels"]:
    """The motion block, one frame a line."""
    rows = [(number, line) for number, line in enumerate(source.lines[source.at :], source.at + 1) if line.strip()]
    if len(rows) != frames:
        mend = "it looks cut off: fetch it again, or correct" if len(rows) < frames else "correct"
        why = f"'Frames: {frames}', but {len(rows)} lines of values follow; {mend} that number"
        source.fail(why, len(source.lines))
    # All at once, which is quick; single lines are looked at only to say which of them is broken.
    words = " ".join(line for _, line in rows).split()
    values = to_numbers(words) if len(words) == frames * channels else None
    if values is None:
        _fail_at_broken_row(source, rows, channels)
    return values.reshape(frames, channels)


def _fail_at_broken_row(source: TextLines, rows: list[tuple[int, str]], channels: int) -> NoReturn:
    for number, line in rows:
        words = line.split()
        if len(words) != channels:
            source.fail(f"{len(words)} values, but the joints have {channels} channels in all; mend the line", number)
        for word in words:
            if not is_number(word):
                source.fail(f"{word!r} is not a finite number; mend it, or take the frame out", number)
    source.fail("the values cannot be read")


def _forward_kinematics(
    joints: list[_Joint], values: Float64[np.ndarray, "frames channels"]
) -> tuple[Float64[np.ndarray, "frames joints 3"], Float64[np.ndarray, "frames joints 3 3"]]:
    """World positions and orientations; parents stand before their children in `joints`."""
    frames = len(values)
    positions = np.empty((frames, len(joints), 3))
    rotations = np.empty((frames, len(joints), 3, 3))
    column = 0
    for i, joint in enumerate(joints):
        local = np.tile(np.array(joint.offset, dtype=np.float64), (frames, 1))
        order, turns = "", []
        for kind, axis in joint.channels or ():
            if kind == "position":
                local[:, "xyz".index(axis)] = values[:, column]
            else:
                order += axis
                turns.append(column)
            column += 1
        turn = euler_matrices(order, np.radians(values[:, turns]))
        if joint.parent < 0:
            positions[:, i], rotations[:, i] = local, turn
        else:
            above = rotations[:, joint.parent]
            positions[:, i] = positions[:, joint.parent] + np.einsum("fij,fj->fi", above, local)
            rotations[:, i] = above @ turn
    return positions, rotations
