"""`embed_file`: the vectors of `embed`, in files that appear one by one, also after an interruption."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import SKELETONS, PoseEncoder
from poseembed.large import VectorFiles, embed_file

from ..limits import HANGS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def coco(poses: np.ndarray) -> np.ndarray:
    """(24, 17, 3), with scores."""
    points = np.zeros((24, 17, 3), np.float32)
    points[:, SKELETONS["coco"].indices, :2] = poses
    points[..., 2] = np.random.default_rng(0).random((24, 17))
    points[5] = np.nan
    return points


def joined(files: list[Path]) -> np.ndarray:
    return np.concatenate([np.load(file, mmap_mode="r") for file in files])


def test_the_vectors_are_those_of_embed(encoder: PoseEncoder, coco: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", coco)
    files = embed_file(tmp_path / "in.npy", tmp_path / "out", encoder, skeleton="coco", shard_rows=7)
    assert [len(np.load(file)) for file in files.z_pose] == [7, 7, 7, 3]
    wanted = encoder.embed(coco[..., :2], coco[..., 2], skeleton="coco")
    for ours, vectors in zip(files, wanted, strict=True):
        np.testing.assert_allclose(joined(ours), vectors, rtol=1e-4, atol=1e-5)
    record = json.loads((tmp_path / "out" / "embedded.json").read_text())
    assert record["made_by"] == str(encoder.made_by) and record["rows"] == 24


@pytest.mark.parametrize("reaches", [0, 2, 5])
def test_an_interrupted_run_ends_as_one_that_was_not(
    encoder: PoseEncoder, poses: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reaches: int
) -> None:
    """It is stopped before one of the files: after the pose vectors of a shard, say, and before its view vectors."""
    np.save(tmp_path / "in.npy", poses)
    arguments: dict[str, Any] = {"encoder": encoder, "shard_rows": 5}
    whole = embed_file(tmp_path / "in.npy", tmp_path / "whole", **arguments)
    save, left = np.save, [reaches]

    def interrupted(*values: Any) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        save(*values)

    with monkeypatch.context() as patch:
        patch.setattr("poseembed.large.embedding.np.save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embed_file(tmp_path / "in.npy", tmp_path / "out", **arguments)
    assert len(list((tmp_path / "out").glob("z_*.npy"))) == reaches
    embedded: list[int] = []
    embed = PoseEncoder.embed
    monkeypatch.setattr(PoseEncoder, "embed", lambda *a, **k: embedded.append(len(a[1])) or embed(*a, **k))
    again = embed_file(tmp_path / "in.npy", tmp_path / "out", **arguments)
    assert sum(embedded) == 24 - 5 * (reaches // 2)  # what was done is not done again
    for ours, wanted in zip(again, whole, strict=True):
        assert [file.read_bytes() for file in ours] == [file.read_bytes() for file in wanted]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(
        file.name for file in (tmp_path / "whole").iterdir()
    )
    embedded.clear()
    assert embed_file(tmp_path / "in.npy", tmp_path / "out", **arguments) == again and not embedded


def test_the_work_of_another_call_is_refused(encoder: PoseEncoder, poses: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", poses)
    embed_file(tmp_path / "in.npy", tmp_path / "out", encoder)
    with pytest.raises(ValueError, match="another min_confidence, shard_rows; call again as then"):
        embed_file(tmp_path / "in.npy", tmp_path / "out", encoder, shard_rows=3, min_confidence=0.5)
    np.save(tmp_path / "in.npy", poses + 1)
    with pytest.raises(ValueError, match="another beginnings"):
        embed_file(tmp_path / "in.npy", tmp_path / "out", encoder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(ValueError, match="not empty, and not the work of embed_file"):
        embed_file(tmp_path / "in.npy", tmp_path / "mine", encoder)


@pytest.mark.parametrize(
    "numbers, options, words",
    [
        (np.zeros((2, 17, 2)), {}, "got 17 joints, but skeleton='poseembed13' has 13"),
        (np.zeros((2, 30)), {}, "got 30 numbers a pose; wanted 26, or with scores 39"),
        (np.zeros((2, 13, 4)), {}, "got (13, 4) numbers a pose"),
        (np.full((2, 13, 3), 5.0), {}, "not a score (0 to 1)"),
        (np.full((2, 13, 2), np.inf), {}, "a coordinate of inf"),
        (np.zeros((2, 13, 2)), {"skeleton": "coco-17"}, "unknown skeleton"),
        (np.zeros((2, 13, 2)), {"shard_rows": 0}, "got shard_rows=0"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_folder_is_made(
    encoder: PoseEncoder, tmp_path: Path, numbers: np.ndarray, options: dict[str, Any], words: str
) -> None:
    np.save(tmp_path / "in.npy", numbers)
    with pytest.raises(ValueError, match=re.escape(words)):
        embed_file(tmp_path / "in.npy", tmp_path / "out", encoder, **options)
    assert not (tmp_path / "out").exists()


def test_nobody_is_embedded_into_nothing(encoder: PoseEncoder, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.zeros((0, 13, 2)))
    assert embed_file(tmp_path / "in.npy", tmp_path / "out", encoder) == VectorFiles([], [])


def test_progress_says_how_fast_and_how_long(
    encoder: PoseEncoder, poses: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "in.npy", poses)
    embed_file(tmp_path / "in.npy", tmp_path / "out", encoder, show_progress_bar=True, shard_rows=5)
    assert re.search(r"24.0/24.0 \[\d\d:\d\d<00:00, .*pose/s", capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is looked up in /proc")
def test_memory_does_not_grow_with_the_file(plain_folder: Path, tmp_path: Path) -> None:
    """What ten times as many poses take more is far less than they are."""
    code = f"""
import re, sys
import numpy as np
from numpy.lib.format import open_memmap
from poseembed import PoseEncoder
from poseembed.large import embed_file
encoder = PoseEncoder.from_pretrained({str(plain_folder)!r})
poses = np.random.default_rng(0).normal(300, 100, (10_000, 13, 2))
for rows in (60_000, 600_000):
    file = open_memmap(f"{{rows}}.npy", "w+", np.float64, (rows, 13, 2))
    for start in range(0, rows, 10_000):
        file[start : start + 10_000] = poses
    del file
    embed_file(f"{{rows}}.npy", f"out{{rows}}", encoder, shard_rows=10_000)
    print(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANGS,
        # one thread and one arena: what the allocator keeps for others is not what is measured
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr
    small, large = map(int, done.stdout.split())
    assert large - small < 100_000  # KiB; the file has 125 MB, the vectors 154, and an allocator keeps some 60
