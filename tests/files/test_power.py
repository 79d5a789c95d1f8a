"""Whenever the power goes, the old or the new is on the disk; once a save is done, the new."""

import ast
import os
import re
from functools import partial
from pathlib import Path

import pytest

from poseembed.files import atomic, bundle
from poseembed.files.atomic import replacing
from tests.files.power import after_power_cuts
from tests.files.test_bundle import load, save

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows syncs no folders")
ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("poseembed", "training") for path in (ROOT / folder).rglob("*.py"))


def load_or_none(folder: Path) -> bytes | None:
    return load(folder) if (folder / "record.json").exists() else None


def test_files_that_belong_together_are_the_old_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "disk"
    save(root, b"old")
    during, done = after_power_cuts(lambda: save(root, b"new"), load, root, tmp_path / "left", monkeypatch)
    assert set(during) == {b"old", b"new"} and set(done) == {b"new"}
    assert len(during) > 30, "moments and what they may leave"


def test_a_save_to_a_new_folder_is_there_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    during, done = after_power_cuts(
        lambda: save(root / "new" / "folder", b"new"),
        lambda left: load_or_none(left / "new" / "folder"),
        root,
        tmp_path / "left",
        monkeypatch,
    )
    assert set(during) == {None, b"new"} and set(done) == {b"new"}


def test_so_it_is_over_what_an_earlier_power_cut_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that count are then not in their places."""
    root, replace = tmp_path / "disk", Path.replace
    save(root, b"oldest")

    def record_alone(path: Path, target: Path) -> Path:
        if target.name != "record.json":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", record_alone)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            save(root, b"old")
    assert load(root) == b"old" and (root / "a.bin").read_bytes() == b"oldest"
    during, done = after_power_cuts(lambda: save(root, b"new"), load, root, tmp_path / "left", monkeypatch)
    assert set(during) == {b"old", b"new"} and set(done) == {b"new"}


def write(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"new")


def test_a_file_is_the_old_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    (root / "poses.csv").write_bytes(b"old")
    during, done = after_power_cuts(
        lambda: write(root / "poses.csv"),
        lambda left: (left / "poses.csv").read_bytes(),
        root,
        tmp_path / "left",
        monkeypatch,
    )
    assert set(during) == {b"old", b"new"} and set(done) == {b"new"}


@pytest.mark.parametrize("what", ["files", "hidden names", "the record", "the rest"])
def test_each_sync_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Without it the tests above fail."""
    root = tmp_path / "disk"
    save(root, b"old")
    synced: list[Path] = []
    left_out = ["hidden names", "the record", "the rest"].index(what) if what != "files" else None

    def sync_folder(folder: Path) -> None:
        if len(synced) != left_out:
            atomic.sync_folder(folder)
        synced.append(folder)

    monkeypatch.setattr(bundle, "sync_folder", sync_folder)
    if what == "files":
        monkeypatch.setattr(bundle, "writing", lambda part, target: part.open("wb"))
    cuts = partial(after_power_cuts, lambda: save(root, b"new"), root=root, work=tmp_path / "left")
    if what == "the rest":  # the record counts, and finds its files under their hidden names
        during, done = cuts(load=load, monkeypatch=monkeypatch)
        assert set(during) == {b"old", b"new"} and set(done) == {b"new"}
    else:
        with pytest.raises((ValueError, FileNotFoundError)):
            cuts(load=load, monkeypatch=monkeypatch)
    assert synced == [root] * 3


# Nothing is saved in another way


SAVERS = {"np.save", "np.savez", "np.savez_compressed", "np.savetxt", "torch.save", "save_file"}
LOOKS = {"poseembed/cli/outputs.py": ["path.open('ab')"]}  # whether one may write there, before any work is done


def written_otherwise(source: str) -> list[str]:
    """Calls that make or change a file by its name. Pictures are not meant: whoever lost one makes it again."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            name = call.rpartition(".")[2]
            arguments = [ast.unparse(value) for value in (*node.args, *(word.value for word in node.keywords))]
            opened = name == "open" and any(re.fullmatch("'[rwaxbt+]*[wax+][rwaxbt+]*'", value) for value in arguments)
            saved = call in SAVERS and arguments[0] not in {"file", "packed"}  # those are open, or in memory
            if opened or saved or name in {"write_text", "write_bytes", "tofile"}:
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in MODULES])
def test_module_writes_files_whole(path: Path) -> None:
    if path.name != "atomic.py":
        wanted = LOOKS.get(path.relative_to(ROOT).as_posix(), [])
        assert written_otherwise(path.read_text(encoding="utf-8")) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "open(path, 'w')",
        "path.open(mode='ab')",
        "path.write_text(text)",
        "np.savez(path, a=a)",
        "torch.save(state, path)",
        "save_file(tensors, path)",
    ],
)
def test_what_would_write_otherwise_is_seen(source: str) -> None:
    assert len(written_otherwise(source)) == 1


def test_what_reads_or_writes_to_an_open_file_is_let_through() -> None:
    assert written_otherwise("open(path)\npath.open('rb')\nnp.save(file, a)\nfile.write(b)\nopen(path, 'r')") == []
