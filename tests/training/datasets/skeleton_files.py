"""Motion files of made-up people, as BVH and as ASF/AMC, for the tests of their readers."""

from pathlib import Path

import numpy as np

Place = tuple[float, float, float]
Body = dict[str, tuple[str, str, Place]]
"""For each bone of an ASF: the BVH joint where it starts, its parent, and where it ends, metres from the root."""


def _both_sides(left: Body) -> Body:
    """The bones of the left, and those of the right after them."""
    right = {
        f"r{bone[1:]}": (
            joint.replace("Left", "Right").replace("LHip", "RHip").replace("LThumb", "RThumb"),
            f"r{parent[1:]}" if parent in left else parent,
            (-x, y, z),
        )
        for bone, (joint, parent, (x, y, z)) in left.items()
    }
    return left | right


LEG: Body = {
    "lhipjoint": ("LHipJoint", "root", (0.1, -0.1, 0)),
    "lfemur": ("LeftUpLeg", "lhipjoint", (0.12, -0.5, 0.01)),
    "ltibia": ("LeftLeg", "lfemur", (0.13, -0.9, 0)),
    "lfoot": ("LeftFoot", "ltibia", (0.13, -0.95, 0.1)),
    "ltoes": ("LeftToeBase", "lfoot", (0.13, -0.95, 0.15)),
}
TRUNK: Body = {
    "lowerback": ("Spine", "root", (0, 0.14, -0.02)),
    "upperback": ("Spine1", "lowerback", (0, 0.27, -0.02)),
    "thorax": ("Spine2", "upperback", (0, 0.4, -0.02)),
    "lowerneck": ("Neck", "thorax", (0, 0.45, -0.01)),
    "upperneck": ("Neck1", "lowerneck", (0, 0.5, 0)),
    "head": ("Head", "upperneck", (0, 0.7, 0)),
}
ARM: Body = {
    "lclavicle": ("LeftShoulder", "thorax", (0.2, 0.4, -0.01)),
    "lhumerus": ("LeftArm", "lclavicle", (0.5, 0.4, -0.01)),
    "lradius": ("LeftForeArm", "lhumerus", (2 / 3, 0.4, -0.01)),
    "lwrist": ("LeftForeArmRoll", "lradius", (0.75, 0.4, -0.01)),
    "lhand": ("LeftHand", "lwrist", (0.8, 0.4, -0.01)),
    "lfingers": ("LeftHandIndex1", "lhand", (0.85, 0.4, -0.01)),
    "lthumb": ("LeftHandThumb1", "lwrist", (0.8, 0.4, 0.04)),
}
BODY: Body = _both_sides(LEG) | TRUNK | _both_sides(ARM)
"""The bones of CMU's and HDM05's ASF files, in a T-pose that faces +z; the wrist is where lhand starts."""

_CONVERTED = {
    **{"lowerback": "LowerBack", "upperback": "Spine", "thorax": "Spine1"},
    **{"lwrist": "LeftHand", "lhand": "LeftFingerBase", "lthumb": "LThumb"},
    **{"rwrist": "RightHand", "rhand": "RightFingerBase", "rthumb": "RThumb"},
}


def converted(body: Body) -> Body:
    """What the conversion of CMU for MotionBuilder makes of it: thorax and wrist bones have no length."""
    lost = {bone: end(bone, body) - end(body[bone][1], body) for bone in ("thorax", "lwrist", "rwrist")}
    gone: dict[str, np.ndarray] = {"root": np.zeros(3)}
    result: Body = {}
    for bone, (joint, parent, _) in body.items():
        gone[bone] = gone[parent] + lost.get(bone, 0)
        x, y, z = (end(bone, body) - gone[bone]).tolist()
        result[bone] = (_CONVERTED.get(bone, joint), parent, (x, y, z))
    return result


LEFT = [(0.2, 0.5, -0.01), (0.5, 0.5, -0.01), (0.75, 0.5, -0.01), (0.1, 0, 0), (0.12, -0.4, 0.01), (0.13, -0.8, 0)]
EXPECTED = np.array([(0, 0.7, 0), *((side * x, y, z) for x, y, z in LEFT for side in (1, -1))])
CMU_UNIT = 0.0254 / 0.45
Turns = dict[str, tuple[float, float, float]]  # degrees about x, y and z, by bone
REST: Turns = {}


def numbers(values: np.ndarray) -> str:
    return " ".join(repr(value) for value in np.ravel(values).tolist())


def end(bone: str, body: Body = BODY) -> np.ndarray:
    return np.array(body[bone][2] if bone in body else (0, 0, 0), dtype=float)


def bvh(frames: list[Turns], unit: float = 0.01, fps: float = 120.0, body: Body = BODY) -> str:
    lines, order = ["HIERARCHY"], []

    def add(bone: str, start: np.ndarray, parent: np.ndarray) -> None:
        name = "ROOT Hips" if bone == "root" else f"JOINT {body[bone][0]}"
        position = "6 Xposition Yposition Zposition" if bone == "root" else "3"
        lines.extend([name, "{", f"OFFSET {numbers((start - parent) / unit)}"])
        lines.append(f"CHANNELS {position} Zrotation Yrotation Xrotation")
        order.append(bone)
        children = [child for child, (_, above, _) in body.items() if above == bone]
        for child in children:
            add(child, end(bone, body), start)
        if not children:
            lines.extend(["End Site", "{", f"OFFSET {numbers((end(bone, body) - start) / unit)}", "}"])
        lines.append("}")

    add("root", np.zeros(3), np.zeros(3))
    lines.extend(["MOTION", f"Frames: {len(frames)}", f"Frame Time: {1 / fps:.7f}"])
    for turns in frames:
        angles = [turns.get(bone, (0, 0, 0))[::-1] for bone in order]
        lines.append("10 20 30 " + numbers(np.array(angles)))
    return "\n".join(lines) + "\n"


def asf() -> str:
    lines = [":units", "length 0.45", "angle deg", ":root", "order TX TY TZ RX RY RZ", "axis XYZ", ":bonedata"]
    for bone, (_, parent, stop) in BODY.items():
        vector = (stop - end(parent)) / CMU_UNIT
        length = float(np.linalg.norm(vector))
        lines.extend(["begin", f"name {bone}", f"direction {numbers(vector / length)}", f"length {length!r}"])
        lines.extend(["axis 0 0 0 XYZ", "dof rx ry rz", "end"])
    links = [f"{parent} {bone}" for bone, (_, parent, _) in BODY.items()]
    return "\n".join([*lines, ":hierarchy", "begin", *links, "end"]) + "\n"


def amc(frames: list[Turns]) -> str:
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for number, turns in enumerate(frames, 1):
        lines.append(str(number))
        for bone in ("root", *BODY):
            shift = "1 2 3 " if bone == "root" else ""
            lines.append(f"{bone} {shift}{numbers(np.array(turns.get(bone, (0, 0, 0))))}")
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def make_set(folder: Path) -> Path:
    for name, frames in (("02_01", 12), ("02_02", 8), ("13_05", 4)):
        write(folder / "bvh" / f"{name}.bvh", bvh([REST] * frames))
    write(folder / "86" / "86.asf", asf())
    write(folder / "86" / "86_01.amc", amc([REST] * 4))
    return folder
