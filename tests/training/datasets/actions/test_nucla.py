"""The reader of N-UCLA, on small made files and, where there, on the real ones."""

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS, SKELETONS
from training.datasets.actions import nucla
from training.datasets.actions.clips import ActionClips

KINECT_NAMES = [
    "hip_center",
    "spine",
    "shoulder_center",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "left_hand",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "right_hand",
    "left_hip",
    "left_knee",
    "left_ankle",
    "left_foot",
    "right_hip",
    "right_knee",
    "right_ankle",
    "right_foot",
]


@pytest.fixture
def nucla_arrays() -> dict[str, np.ndarray]:
    """Three clips of two frames: somebody 3 m away who faces the sensor."""
    joints = np.zeros((6, 20, 3), np.float32)
    joints[..., 2] = 3.0
    for index, name in enumerate(KINECT_NAMES):
        # The sensor's x axis points to its own left; a person who faces it has the left side at the sensor's right.
        joints[:, index, 0] = {"left": -0.3, "right": 0.3}.get(name.partition("_")[0], 0.0)
        joints[:, index, 1] = index / 10
    joints[3, KINECT_NAMES.index("left_knee")] = 0.0  # not tracked
    return {
        "joints3d": joints,
        "joint_names": np.array(KINECT_NAMES),
        "offsets": np.array([0, 2, 4, 6]),
        "action": np.array([12, 1, 8]),
        "subject": np.array([5, 6, 1]),
        "view": np.array([1, 2, 3]),
    }


def test_nucla_is_projected_into_the_sensors_picture(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays)
    clips = nucla.read(tmp_path / "nucla.npz")
    np.testing.assert_allclose(clips.keypoints[0, JOINTS.index("left_shoulder")], [0.1, -0.4 / 3], rtol=1e-6)
    np.testing.assert_allclose(clips.keypoints[0, JOINTS.index("right_wrist")], [-0.1, -1.0 / 3], rtol=1e-6)
    np.testing.assert_allclose(clips.keypoints[0, 0], [0.0, -0.1], atol=1e-7)  # the head
    np.testing.assert_array_equal(np.argwhere(np.isnan(clips.keypoints).any(-1)), [[3, JOINTS.index("left_knee")]])
    assert [clips.classes[label] for label in clips.labels] == ["carry", "pick up with one hand", "donning"]
    assert clips.views.tolist() == ["1", "2", "3"]
    assert clips.train.tolist() == [True, False, True]
    assert clips.subjects is not None and clips.subjects.tolist() == [5, 6, 1]


def test_nucla_3d_joints_are_centred_on_the_hips(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays)
    joints = nucla.read_body_centred(tmp_path / "nucla.npz")
    assert joints.shape == (6, 13, 3)
    hips = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]
    np.testing.assert_allclose(joints[:, hips].mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(joints[0, hips[0]], [-0.3, -0.2, 0.0], atol=1e-6)  # hips are joints 12 and 16
    assert np.isnan(joints[3, JOINTS.index("left_knee")]).all()


def test_nucla_refuses_another_joint_order(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays | {"joint_names": np.array(KINECT_NAMES[::-1])})
    with pytest.raises(ValueError, match="Kinect v1"):
        nucla.read(tmp_path / "nucla.npz")


def test_nucla_refuses_unknown_actions(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays | {"action": np.array([1, 7, 2])})
    with pytest.raises(ValueError, match=r"\[7\]"):
        nucla.read(tmp_path / "nucla.npz")


def write_folder(folder: Path, arrays: dict[str, np.ndarray], **changes: object) -> Path:
    """Write clips as they are passed around, one JSON file each; `changes` are of the first clip's."""
    folder.mkdir()
    actions = arrays["action"].tolist()
    for clip, (start, end) in enumerate(pairwise(arrays["offsets"])):
        action, subject, view = actions[clip], arrays["subject"][clip], arrays["view"][clip]
        content = {
            "file_name": f"a{action:02d}_s{subject:02d}_e{arrays['episode'][clip]:02d}_v{view:02d}",
            "skeletons": arrays["joints3d"][start:end].tolist(),
            "label": [1, 2, 3, 4, 5, 6, 8, 9, 11, 12].index(action) + 1 if action != 7 else 7,
        }
        path = folder / f"{content['file_name']}.json"
        path.write_text(json.dumps(content | (changes if clip == 0 else {})))
    return folder


def in_order_of_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The made clips as a folder lists them: actions 1, 8 and 12."""
    order = [1, 2, 0]
    frames = np.concatenate([np.arange(2 * clip, 2 * clip + 2) for clip in order])
    arrays = arrays | {name: arrays[name][order] for name in ("action", "subject", "view")}
    return arrays | {"joints3d": arrays["joints3d"][frames], "episode": np.array([0, 3, 1])}


@pytest.fixture
def three_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a folder with three clips be whole."""
    monkeypatch.setattr(nucla, "NUM_CLIPS", 3)


def assert_same(got: ActionClips, wanted: ActionClips) -> None:
    np.testing.assert_array_equal(got.keypoints, wanted.keypoints)
    assert got.keypoints.dtype == wanted.keypoints.dtype
    assert got.classes == wanted.classes
    for name in ("offsets", "labels", "views", "train", "subjects"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))


@pytest.mark.usefixtures("three_clips")
def test_a_folder_of_json_clips_gives_the_same_clips(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    arrays = in_order_of_names(nucla_arrays)
    np.savez(tmp_path / "nucla.npz", **arrays)
    folder = write_folder(tmp_path / "all_sqe", arrays)
    (folder / "notes.json").write_text("{}")
    assert_same(nucla.read(folder), nucla.read(tmp_path / "nucla.npz"))
    centred = nucla.read_body_centred(folder)
    np.testing.assert_array_equal(centred, nucla.read_body_centred(tmp_path / "nucla.npz"))


@pytest.mark.usefixtures("three_clips")
@pytest.mark.parametrize(
    "changes, words",
    [
        ({"label": 2}, "its label 2 is not that of action 1"),
        ({"skeletons": np.zeros((2, 25, 3)).tolist()}, r"shape \(2, 25, 3\), wanted \(frames, 20, 3\)"),
        ({"skeletons": []}, r"shape \(0,\)"),
        ({"skeletons": [[[0.0, 0.0, 1.0]], []]}, "inhomogeneous"),
        ({"skeletons": [[{"x": 0.0}]]}, "elements of object; wanted numbers"),
        ({"skeletons": [[["0"] * 3] * 20]}, "elements of <U1; wanted numbers"),
        ({"skeletons": [[[True] * 3] * 20]}, "elements of bool; wanted numbers"),
        ({"skeletons": [[[1e39] * 3] * 20]}, "wanted numbers that float32 holds"),
    ],
)
def test_a_clip_with_something_else_in_it_is_refused(
    tmp_path: Path, nucla_arrays: dict[str, np.ndarray], changes: dict[str, object], words: str
) -> None:
    folder = write_folder(tmp_path / "all_sqe", in_order_of_names(nucla_arrays), **changes)
    with pytest.raises(ValueError, match=rf"a01_s06_e00_v02\.json.*{words}.*wangjiangb\.github\.io"):
        nucla.read(folder)


@pytest.mark.usefixtures("three_clips")
@pytest.mark.parametrize(
    "text", ["", "[1, 2]", '{"label": 1}', '{"file_name": "a01_s06_e00_v02", "skeletons": [[[0.1,']
)
def test_a_half_downloaded_clip_is_named(tmp_path: Path, nucla_arrays: dict[str, np.ndarray], text: str) -> None:
    folder = write_folder(tmp_path / "all_sqe", in_order_of_names(nucla_arrays))
    (folder / "a01_s06_e00_v02.json").write_text(text)
    with pytest.raises(ValueError, match=r"a01_s06_e00_v02\.json of Northwestern-UCLA is damaged or half downloaded"):
        nucla.read(folder)


@pytest.mark.usefixtures("three_clips")
def test_a_clip_of_an_unknown_action_is_refused(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    arrays = in_order_of_names(nucla_arrays) | {"action": np.array([1, 7, 12])}
    with pytest.raises(ValueError, match=r"\[7\]"):
        nucla.read(write_folder(tmp_path / "all_sqe", arrays))


def test_too_few_clips_are_a_set_downloaded_in_part(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    folder = write_folder(tmp_path / "all_sqe", in_order_of_names(nucla_arrays))
    with pytest.raises(ValueError, match=r"all_sqe has 3 clips .* has 1484: .*wangjiangb\.github\.io"):
        nucla.read(folder)


@pytest.mark.parametrize("read", [nucla.read, nucla.read_body_centred])
@pytest.mark.parametrize("name, words", [("all_sqe", "does not exist"), ("empty", r"has no \*\.json")])
def test_a_missing_set_names_the_owners_page(
    tmp_path: Path, read: Callable[[Path], object], name: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name} {words}.*wangjiangb\.github\.io/my_data"):
        read(tmp_path / name)


def test_kinect_order_used_here_is_the_librarys() -> None:
    assert tuple(KINECT_NAMES[index] for index in SKELETONS["kinect_v1"].indices) == ("head", *JOINTS[1:])


@pytest.fixture(scope="module")
def data_folder() -> Path:
    """Where the real file is."""
    if "POSEEMBED_DATA" not in os.environ:
        pytest.skip("set POSEEMBED_DATA to a folder with nucla.npz")
    return Path(os.environ["POSEEMBED_DATA"])


def left_shoulder_on_the_right(clips: ActionClips, which: np.ndarray) -> float:
    """Share of the chosen clips' frames in which the left shoulder is on the picture's right of the right one."""
    frames = clips.keypoints[np.repeat(which, np.diff(clips.offsets))]
    apart = frames[:, JOINTS.index("left_shoulder"), 0] - frames[:, JOINTS.index("right_shoulder"), 0]
    return float((apart[~np.isnan(apart)] > 0).mean())


def test_real_nucla(data_folder: Path) -> None:
    clips = nucla.read(data_folder / "nucla.npz")
    assert (len(clips), len(clips.classes)) == (1484, 10)
    assert int(clips.train.sum()) == 754
    assert np.isnan(clips.keypoints).any(-1).mean() < 1e-4
    for view in "123":
        assert left_shoulder_on_the_right(clips, clips.views == view) > 0.97
    ankles = clips.keypoints[:, [JOINTS.index("left_ankle"), JOINTS.index("right_ankle")], 1].mean(1)
    assert (clips.keypoints[:, 0, 1] < ankles).mean() > 0.99  # y is down


def test_real_clips_written_as_json_are_the_same(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(data_folder / "nucla.npz") as file:
        arrays = {name: file[name] for name in file.files}
    bounds, chosen = arrays["offsets"], np.arange(0, 1484, 30)  # 50 clips, in the order of their names
    frames = np.concatenate([np.arange(*bounds[clip : clip + 2]) for clip in chosen])
    some = arrays | {name: arrays[name][chosen] for name in ("action", "subject", "view", "episode")}
    some |= {"joints3d": arrays["joints3d"][frames], "offsets": np.cumsum([0, *np.diff(bounds)[chosen]])}
    monkeypatch.setattr(nucla, "NUM_CLIPS", len(chosen))
    folder = write_folder(tmp_path / "all_sqe", some)
    got, everything = nucla.read(folder), nucla.read(data_folder / "nucla.npz")
    np.testing.assert_array_equal(got.keypoints, everything.keypoints[frames])
    for name in ("labels", "views", "train", "subjects"):
        np.testing.assert_array_equal(getattr(got, name), getattr(everything, name)[chosen])
    centred = nucla.read_body_centred(data_folder / "nucla.npz")
    np.testing.assert_array_equal(nucla.read_body_centred(folder), centred[frames])
