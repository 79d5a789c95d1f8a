"""The example for Ray Data on a cluster of this machine: files in and out, and a worker that is killed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder

from ..limits import HANGS

pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("ray")
if sys.platform != "linux":
    pytest.skip("finds the worker to kill in /proc", allow_module_level=True)

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed_with_ray.py"
ROWS = 10_000

DRIVER = """
import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

import ray

example, cores, kill, *arguments = sys.argv[1:]


def parent(process: int) -> int:
    return int((Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[1])


def ours(process: int) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        process = parent(process)
    return False


def kill_a_worker() -> None:
    while True:
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                if b"Embed)).submit" in (folder / "cmdline").read_bytes() and ours(int(folder.name)):
                    os.kill(int(folder.name), signal.SIGKILL)
                    print("killed a worker at its work")
                    return
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue
        time.sleep(0.01)


ray.init(num_cpus=int(cores), include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=200 * 2**20)
if kill == "kill":
    threading.Thread(target=kill_a_worker, daemon=True).start()
sys.argv = [example, *arguments]
runpy.run_path(example, run_name="__main__")
"""


@pytest.mark.long
@pytest.mark.parametrize("kind, fate", [("nested", "kill"), ("flat", "live")])
def test_every_row_is_embedded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, fate: str) -> None:
    import pyarrow.parquet as pq

    points = np.random.default_rng(0).normal(300, 100, (ROWS, 17, 2))
    points[:, 3] = np.nan
    lists = points.tolist() if kind == "nested" else points.reshape(ROWS, -1).tolist()
    if kind == "nested":
        lists[7][3] = [None, None]
    (tmp_path / "in").mkdir()
    for part in range(4):
        rows = slice(part * ROWS // 4, (part + 1) * ROWS // 4)
        table = pyarrow.table({"id": np.arange(ROWS)[rows], "keypoints": lists[rows], "other": np.zeros(ROWS // 4)})
        pq.write_table(table, tmp_path / "in" / f"{part}.parquet")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE.parents[1]), prepend=":")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    (tmp_path / "driver.py").write_text(DRIVER)
    options = ["--skeleton", "coco", "--weights", "poseembed-small", "--keep", "id"]
    done = subprocess.run(
        [
            sys.executable,
            str(tmp_path / "driver.py"),
            str(EXAMPLE),
            "2",
            fate,
            str(tmp_path / "in"),
            str(tmp_path / "out"),
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    assert ("killed a worker" in done.stdout) == (fate == "kill")
    table = pq.read_table(tmp_path / "out")
    assert table.column_names == ["id", "z_pose", "z_view", "made_by"]
    ids = table["id"].to_numpy()
    np.testing.assert_array_equal(np.sort(ids), np.arange(ROWS))
    encoder = PoseEncoder.from_pretrained("poseembed-small")
    wanted = encoder.embed(points[ids], skeleton="coco")
    for name, vectors in wanted._asdict().items():
        np.testing.assert_allclose(np.array(table[name].to_pylist()), vectors, atol=1e-5)
    assert set(table["made_by"].to_pylist()) == {str(encoder.made_by)}
