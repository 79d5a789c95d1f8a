"""Reading arrays of objects without loading a pickle."""

import os
import pickle
import subprocess
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.datasets.formats.object_arrays import read_npz, read_pickle

NUMBERS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

EVERYTHING = {
    "floats": NUMBERS,
    "turned": NUMBERS.transpose(2, 0, 1),
    "fortran": np.asfortranarray(NUMBERS[0]),
    "foreign": np.arange(3, dtype=">i8"),
    "truths": np.array([True, False]),
    "words": np.array(["nose", "ö"]),
    "bytes": np.array([b"a", b"bc"]),
    "empty": np.zeros((0, 3)),
    "point": np.array(2.5),
    "objects": np.array([{"a": 1}, [2], None], dtype=object),
    "list": [NUMBERS[0], (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), []],
    "numbers": [0, -1, 300, 70_000, 10**20, 2.5, True, False, np.float32(0.5), np.int64(-3)],
    "text": ["", "S1", "Größe", b"\x00\xff", b""],
}


class Malicious:
    """Makes a file `ran` when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.folder / 'ran'}",)


@pytest.mark.parametrize("protocol", range(6))
def test_objects_come_back_by_every_protocol(protocol: int) -> None:
    back = read_pickle(pickle.dumps(EVERYTHING, protocol), "x")
    np.testing.assert_equal(back, EVERYTHING)
    assert [type(value) for value in back["numbers"]] == [type(value) for value in EVERYTHING["numbers"]]
    assert back["floats"].dtype == np.float32


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_one_object_stays_one(protocol: int) -> None:
    shared: list[Any] = [NUMBERS]
    back = read_pickle(pickle.dumps({"a": shared, "b": shared, "c": NUMBERS}, protocol), "x")
    assert back["a"] is back["b"]
    assert back["a"][0] is back["c"]
    np.testing.assert_array_equal(back["c"], NUMBERS)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_give_objects_and_plain_arrays(tmp_path: Path, save: Any) -> None:
    several = np.array([{"S1": NUMBERS}, "two"], dtype=object)
    save(tmp_path / "data.npz", positions=EVERYTHING, several=several, plain=NUMBERS)
    back = read_npz(tmp_path / "data.npz")
    assert list(back) == ["positions", "several", "plain"]
    np.testing.assert_equal(back["positions"], EVERYTHING)
    np.testing.assert_equal(back["several"][0], {"S1": NUMBERS})
    assert back["several"][1] == "two"
    np.testing.assert_array_equal(back["plain"], NUMBERS)


def test_files_of_python_2_are_read() -> None:
    # {'S1': numpy.arange(2, dtype='<i2')} as Python 2 and numpy 1.8 wrote it: text and the array's bytes are both str
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02K\x00\x85U\x01bt\x52(K\x01K\x02\x85"
        b"cnumpy\ndtype\nU\x02i2K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x04\x00\x00\x01\x00tb"
    )
    back = read_pickle(b"\x80\x02}U\x02S1" + array + b"s.", "x")
    assert list(back) == ["S1"]
    assert back["S1"].dtype == np.int16
    assert back["S1"].tolist() == [0, 1]


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_file_is_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"S1": Malicious(tmp_path)}, protocol)
    pickle.loads(content)
    assert (tmp_path / "ran").exists(), "the file should be dangerous"
    (tmp_path / "ran").unlink()
    with pytest.raises(ValueError, match=r"x holds (posix|nt)\.system: it is not plain data, and nothing of it was"):
        read_pickle(content, "x")
    np.savez(tmp_path / "bad.npz", positions=np.array(Malicious(tmp_path), dtype=object))
    with pytest.raises(ValueError, match=r"bad\.npz: positions\.npy holds .*system"):
        read_npz(tmp_path / "bad.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "value",
    [{1, 2}, OrderedDict(a=1), Path("a"), subprocess.Popen, print, complex(1, 2), slice(1), np.ma.zeros(2)],
    ids=lambda value: type(value).__name__,
)
def test_other_objects_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is not plain data"):
        read_pickle(pickle.dumps([value]), "x")


@pytest.mark.parametrize(
    ("array", "state", "words"),
    [
        # numpy itself would read past the end of this list
        (np.array([None], object), (1, (1000,), np.dtype(object), False, [None]), "does not have 1 elements"),
        (np.zeros(1), (1, (-1, -1), np.dtype(object), False, [None]), "does not have 1 elements"),
        (np.zeros(1), (1, (2,), np.dtype("f8"), False, bytes(8)), "does not have 8 elements or bytes"),
        (np.zeros(1), (1, (1,), np.dtype(object), False, bytes(8)), "a bytes where a list belongs"),
        (np.zeros(1), (1, (1,), "f8", False, bytes(8)), "a str where a dtype belongs"),
        (np.zeros(1), (1, (1,), np.dtype([("a", "f8")]), False, bytes(8)), "an array of"),
        (np.zeros(1), (1, (1,), np.dtype("M8[s]"), False, bytes(8)), "an array of 'M8'"),
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(array: np.ndarray, state: Any, words: str) -> None:
    class Forged:
        def __reduce__(self) -> Any:
            return (*array.__reduce__()[:2], state)

    for protocol in range(5):
        with pytest.raises(ValueError, match=words):
            read_pickle(pickle.dumps(Forged(), protocol), "x")


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(EVERYTHING)[:-40],
        b"",
        b"\x80\x04.",  # nothing on the stack
        b"\x80\x04\x85.",
        b"\x80\x04h\x05.",  # not in the memo
        b"\x80\x04}]K\x01s.",  # a list as a key
        b"\x80\x04}(K\x01u.",  # a key without a value
        b"\x80\x04e.",  # no mark
        b"not a pickle",
    ],
)
def test_damaged_pickles_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^x is damaged: "):
        read_pickle(content, "x")
