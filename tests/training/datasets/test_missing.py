"""What a user reads when a data set is not there, or not all of it."""

from pathlib import Path

import numpy as np
import pytest

from training.datasets.missing import DataSet, need_package

SET = DataSet("Kilopose", "https://example.org/kilopose")


def test_files_are_found_by_pattern_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "labels"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = SET.require(tmp_path, "labels", "*.txt", "**/c.txt", "sub")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["labels", "a.txt", "b.txt", "sub/c.txt", "sub"]
    assert SET.require(str(tmp_path / "a.txt")) == [tmp_path / "a.txt"]
    assert SET.require(tmp_path) == [tmp_path]


def test_a_missing_folder_is_named_with_the_page(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; get it from https://example\.org/kilopose"):
        SET.require(tmp_path / "nowhere", "*")


def test_a_missing_file_is_named_with_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    words = r"has no labels/\*\.mat, which Kilopose needs; get it from https://example\.org/kilopose"
    with pytest.raises(FileNotFoundError, match=words):
        SET.require(tmp_path, "a.txt", "labels/*.mat")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"a\.txt of Kilopose is damaged or half downloaded \(it is empty\); get it"):
        SET.require(tmp_path, "*.txt")


def test_half_an_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "poses.npz"
    np.savez(path, poses=np.zeros(1000))
    assert SET.require(tmp_path, "poses.npz") == [path]
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ValueError, match=r"poses\.npz .* half downloaded \(it is not a whole archive\)"):
        SET.require(path)


@pytest.mark.parametrize("error", [EOFError("too short"), OSError("truncated file"), KeyError("joints")])
def test_errors_of_a_reader_name_the_file(error: Exception) -> None:
    words = r"^x\.h5 of Kilopose is damaged or half downloaded \(.*(too short|truncated|joints).*\); get it from"
    with pytest.raises(ValueError, match=words) as caught, SET.opening(Path("x.h5"), OSError, KeyError):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [PermissionError("no"), FileNotFoundError("no"), RuntimeError("a bug")])
def test_errors_that_are_not_the_files_fault_come_through(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, SET.opening(Path("x.h5"), OSError):
        raise error
    assert caught.value is error


def test_a_missing_package_comes_with_what_brings_it() -> None:
    need_package("numpy")
    with pytest.raises(ImportError, match="needs h6py, .*: pip install --group training -c constraints.txt$"):
        need_package("h6py")
