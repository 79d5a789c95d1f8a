"""The reader of Penn Action, on small made files and, where there, on the real ones."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from poseembed.skeleton import JOINTS
from training.datasets.actions import penn_action
from training.datasets.actions.clips import ActionClips


@pytest.fixture
def penn_file(tmp_path: Path) -> Path:
    """Three clips of two frames, the second of the action that is left out."""
    keypoints = np.arange(6 * 13 * 2, dtype=np.float32).reshape(6, 13, 2) + 100
    keypoints[0, 5] = 0.0  # left wrist in the file: not annotated
    keypoints[0, 6] = 1.5  # nor this one, in a picture that was scaled
    keypoints[0, 3] = 0.5, 30.0  # at the picture's edge
    visibility = np.ones((6, 13), bool)
    visibility[0, [5, 6]] = False
    visibility[1, 9] = False  # occluded
    np.savez(
        tmp_path / "penn.npz",
        keypoints=keypoints,
        visibility=visibility,
        offsets=np.array([0, 2, 4, 6]),
        action=np.array(["squat", "strum_guitar", "bowl"]),
        view=np.array(["front", "back", "left"]),
        train=np.array([True, True, False]),
    )
    return tmp_path / "penn.npz"


def write_labels(folder: Path, archive: Path, **changes: object) -> Path:
    """Write an archive's clips as the owners do, one MATLAB file each; `changes` are of the first clip's."""
    with np.load(archive) as file:
        arrays = {name: file[name] for name in ("keypoints", "visibility", "offsets", "action", "view", "train")}
    (folder / "labels").mkdir(parents=True)
    for clip, (start, end) in enumerate(pairwise(arrays["offsets"])):
        label = {
            "action": str(arrays["action"][clip]),
            "pose": str(arrays["view"][clip]),
            "x": arrays["keypoints"][start:end, :, 0].astype(np.float64),
            "y": arrays["keypoints"][start:end, :, 1].astype(np.float64),
            "visibility": arrays["visibility"][start:end].astype(np.uint8),
            "train": 1 if arrays["train"][clip] else -1,
            "bbox": np.zeros((end - start, 4)),
            "dimensions": np.array([270.0, 480.0, end - start]),
            "nframes": int(end - start),
        }
        label |= changes if clip == 0 else {}
        label = {name: value for name, value in label.items() if value is not None}
        savemat(folder / "labels" / f"{clip + 1:04d}.mat", label)
    return folder


def assert_same(got: ActionClips, wanted: ActionClips) -> None:
    np.testing.assert_array_equal(got.keypoints, wanted.keypoints)
    assert got.keypoints.dtype == wanted.keypoints.dtype
    assert got.classes == wanted.classes
    for name in ("offsets", "labels", "views", "train"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))


def test_penn_action_gets_the_persons_own_sides(penn_file: Path) -> None:
    with np.load(penn_file) as file:
        raw = file["keypoints"]
    clips = penn_action.read(penn_file)
    got = clips.keypoints
    np.testing.assert_array_equal(got[:, 0], raw[[0, 1, 4, 5], 0])
    np.testing.assert_array_equal(got[1, JOINTS.index("left_shoulder")], raw[1, 2])
    np.testing.assert_array_equal(got[1, JOINTS.index("right_ankle")], raw[1, 11])
    missing = np.isnan(got).all(-1)
    wrists = [[0, JOINTS.index("left_wrist")], [0, JOINTS.index("right_wrist")]]
    np.testing.assert_array_equal(np.argwhere(missing), wrists)
    assert np.isnan(got).sum() == 4  # occluded joints and those at the edge stay
    assert clips.classes == ("bowl", "squat")
    assert clips.labels.tolist() == [1, 0]
    assert clips.views.tolist() == ["front", "left"]
    assert clips.train.tolist() == [True, False]
    assert clips.offsets.tolist() == [0, 2, 4]


@pytest.fixture
def three_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a folder with three clips be whole."""
    monkeypatch.setattr(penn_action, "NUM_CLIPS", 3)


@pytest.mark.usefixtures("three_clips")
def test_the_folder_as_downloaded_gives_the_same_clips(tmp_path: Path, penn_file: Path) -> None:
    folder = write_labels(tmp_path / "Penn_Action", penn_file)
    assert_same(penn_action.read(folder), penn_action.read(penn_file))


@pytest.mark.usefixtures("three_clips")
def test_other_names_of_an_action_are_the_same_action(tmp_path: Path, penn_file: Path) -> None:
    bowling = penn_action.read(write_labels(tmp_path / "bowling", penn_file, action="bowling"))
    assert (bowling.classes, bowling.labels.tolist()) == (("bowl",), [0, 0])
    guitar = penn_action.read(write_labels(tmp_path / "guitar", penn_file, action="strumming_guitar"))
    assert len(guitar) == 1  # left out, like the other one


@pytest.mark.usefixtures("three_clips")
@pytest.mark.parametrize(
    "changes, words",
    [
        ({"action": "ski"}, "action 'ski' seen from 'front': wanted one of"),
        ({"pose": "above"}, "seen from 'above'"),
        ({"train": 0}, "train is 0, wanted 1 or -1"),
        ({"y": np.zeros((3, 13))}, r"x has shape \(2, 13\) and y \(3, 13\), wanted \(frames, 13\)"),
        ({"x": np.zeros((2, 14)), "y": np.zeros((2, 14))}, r"x has shape \(2, 14\)"),
        ({"pose": None, "x": None}, "it has no pose, x"),
    ],
)
def test_a_label_file_with_something_else_in_it_is_refused(
    tmp_path: Path, penn_file: Path, changes: dict[str, object], words: str
) -> None:
    folder = write_labels(tmp_path / "Penn_Action", penn_file, **changes)
    with pytest.raises(ValueError, match=rf"0001\.mat.*{words}.*dreamdragon\.github\.io/PennAction"):
        penn_action.read(folder)


@pytest.mark.usefixtures("three_clips")
@pytest.mark.parametrize("size", [0, 60, 127, 140, 200, 400, 900])
def test_a_half_downloaded_label_file_is_named(tmp_path: Path, penn_file: Path, size: int) -> None:
    folder = write_labels(tmp_path / "Penn_Action", penn_file)
    path = folder / "labels" / "0002.mat"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"0002\.mat of Penn Action is damaged or half downloaded"):
        penn_action.read(folder)


def test_the_first_missing_label_file_is_named(tmp_path: Path, penn_file: Path) -> None:
    folder = write_labels(tmp_path / "Penn_Action", penn_file)
    with pytest.raises(FileNotFoundError, match=r"no labels/0004\.mat.*dreamdragon\.github\.io/PennAction"):
        penn_action.read(folder)


@pytest.mark.parametrize("name", ["Penn_Action", "penn_action.npz"])
def test_a_missing_path_names_the_owners_page(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"{name} does not exist.*dreamdragon\.github\.io/PennAction"):
        penn_action.read(tmp_path / name)


@pytest.fixture(scope="module")
def data_folder() -> Path:
    """Where the real file is."""
    if "POSEEMBED_DATA" not in os.environ:
        pytest.skip("set POSEEMBED_DATA to a folder with penn_action.npz")
    return Path(os.environ["POSEEMBED_DATA"])


def left_shoulder_on_the_right(clips: ActionClips, which: np.ndarray) -> float:
    """Share of the chosen clips' frames in which the left shoulder is on the picture's right of the right one."""
    frames = clips.keypoints[np.repeat(which, np.diff(clips.offsets))]
    apart = frames[:, JOINTS.index("left_shoulder"), 0] - frames[:, JOINTS.index("right_shoulder"), 0]
    return float((apart[~np.isnan(apart)] > 0).mean())


def test_real_penn_action(data_folder: Path) -> None:
    clips = penn_action.read(data_folder / "penn_action.npz")
    assert (len(clips), len(clips.classes)) == (2232, 14)
    assert int(clips.train.sum()) == 1212
    for action in ("jumping_jacks", "pullup", "squat"):
        of_action = clips.labels == clips.classes.index(action)
        assert left_shoulder_on_the_right(clips, of_action & (clips.views == "front")) > 0.97
        assert left_shoulder_on_the_right(clips, of_action & (clips.views == "back")) < 0.03


def test_real_penn_action_has_coordinates_for_occluded_joints(data_folder: Path) -> None:
    """What the reader's description says of `visibility`, and why occluded joints are kept."""
    with np.load(data_folder / "penn_action.npz") as file:
        points, visible, offsets = file["keypoints"], file["visibility"], file["offsets"]
    unannotated = (points <= 2).all(-1)
    assert not (unannotated & visible).any()
    assert (unannotated == (points < 5).all(-1)).all()
    occluded = ~unannotated & ~visible
    assert 0.13 < occluded.mean() < 0.15
    inside = np.setdiff1d(np.arange(1, len(points)), offsets)
    steps = np.linalg.norm(points[inside] - points[inside - 1], axis=-1)
    assert np.median(steps[occluded[inside] & occluded[inside - 1]]) > 0.5  # they move, in pixels a frame


def test_real_clips_written_as_the_owners_do_are_the_same(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(data_folder / "penn_action.npz") as file:
        arrays = {name: file[name] for name in ("keypoints", "visibility", "offsets", "action", "view", "train")}
    lengths, chosen = np.diff(arrays["offsets"]), np.arange(0, 2326, 20)
    frames = np.isin(np.repeat(np.arange(2326), lengths), chosen)
    some = {name: arrays[name][chosen] for name in ("action", "view", "train")}
    some |= {name: arrays[name][frames] for name in ("keypoints", "visibility")}
    np.savez(tmp_path / "some.npz", offsets=np.cumsum([0, *lengths[chosen]]), **some)
    monkeypatch.setattr(penn_action, "NUM_CLIPS", len(chosen))
    folder = write_labels(tmp_path / "Penn_Action", tmp_path / "some.npz")
    clips = penn_action.read(folder)
    assert len(clips.classes) == 14
    assert_same(clips, penn_action.read(tmp_path / "some.npz"))
