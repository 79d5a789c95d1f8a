"""A disk whose power may go: what a save has done on it, and all that may be left of that.

What a system promises is little. A file's content is on the disk once the file was synced. A name that was made,
changed or removed is there once its folder was synced; until then each such change may have come to the disk or not,
whatever became of those before and after it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

LOST = b""
"""What is in a file that was never synced."""


@dataclass
class File:
    """One file, by its number whatever its names; `synced` is what of it is on the disk, None for a folder."""

    number: int
    synced: bytes | None = LOST


@dataclass(frozen=True)
class Change:
    """Of names: the file that `name` now is, None if it is none; and the name that it had before, if it had one."""

    name: Path
    file: File | None
    before: Path | None = None

    def apply(self, names: dict[Path, File]) -> None:
        if self.before is not None:
            names.pop(self.before, None)
        names.pop(self.name, None)
        if self.file is not None:
            names[self.name] = self.file


class Disk:
    """Follows what is done in a folder.

    Attributes:
        states: What may be there after a power cut at some moment so far: content by name, None of a folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live = {path: self.file(path, synced=True) for path in root.rglob("*")}
        self.durable = dict(self.live)
        self.pending: list[Change] = []
        self.states: list[dict[Path, bytes | None]] = []
        self.note()

    @staticmethod
    def file(path: Path, *, synced: bool) -> File:
        if path.is_dir():
            return File(path.stat().st_ino, None)
        return File(path.stat().st_ino, path.read_bytes() if synced else LOST)

    def note(self) -> None:
        """Note what may be there if the power goes now."""
        some = chain.from_iterable(combinations(self.pending, count) for count in range(len(self.pending) + 1))
        for changes in some:
            names = dict(self.durable)
            for change in changes:
                change.apply(names)
            state = {path: file.synced for path, file in names.items() if self.reachable(path, names)}
            if state not in self.states:
                self.states.append(state)

    def reachable(self, path: Path, names: dict[Path, File]) -> bool:
        """Whether the folders that a file lies in are there too."""
        return path.parent == self.root or (path.parent in names and self.reachable(path.parent, names))

    def change(self, change: Change) -> None:
        if change.file is not None and self.live.get(change.name) == change.file:
            return  # a folder that is made with its parents comes twice
        change.apply(self.live)
        self.pending.append(change)
        self.note()

    def sync(self, descriptor: int) -> None:
        """What a descriptor is of comes to the disk: a file's content, or the changed names of a folder."""
        number = os.fstat(descriptor).st_ino
        for path, file in self.live.items():
            if file.number == number and file.synced is not None:
                file.synced = path.read_bytes()
        for change in list(self.pending):
            if change.name.parent.stat().st_ino == number:
                change.apply(self.durable)
                self.pending.remove(change)
        self.note()

    def check(self) -> None:
        """Nothing went past: what is followed is what is there."""
        assert set(self.live) == set(self.root.rglob("*"))
        for path, file in self.live.items():
            assert file.synced in (None, LOST) or file.synced == path.read_bytes()


@contextmanager
def followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Follow what is done in a folder."""
    disk = Disk(root)
    fsync = os.fsync

    def changing(name: str, change: Callable[..., Change]) -> None:
        original = getattr(Path, name)

        def call(path: Path, *arguments: Any, **options: Any) -> Any:
            there = path.exists()
            result = original(path, *arguments, **options)
            if root in path.parents and there != path.exists():
                disk.change(change(path, *arguments))
            return result

        patch.setattr(Path, name, call)

    def sync(descriptor: int) -> None:
        fsync(descriptor)
        disk.sync(descriptor)

    with monkeypatch.context() as patch:
        changing("touch", lambda path, *_: Change(path, disk.file(path, synced=False)))
        changing("mkdir", lambda path, *_: Change(path, disk.file(path, synced=False)))
        changing("replace", lambda path, target: Change(Path(target), disk.live[path], path))
        changing("rename", lambda path, target: Change(Path(target), disk.live[path], path))
        changing("unlink", lambda path, *_: Change(path, None))
        patch.setattr(os, "fsync", sync)
        yield disk
    disk.check()


def restored(states: list[dict[Path, bytes | None]], root: Path, work: Path) -> Iterator[Path]:
    """Folders with what may have been left of one."""
    for number, state in enumerate(states):
        folder = work / str(number)
        folder.mkdir(parents=True)
        for path, content in sorted(state.items()):
            place = folder / path.relative_to(root)
            if content is None:
                place.mkdir()
            else:
                place.write_bytes(content)
        yield folder


def after_power_cuts(
    save: Callable[[], object], load: Callable[[Path], object], root: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[object], list[object]]:
    """What is loaded after a power cut at any moment of a save, and after one when it is done.

    Args:
        save: Saves somewhere in `root`.
        load: Loads from a folder that is what is left of `root`.
        root: What is on the disk; what is there before counts as synced.
        work: Where the folders are made.
        monkeypatch: Of the test.
    """
    with followed(root, monkeypatch) as disk:
        save()
        during, disk.states = disk.states, []
        disk.note()
    return (
        [load(folder) for folder in restored(during, root, work / "during")],
        [load(folder) for folder in restored(disk.states, root, work / "done")],
    )
