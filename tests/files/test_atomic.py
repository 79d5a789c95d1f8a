"""Writing whole: what is interrupted leaves nothing, what is killed leaves what the next save removes."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from poseembed.files import atomic
from poseembed.files.atomic import replacing, replacing_folder

WRITERS = {
    "file": """
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
""",
    "folder": """
with replacing_folder(sys.argv[1]) as folder:
    (folder / "a.txt").write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
""",
}


def begin(kind: str, target: Path) -> subprocess.Popen[str]:
    """Another process in the midst of writing the target."""
    code = "import sys\nfrom poseembed.files.atomic import replacing, replacing_folder\n" + WRITERS[kind]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    return process


def end(process: subprocess.Popen[str], kill: bool) -> None:
    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate("")
    assert process.returncode == (-signal.SIGKILL if kill else 0)


def save(kind: str, target: Path) -> None:
    if kind == "file":
        with replacing(target) as file:
            file.write(b"new")
    else:
        with replacing_folder(target) as folder:
            (folder / "b.txt").write_text("new")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "poses.csv"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["poses.csv"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    target, folder = tmp_path / "poses.csv", tmp_path / "poses"
    target.write_bytes(b"old")
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), replacing(target) as file:
        file.write(b"half")
        raise RuntimeError
    with pytest.raises(RuntimeError), replacing_folder(folder) as new:
        (new / "b.txt").write_text("half")
        raise RuntimeError
    assert (target.read_bytes(), names(folder), names(tmp_path)) == (b"old", ["a.txt"], ["poses", "poses.csv"])


def test_files_that_belong_together_wait_for_each_other(tmp_path: Path) -> None:
    with ExitStack() as files:
        first, second = (files.enter_context(replacing(tmp_path / name)) for name in "ab")
        first.write(b"1")
        second.write(b"2")
        assert not (tmp_path / "a").exists()
    assert names(tmp_path) == ["a", "b"]
    with pytest.raises(RuntimeError), ExitStack() as files:
        first, second = (files.enter_context(replacing(tmp_path / name)) for name in "ab")
        first.write(b"3")
        raise RuntimeError
    assert ((tmp_path / "a").read_bytes(), names(tmp_path)) == (b"1", ["a", "b"])


def test_a_folder_takes_the_place_of_all_that_was_there(tmp_path: Path) -> None:
    save("folder", tmp_path / "new" / "poses")
    assert names(tmp_path / "new" / "poses") == ["b.txt"]
    (tmp_path / "new" / "poses" / "a.txt").touch()
    with replacing_folder(tmp_path / "new" / "poses") as folder:
        (folder / "c").mkdir()
        (folder / "c" / "d.txt").write_text("new")
        assert names(tmp_path / "new" / "poses") == ["a.txt", "b.txt"]
    assert names(tmp_path / "new" / "poses") == ["c"]
    assert names(tmp_path / "new") == ["poses"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cannot write .*poses.csv: there is no folder .*nowhere"):
        save("file", tmp_path / "nowhere" / "poses.csv")


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX, and locks")
class TestPosix:
    @pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_are_those_of_any_file(self, tmp_path: Path, umask: int, mode: int) -> None:
        before = os.umask(umask)
        try:
            save("file", tmp_path / "poses.csv")
            save("folder", tmp_path / "poses")
        finally:
            os.umask(before)
        assert (tmp_path / "poses.csv").stat().st_mode & 0o777 == mode
        assert (tmp_path / "poses" / "b.txt").stat().st_mode & 0o777 == mode
        assert (tmp_path / "poses").stat().st_mode & 0o777 == 0o777 & ~umask

    @pytest.mark.parametrize("kind", WRITERS)
    def test_the_next_save_removes_what_a_killed_one_left(self, tmp_path: Path, kind: str) -> None:
        save(kind, tmp_path / "poses[1]")
        end(begin(kind, tmp_path / "poses[1]"), kill=True)
        assert len(names(tmp_path)) == 2, "the next assertion must have something to find"
        save(kind, tmp_path / "poses[2]")
        assert len(names(tmp_path)) == 3, "another target's"
        save(kind, tmp_path / "poses[1]")
        assert names(tmp_path) == ["poses[1]", "poses[2]"]

    @pytest.mark.parametrize("kind", WRITERS)
    def test_what_is_being_written_is_no_leftover(self, tmp_path: Path, kind: str) -> None:
        target = tmp_path / "poses"
        other = begin(kind, target)
        save(kind, target)
        end(other, kill=False)  # the later one to be complete stays
        assert names(tmp_path) == ["poses"]
        assert (target if kind == "file" else target / "a.txt").read_text() == "half"

    @pytest.mark.parametrize("kind", WRITERS)
    def test_where_nothing_can_be_locked_leftovers_stay(
        self, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        end(begin(kind, tmp_path / "poses"), kill=True)

        def no_locks(*_: int) -> None:
            raise OSError("no locks available")

        monkeypatch.setattr("fcntl.flock", no_locks)
        save(kind, tmp_path / "poses")
        assert len(names(tmp_path)) == 2 and (tmp_path / "poses").exists()

    @pytest.mark.parametrize("kind", WRITERS)
    def test_a_part_that_another_save_removed_is_made_again(
        self, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock, removed = atomic._lock, []

        def too_late(part: Path, *, wait: bool = True) -> int | None:
            descriptor = lock(part, wait=wait)
            if not removed:
                removed.append(part)
                atomic._remove(part)
            return descriptor

        monkeypatch.setattr(atomic, "_lock", too_late)
        save(kind, tmp_path / "poses")
        assert removed and names(tmp_path) == ["poses"]

    def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save("folder", tmp_path / "poses")
        (tmp_path / "poses" / "a.txt").touch()
        rename = Path.rename

        def fail(path: Path, target: Path) -> Path:
            if path.name == "new":
                raise OSError("disk full")
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="disk full"):
            save("folder", tmp_path / "poses")
        assert (names(tmp_path), names(tmp_path / "poses")) == (["poses"], ["a.txt", "b.txt"])
