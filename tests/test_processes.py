"""Encoders in other processes and threads: forked ones, spawned ones, the workers of torch's loaders, Ray's actors.

Each is a script of its own with limits of time, for what goes wrong here hangs.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, processes

from .limits import HANGS

ROOT = Path(__file__).parents[1]
SHARED = f"""
import multiprocessing, sys
import numpy as np
import torch
from torch.utils.data import DataLoader
from poseembed import PoseEncoder
from poseembed.search import search

HANGS = {HANGS}
POSES = np.random.default_rng(0).normal(300, 100, (6000, 13, 2)).astype(np.float32)

class Embedded:  # a data set that embeds what it is asked for
    def __init__(self, encoder):
        self.encoder = encoder

    def __len__(self):
        return 4

    def __getitem__(self, part):
        return self.encoder.embed(POSES[1500 * part : 1500 * (part + 1)]).z_pose

def set_up(encoder):
    global held
    held = encoder

def work(part):
    return Embedded(held)[part]

def check(parts, whole):
    assert np.abs(np.concatenate(parts) - whole).max() < 1e-4

def main(method):
    assert torch.get_num_threads() > 1
    encoder = PoseEncoder.from_pretrained(sys.argv[1])
    whole = encoder.embed(POSES).z_pose  # so that the pool of threads has been used, whatever torch does on loading
    search(whole[:100], whole)
    with multiprocessing.get_context(method).Pool(1, set_up, (encoder,)) as pool:
        check(pool.map_async(work, range(4)).get(timeout=HANGS), whole)
    embedded = Embedded(encoder)
    loader = DataLoader(embedded, batch_size=None, num_workers=1, multiprocessing_context=method, timeout=HANGS)
    check([part.numpy() for part in loader], whole)
    assert torch.get_num_threads() > 1  # the parent keeps its own
"""


def run(script: str, folder: Path, tmp_path: Path) -> None:
    """Run a script on two threads; fail if its workers do not answer."""
    path = tmp_path / "script.py"
    path.write_text(SHARED + script, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, path, folder], env=environment, capture_output=True, text=True, timeout=2 * HANGS
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_workers_embed_after_their_parent_did(plain_folder: Path, tmp_path: Path) -> None:
    run("main('fork')", plain_folder, tmp_path)


@pytest.mark.slow
def test_spawned_workers_embed(plain_folder: Path, tmp_path: Path) -> None:
    run("if __name__ == '__main__':\n    main('spawn')", plain_folder, tmp_path)


RAY = """
import ray

class Actor(Embedded):
    def part(self, number):
        return self[number]

encoder = PoseEncoder.from_pretrained(sys.argv[1])
whole = encoder.embed(POSES).z_pose
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
for sent in (encoder, ray.put(encoder)):
    actor = ray.remote(num_cpus=1)(Actor).remote(sent)
    check(ray.get([actor.part.remote(number) for number in range(4)], timeout=HANGS), whole)
    ray.kill(actor)
ray.shutdown()
"""


@pytest.mark.slow
def test_actors_of_ray_embed(plain_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # or it leaves a token in the home folder
    run(RAY, plain_folder, tmp_path)


def test_threads_share_an_encoder(encoder: PoseEncoder, poses: np.ndarray) -> None:
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda row: encoder.embed(poses[row : row + 1]).z_pose, range(len(poses))))
    np.testing.assert_allclose(np.concatenate(parts), encoder.embed(poses).z_pose, rtol=0, atol=1e-4)


# Tasks in processes


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_goes_wrong_with_a_task_keeps_no_other(tmp_path: Path, jobs: int) -> None:
    tasks = {
        "first": partial((tmp_path / "first").write_text, "done"),
        "fails": partial(int, "a"),
        "dies": partial(os._exit, 3),
        "last": partial((tmp_path / "last").write_text, "done"),
    }
    reported: list[None] = []
    errors = processes.run(tasks, jobs, lambda: reported.append(None))
    assert errors == {
        "fails": "invalid literal for int() with base 10: 'a'",
        "dies": "the process that worked on it died, with exit code 3",
    }
    assert len(reported) == 4 and {path.name for path in tmp_path.iterdir()} == {"first", "last"}
    assert not multiprocessing.active_children()


def test_an_interruption_ends_the_processes_too() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        processes.run({"quick": int, "slow": partial(time.sleep, 600)}, 2, interrupt)
    assert time.monotonic() - start < 60 and not multiprocessing.active_children()


def test_nothing_to_do() -> None:
    assert processes.run({}, 2) == {}
