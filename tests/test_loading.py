"""Embedded poses of whatever a path is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import poseembed.video
from poseembed import PoseEncoder, Poses, load_embedded, write_poses
from poseembed.video.job import shard_file


@pytest.fixture
def base() -> PoseEncoder:
    return PoseEncoder.from_pretrained("poseembed-base")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json", ".npz"])
def test_what_is_embedded_is_not_embedded_again(
    base: PoseEncoder, poses: np.ndarray, tmp_path: Path, suffix: str
) -> None:
    small = PoseEncoder.from_pretrained("poseembed-small")
    written = Poses.from_arrays(poses).embed(base)
    assert written.z_pose is not None
    marked = replace(written, z_pose=written.z_pose + 1)  # so that it shows whether they were made again
    write_poses(marked, tmp_path / f"x{suffix}")
    for encoder in (base, small):
        read = load_embedded(tmp_path / f"x{suffix}", encoder)
        np.testing.assert_array_equal(read.z_pose, marked.z_pose)
        assert read.made_by == base.made_by


def test_vectors_of_another_space_or_of_nobody_are_made_again(
    base: PoseEncoder, poses: np.ndarray, tmp_path: Path
) -> None:
    foreign = PoseEncoder.from_pretrained("cv-mim")
    people = Poses.from_arrays(poses)
    wanted = people.embed(base)
    for number, written in enumerate((people, people.embed(foreign), replace(people.embed(foreign), made_by=None))):
        write_poses(written, tmp_path / f"{number}.csv")
        read = load_embedded(str(tmp_path / f"{number}.csv"), base)
        np.testing.assert_array_equal(read.z_pose, wanted.z_pose)
        assert read.made_by == base.made_by


def test_keypoints_of_another_skeleton(base: PoseEncoder, tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).normal(300, 100, (4, 17, 2))
    np.save(tmp_path / "x.npy", keypoints)
    read = load_embedded(tmp_path / "x.npy", base, skeleton="coco")
    np.testing.assert_allclose(read.z_pose, base.embed(keypoints, skeleton="coco").z_pose, atol=1e-4)
    with pytest.raises(ValueError, match="got 17 joints"):
        load_embedded(tmp_path / "x.npy", base)


def test_a_folder_of_shards_is_one_video(base: PoseEncoder, poses: np.ndarray, tmp_path: Path) -> None:
    whole = Poses.from_arrays(poses).embed(base)
    for number in range(12):  # more than ten: the order is that of the numbers
        write_poses(whole.select(slice(2 * number, 2 * number + 2)), tmp_path / f"{number:05d}.npz")
    (tmp_path / "video.json").write_text("{}")
    (tmp_path / "finished").touch()
    (tmp_path / ".00012.npz.0a1b2c3d.part").write_bytes(b"half")
    read = load_embedded(tmp_path, base)
    np.testing.assert_array_equal(read.frame, whole.frame)
    np.testing.assert_array_equal(read.z_pose, whole.z_pose)
    assert read.made_by == base.made_by


def test_a_folder_of_such_folders_is_a_library(base: PoseEncoder, poses: np.ndarray, tmp_path: Path) -> None:
    for name, rows in (("a.mp4", slice(0, 7)), ("b.mp4", slice(7, 10))):
        (tmp_path / name).mkdir()
        write_poses(Poses.from_arrays(poses[rows]), shard_file(tmp_path / name, 0))
        (tmp_path / name / "video.json").touch()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes.txt").touch()
    found = load_embedded(tmp_path, base)
    assert [(name, len(part)) for name, part in found.by_video().items()] == [("a.mp4", 7), ("b.mp4", 3)]
    np.testing.assert_array_equal(found.keypoints, poses[:10])


def test_a_folder_of_something_else(base: PoseEncoder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no poses; wanted the .npz files that embed_video_to or"):
        load_embedded(tmp_path, base)


def test_anything_else_is_a_video(base: PoseEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def embed_video(path: Path, encoder: PoseEncoder, **options: Any) -> Poses:
        asked.append((path, encoder, options))
        return Poses.from_arrays(np.zeros((1, 13, 2)))

    monkeypatch.setattr(poseembed.video, "embed_video", embed_video)
    assert len(load_embedded(tmp_path / "x.mp4", base, landmarker="pose.task", show_progress_bar=True)) == 1
    assert asked == [(tmp_path / "x.mp4", base, {"landmarker": "pose.task", "show_progress_bar": True})]


def test_home_is_understood(
    base: PoseEncoder, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_poses(Poses.from_arrays(poses), tmp_path / "x.csv")
    assert len(load_embedded("~/x.csv", base)) == len(poses)
