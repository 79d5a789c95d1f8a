import logging
from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.skeleton_files import EXPECTED, REST, amc, asf, make_set, write
from training.datasets import mocap
from training.datasets.mocap.motion_files import find_files, find_skeleton
from training.datasets.prepare import prepare


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
