"""Writing whole: what is interrupted leaves nothing, what is killed leaves what the next save removes."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poseembed.files import atomic
from poseembed.files.atomic import replacing

from ..bare import BARE

WRITER = f"""{BARE}
from poseembed.files.atomic import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def begin(target: Path) -> subprocess.Popen[str]:
    """Another process in the midst of writing the target."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    return process


def end(process: subprocess.Popen[str], kill: bool) -> None:
    if kill:
        process.send_signal(signal.SIGKILL)
    process.communicate("")
    assert process.returncode == (-signal.SIGKILL if kill else 0)


def save(target: Path) -> None:
    with replacing(target) as file:
        file.write(b"new")


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
    target = tmp_path / "poses.csv"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(target) as file:
        file.write(b"half")
        raise RuntimeError
    assert (target.read_bytes(), names(tmp_path)) == (b"old", ["poses.csv"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full, which Linux has")
def test_a_full_disk_is_named_and_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "poses.csv").write_bytes(b"old")
    with pytest.raises(OSError) as caught, atomic.writing(Path("/dev/full"), tmp_path / "poses.csv") as file:
        file.write(b"new")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "poses.csv"))
    assert "what was there before is untouched" in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="cannot write .*poses.csv: there is no folder .*nowhere"):
        save(tmp_path / "nowhere" / "poses.csv")


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX, and locks")
class TestPosix:
    @pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
    def test_permissions_are_those_of_any_file(self, tmp_path: Path, umask: int, mode: int) -> None:
        before = os.umask(umask)
        try:
            save(tmp_path / "poses.csv")
        finally:
            os.umask(before)
        assert (tmp_path / "poses.csv").stat().st_mode & 0o777 == mode

    def test_the_next_save_removes_what_a_killed_one_left(self, tmp_path: Path) -> None:
        save(tmp_path / "poses[1]")
        end(begin(tmp_path / "poses[1]"), kill=True)
        assert len(names(tmp_path)) == 2, "the next assertion must have something to find"
        save(tmp_path / "poses[2]")
        assert len(names(tmp_path)) == 3, "another target's"
        save(tmp_path / "poses[1]")
        assert names(tmp_path) == ["poses[1]", "poses[2]"]

    def test_what_is_being_written_is_no_leftover(self, tmp_path: Path) -> None:
        target = tmp_path / "poses"
        other = begin(target)
        save(target)
        end(other, kill=False)  # the later one to be complete stays
        assert names(tmp_path) == ["poses"]
        assert target.read_text() == "half"

    def test_where_nothing_can_be_locked_leftovers_stay(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        end(begin(tmp_path / "poses"), kill=True)

        def no_locks(*_: int) -> None:
            raise OSError("no locks available")

        monkeypatch.setattr("fcntl.flock", no_locks)
        save(tmp_path / "poses")
        assert len(names(tmp_path)) == 2 and (tmp_path / "poses").exists()

    def test_a_part_that_another_save_removed_is_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock, removed = atomic.lock_file, []

        def too_late(part: Path, *, wait: bool = True) -> int | None:
            descriptor = lock(part, wait=wait)
            if not removed:
                removed.append(part)
                part.unlink()
            return descriptor

        monkeypatch.setattr(atomic, "lock_file", too_late)
        save(tmp_path / "poses")
        assert removed and names(tmp_path) == ["poses"]
