"""`poseembed embed`: files in, files out."""

import json
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses, read_poses

from .conftest import run


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet", ".json"])
def test_embed_writes_what_the_library_says(tmp_path: Path, poses: np.ndarray, suffix: str) -> None:
    np.save(tmp_path / "in.npy", poses)
    assert run("embed", tmp_path / "in.npy", tmp_path / f"out{suffix}") == 0
    wanted = Poses.from_arrays(poses).embed(PoseEncoder.from_pretrained())
    np.testing.assert_allclose(read_poses(tmp_path / f"out{suffix}").z_pose, wanted.z_pose, rtol=1e-5, atol=1e-6)


def test_embed_to_npy_writes_the_pose_vectors(tmp_path: Path, poses: np.ndarray) -> None:
    np.save(tmp_path / "in.npy", np.ones((3, 17, 2)) + np.arange(17)[:, None])
    assert run("embed", tmp_path / "in.npy", tmp_path / "out.npy", "--skeleton", "coco", "--weights", "cv-mim") == 0
    assert np.load(tmp_path / "out.npy").shape == (3, 32)


def test_embed_reads_other_programs_files(tmp_path: Path, poses: np.ndarray) -> None:
    people = [{"pose_keypoints_2d": [n if n % 3 else 0.9 for n in range(1, 76)]}]
    (tmp_path / "v_000000000000_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    assert run("embed", tmp_path, tmp_path / "out.npz", "--format", "openpose") == 0
    assert np.isfinite(read_poses(tmp_path / "out.npz").z_pose).all()


def test_embed_reads_the_predictions_of_mmpose(tmp_path: Path, poses: np.ndarray) -> None:
    joints = np.zeros((2, 17, 2))
    joints[:, [0, *range(5, 17)]] = poses[:2]
    person = [{"keypoints": points.tolist(), "keypoint_scores": [0.9] * 17} for points in joints]
    (tmp_path / "in.json").write_text(json.dumps(person))  # two people in one picture
    assert run("embed", tmp_path / "in.json", tmp_path / "out.npz", "--format", "mmpose") == 0
    embedded = read_poses(tmp_path / "out.npz")
    np.testing.assert_allclose(embedded.keypoints, poses[:2], rtol=1e-6)
    assert np.isfinite(embedded.z_pose).all()


def test_what_has_no_vector_is_counted(tmp_path: Path, poses: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    poses[0], poses[1:4, 2:] = np.nan, np.nan
    np.save(tmp_path / "in.npy", poses)
    assert run("embed", tmp_path / "in.npy", tmp_path / "out.npz") == 0
    said = "24 poses, 1 without anybody, 3 with fewer than 4 joints, which have no vectors"
    assert said in capsys.readouterr().err
    assert np.isnan(read_poses(tmp_path / "out.npz").z_pose).all(-1).sum() == 4


def test_shares_of_the_pictures_size_need_it(
    tmp_path: Path, poses: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    joints = np.zeros((17, 3))
    joints[[0, *range(5, 17)]] = np.column_stack([poses[0] / [1920, 1080], np.full(13, 0.9)])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a_1.txt").write_text(" ".join(map(str, [0, 0.5, 0.5, 0.1, 0.1, *joints.ravel()])))
    ask = ["embed", tmp_path / "labels", tmp_path / "out.npz", "--format", "yolo"]
    assert run(*ask, "--image-size", "1920x1080") == 0
    np.testing.assert_allclose(read_poses(tmp_path / "out.npz").keypoints[0], poses[0], rtol=1e-4)
    assert run(*ask) == 1
    assert "pass image_size=(width, height)" in capsys.readouterr().err
    assert run(*ask[:-1], "cvat", "--image-size", "1920x1080") == 1
    assert "--image-size is for --format yolo, mediapipe, poem" in capsys.readouterr().err
    for wrong in ("1920", "0x1080", "axb", "1920x1080x3"):
        with pytest.raises(SystemExit):
            run(*ask, "--image-size", wrong)
        assert "such as 1920x1080" in capsys.readouterr().err


def test_a_higher_threshold_loses_joints(tmp_path: Path, poses: np.ndarray) -> None:
    points = np.concatenate([poses, np.full((*poses.shape[:2], 1), 0.5)], axis=-1)
    np.save(tmp_path / "in.npy", points)
    for threshold, seen in ((0.3, True), (0.6, False)):
        assert run("embed", tmp_path / "in.npy", tmp_path / "out.npy", "--min-confidence", threshold) == 0
        assert np.isfinite(np.load(tmp_path / "out.npy")).all() == seen


@pytest.mark.parametrize(
    "context, in_context", [([], False), (["--context", "0.2"], True), (["--context", "0"], False)]
)
def test_people_who_are_followed_are_embedded_in_context(
    squats: tuple[Path, Path],
    tmp_path: Path,
    clip_folder: Path,
    capsys: pytest.CaptureFixture[str],
    context: list[str],
    in_context: bool,
) -> None:
    assert run("embed", squats[0], tmp_path / "out.npz", "--weights", clip_folder, *context) == 0
    said = capsys.readouterr().err
    assert ("40 poses, with what comes before and after them" in said) == in_context
    encoder = PoseEncoder.from_pretrained(clip_folder)
    wanted = read_poses(squats[0]).embed(encoder, context=float(context[1]) if context else 0.0)
    found = read_poses(tmp_path / "out.npz")
    np.testing.assert_array_equal(found.z_pose, wanted.z_pose)
    assert found.made_by == wanted.made_by and (found.made_by != encoder.made_by) == in_context


def test_a_context_that_cannot_be(
    squats: tuple[Path, Path], tmp_path: Path, plain_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for context, weights, words in (("0.4", plain_folder, "this checkpoint has no clip encoder"), ("soon", None, "")):
        options = ["--context", context, *(["--weights", weights] if weights else [])]
        if weights:
            assert run("embed", squats[0], tmp_path / "out.npz", *options) == 1
        else:
            with pytest.raises(SystemExit):
                run("embed", squats[0], tmp_path / "out.npz", *options)
            words = "got 'soon'; wanted seconds, from 0"
        assert words in capsys.readouterr().err


def test_into_a_folder_a_part_at_a_time(tmp_path: Path, poses: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "in.npy", poses)
    arguments = ("embed", tmp_path / "in.npy", tmp_path / "out", "--weights", "poseembed-small")
    for _ in range(2):  # the second time it only looks
        assert run(*arguments) == 0
        assert "out: 1 file of z_pose, as many of z_view" in capsys.readouterr().err
    wanted = PoseEncoder.from_pretrained("poseembed-small").embed(poses).z_pose
    np.testing.assert_allclose(np.load(tmp_path / "out" / "z_pose-00000.npy"), wanted, rtol=1e-4, atol=1e-5)
    assert run(*arguments, "--min-confidence", 0.5) == 1
    assert "holds the work of a call with another min_confidence" in capsys.readouterr().err
    assert run("embed", tmp_path, tmp_path / "other", "--format", "openpose") == 1
    assert "--format is for an output that is one file" in capsys.readouterr().err
    assert run("embed", tmp_path / "in.npy", tmp_path / "other", "--context", 0.2) == 1
    assert "--context is for an output that is one file" in capsys.readouterr().err
