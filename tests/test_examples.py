"""Every example runs as a user runs it, on small inputs; a file of poses stands in for each video."""

import csv
import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from poseembed import PoseEncoder, Poses, read_poses, write_poses
from poseembed.cli import main as command

from .test_align import squat
from .training.datasets.skeleton_files import BODY, Turns, bvh

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
NO_OPTIONS = ("quickstart", "web_service")
MAX_LINES = 60
Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example with arguments, and gives back what it printed."""

    def run(name: str, *arguments: object) -> str:
        path = str(EXAMPLES[0].parent / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(run: Run, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example that ends with a complaint, and gives that back."""

    def refused(name: str, *arguments: object) -> str:
        with pytest.raises(SystemExit) as caught:
            run(name, *arguments)
        assert caught.value.code == 2
        return capsys.readouterr().err

    return refused


def video(path: Path, keypoints: np.ndarray) -> Path:
    """What `poseembed video` would have written of a video."""
    path.parent.mkdir(exist_ok=True)
    frames = len(keypoints)
    write_poses(Poses.from_arrays(keypoints, person=[0] * frames, time=np.arange(frames) / 30), path)
    return path


def standing(azimuth: float) -> np.ndarray:
    """Somebody who stands with the right arm up, (40, 13, 2)."""
    pose = squat(azimuth)[:1]
    pose[:, [4, 6], 1] = pose[:, [2, 2], 1] - [30, 70]
    return np.repeat(pose, 40, axis=0)


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_in_the_table(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert f"[{path.name}]({path.name})" in (path.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", [p for p in EXAMPLES if p.stem not in ("quickstart", "web_service")], ids=lambda path: path.stem
)
def test_help_shows_an_example(path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    if needed := {"onnx": "onnxruntime", "ray": "ray"}.get(path.stem.rpartition("_")[2]):
        pytest.importorskip(needed)
    with pytest.raises(SystemExit) as caught:
        run(path.stem, "--help")
    assert caught.value.code == 0
    assert f"python examples/{path.name} " in capsys.readouterr().out


@pytest.mark.parametrize("link", re.findall(r"\]\((.*?)\)", (EXAMPLES[0].parent / "README.md").read_text()))
def test_linked_file_exists(link: str) -> None:
    assert (EXAMPLES[0].parent / link).exists()


def test_quickstart(run: Run) -> None:
    assert "cosine of the two poses" in run("quickstart")


def test_video_to_embeddings(run: Run, tmp_path: Path) -> None:
    source = video(tmp_path / "squat.npz", squat(0.0))
    printed = run("video_to_embeddings", source, tmp_path / "out.csv", "--picture", tmp_path / "out.png")
    assert "40 frames, 40 poses of 1 people" in printed and is_picture(tmp_path / "out.png")
    assert read_poses(tmp_path / "out.csv").z_pose.shape == (40, PoseEncoder.from_pretrained().pose_dim)


def test_nobody_is_not_drawn(refused: Run, tmp_path: Path) -> None:
    source = video(tmp_path / "empty.npz", np.full((3, 13, 2), np.nan))
    arguments = (source, tmp_path / "out.csv", "--picture", tmp_path / "out.png")
    assert "shows nobody" in refused("video_to_embeddings", *arguments)


def test_find_pose(run: Run, refused: Run, tmp_path: Path) -> None:
    query = video(tmp_path / "all" / "query.npz", squat(0.0))
    video(tmp_path / "all" / "squat.csv", squat(0.3))
    video(tmp_path / "all" / "standing.npz", standing(0.3))
    arguments = (query, tmp_path / "all", "--frame", 20)
    found = run("find_pose", *arguments, "--apart", 15, "--picture", tmp_path / "out.png").splitlines()
    assert "query.npz" not in "".join(found) and len(found) <= 7 and is_picture(tmp_path / "out.png")
    frames = [int(line.split()[-1]) for line in found if "squat.csv" in line]
    assert "squat.csv" in found[0] and abs(frames[0] - 20) <= 8  # deep there, too
    assert len(frames) > 1 and (np.diff(sorted(frames)) >= 15).all()
    assert len(run("find_pose", *arguments, "--top", 1).splitlines()) == 1
    assert "does not show such a person" in refused("find_pose", query, tmp_path / "all", "--frame", 99)
    assert "does not show such a person" in refused("find_pose", query, tmp_path / "all", "--person", 1)


def test_picture_and_table_give_a_hit_the_same_chance(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, folder = video(tmp_path / "query.npz", squat(0.0)), tmp_path / "all"
    gone = np.full((30, 13, 2), np.nan)
    for name, points in (("squat", squat(0.3)), ("other", np.concatenate([squat(2.0), gone]))):
        video(folder / f"{name}.npz", points)
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    printed = run("find_pose", query, folder, "--frame", 20, "--top", 1, "--picture", tmp_path / "out.png")
    options = ("--frame", "20", "--top", "1", "--out", str(tmp_path / "hits.csv"))
    assert command(["search", str(query), str(folder / "*.npz"), *options]) == 0
    with (tmp_path / "hits.csv").open() as file:
        (table,) = csv.DictReader(file)
    below = next(text for ax in drawn[0].axes if "match" in (text := ax.get_xlabel()))
    chance = f"{float(table['match_probability']):.0%}"
    assert f"match {chance}" in below and f"match {chance}" in printed
    assert f"similarity {float(table['similarity']):.2f}" in below


def test_compare_performances(run: Run, tmp_path: Path) -> None:
    mine, coach = video(tmp_path / "mine.npz", squat(0.0)), video(tmp_path / "coach.npz", squat(0.3))
    other = video(tmp_path / "other.npz", standing(0.3))
    same = run("compare_performances", mine, coach, "--picture", tmp_path / "out.png", "--worst", 2)
    assert "the same performance: score" in same and is_picture(tmp_path / "out.png")
    assert same.count("apart where it differs") <= 2
    different = run("compare_performances", mine, other, "--worst", 1)
    assert "another movement: score" in different
    assert different.count("apart where it differs") == 1 and "no joint differs" not in different


def test_hidden_limb(run: Run, tmp_path: Path) -> None:
    first, second = video(tmp_path / "first.npz", squat(0.0)), video(tmp_path / "second.npz", squat(0.3))
    arms = ("--joints", "left_elbow", "left_wrist")
    printed = run("hidden_limb", first, second, *arms, "--frame", 20, "--picture", tmp_path / "out.png").splitlines()
    found = [int(re.search(r": (\d+) of 40 moments", line)[1]) for line in printed]
    assert len(found) == 3 and found[2] >= max(25, found[0]) and is_picture(tmp_path / "out.png")


def test_count_repetitions(run: Run, tmp_path: Path) -> None:
    source = video(tmp_path / "squats.npz", np.concatenate([squat(0.5)] * 3))
    printed = run("count_repetitions", source, "--picture", tmp_path / "out.png")
    assert printed.startswith("3 repetitions") and is_picture(tmp_path / "out.png")
    assert run("count_repetitions", video(tmp_path / "still.npz", standing(0.5))).startswith("0 repetitions")


def test_one_shot_actions(run: Run, refused: Run, tmp_path: Path) -> None:
    video(tmp_path / "mine" / "squat.npz", squat(0.0))
    assert "two at least" in refused("one_shot_actions", tmp_path / "mine", tmp_path / "mine" / "squat.npz")
    video(tmp_path / "mine" / "standing.npz", standing(0.0))
    clips = [video(tmp_path / "a.npz", squat(0.3)), video(tmp_path / "b.npz", standing(0.3))]
    keep = ("--save", tmp_path / "kept", "--picture", tmp_path / "out.png")
    first, second = run("one_shot_actions", tmp_path / "mine", *clips, *keep).splitlines()
    assert first.startswith("a.npz: squat (") and second.startswith("b.npz: standing (")
    assert (tmp_path / "kept" / "config.json").exists() and is_picture(tmp_path / "out.png")


def moving(seed: int, frames: int = 120) -> list[Turns]:
    """Every limb of a made-up body swings at its own pace."""
    rng = np.random.default_rng(seed)
    reach, phase = rng.uniform(-40, 40, (len(BODY), 3)), rng.uniform(0, 6, len(BODY))
    swing = np.sin(np.arange(frames)[:, None] / 20 + phase)[..., None] * reach
    return [{bone: tuple(turn) for bone, turn in zip(BODY, turns.tolist(), strict=True)} for turns in swing]


def test_film_and_train_on_mocap(
    run: Run, refused: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.calibrate.GALLERIES", 4)
    monkeypatch.setattr("training.calibrate.STEPS", 5)
    monkeypatch.setattr("training.decoder.COMPARISONS", 5)
    monkeypatch.setattr("training.decoder.MEASURED", 500)
    (tmp_path / "bvh").mkdir()
    for seed, clip in enumerate(("01_01", "02_01")):
        (tmp_path / "bvh" / f"{clip}.bvh").write_text(bvh(moving(seed)))
    out = tmp_path / "run"
    printed = run("train_on_your_mocap", tmp_path / "bvh", out, "--hold-out", 2, "--pairs", 512)
    assert "02_01, not learned from:" in printed and is_picture(out / "view_invariance.png")
    trained = PoseEncoder.from_pretrained(out / "checkpoint")
    assert trained.config.calibration is not None and trained.decoder is not None

    one, other = tmp_path / "one.npz", tmp_path / "other.csv"
    run("film_mocap", out / "mocap.npz", f"01_01={one}", f"01_01={other}", "--frames", 5, 15)
    first, second = read_poses(one), read_poses(other)
    assert len(first) == len(second) == 10 and not np.allclose(first.keypoints, second.keypoints)
    assert "01_01" in refused("film_mocap", out / "mocap.npz", f"01_1={one}")
    assert "no frame from 90 to 95" in refused("film_mocap", out / "mocap.npz", f"01_01={one}", "--frames", 90, 95)


@pytest.fixture
def service() -> Any:
    """A client of the web service."""
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    return TestClient(runpy.run_path(str(EXAMPLES[0].parent / "web_service.py"))["app"])


def test_web_service_gives_what_the_library_does(service: Any, poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained()
    points = poses.astype(float)
    points[0, 3], points[1] = np.nan, np.nan
    sent = [[None if np.isnan(point).any() else point.tolist() for point in pose] for pose in points]
    answer = service.post("/embed", json={"keypoints": sent}).raise_for_status().json()
    wanted = encoder.embed(points)
    assert answer["made_by"] == str(encoder.made_by) and answer["z_pose"][1] == [None] * encoder.pose_dim
    for name, vectors in wanted._asdict().items():
        np.testing.assert_allclose(np.array(answer[name], dtype=float), vectors, rtol=1e-4, atol=1e-5)
    pair = {"first": {"keypoints": sent[2:4]}, "second": {"keypoints": sent}}
    compared = service.post("/compare", json=pair).raise_for_status().json()
    cosine = encoder.similarity(wanted.z_pose[2:4], wanted.z_pose)
    np.testing.assert_allclose(np.array(compared["similarity"], dtype=float), cosine, atol=1e-5)
    chances = np.array(compared["match_probability"], dtype=float)
    np.testing.assert_allclose(chances, encoder.match_probability(wanted.z_pose[2:4], wanted.z_pose), atol=1e-4)


@pytest.mark.parametrize(
    "sent, words",
    [
        ({"keypoints": [[[1, 2]] * 17]}, "13"),
        ({"keypoints": [[[1, 2]] * 13, [[1, 2]]]}, "shape"),
        ({"keypoints": [[[1, 2]] * 13], "skeleton": "cocoa"}, "cocoa"),
        ({"keypoints": [[[1, 2]] * 13], "confidence": [[1]]}, "confidence"),
        ({"keypoints": [[[1, 2]] * 13] * 1001}, "1000"),
        ({"keypoints": [[[1, "a"]] * 13]}, "number"),
    ],
)
def test_web_service_says_what_was_wrong(service: Any, sent: dict[str, Any], words: str) -> None:
    answer = service.post("/embed", json=sent)
    assert answer.status_code == 422 and words in answer.text


@pytest.mark.slow
@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name media/ and models/")
def test_videos_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mediapipe")
    data = Path(os.environ["POSEEMBED_DATA"])
    monkeypatch.setenv("POSEEMBED_LANDMARKER", str(data / "models/pose_landmarker_full.task"))
    street, table = tmp_path / "street.avi", tmp_path / "street.npz"
    street.symlink_to(data / "media/street.avi")
    assert "6 frames" in run("video_to_embeddings", street, table, "--every", 40)
    live = run("embed_live", table, "--camera", street, "--stop", 5).splitlines()
    assert len(live) == 5 and live[0].endswith("100%")  # frame 0 is the pose itself
    assert run("find_pose", table, tmp_path, "--top", 1).endswith("street.avi at 0\n")
    assert (tmp_path / "poses" / "street.avi.npz").exists()  # not to be detected again
