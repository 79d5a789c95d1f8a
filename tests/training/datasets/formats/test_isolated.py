"""Files that are read in a process of their own."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from training.datasets.formats import isolated
from training.datasets.formats.isolated import read_cdf, read_h5, read_mat


def test_what_a_mat_file_holds(tmp_path: Path) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    cells = np.empty((2, 1), object)
    cells[0, 0], cells[1, 0] = np.zeros((3, 2)), np.ones((3, 2))
    savemat(tmp_path / "x.mat", {"word": "squat", "numbers": np.arange(6.0).reshape(2, 3), "cells": cells, "other": 1})
    content = read_mat(tmp_path / "x.mat", ["word", "numbers", "cells", "absent"])
    assert sorted(content) == ["cells", "numbers", "word"]
    np.testing.assert_array_equal(content["numbers"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(content["cells"], [np.zeros((3, 2)), np.ones((3, 2))])
    assert np.asarray(content["word"]).item() == "squat"


def test_a_struct_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("scipy.io").savemat(tmp_path / "x.mat", {"x": {"y": 1}})
    with pytest.raises(ValueError, match="x(/0)? is neither numbers nor text"):
        read_mat(tmp_path / "x.mat", ["x"])


def test_what_a_hdf5_file_holds(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(3)
    assert np.asarray(read_h5(tmp_path / "x.h5", ["a"])["a"]).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="KeyError"):
        read_h5(tmp_path / "x.h5", ["b"])


def test_an_array_far_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("a", shape=(10**9,), dtype="f8", chunks=(1000,))  # nothing of it is written
    with pytest.raises(ValueError, match="Error"):
        read_h5(tmp_path / "x.h5", ["a"])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone.cdf"):
        read_cdf(tmp_path / "gone.cdf", ["Pose"])


def test_a_library_that_dies_or_hangs_is_an_error_and_the_next_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    savemat(tmp_path / "x.mat", {"x": 1.0})
    assert read_mat(tmp_path / "x.mat", ["x"])
    helper = isolated._helper()
    os.kill(helper.process.pid, signal.SIGSTOP)  # as a library that never returns
    monkeypatch.setattr(isolated, "SECONDS", 0.2)
    with pytest.raises(ValueError, match="its library died of it, or took too long"):
        read_mat(tmp_path / "x.mat", ["x"])
    monkeypatch.undo()
    assert read_mat(tmp_path / "x.mat", ["x"]) and isolated._helper() is not helper
