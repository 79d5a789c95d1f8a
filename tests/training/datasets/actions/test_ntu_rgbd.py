"""The reader of NTU RGB+D, on made files of the true format."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from training.datasets.actions import ntu_rgbd
from training.datasets.actions.ntu_actions import ACTIONS, MUTUAL
from training.datasets.actions.ntu_rgbd import PROTOCOLS, Recording
from training.datasets.formats.ntu_skeleton import main_actor, read_bodies

pytestmark = pytest.mark.filterwarnings("ignore:.* recordings of NTU RGB:UserWarning")  # no test has all 56,880

# Two ids as they occur, which floating point cannot tell apart.
ACTOR, OTHER = "72057594037931101", "72057594037931102"

Frames = Sequence[dict[str, np.ndarray]]


def made_joints(x: float, *, state: int = 2) -> np.ndarray:
    """Numbers of 25 joints: joint `j` is at (x, j / 10, 3) metres and at pixel (100 + j, 500 + j)."""
    index = np.arange(25)
    joints = np.zeros((25, 12))
    joints[:, 0], joints[:, 1], joints[:, 2] = x, index / 10, 3.0
    joints[:, 3:5] = 200.5  # the depth picture, which is not read
    joints[:, 5], joints[:, 6] = 100 + index, 500 + index
    joints[:, 7:11] = 0.5
    joints[:, 11] = state
    return joints


def skeleton_text(frames: Frames) -> str:
    """What the data set's files hold: bodies by id in each frame."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, joints in bodies.items():
            lines += [f"{body} 0 1 1 1 1 0 0.02764709 0.05745083 2", "25"]
            lines += [" ".join([*(f"{number:.7g}" for number in joint[:11]), f"{joint[11]:.0f}"]) for joint in joints]
    return "\r\n".join([*lines, ""])


def walking(frames: int) -> Frames:
    """One person who moves to the side."""
    return [{ACTOR: made_joints(frame / 10)} for frame in range(frames)]


def write(folder: Path, name: str, frames: Frames) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}.skeleton"
    path.write_text(skeleton_text(frames), newline="")
    return path


def test_a_skeleton_file_gives_bodies_in_pixels_and_metres(tmp_path: Path) -> None:
    joints = made_joints(0.25)
    joints[3, 11] = 0  # not tracked
    joints[4, 11] = 1  # inferred
    joints[5, 5] = -np.inf  # the sensor could not place it in the colour picture
    joints[6, 6] = np.nan
    [body] = read_bodies(write(tmp_path, "a", [{}, {ACTOR: joints}, {ACTOR: made_joints(0.5)}]))
    assert body.positions.shape == (2, 25, 3)  # no frame for the empty one
    np.testing.assert_allclose(body.positions[:, 7], [[0.25, 0.7, 3.0], [0.5, 0.7, 3.0]])
    np.testing.assert_array_equal(body.pixels[1, 24], [124, 524])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(body.pixels[0]).all(-1)), [3, 5, 6])
    assert not np.isnan(body.pixels[1]).any()


def test_bodies_are_told_apart_by_all_digits_of_their_ids(tmp_path: Path) -> None:
    frames = [{ACTOR: made_joints(0.0), OTHER: made_joints(1.0)}, {OTHER: made_joints(2.0)}]
    first, second = read_bodies(write(tmp_path, "a", frames))
    assert (len(first.positions), len(second.positions)) == (1, 2)


def test_the_main_actor_is_the_one_that_moves_the_most(tmp_path: Path) -> None:
    """Neither the first, nor the largest, nor the one seen for longest: a chair can be all that."""
    chair = made_joints(5.0) * 3
    frames = [{OTHER: chair, ACTOR: made_joints(frame / 20)} for frame in range(4)] + [{OTHER: chair}] * 4
    actor = main_actor(read_bodies(write(tmp_path, "a", frames)))
    assert len(actor.positions) == 4
    assert actor.motion == pytest.approx(25 * np.var([0, 0.05, 0.1, 0.15]))


def test_a_joint_without_a_position_does_not_hide_the_motion(tmp_path: Path) -> None:
    frames = [dict(bodies) for bodies in walking(3)]
    frames[1][ACTOR][20, :3] = np.nan
    [body] = read_bodies(write(tmp_path, "a", frames))
    assert np.isfinite(body.motion)
    assert body.motion > 0


def test_clips_hold_the_main_actors_13_joints_and_what_the_name_tells(tmp_path: Path) -> None:
    write(tmp_path / "nturgb+d_skeletons", "S003C002P017R002A049", walking(3))
    write(tmp_path / "nturgb+d_skeletons", "S001C001P003R001A001", walking(2))
    (tmp_path / "notes.skeleton").write_text("not a recording")
    read = ntu_rgbd.read(tmp_path)
    clips = read.clips
    assert clips.offsets.tolist() == [0, 2, 5]
    np.testing.assert_array_equal(clips.keypoints[0, 0], [103, 503])  # the head
    np.testing.assert_array_equal(clips.keypoints[4, JOINTS.index("left_shoulder")], [104, 504])
    np.testing.assert_array_equal(clips.keypoints[4, JOINTS.index("right_ankle")], [118, 518])
    assert clips.keypoints.dtype == np.float32
    assert [clips.classes[label] for label in clips.labels] == ["drink water", ACTIONS[48]]
    assert clips.views.tolist() == ["1", "2"]
    assert clips.subjects is not None and clips.subjects.tolist() == [3, 17]
    assert (read.setups.tolist(), read.replications.tolist()) == ([1, 3], [1, 2])
    assert clips.train.tolist() == [False, True]


def test_only_single_person_actions_of_the_edition_are_read(tmp_path: Path) -> None:
    for action in (49, 50, 60):
        write(tmp_path, f"S001C001P001R001A{action:03d}", walking(1))
    for action in (61, 105, 106, 120):
        write(tmp_path, f"S018C001P008R001A{action:03d}", walking(1))
    small, large = ntu_rgbd.read(tmp_path).clips, ntu_rgbd.read(tmp_path, protocol="ntu120").clips
    assert (len(small.classes), small.labels.tolist()) == (49, [48])
    assert (len(large.classes), large.labels.tolist()) == (94, [48, 49, 93])
    assert [large.classes[label] for label in (49, 93)] == ["put on headphone", "blow nose"]


def test_protocols_are_the_owners() -> None:
    assert len(ACTIONS) == len(set(ACTIONS)) == 120
    assert (ACTIONS[59], ACTIONS[79]) == ("walking apart from each other", "squat down")
    assert len(MUTUAL) == 11 + 15
    train_60, train_120 = (set(PROTOCOLS[name].train_subjects) for name in ("ntu60", "ntu120"))
    assert train_60 == {1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38}
    assert train_60 < train_120 <= set(range(1, 107))
    assert len(train_120) == 53  # half of the 106 people
    others = "45 46 47 49 50 52 53 54 55 56 57 58 59 70 74 78 80 81 82 83 84 85 86 89 91 92 93 94 95 97 98 100 103"
    assert train_120 - train_60 == set(map(int, others.split()))


@pytest.fixture
def everything(tmp_path: Path) -> ntu_rgbd.NtuClips:
    """Two people (1 trains, 3 tests) in two setups, before three cameras, twice."""
    for setup in (1, 2):
        for camera in (1, 2, 3):
            for subject in (1, 3):
                for replication in (1, 2):
                    write(tmp_path, Recording(setup, camera, subject, replication, 5).name, walking(1))
    return ntu_rgbd.read(tmp_path)


def test_splits_by_subject_camera_and_setup(everything: ntu_rgbd.NtuClips) -> None:
    clips = everything.clips
    assert clips.subjects is not None
    np.testing.assert_array_equal(clips.train, clips.subjects == 1)
    by_view, by_setup = everything.cross_view(), everything.cross_setup()
    assert (set(by_view.views[by_view.train]), set(by_view.views[~by_view.train])) == ({"2", "3"}, {"1"})
    np.testing.assert_array_equal(by_setup.train, everything.setups == 2)
    np.testing.assert_array_equal(by_setup.keypoints, clips.keypoints)


def test_single_shot_splits_part_the_training_subjects(everything: ntu_rgbd.NtuClips) -> None:
    splits = everything.single_shot()
    assert list(splits) == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    np.testing.assert_array_equal(np.sum(list(splits.values()), 0), everything.clips.train)
    for (camera, replication), train in splits.items():
        assert set(everything.clips.views[train]) == {str(camera)}
        assert set(everything.replications[train]) == {replication}


@pytest.mark.parametrize("where", ["given", "inside", "beside"])
def test_recordings_on_the_owners_list_are_passed_over(tmp_path: Path, where: str) -> None:
    root = tmp_path / "nturgb+d_skeletons"
    kept, listed = "S001C001P001R001A008", "S001C002P005R002A008"
    write(root, kept, walking(1))
    write(root, listed, [{}])  # would be warned of if it were read
    folders = {"given": tmp_path / "lists", "inside": root, "beside": tmp_path}
    folders[where].mkdir(exist_ok=True)
    path = folders[where] / ntu_rgbd.MISSING_LISTS[0]
    path.write_text(f"302 of the captured samples have missing or incomplete skeleton data.\n\n{listed}\n")
    assert len(ntu_rgbd.read(root, missing=path if where == "given" else None).clips) == 1


def test_recordings_without_a_body_are_left_out_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, "S001C001P001R001A008", walking(1))
    write(tmp_path, "S001C002P005R002A008", [{}, {}])
    write(tmp_path, "S001C002P005R002A009", [])
    with pytest.warns(UserWarning, match="2 recordings without a body were left out.*missing_skeletons.txt"):
        assert len(ntu_rgbd.read(tmp_path).clips) == 1


def test_a_set_that_is_not_whole_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, "S001C001P001R001A001", walking(1))
    write(tmp_path, "S001C001P001R001A003", walking(1))
    words = r"^2 of the 56,880 recordings of NTU RGB\+D 60 .* S001C001P001R001A002\.skeleton; .*rose1\.ntu\.edu\.sg"
    with pytest.warns(UserWarning, match=words):
        ntu_rgbd.read(tmp_path)


@pytest.mark.filterwarnings("error")
def test_a_whole_set_is_not_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edition = PROTOCOLS["ntu60"]
    monkeypatch.setitem(PROTOCOLS, "ntu60", ntu_rgbd.Protocol("made", 60, 2, edition.train_subjects))
    write(tmp_path, "S001C001P001R001A001", walking(1))
    (tmp_path / ntu_rgbd.MISSING_LISTS[1]).write_text("S001C002P005R002A008\nS018C002P005R002A061\n")
    assert len(ntu_rgbd.read(tmp_path).clips) == 1  # one is there, one is listed as missing


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "it is empty"),
        ("\n", "the number of frames should stand"),
        ("three\n", "line 1: the number of frames should stand here, got 'three'"),
        (skeleton_text(walking(2)).replace("\r\n25\r\n", "\r\n20\r\n", 1), "line 4: a body has 25 joints, got 20"),
        (skeleton_text(walking(2)).replace(" 0.02764709", ""), "line 3: a body is described by 10 numbers, got 9"),
        (skeleton_text(walking(2)).replace("200.5", "2oo.5").replace("103", "1o3"), "1o3"),
        (re.sub(r"\n0 0\.1 3 .*\r", "\n\r", skeleton_text(walking(2))), "empty line"),
        *[(skeleton_text(walking(3))[:-cut], "") for cut in (4, 30, 500, 1400, 1410, 1500)],
    ],
)
def test_a_damaged_or_half_downloaded_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "S001C001P001R001A001.skeleton").write_text(text, newline="")
    with pytest.raises(ValueError, match=rf"A001\.skeleton of NTU RGB\+D is damaged.*{words}.*rose1\.ntu\.edu\.sg"):
        ntu_rgbd.read(tmp_path)


@pytest.mark.parametrize("name, words", [("nowhere", "does not exist"), ("empty", r"has no \*\*/S")])
def test_a_missing_set_names_the_owners_page(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name} {words}.*https://rose1\.ntu\.edu\.sg"):
        ntu_rgbd.read(tmp_path / name)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "S001C001P001R001A055", walking(1))
    with pytest.raises(ValueError, match="unknown protocol 'ntu'; known are: ntu60, ntu120"):
        ntu_rgbd.read(tmp_path, protocol="ntu")
    with pytest.raises(ValueError, match="no recording of one person is left of 1"):
        ntu_rgbd.read(tmp_path)
    (tmp_path / "list.txt").write_text("nothing\n")
    with pytest.raises(ValueError, match=r"list\.txt holds no names such as S001C002P005R002A008"):
        ntu_rgbd.read(tmp_path, missing=tmp_path / "list.txt")
    with pytest.raises(FileNotFoundError):
        ntu_rgbd.read(tmp_path, missing=tmp_path / "none.txt")
