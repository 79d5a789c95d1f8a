"""Reading MPI-INF-3DHP from files of its true formats, each a few frames long."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from poseembed.skeleton import JOINTS
from training.datasets import mocap
from training.datasets.mocap.mpi_inf_3dhp import (
    CHEST_HIGH,
    NOT_OVERHEAD,
    _read_rotations,
    read,
    read_test_set,
    read_views,
)

FRAMES = 5
NAMES = [
    *("spine3", "spine4", "spine2", "spine", "pelvis", "neck", "head", "head_top"),
    *("left_clavicle", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    *("right_clavicle", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    *("left_hip", "left_knee", "left_ankle", "left_foot", "left_toe"),
    *("right_hip", "right_knee", "right_ankle", "right_foot", "right_toe"),
]

# Somebody who faces +z in a room whose y axis points up, so that left is +x; metres from the middle of the hips.
JOINTS_13 = {
    "nose": (0, 0.66, 0.03),
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
EXPECTED = np.array([JOINTS_13[name] for name in JOINTS])
WRIST = JOINTS.index("left_wrist")


def room() -> np.ndarray:
    """Millimetres (frames, 28, 3) in the room; in frame i the left wrist is 10 i mm higher."""
    points = np.full((FRAMES, 28, 3), 5000.0)
    for name, place in JOINTS_13.items():
        points[:, NAMES.index("head" if name == "nose" else name)] = np.array(place) * 1000 + (500, 950, -300)
    points[:, NAMES.index("left_wrist"), 1] += 10 * np.arange(FRAMES)
    return points


def extrinsic(camera: int) -> np.ndarray:
    """A camera 3 m away that stands at an angle of 20 degrees a number, tipped by as many degrees as its number."""
    turn, tip = np.deg2rad(20 * camera), np.deg2rad(camera)
    about_y = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(tip), -np.sin(tip)], [0, np.sin(tip), np.cos(tip)]])
    looking = np.diag([1.0, -1.0, -1.0])  # from y up and z towards it to y down and z away
    matrix = np.eye(4)
    matrix[:3, :3] = looking @ about_x @ about_y
    matrix[:3, 3] = (0, 1000, 3000)
    return matrix


def seen_by(camera: int) -> np.ndarray:
    matrix = extrinsic(camera)
    return room() @ matrix[:3, :3].T + matrix[:3, 3]


def picture(points: np.ndarray) -> np.ndarray:
    return 1500 * points[..., :2] / points[..., 2:] + 1024


def cells(views: list[np.ndarray]) -> np.ndarray:
    """A MATLAB cell array of one column."""
    column = np.empty((len(views), 1), dtype=object)
    column[:, 0] = views
    return column


def annotations(**changed: Any) -> dict[str, Any]:
    solid = [seen_by(camera) for camera in range(14)]
    whole = {
        "annot2": cells([picture(view).reshape(FRAMES, 56) for view in solid]),
        "annot3": cells([view.reshape(FRAMES, 84) for view in solid]),
        "univ_annot3": cells([view.reshape(FRAMES, 84) * 1.1 for view in solid]),
        "cameras": np.arange(14, dtype=np.uint8)[None],
        "frames": np.arange(FRAMES, dtype=np.uint16)[:, None],
    }
    return whole | changed


def calibration(cameras: int = 14) -> str:
    lines = ["Skeletool Camera Calibration File V1.0"]
    for camera in range(cameras):
        intrinsic = "1500 0 1024 0 0 1500 1024 0 0 0 1 0 0 0 0 1"
        lines += [f"name          {camera}", "  sensor      10 10", "  size        2048 2048", "  animated    0"]
        lines += [f"  intrinsic   {intrinsic} ", "  extrinsic   " + " ".join(map(str, extrinsic(camera).flat)) + " "]
        lines += ["  radial      0"]
    return "\n".join(lines) + "\n"


def write_sequence(folder: Path, name: str, **changed: Any) -> None:
    at = folder / name
    at.mkdir(parents=True, exist_ok=True)
    savemat(at / "annot.mat", annotations(**changed))
    (at / "camera.calibration").write_text(calibration())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All sixteen sequences."""
    folder = tmp_path_factory.mktemp("whole")
    write_sequence(folder, "one")
    for subject in range(1, 9):
        for sequence in (1, 2):
            shutil.copytree(folder / "one", folder / f"S{subject}" / f"Seq{sequence}")
    shutil.rmtree(folder / "one")
    return folder


@pytest.fixture
def folder(tmp_path: Path, whole: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(whole, tmp_path / "3dhp")


# --- 3D ---------------------------------------------------------------------------------------------------------------


def test_joints_stand_upright_in_metres(folder: Path) -> None:
    capture = mocap.read(folder)
    np.testing.assert_allclose(capture.joints[0], EXPECTED, atol=1e-5)
    assert capture.joints.dtype == capture.nose.dtype == np.float32
    ahead = capture.nose[0] - capture.joints[0, 0]
    np.testing.assert_allclose(np.linalg.norm(ahead), 0.1, atol=1e-5)
    assert ahead[2] > 0.095
    assert capture.ok.all()


def test_any_cameras_poses_are_set_upright_by_its_calibration(folder: Path) -> None:
    order = np.array([9, *range(9), *range(10, 14)])
    content = annotations()
    turned = {key: content[key][order] for key in ("annot2", "annot3")} | {"cameras": order[None].astype(np.uint8)}
    write_sequence(folder, "S1/Seq1", **turned)
    np.testing.assert_allclose(read(folder).joints[0], EXPECTED, atol=1e-5)


def test_clips_are_split_by_person_and_25_frames_a_second(folder: Path) -> None:
    capture = read(folder)
    assert capture.clip[:2].tolist() == ["S1_Seq1", "S1_Seq2"]
    assert capture.split.tolist() == ["train"] * 14 + ["val"] * 2
    assert capture.subject[-1] == "S8"
    assert (capture.fps == 25).all() and (capture.source == "MPI-INF-3DHP").all()
    lengths = {clip.name: len(clip) for clip in capture}
    fast = {"S1_Seq2", "S3_Seq1", "S3_Seq2", "S5_Seq1", "S5_Seq2"}
    assert lengths == {name: 3 if name in fast else FRAMES for name in lengths}
    rise = capture[1].joints[:, WRIST, 1] - EXPECTED[WRIST, 1]
    np.testing.assert_allclose(rise, [0, 0.02, 0.04], atol=1e-5)


# --- views ------------------------------------------------------------------------------------------------------------


def test_views_of_one_moment_belong_together(folder: Path) -> None:
    views = read_views(folder, cameras=CHEST_HIGH)
    assert views.keypoints.shape == (5, 2 * FRAMES, 13, 2)
    assert views.cameras == (0, 2, 4, 7, 8)
    at = [NAMES.index("head" if name == "nose" else name) for name in JOINTS]
    np.testing.assert_allclose(views.keypoints[3, FRAMES + 2], picture(seen_by(7))[2, at], rtol=1e-5)
    assert views.sequence.tolist() == ["S8/Seq1"] * FRAMES + ["S8/Seq2"] * FRAMES
    assert views.frame.tolist() == 2 * list(range(FRAMES))


def test_joints_of_views_stand_as_their_first_camera(folder: Path) -> None:
    views = read_views(folder)  # camera 0 looks straight at somebody who faces it
    assert views.cameras == NOT_OVERHEAD == tuple(range(11))
    np.testing.assert_allclose(views.joints3d[0], EXPECTED, atol=1e-5)
    left, right = JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")
    assert views.keypoints[0, 0, left, 0] > views.keypoints[0, 0, right, 0]  # left is on the picture's right
    assert views.keypoints[0, 0, 0, 1] < views.keypoints[0, 0, left, 1]  # the head above


def test_views_of_other_people(folder: Path) -> None:
    views = read_views(folder, cameras=(13, 1), subjects=("S2", "S1"))
    assert views.sequence[0] == "S2/Seq1"
    assert views.keypoints.shape == (2, 4 * FRAMES, 13, 2)


def test_a_camera_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"annot\.mat has no cameras \[14\], but \[0, 1"):
        read_views(folder, cameras=(0, 14))


# --- the test set -----------------------------------------------------------------------------------------------------


def write_test_set(folder: Path) -> Path:
    """Joint j of frame i is at (j, i) in the picture; the second frame has no pose."""
    for number in range(1, 7):
        (folder / f"TS{number}").mkdir()
        flat = np.zeros((FRAMES, 1, 17, 2))
        flat[..., 0], flat[..., 1] = np.arange(17), np.arange(FRAMES)[:, None, None]
        solid = np.zeros((FRAMES, 1, 17, 3))
        solid[:, 0, 11], solid[:, 0, 8] = (100, 0, 3000), (-100, 0, 3000)  # hips
        solid[:, 0, 16] = (0, -600, 2900)  # the head, towards the camera
        with h5py.File(folder / f"TS{number}" / "annot_data.mat", "w") as file:
            file["annot2"], file["annot3"], file["univ_annot3"] = flat, solid, solid
            file["valid_frame"] = np.array([[1], [0], [1], [1], [1]])
    return folder


def test_the_test_set_has_one_camera_a_sequence(tmp_path: Path) -> None:
    views = read_test_set(write_test_set(tmp_path))
    assert views.keypoints.shape == (1, 6 * 4, 13, 2)
    assert views.frame[:4].tolist() == [0, 2, 3, 4]
    assert views.sequence[4] == "TS2"
    assert views.keypoints[0, 1, :, 0].tolist() == [16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
    assert views.keypoints[0, 1, 0, 1] == 2
    np.testing.assert_allclose(views.joints3d[0, [0, 7]], [(0, 0.6, 0.1), (0.1, 0, 0)], atol=1e-6)


# --- what is missing or damaged ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["S6/Seq2/annot.mat", "S3/Seq1/camera.calibration"])
def test_a_missing_file_is_named_with_the_page(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"has no .*{Path(name).name}.*vcai\.mpi-inf\.mpg\.de/3dhp-dataset"):
        mocap.read(folder)


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_half_downloaded_annotations_are_named(folder: Path, share: float) -> None:
    file = folder / "S2" / "Seq1" / "annot.mat"
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(ValueError, match=r"S2/Seq1/annot\.mat.*(damaged|has no).*3dhp-dataset"):
        read(folder)


def test_half_a_test_set_is_named(tmp_path: Path) -> None:
    file = write_test_set(tmp_path) / "TS3" / "annot_data.mat"
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"TS3/annot_data\.mat of MPI-INF-3DHP is damaged or half downloaded"):
        read_test_set(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda whole: {"annot3": whole["annot3"][:9]}, "annot3 has 9 views"),
        (lambda whole: {"annot2": whole["annot3"]}, r"annot2 has 14 views of shapes \[\(5, 84\)\]; wanted \(5, 56\)"),
        (lambda whole: {"frames": whole["frames"][:3]}, r"wanted \(3, 56\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    write_sequence(folder, "S8/Seq1", **change(annotations()))
    with pytest.raises(ValueError, match=words):
        read_views(folder)


def test_a_calibration_that_is_not_a_rotation_is_refused(folder: Path) -> None:
    file = folder / "S1" / "Seq1" / "camera.calibration"
    file.write_text(calibration().replace("extrinsic   1.0 ", "extrinsic   2.0 "))
    with pytest.raises(ValueError, match="the extrinsic matrix of camera 0 does not begin with a rotation"):
        read(folder)
    file.write_text("Skeletool Camera Calibration File V1.0\n")
    with pytest.raises(ValueError, match=r"camera\.calibration has no camera 0"):
        read(folder)


def test_a_calibration_cut_anywhere_is_refused_or_means_the_same(tmp_path: Path) -> None:
    file = tmp_path / "camera.calibration"
    whole = calibration(3)  # a first one, a last one, and one between
    file.write_text(whole)
    wanted = _read_rotations(file)
    assert sorted(wanted) == [0, 1, 2]
    last = whole.rindex("radial      0") + len("radial      0")
    refused = 0
    for end in range(1, last):
        file.write_text(whole[:end])
        try:
            rotations = _read_rotations(file)
        except ValueError as error:
            refused += 1
            assert "camera.calibration" in str(error)
        else:  # whole cameras: who needs one of the others misses it by name
            assert all((rotation == wanted[camera]).all() for camera, rotation in rotations.items())
    assert last - refused < 60, "what stands before the first camera, and the ends of cameras"
