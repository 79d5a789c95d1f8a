import logging
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from tests.training.datasets.skeleton_files import EXPECTED, REST, amc, bvh, make_set, write
from training.datasets.mocap.clips import Settings
from training.datasets.prepare import main, prepare, read_actions


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    out = tmp_path / "new" / "motions.npz"
    settings = Settings(source="cmu")
    actions = read_actions(write(tmp_path / "index.txt", "An index\n\n02_01\twalk\n13_05\tsit, stand\n"))
    assert prepare([make_set(tmp_path / "set")], out, settings, val_subjects=["02"], actions=actions) == []
    with np.load(out, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    layout = {key: (array.dtype.kind + str(array.dtype.itemsize), array.shape) for key, array in arrays.items()}
    text = {key: layout.pop(key) for key in list(layout) if arrays[key].dtype.kind == "U"}
    assert layout == {
        "joints": ("f2", (7, 13, 3)),
        "nose": ("f2", (7, 3)),
        "ok": ("b1", (7,)),
        "offsets": ("i8", (5,)),
        "fps": ("f8", (4,)),
    }
    assert {key: shape for key, (_, shape) in text.items()} == {
        "joint_names": (13,),
        **dict.fromkeys(("source", "clip", "subject", "action", "split"), (4,)),
    }
    assert arrays["clip"].tolist() == ["86_01", "02_01", "02_02", "13_05"]
    assert arrays["subject"].tolist() == ["86", "2", "2", "13"]
    assert arrays["split"].tolist() == ["train", "val", "val", "train"]
    assert arrays["action"].tolist() == ["", "walk", "", "sit, stand"]
    assert arrays["source"].tolist() == ["cmu"] * 4
    assert arrays["offsets"].tolist() == [0, 1, 4, 6, 7]
    assert arrays["fps"].tolist() == [30.0] * 4
    assert arrays["joint_names"].tolist() == ["head", *JOINTS[1:]]
    assert arrays["ok"].all()
    np.testing.assert_allclose(arrays["joints"], np.broadcast_to(EXPECTED, (7, 13, 3)), atol=1e-3)
    assert [path.name for path in out.parent.iterdir()] == ["motions.npz"]


def test_broken_files_stop_or_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, out = make_set(tmp_path / "set"), tmp_path / "motions.npz"
    broken = write(folder / "bvh" / "99_01.bvh", bvh([REST] * 4)[:-40])
    write(folder / "bvh" / "99_02.amc", amc([REST]))
    with pytest.raises(ValueError, match=f"{broken}, line"):
        prepare([folder], out)
    assert not out.exists()
    left_out = prepare([folder], out, skip_broken=True)
    assert len(left_out) == 2 and str(broken) in left_out[0] and "99_02.amc has no skeleton" in left_out[1]
    assert all(f"left out: {complaint}" in caplog.text for complaint in left_out)
    with pytest.raises(ValueError, match="none of the 1 files could be read"):
        prepare([broken], out, skip_broken=True)


def test_unknown_subjects_to_hold_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no clip of subject 7 to hold out; the subjects are 13, 2, 86"):
        prepare([make_set(tmp_path)], tmp_path / "motions.npz", val_subjects=["07"])


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = write(tmp_path / "out" / "motions.npz", "the old one")

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        prepare([make_set(tmp_path / "set")], out)
    assert [(path.name, path.read_text()) for path in out.parent.iterdir()] == [("motions.npz", "the old one")]


def test_the_command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    out = tmp_path / "motions.npz"
    given = [str(make_set(tmp_path / "set")), "--out", str(out)]
    assert main([*given, "--fps", "60", "--val-subjects", "13", "--split", "eval", "--source", "mine"]) == 0
    assert "4 clips, 14 poses" in caplog.text
    with np.load(out) as file:
        assert file["split"].tolist() == ["eval", "eval", "eval", "val"]
        assert file["source"].tolist() == ["mine"] * 4
        assert file["fps"].tolist() == [60.0] * 4
    assert main([*given, "--val-subjects", "7"]) == 1
    assert "no clip of subject 7" in caplog.text
    for wrong in (["--fps", "0"], ["--skip-frames", "-1"], ["--unit-metres", "nan"]):
        with pytest.raises(SystemExit):
            main([*given, *wrong])
