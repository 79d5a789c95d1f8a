"""Saving over what is there: a kill, a power cut or a full disk leaves the old one or the new one, whole, and nothing
lying about.

`tests/files/test_bundle.py` kills a save at each of its steps, and `tests/files/test_power.py` cuts the power; here are
the things that people save.
"""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, checkpoint
from poseembed.actions import ActionRecognizer, NearestSequence
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.clip_network import ClipConfig, ClipEncoder
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.network import Encoder, NetworkConfig
from tests.files.power import after_power_cuts

from .extent import FIRST

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")
faiss = pytest.importorskip("faiss")
from poseembed.index import PoseIndex  # noqa: E402

KILLS = 60
ROOT = Path(__file__).parents[2]


def save_checkpoint(folder: Path, number: int) -> None:
    """All of its weights are the number, which its config and its card say too."""
    shape = NetworkConfig(width=96)
    network = Encoder(shape, batch_norm=False, dropout=0.0)
    decoder, clip = Decoder(shape, DecoderConfig(64)), ClipEncoder(shape, ClipConfig(32), batch_norm=False)
    for module in (network, decoder, clip):
        for value in module.eval().state_dict().values():
            value.fill_(number)
    config = CheckpointConfig(shape, training={"number": number})
    checkpoint.write(folder, Checkpoint(config, network, f"{number}").fitted(decoder).fitted(clip))


def load_checkpoint(folder: Path) -> int:
    encoder = PoseEncoder.from_pretrained(folder)
    numbers = {number for value in encoder.state_dict().values() for number in value.unique().tolist()}
    assert numbers == {encoder.config.training["number"]}
    return int(numbers.pop())


def save_recognizer(folder: Path, number: int) -> None:
    clips = [np.full((200, 256), sign * (number + 1), dtype=np.float32) for sign in (1, -1)]
    ActionRecognizer(NearestSequence(max_frames=200), seed=number).fit(clips, [f"a{number}", f"b{number}"]).save(folder)


def load_recognizer(folder: Path) -> int:
    recognizer = ActionRecognizer.load(folder)
    number = recognizer.seed
    assert recognizer.classes_.tolist() == [f"a{number}", f"b{number}"]
    assert recognizer.classifier_.tensors()["frames"].abs().unique().tolist() == [number + 1]
    return number


def save_index(folder: Path, number: int) -> None:
    angles = np.full(3000, number / 1000)
    PoseIndex.build(np.stack([np.cos(angles), np.sin(angles)], 1), metadata={"number": [number] * 3000}).save(folder)


def load_index(folder: Path) -> int:
    index = PoseIndex.load(folder)
    number = int(index.metadata["number"][0])
    query = np.array([np.cos(number / 1000), np.sin(number / 1000)])
    assert (index.query(query, top_k=3000).similarities > 1 - 1e-7).all() and (index.metadata["number"] == number).all()
    return number


WEIGHTS = ["config.json", "model.safetensors"]
THINGS: dict[str, tuple[Callable[[Path, int], None], Callable[[Path], int], list[str]]] = {
    "checkpoint": (
        save_checkpoint,
        load_checkpoint,
        ["README.md", "clip.safetensors", *WEIGHTS, "decoder.safetensors"],
    ),
    "recognizer": (save_recognizer, load_recognizer, WEIGHTS),
    "index": (save_index, load_index, ["index.json", "rows.npz", "vectors.faiss"]),
}

# Saves elsewhere once, so that all is loaded; then, for each line (a number and seconds), a child saves the number, the
# next and so on, and is killed after so many seconds.
WRITER = """
import os, signal, sys, time
from pathlib import Path
from tests.robustness.test_saves import THINGS
save, folder = THINGS[sys.argv[1]][0], Path(sys.argv[2])
save(folder.with_name("elsewhere"), 0)
for line in sys.stdin:
    number, seconds = line.split()
    child = os.fork()
    if not child:
        while True:
            save(folder, int(number))
            number = int(number) + 1
    time.sleep(float(seconds))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    print("killed", flush=True)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.long
@pytest.mark.parametrize("name", THINGS)
def test_kills_leave_what_loads(tmp_path: Path, name: str) -> None:
    save, load, files = THINGS[name]
    folder, rng, between, numbers = tmp_path / "saved", random.Random(FIRST), 0, [1]
    save(folder, 1)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        for _ in range(KILLS):
            print(numbers[-1], rng.uniform(0.05, 0.4), file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "killed\n"
            numbers.append(load(folder))
            between += any(path.name.startswith(".") for path in folder.iterdir())
        writer.stdin.close()
    assert writer.returncode == 0
    assert numbers == sorted(numbers) and numbers[-1] > KILLS / 2, "each save is newer than those before"
    assert between > 5, "some kills must have come in the midst of a save"
    save(folder, 1)
    assert load(folder) == 1
    assert names(folder) == sorted(files), "nothing lies about"


@pytest.mark.parametrize("name", THINGS)
def test_a_power_cut_leaves_the_old_one_or_the_new(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save, load, _ = THINGS[name]
    root = tmp_path / "disk"
    save(root, 1)
    during, done = after_power_cuts(lambda: save(root, 2), load, root, tmp_path / "left", monkeypatch)
    assert set(during) == {1, 2} and set(done) == {2}


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may become larger, as on a disk that is full from there on."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", THINGS)
@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_full_disk_leaves_the_old_one_and_is_named(tmp_path: Path, name: str, size: int) -> None:
    save, load, files = THINGS[name]
    save(tmp_path / "saved", 1)
    with disk_of(size), pytest.raises(OSError, match="what was there before is untouched: .*saved") as caught:
        save(tmp_path / "saved", 2)
    assert str(caught.value.filename).startswith(str(tmp_path / "saved"))
    assert load(tmp_path / "saved") == 1 and names(tmp_path / "saved") == sorted(files)
    save(tmp_path / "saved", 3)
    assert load(tmp_path / "saved") == 3


@pytest.mark.parametrize("name", THINGS)
def test_a_full_disk_leaves_nothing_of_a_new_one(tmp_path: Path, name: str) -> None:
    save, load, _ = THINGS[name]
    with disk_of(10), pytest.raises(OSError):
        save(tmp_path / "saved", 2)
    assert list((tmp_path / "saved").iterdir()) == []
    save(tmp_path / "saved", 3)
    assert load(tmp_path / "saved") == 3


@pytest.mark.parametrize("name", THINGS)
def test_a_kill_before_the_first_save_is_done_blocks_no_other(tmp_path: Path, name: str) -> None:
    save, load, files = THINGS[name]
    (tmp_path / "saved").mkdir()
    for file in files:
        (tmp_path / "saved" / f".{file}.0123abcd.part").write_bytes(b"half")
    save(tmp_path / "saved", 1)
    assert load(tmp_path / "saved") == 1
    assert names(tmp_path / "saved") == sorted(files)


def test_a_calibration_that_comes_later_keeps_the_rest(tmp_path: Path) -> None:
    """The config alone is written anew, as `training.calibrate` does."""
    save_checkpoint(tmp_path / "saved", 1)
    config = checkpoint.read(tmp_path / "saved").config
    changed: Any = replace(config, training={**config.training, "note": "later"})
    (tmp_path / "saved" / "config.json").write_text(changed.to_json())
    assert load_checkpoint(tmp_path / "saved") == 1
    assert torch.equal(checkpoint.read(tmp_path / "saved").network.tower.head.bias, torch.ones(64))
