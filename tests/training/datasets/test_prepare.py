import logging
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from training.datasets import mocap
from training.datasets.mocap.clips import Clip, Settings, read_clip
from training.datasets.mocap.joints import METRES_PER_UNIT
from training.datasets.prepare import find_files, find_skeleton, main, prepare, read_actions

# A body in a T-pose that faces +z. For each ASF bone: the BVH joint where it starts, its parent, where it ends (metres
# from the root).
Body = dict[str, tuple[str, str, tuple[float, float, float]]]
BODY: Body = {
    "lhipjoint": ("LHipJoint", "root", (0.1, -0.1, 0)),
    "lfemur": ("LeftUpLeg", "lhipjoint", (0.12, -0.5, 0.01)),
    "ltibia": ("LeftLeg", "lfemur", (0.13, -0.9, 0)),
    "lfoot": ("LeftFoot", "ltibia", (0.13, -0.95, 0.1)),
    "rhipjoint": ("RHipJoint", "root", (-0.1, -0.1, 0)),
    "rfemur": ("RightUpLeg", "rhipjoint", (-0.12, -0.5, 0.01)),
    "rtibia": ("RightLeg", "rfemur", (-0.13, -0.9, 0)),
    "rfoot": ("RightFoot", "rtibia", (-0.13, -0.95, 0.1)),
    "thorax": ("Spine", "root", (0, 0.4, -0.02)),
    "upperneck": ("Neck", "thorax", (0, 0.5, 0)),
    "head": ("Head", "upperneck", (0, 0.7, 0)),
    "lclavicle": ("LeftShoulder", "thorax", (0.2, 0.4, -0.01)),
    "lhumerus": ("LeftArm", "lclavicle", (0.5, 0.4, -0.01)),
    "lradius": ("LeftForeArm", "lhumerus", (0.75, 0.4, -0.01)),
    "lwrist": ("LeftHand", "lradius", (0.85, 0.4, -0.01)),
    "rclavicle": ("RightShoulder", "thorax", (-0.2, 0.4, -0.01)),
    "rhumerus": ("RightArm", "rclavicle", (-0.5, 0.4, -0.01)),
    "rradius": ("RightForeArm", "rhumerus", (-0.75, 0.4, -0.01)),
    "rwrist": ("RightHand", "rradius", (-0.85, 0.4, -0.01)),
}
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


def read(folder: Path, frames: list[Turns], kind: str, settings: Settings | None = None) -> Clip:
    if kind == "bvh":
        return read_clip(write(folder / "02_01.bvh", bvh(frames)), None, settings or Settings())
    skeleton = write(folder / "02.asf", asf())
    return read_clip(write(folder / "02_01.amc", amc(frames)), skeleton, settings or Settings())


@pytest.mark.parametrize("kind", ["bvh", "amc"])
def test_a_t_pose_gives_the_thirteen_joints(tmp_path: Path, kind: str) -> None:
    clip = read(tmp_path, [REST], kind)
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    np.testing.assert_allclose(clip.nose[0], (0, 0.7, 0.1), atol=1e-3)
    assert clip.joints[0, JOINTS.index("left_wrist"), 0] > 0 > clip.joints[0, JOINTS.index("right_wrist"), 0]


def test_both_formats_give_the_same_motion(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    frames: list[Turns] = [{bone: tuple(random.uniform(-40, 40, 3)) for bone in ("root", *BODY)} for _ in range(3)]
    settings = Settings(fps=120.0, max_speed=1e9)
    one, other = read(tmp_path, frames, "bvh", settings), read(tmp_path, frames, "amc", settings)
    np.testing.assert_allclose(one.joints, other.joints, atol=1e-3)
    np.testing.assert_allclose(one.nose, other.nose, atol=1e-3)
    assert one.fps == other.fps == 120


@pytest.mark.parametrize("kind", ["bvh", "amc"])
def test_the_nose_follows_the_head(tmp_path: Path, kind: str) -> None:
    clip = read(tmp_path, [{"head": (0, 90, 0)}, {"root": (0, 90, 0)}], kind, Settings(fps=120.0))
    np.testing.assert_allclose(clip.nose, [(0.1, 0.7, 0), (0.1, 0.7, 0)], atol=1e-3)  # to the person's left; all turned
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    np.testing.assert_allclose(clip.joints[1, 1], (-0.01, 0.5, -0.2), atol=1e-3)


def test_unknown_joint_names_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "1_1.bvh", bvh([REST]).replace("LeftLeg", "LeftShank"))
    with pytest.raises(ValueError, match=r"1_1.bvh: unknown joint names; .* misses LeftLeg; found Hips, .*LeftShank"):
        read_clip(path, None, Settings())


@pytest.mark.parametrize("unit", METRES_PER_UNIT)
def test_the_unit_is_guessed_from_the_legs(tmp_path: Path, unit: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = write(tmp_path / "1_1.bvh", bvh([REST], METRES_PER_UNIT[unit]))
    np.testing.assert_allclose(read_clip(path, None, Settings()).joints[0], EXPECTED, atol=1e-3)
    assert f"unit guessed from the length of the legs: {unit}" in caplog.text


def test_an_unlikely_unit_wants_a_word(tmp_path: Path) -> None:
    path = write(tmp_path / "1_1.bvh", bvh([REST], unit=1 / 7))
    with pytest.raises(ValueError, match="1_1.bvh: the legs are 5.6.* units long.*--unit-metres"):
        read_clip(path, None, Settings())
    clip = read_clip(path, None, Settings(unit_metres=1 / 7))
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)
    skeleton = write(tmp_path / "1.asf", asf().replace("length 0.45", "length 45"))
    motion = write(tmp_path / "1_1.amc", amc([REST]))
    with pytest.raises(ValueError, match="the legs are .* m long.*--unit-metres"):
        read_clip(motion, skeleton, Settings())
    clip = read_clip(motion, skeleton, Settings(unit_metres=CMU_UNIT))
    np.testing.assert_allclose(clip.joints[0], EXPECTED, atol=1e-3)


def test_resampling_draws_straight_lines(tmp_path: Path) -> None:
    frames: list[Turns] = [{"lhumerus": (0, 0, angle)} for angle in (0.0, 2.0, 4.0)]
    path = write(tmp_path / "1_1.bvh", bvh(frames, fps=20.0))
    every, resampled = read_clip(path, None, Settings(fps=20.0)), read_clip(path, None, Settings(fps=30.0))
    assert resampled.fps == 30 and len(resampled.joints) == 4
    between = every.joints[0].astype(float) / 3 + every.joints[1].astype(float) * 2 / 3
    np.testing.assert_allclose(resampled.joints[1], between, atol=1e-3)


def make_set(folder: Path) -> Path:
    for name, frames in (("02_01", 12), ("02_02", 8), ("13_05", 4)):
        write(folder / "bvh" / f"{name}.bvh", bvh([REST] * frames))
    write(folder / "86" / "86.asf", asf())
    write(folder / "86" / "86_01.amc", amc([REST] * 4))
    return folder


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    out = tmp_path / "new" / "motions.npz"
    settings = Settings(source="cmu")
    actions = read_actions(write(tmp_path / "index.txt", "An index\n\n02_01\twalk\n13_05\tsit, stand\n"))
    assert prepare([make_set(tmp_path / "set")], out, settings, val_subjects=["02"], actions=actions) == []
    with np.load(out, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    layout = {key: (array.dtype.kind + str(array.dtype.itemsize), array.shape) for key, array in arrays.items()}
    text = {key: layout.pop(key) for key in list(layout) if arrays[key].dtype.kind == "U"}
    assert layout == {
        "joints": ("f2", (7, 13, 3)),
        "nose": ("f2", (7, 3)),
        "ok": ("b1", (7,)),
        "offsets": ("i8", (5,)),
        "fps": ("f8", (4,)),
    }
    assert {key: shape for key, (_, shape) in text.items()} == {
        "joint_names": (13,),
        **dict.fromkeys(("source", "clip", "subject", "action", "split"), (4,)),
    }
    assert arrays["clip"].tolist() == ["86_01", "02_01", "02_02", "13_05"]
    assert arrays["subject"].tolist() == ["86", "2", "2", "13"]
    assert arrays["split"].tolist() == ["train", "val", "val", "train"]
    assert arrays["action"].tolist() == ["", "walk", "", "sit, stand"]
    assert arrays["source"].tolist() == ["cmu"] * 4
    assert arrays["offsets"].tolist() == [0, 1, 4, 6, 7]
    assert arrays["fps"].tolist() == [30.0] * 4
    assert arrays["joint_names"].tolist() == ["head", *JOINTS[1:]]
    assert arrays["ok"].all()
    np.testing.assert_allclose(arrays["joints"], np.broadcast_to(EXPECTED, (7, 13, 3)), atol=1e-3)
    assert [path.name for path in out.parent.iterdir()] == ["motions.npz"]


def test_the_first_frames_can_be_dropped(tmp_path: Path) -> None:
    frames = [REST] + [{"lhumerus": (0.0, 0.0, -90.0)}] * 30
    path = write(tmp_path / "02_01.bvh", bvh(frames))
    ok = read_clip(path, None, Settings()).ok
    assert not ok[:4].any() and ok[4:].all()
    assert read_clip(path, None, Settings(skip_frames=1)).ok.all()
    with pytest.raises(ValueError, match="31 frames, and 31 are skipped"):
        read_clip(path, None, Settings(skip_frames=31))


def test_broken_files_stop_or_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, out = make_set(tmp_path / "set"), tmp_path / "motions.npz"
    broken = write(folder / "bvh" / "99_01.bvh", bvh([REST] * 4)[:-40])
    write(folder / "bvh" / "99_02.amc", amc([REST]))
    with pytest.raises(ValueError, match=f"{broken}, line"):
        prepare([folder], out)
    assert not out.exists()
    left_out = prepare([folder], out, skip_broken=True)
    assert len(left_out) == 2 and str(broken) in left_out[0] and "99_02.amc has no skeleton" in left_out[1]
    assert all(f"left out: {complaint}" in caplog.text for complaint in left_out)
    with pytest.raises(ValueError, match="none of the 1 files could be read"):
        prepare([broken], out, skip_broken=True)


def test_unknown_subjects_to_hold_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clip of subject 7 to hold out; the subjects are 13, 2, 86"):
        prepare([make_set(tmp_path)], tmp_path / "motions.npz", val_subjects=["07"])


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = write(tmp_path / "out" / "motions.npz", "the old one")

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        prepare([make_set(tmp_path / "set")], out)
    assert [(path.name, path.read_text()) for path in out.parent.iterdir()] == [("motions.npz", "the old one")]


def test_files_and_skeletons_are_found(tmp_path: Path) -> None:
    folder = make_set(tmp_path)
    assert [path.name for path in find_files([folder, folder / "86" / "86.asf"])] == [
        "86_01.amc",
        "02_01.bvh",
        "02_02.bvh",
        "13_05.bvh",
    ]
    motion = folder / "86" / "86_01.amc"
    assert find_skeleton(motion) == folder / "86" / "86.asf"
    write(folder / "86" / "8.asf", asf())
    assert find_skeleton(motion) == folder / "86" / "86.asf"
    assert find_skeleton(folder / "bvh" / "02_01.bvh") is None
    with pytest.raises(ValueError, match="no skeleton: .*; there is 8.asf, 86.asf"):
        find_skeleton(folder / "86" / "walk.amc")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_files([folder / "nowhere"])
    with pytest.raises(ValueError, match="neither a folder nor"):
        find_files([write(tmp_path / "notes.txt", "")])


def test_the_command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    out = tmp_path / "motions.npz"
    given = [str(make_set(tmp_path / "set")), "--out", str(out)]
    assert main([*given, "--fps", "60", "--val-subjects", "13", "--split", "eval", "--source", "mine"]) == 0
    assert "4 clips, 14 poses" in caplog.text
    with np.load(out) as file:
        assert file["split"].tolist() == ["eval", "eval", "eval", "val"]
        assert file["source"].tolist() == ["mine"] * 4
        assert file["fps"].tolist() == [60.0] * 4
    assert main([*given, "--val-subjects", "7"]) == 1
    assert "no clip of subject 7" in caplog.text
    for wrong in (["--fps", "0"], ["--skip-frames", "-1"], ["--unit-metres", "nan"]):
        with pytest.raises(SystemExit):
            main([*given, *wrong])


# --- read where they lie ----------------------------------------------------------------------------------------------


def test_a_folder_is_read_as_the_file_that_would_be_made_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, out = make_set(tmp_path / "set"), tmp_path / "motions.npz"
    prepare([folder], out, val_subjects=["02", "86"])
    caplog.set_level(logging.INFO)
    lying, made = mocap.read(folder), mocap.read(out)
    for name, array in vars(made).items():
        np.testing.assert_array_equal(getattr(lying, name), array, err_msg=name)
    assert f"{folder}: read as BVH or ASF/AMC motion files" in caplog.text


def test_one_file_is_read_where_it_lies(tmp_path: Path) -> None:
    capture = mocap.read(make_set(tmp_path) / "bvh" / "13_05.bvh")
    assert capture.clip.tolist() == ["13_05"]
    np.testing.assert_allclose(capture.joints[0], EXPECTED, atol=1e-3)


def test_clips_of_hdm05_have_actions(tmp_path: Path) -> None:
    write(tmp_path / "HDM_bd.asf", asf())
    for name in ("HDM_bd_walk2StepsLstart_001_120", "HDM_bd_depositFloorR_019"):
        write(tmp_path / f"{name}.amc", amc([REST] * 4))
    capture = mocap.read(tmp_path)
    assert capture.action.tolist() == ["depositFloorR", "walk2StepsLstart"]
    assert capture.subject.tolist() == ["bd", "bd"]
    assert capture.split.tolist() == ["train", "train"]


def test_a_folder_of_something_else_learns_what_is_known(tmp_path: Path) -> None:
    write(tmp_path / "notes.txt", "nothing here")
    with pytest.raises(ValueError, match=r"none of the data sets.*Human3\.6M \(.*MPI-INF-3DHP \(.*BVH.*mocap\.cs\.cmu"):
        mocap.read(tmp_path)
