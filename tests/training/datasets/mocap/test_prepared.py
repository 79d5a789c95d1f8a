"""The `.npz` files of motion capture: what is written comes back, and what does not fit is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.datasets.mocap import prepared, read

FRAMES = 6


def arrays(**changed: object) -> dict[str, np.ndarray]:
    """Three clips of 3, 2 and 1 frames; frame `i` has `i` in all its coordinates."""
    number = np.arange(FRAMES, dtype=np.float16)[:, None]
    whole = {
        "joints": np.broadcast_to(number[..., None], (FRAMES, 13, 3)),
        "nose": np.broadcast_to(number, (FRAMES, 3)) + 0.5,
        "ok": [True, False, True, True, True, True],
        "offsets": [0, 3, 5, 6],
        "subject": ["1", "2", "2"],
        "action": ["walk", "walk", "run"],
        "clip": ["01_01", "02_01", "02_02"],
        "split": ["train", "val", "train"],
        "source": ["cmu", "cmu", "studio"],
        "fps": [30.0, 29.97, 25.0],
    }
    return {name: np.asarray(value) for name, value in (whole | changed).items()}


def write(folder: Path, content: dict[str, np.ndarray], save: Callable[..., None] = np.savez) -> Path:
    save(folder / "mocap.npz", **content)
    return folder / "mocap.npz"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path, arrays())


def test_arrays_come_back_as_float32(path: Path) -> None:
    recording = read(path)
    assert recording.joints.shape == (FRAMES, 13, 3)
    assert recording.joints.dtype == recording.nose.dtype == np.float32
    assert recording.clip.tolist() == ["01_01", "02_01", "02_02"]
    assert read(str(path)).subject.tolist() == ["1", "2", "2"]


def test_what_was_read_is_written_as_it_was(path: Path, tmp_path: Path) -> None:
    recording = read(path)
    prepared.write(tmp_path / "new" / "again.npz", recording)
    again = read(tmp_path / "new" / "again.npz")
    for name, array in vars(recording).items():
        np.testing.assert_array_equal(getattr(again, name), array, err_msg=name)
    with np.load(tmp_path / "new" / "again.npz", allow_pickle=False) as archive:
        assert archive["joints"].dtype == archive["nose"].dtype == np.float16


def test_frame_rates_may_be_whole_numbers(tmp_path: Path) -> None:
    rates = read(write(tmp_path, arrays(fps=[30, 60, 120]))).fps
    assert rates.dtype == np.float64 and rates.tolist() == [30, 60, 120]


def test_whole_numbers_serve_as_truth_values(tmp_path: Path) -> None:
    file = write(tmp_path, arrays(ok=np.array([1, 0, 1, 1, 1, 1], np.uint8)))
    assert read(file).poses("train")[0][:, 0, 0].tolist() == [0, 2, 5]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"joints": np.zeros((FRAMES, 17, 3))}, r"joints has shape \(6, 17, 3\)"),
        ({"joints": np.zeros((FRAMES, 13, 2))}, r"joints has shape \(6, 13, 2\)"),
        ({"nose": np.zeros((FRAMES - 1, 3))}, r"nose has shape \(5, 3\)"),
        ({"ok": np.ones(FRAMES + 1, bool)}, r"ok has shape \(7,\)"),
        ({"offsets": [0, 3, 6]}, r"offsets has shape \(3,\)"),
        ({"offsets": [0, 3, 5, 9]}, "offsets must rise from 0 to the number of rows, 6"),
        ({"offsets": [1, 3, 5, 6]}, "offsets must rise"),
        ({"offsets": [0, 5, 3, 6]}, "offsets must rise"),
        ({"split": ["train", "val"]}, r"split has shape \(2,\)"),
        ({"subject": ["1"]}, r"subject has shape \(1,\)"),
        ({"source": ["cmu"] * 2}, r"source has shape \(2,\)"),
        ({"fps": 30.0}, r"fps has shape \(\)"),
        ({"fps": [30.0, 0.0, 30.0]}, "fps must be numbers above 0, the frames per second of each clip; got"),
        ({"fps": [30.0, np.nan, 30.0]}, "fps must be numbers above 0"),
        ({"fps": ["30", "30", "30"]}, "fps must be numbers above 0"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    file = write(tmp_path, arrays(**changed))
    with pytest.raises(ValueError, match=message):
        read(file)


@pytest.mark.parametrize("missing", [("nose", "split"), ("fps",), ("source", "fps")])
def test_missing_arrays_are_named(tmp_path: Path, missing: tuple[str, ...]) -> None:
    file = write(tmp_path, {name: value for name, value in arrays().items() if name not in missing})
    wanted = rf"has no {', '.join(missing)}; .*make it again with training\.datasets\.prepare .*prepared\.py lists"
    with pytest.raises(ValueError, match=wanted):
        read(file)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"joints: none\n",
        lambda content: content[:300] + bytes(100) + content[400:],
    ],
    ids=["cut short", "empty", "text", "zeros inside"],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_files_are_refused(tmp_path: Path, damage: Callable[[bytes], bytes], save: Callable[..., None]) -> None:
    noise = np.random.default_rng(0).normal(size=(FRAMES, 13, 3))
    file = write(tmp_path, arrays(joints=noise), save)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=r"mocap\.npz is damaged.*make it again"):
        read(file)


def test_a_bare_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "mocap.npy", np.zeros(3))
    with pytest.raises(ValueError, match="mocap.npy is damaged, or no motion capture: it has no joints"):
        read(tmp_path / "mocap.npy")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.npz")
