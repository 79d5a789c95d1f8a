"""Reading Human3.6M from files of its true formats, each a few frames long."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cdflib
import h5py
import numpy as np
import pytest
from cdflib.cdfwrite import CDF

from poseembed.skeleton import JOINTS
from training.datasets import mocap
from training.datasets.mocap import human36m
from training.datasets.mocap.human36m import LEGACY_17, read_detections, read_recordings, read_with_detections

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
ACTIONS = (
    *("Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases"),
    *("Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "WalkTogether", "Walking"),
)
RECORDINGS = [f"{action}{number}" for action in ACTIONS for number in ("", " 1")]
FRAMES = 6

# Somebody at (1, 2) in the room who faces -y, so that left is +x; millimetres, z up. Where 32 joints have no name of
# their own, they are somewhere else altogether.
BODY = {
    0: (1000, 2000, 900),
    1: (870, 2000, 900),  # right hip, knee, ankle
    2: (870, 1990, 450),
    3: (870, 2000, 0),
    6: (1130, 2000, 900),  # left
    7: (1130, 1990, 450),
    8: (1130, 2000, 0),
    12: (1000, 2010, 1150),
    13: (1000, 2000, 1400),  # thorax, neck/nose, head
    14: (1000, 1950, 1500),
    15: (1000, 1990, 1620),
    17: (1180, 2000, 1390),  # left shoulder, elbow, wrist
    18: (1250, 2000, 1100),
    19: (1280, 1900, 850),
    25: (820, 2000, 1390),  # right
    26: (750, 2000, 1100),
    27: (720, 1900, 850),
}
# Metres from the middle of the hips, x to the person's left, y up, z to the front.
JOINTS_13 = {
    "nose": (0, 0.66, 0.03),  # the centre of the head: half way from 14 to 15
    "left_shoulder": (0.18, 0.49, 0),
    "right_shoulder": (-0.18, 0.49, 0),
    "left_elbow": (0.25, 0.2, 0),
    "right_elbow": (-0.25, 0.2, 0),
    "left_wrist": (0.28, -0.05, 0.1),
    "right_wrist": (-0.28, -0.05, 0.1),
    "left_hip": (0.13, 0, 0),
    "right_hip": (-0.13, 0, 0),
    "left_knee": (0.13, -0.45, 0.01),
    "right_knee": (-0.13, -0.45, 0.01),
    "left_ankle": (0.13, -0.9, 0),
    "right_ankle": (-0.13, -0.9, 0),
}


def positions(subject: str) -> np.ndarray:
    """Millimetres (frames, 32, 3); the left wrist is i mm higher in frame i, and n mm for person Sn."""
    points = np.full((FRAMES, 32, 3), 5000.0)
    for joint, place in BODY.items():
        points[:, joint] = place
    points[:, 19, 2] += np.arange(FRAMES) + int(subject[1:])
    return points


def everything() -> dict[str, dict[str, np.ndarray]]:
    """As VideoPose3D writes it."""
    return {s: {action: (positions(s) / 1000).astype(np.float32) for action in RECORDINGS} for s in SUBJECTS}


def write_archive(folder: Path) -> Path:
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=everything())
    return folder


def write_h5(folder: Path) -> Path:
    for subject in SUBJECTS:
        at = folder / subject / "MyPoses" / "3D_positions"
        at.mkdir(parents=True)
        with h5py.File(at / "one", "w") as file:
            file["3D_positions"] = positions(subject).transpose(1, 2, 0).reshape(96, FRAMES)
        spread(at / "one", ".h5")
    return folder


def write_cdf(folder: Path) -> Path:
    for subject in SUBJECTS:
        for kind, moved in (("D3_Positions", 0), ("D3_Positions_mono", 7)):
            at = folder / subject / "MyPoseFeatures" / kind
            at.mkdir(parents=True)
            file = CDF(at / "one")
            what = {"Variable": "Pose", "Data_Type": CDF.CDF_REAL4, "Num_Elements": 1, "Rec_Vary": True}
            pose = (positions(subject).reshape(1, FRAMES, 96) + moved).astype(np.float32)
            file.write_var(what | {"Var_Type": "zVariable", "Dim_Sizes": [FRAMES, 96]}, var_data=pose)
            file.close()
            spread(at / "one.cdf", ".cdf")
    return folder


def spread(file: Path, suffix: str) -> None:
    """Copy one file to all recordings, of which some have another name here."""
    for action in RECORDINGS:
        name = action.replace("Photo", "TakingPhoto").replace("WalkDog", "WalkingDog")
        shutil.copy(file, file.with_name(name + suffix))
    file.unlink()


FORMS = {"archive": write_archive, "h5": write_h5, "cdf": write_cdf}


@pytest.fixture(scope="module", params=FORMS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return FORMS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive")) / "data_3d_h36m.npz"


@pytest.fixture(scope="module")
def whole_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_h5(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def h5(tmp_path: Path, whole_h5: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(whole_h5, tmp_path / "h5")


# --- 3D ---------------------------------------------------------------------------------------------------------------


def test_seventeen_joints_of_the_32_are_those_of_the_reference() -> None:
    assert LEGACY_17 == (0, 15, 14, 13, 17, 25, 18, 26, 19, 27, 12, 6, 1, 7, 2, 8, 3)


def test_every_form_gives_the_same_joints_in_metres_with_y_up(folder: Path) -> None:
    capture = mocap.read(folder)
    assert capture.joints.dtype == capture.nose.dtype == np.float32
    expected = np.array([JOINTS_13[name] for name in JOINTS])
    expected[JOINTS.index("left_wrist"), 1] += 0.001  # of S1
    np.testing.assert_allclose(capture.joints[0], expected, atol=1e-5)
    assert capture.ok.all()


def test_the_nose_is_in_front_of_the_head(archive: Path) -> None:
    capture = mocap.read(archive)
    ahead = capture.nose[0] - capture.joints[0, 0]
    assert np.linalg.norm(ahead) == pytest.approx(0.1)
    assert ahead[2] > 0.095  # z is where the person faces
    assert ahead[0] == pytest.approx(0, abs=1e-6)


def test_every_form_gives_every_second_frame_of_the_usual_halves(folder: Path) -> None:
    capture = mocap.read(folder)
    wrist = JOINTS.index("left_wrist")
    first = capture[0].joints[:, wrist, 1] - JOINTS_13["left_wrist"][1]
    np.testing.assert_allclose(first, [0.001, 0.003, 0.005], atol=1e-5)
    assert (capture.fps == 25).all() and (capture.source == "Human3.6M").all()
    names = {clip.name: (clip.subject, clip.action, clip.split) for clip in capture}
    assert names["S1_Photo 1"] == ("S1", "Photo", "train")
    assert names["S9_WalkDog"] == ("S9", "WalkDog", "val")
    assert len(names) == 7 * 30 - 1
    splits = {subject: "".join(np.unique(capture.split[capture.subject == subject])) for subject in SUBJECTS}
    assert splits == dict.fromkeys(("S1", "S5", "S6", "S7", "S8"), "train") | dict.fromkeys(("S9", "S11"), "val")


def test_the_damaged_recording_is_left_out(folder: Path) -> None:
    names = {(r.subject, r.action) for r in read_recordings(folder)}
    assert ("S11", "Directions") not in names
    assert {("S11", "Directions 1"), ("S9", "Directions")} <= names


def test_an_archive_without_the_damaged_recording_is_whole(tmp_path: Path) -> None:
    content = everything()
    del content["S11"]["Directions"]
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    assert len(read_recordings(tmp_path)) == 209


def test_frames_that_cannot_be_trusted_are_marked(tmp_path: Path) -> None:
    content = everything()
    content["S1"]["Directions"][0, 27] = np.nan
    content["S1"]["Directions 1"][:, [1, 6]] = content["S1"]["Directions 1"][:, [0, 0]]  # both hips on one spot
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    capture = mocap.read(tmp_path)
    by_clip = {clip.name: clip.ok for clip in capture}
    assert by_clip["S1_Directions"].tolist() == [False, True, True]
    assert by_clip["S1_Directions 1"].tolist() == [False] * 3
    assert np.isfinite(capture.poses("train")[0]).all()


# --- what is missing or damaged ---------------------------------------------------------------------------------------


def test_a_missing_person_is_named_with_the_page(h5: Path) -> None:
    shutil.rmtree(h5 / "S6")
    with pytest.raises(FileNotFoundError, match=r"S6/MyPoses/3D_positions/\*\.h5.*vision\.imar\.ro/human3\.6m"):
        mocap.read(h5)


def test_missing_recordings_are_counted(h5: Path) -> None:
    (h5 / "S8" / "MyPoses" / "3D_positions" / "Eating.h5").unlink()
    with pytest.raises(FileNotFoundError, match="has 29 of the 30 recordings of S8; get it from"):
        mocap.read(h5)


def test_a_person_missing_in_the_archive_is_named(tmp_path: Path) -> None:
    content = everything()
    del content["S5"]
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    with pytest.raises(FileNotFoundError, match="has 0 of the 30 recordings of S5"):
        mocap.read(tmp_path)


def test_poses_in_the_cameras_frames_alone_are_not_enough(tmp_path: Path) -> None:
    (tmp_path / "S1" / "MyPoseFeatures" / "D3_Positions_mono").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"has no .*S1/MyPoseFeatures/D3_Positions/\*\.cdf.*unpack it"):
        mocap.read(tmp_path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9])
def test_half_downloaded_files_are_named(folder: Path, share: float) -> None:
    file = max(path for path in folder.rglob("*") if path.is_file() and "mono" not in str(path))
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    try:
        with pytest.raises(ValueError, match=rf"{file.name} of Human3\.6M is damaged or half downloaded .*human3\.6m"):
            mocap.read(folder)
    finally:
        file.write_bytes(whole)


def test_files_of_something_else_are_refused(h5: Path) -> None:
    file = h5 / "S1" / "MyPoses" / "3D_positions" / "Eating.h5"
    with h5py.File(file, "w") as content:
        content["3D_positions"] = np.zeros((51, FRAMES))
    with pytest.raises(ValueError, match=r"Eating\.h5: 3D_positions has shape \(51, 6\); wanted \(96, frames\)"):
        mocap.read(h5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"other": np.zeros(3)}, "holds no dictionary positions_3d, but other"),
        ({"positions_3d": np.zeros(3)}, "holds no dictionary positions_3d"),
        ({"positions_3d": {"S1": [1]}}, "S1 holds a list instead of actions by name"),
        ({"positions_3d": {"S1": {"Eating": np.zeros((4, 17, 3))}}}, r"Eating has shape \(4, 17, 3\)"),
        ({"positions_3d": {"S1": Path}}, "is not plain data"),
    ],
)
def test_archives_of_something_else_are_refused(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "data_3d_h36m.npz", **content)
    with pytest.raises(ValueError, match=words):
        mocap.read(tmp_path)


# --- 2D ---------------------------------------------------------------------------------------------------------------

H36M_SIDES = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
COCO_SIDES = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]


def write_detections(folder: Path, metadata: Any, *, frames: Callable[[int], int] = lambda _: FRAMES) -> Path:
    """Joint j of camera c in frame t is at (100 c + j, t)."""

    def view(camera: int) -> np.ndarray:
        joints = np.arange(17)[None] + 100 * camera + np.zeros((frames(camera), 1))
        return np.stack([joints, np.zeros_like(joints) + np.arange(len(joints))[:, None]], -1).astype(np.float32)

    views = [view(camera) for camera in range(4)]
    found = {s: {action: views for action in RECORDINGS if (s, action) != ("S11", "Directions")} for s in SUBJECTS}
    np.savez(folder / "data_2d.npz", positions_2d=found, metadata=metadata)
    return folder / "data_2d.npz"


H36M_13 = [10, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]
COCO_13 = [0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]


@pytest.mark.parametrize(
    ("metadata", "joints"),
    [
        ({"layout_name": "h36m", "num_joints": 17, "keypoints_symmetry": H36M_SIDES}, H36M_13),
        ({"num_joints": 17, "keypoints_symmetry": H36M_SIDES}, H36M_13),  # data_2d_h36m_gt.npz has no name
        ({"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": COCO_SIDES}, COCO_13),
        ({"num_joints": 17, "keypoints_symmetry": COCO_SIDES}, COCO_13),
    ],
)
def test_detections_are_read_by_their_skeleton(tmp_path: Path, metadata: Any, joints: list[int]) -> None:
    found = read_detections(write_detections(tmp_path, metadata))
    views = found["S1", "Eating 1"]
    assert views.shape == (4, FRAMES, 13, 2)
    assert views[2, 3].tolist() == [[200 + joint, 3] for joint in joints]


@pytest.mark.parametrize(
    ("frames", "common"),
    [(lambda camera: FRAMES + camera, FRAMES), (lambda camera: FRAMES - camera, FRAMES - 3)],
    ids=["longer", "shorter"],
)
def test_detections_belong_to_the_poses(
    tmp_path: Path, archive: Path, frames: Callable[[int], int], common: int
) -> None:
    path = write_detections(tmp_path, {"keypoints_symmetry": H36M_SIDES}, frames=frames)
    capture, detected = read_with_detections(archive, path)
    assert detected.shape == (len(capture.joints), 4, 13, 2) == (209 * common, 4, 13, 2)
    assert (capture.fps == 50).all()
    last = capture.offsets[1] - 1
    assert detected[last, 1, 0].tolist() == [110, common - 1]
    wrist = capture.joints[last, JOINTS.index("left_wrist"), 1] - JOINTS_13["left_wrist"][1]
    assert wrist == pytest.approx(0.001 * common, abs=1e-5)  # of the same frame


@pytest.mark.parametrize(
    "metadata", [{"layout_name": "mpii", "keypoints_symmetry": [[3], [2]]}, {"num_joints": 17}, {}, None]
)
def test_an_unknown_skeleton_is_refused(tmp_path: Path, metadata: Any) -> None:
    with pytest.raises(ValueError, match="of the skeleton; wanted h36m or coco"):
        read_detections(write_detections(tmp_path, metadata))


def test_a_recording_without_detections_is_named(tmp_path: Path, archive: Path) -> None:
    found = {"S1": {"Eating": [np.zeros((FRAMES, 17, 2))] * 4}}
    np.savez(tmp_path / "data_2d.npz", positions_2d=found, metadata={"layout_name": "coco"})
    with pytest.raises(ValueError, match="has none of S1's Directions; get it from"):
        read_with_detections(archive, tmp_path / "data_2d.npz")


def test_missing_detections_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="data_2d"):
        read_detections(tmp_path / "data_2d.npz")


def test_the_test_files_are_those_of_the_format(tmp_path: Path) -> None:
    write_cdf(tmp_path)
    pose = cdflib.CDF(tmp_path / "S1" / "MyPoseFeatures" / "D3_Positions" / "Eating.cdf").varget("Pose")
    assert pose.shape == (1, FRAMES, 96)
    assert human36m.recognises(tmp_path)
