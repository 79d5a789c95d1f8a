"""Whatever holds motion capture finds its reader."""

from pathlib import Path

import numpy as np
import pytest

from training.datasets import mocap
from training.datasets.mocap import prepared, read_poses, reading
from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import Clip


def made_up(path: Path) -> Path:
    """A file of two clips; frame `i` has `i` in all its coordinates."""
    clips = []
    for split, frames in (("train", [0, 1, 2]), ("val", [3, 4])):
        joints = np.broadcast_to(np.array(frames, np.float32)[:, None, None], (len(frames), 13, 3))
        clips.append(Clip(split, "ann", "studio", 30.0, joints, joints[:, 0], np.ones(len(frames), bool), split=split))
    prepared.write(path, from_clips(clips))
    return path


def test_several_files_lie_end_to_end(tmp_path: Path) -> None:
    path = made_up(tmp_path / "mocap.npz")
    joints, nose = read_poses([path, path], "val")
    assert joints[:, 0, 0].tolist() == [3, 4, 3, 4]
    assert len(nose) == 4


def test_files_have_names_that_tell_them_apart(tmp_path: Path) -> None:
    one = made_up(tmp_path / "one.npz")
    assert mocap.by_name([one]) == {"one": one}
    with pytest.raises(FileNotFoundError, match="no such file: .*other.npz"):
        mocap.by_name([one, tmp_path / "other.npz"])
    (tmp_path / "sub").mkdir()
    with pytest.raises(ValueError, match="two data files are called one"):
        mocap.by_name([one, made_up(tmp_path / "sub" / "one.npz")])


def test_a_new_data_set_is_one_more_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = mocap.read(made_up(tmp_path / "mocap.npz"))

    class Studio:
        NAME = "Studio"
        LOOKS_LIKE = "notes.txt"

        def recognises(self, path: Path) -> bool:
            return (path / "notes.txt").exists()

        def read(self, path: Path) -> MotionCapture:
            return capture

    monkeypatch.setattr(reading, "READERS", (*reading.READERS, Studio()))
    with pytest.raises(ValueError, match=r"none of the data sets.*Human3\.6M \(.*; Studio \(notes\.txt\)"):
        mocap.read(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert mocap.read(tmp_path) is capture
