"""Files that belong together: at whatever moment a save ends, what is there is the old ones or the new ones, whole."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from poseembed.files import bundle
from poseembed.files.records import SUMS, RecordKind

from ..bare import BARE
from ..limits import HANGS

ROOT = Path(__file__).parents[2]
KIND = RecordKind(name="a record", folder="wanted a folder", version=1, remedy="save it again")
NAMES = ("a.bin", "b.bin")


def save(folder: Path, content: bytes) -> None:
    bundle.write(
        folder / "record.json",
        lambda sums: KIND.text({"content": content.decode(), SUMS: sums}),
        {name: lambda file: file.write(content) for name in NAMES},
        {"README.md": content.decode()},
    )


def load(folder: Path) -> bytes:
    """What was saved; it was the same in all files."""

    def read() -> tuple[bytes, str]:
        record = KIND.read(folder / "record.json")
        contents = {bundle.find(folder / name, record.sums().get(name), KIND).read_bytes() for name in NAMES}
        (content,) = contents
        return content, record.get("content", str)

    content, said = bundle.read(folder / "record.json", read)  # which reads again where another save came between
    assert content.decode() == said
    return content


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


ALL = ["README.md", "a.bin", "b.bin", "record.json"]

# Children that save, the nth of which kills itself at the nth call of what changes the folder or brings bytes to disk.
KILLED = """
import os, signal
from pathlib import Path
from tests.files import test_bundle
def counted(function):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
step, status = 0, 1
while status:
    folder, step = Path(str(step + 1)), step + 1
    test_bundle.save(folder, b"old")
    child = os.fork()
    if not child:
        calls = 0
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "touch")):
            setattr(owner, name, counted(getattr(owner, name)))
        test_bundle.save(folder, b"new")
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_kill_at_any_step_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    script = [sys.executable, "-c", BARE + KILLED]
    subprocess.run(script, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, timeout=HANGS)
    folders = sorted(tmp_path.iterdir(), key=lambda folder: int(folder.name))
    found = [load(folder) for folder in folders]
    assert len(found) > 15 and set(found) == {b"old", b"new"}
    assert found == sorted(found, reverse=True), "once the new ones count they always do"
    assert found.count(b"new") > len(NAMES) + 1, "also before all are renamed"
    for folder in folders:
        save(folder, b"last")
        assert (names(folder), load(folder)) == (ALL, b"last"), "the next save removes what is left over"


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    save(tmp_path / "new" / "folder", b"old")
    save(tmp_path / "new" / "folder", b"new")
    assert load(tmp_path / "new" / "folder") == b"new"
    assert names(tmp_path / "new" / "folder") == ALL
    assert json.loads((tmp_path / "new" / "folder" / "record.json").read_text())[SUMS] == {
        name: bundle.sha256(tmp_path / "new" / "folder" / name) for name in NAMES
    }


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_rename_that_fails_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    save(tmp_path, b"old")
    replace, calls = Path.replace, []

    def fail(path: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == failing + 1:
            raise PermissionError(13, "somebody has it open", str(target))
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(PermissionError, match="somebody has it open"):
        patch.setattr(Path, "replace", fail)
        save(tmp_path, b"new")
    assert load(tmp_path) == (b"new" if failing else b"old")
    save(tmp_path, b"last")
    assert (load(tmp_path), names(tmp_path)) == (b"last", ALL)


def test_a_folder_in_the_way_is_named_before_anything_is_written(tmp_path: Path) -> None:
    save(tmp_path, b"old")
    (tmp_path / "b.bin").unlink()
    (tmp_path / "b.bin").mkdir()
    before = (tmp_path / "record.json").read_bytes()
    with pytest.raises(IsADirectoryError, match="b.bin: there is a folder of that name"):
        save(tmp_path, b"new")
    assert ((tmp_path / "record.json").read_bytes(), names(tmp_path)) == (before, ALL)


def test_who_reads_while_another_saves_reads_again(tmp_path: Path) -> None:
    save(tmp_path, b"old")
    tries = []

    def read() -> bytes:
        record = KIND.read(tmp_path / "record.json")
        tries.append(record.get("content", str))
        if len(tries) == 1:
            save(tmp_path, b"new")  # between the record and its files
        if len(tries) == 2:
            path = bundle.find(tmp_path / "a.bin", record.sums()["a.bin"], KIND)
            save(tmp_path, b"newest")  # between the check of a file and its use
            return path.read_bytes()
        return bundle.find(tmp_path / "a.bin", record.sums()["a.bin"], KIND).read_bytes()

    assert bundle.read(tmp_path / "record.json", read) == b"newest"
    assert tries == ["old", "new", "newest"]


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_two_saves_at_once_do_not_mix(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from tests.files import test_bundle\n"
        "for number in range(20): test_bundle.save(Path(sys.argv[1]), sys.argv[2].encode() * (number + 1))"
    )
    arguments, environment = [sys.executable, "-c", BARE + code, tmp_path], os.environ | {"PYTHONPATH": str(ROOT)}
    save(tmp_path, b"old")
    loads = 0
    with ExitStack() as stack:
        writers = [stack.enter_context(subprocess.Popen([*arguments, letter], env=environment)) for letter in "xy"]
        while any(writer.poll() is None for writer in writers):
            load(tmp_path)
            loads += 1
    assert [writer.returncode for writer in writers] == [0, 0] and loads > 3
    assert load(tmp_path) in (b"x" * 20, b"y" * 20)
    assert names(tmp_path) == ALL


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_file(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save(tmp_path / "saved", b"new")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "saved").iterdir()} == {mode}
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o777 & ~umask


def test_damage_in_the_cache_of_the_hub_says_how_to_clear_it(tmp_path: Path) -> None:
    folder = tmp_path / "models--owner--name" / "snapshots" / "0123abc"
    save(folder, b"new")
    (folder / "a.bin").write_bytes(b"now")
    words = r"a.bin is damaged .*from_pretrained\('owner/name', force_download=True\), or remove the folder .*--name"
    with pytest.raises(ValueError, match=words):
        load(folder)
