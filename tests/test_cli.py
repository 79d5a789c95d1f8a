"""The command: files in, files out, and a user's mistakes in words."""

import csv
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses, list_pretrained, read_poses, write_poses
from poseembed.cli import info, main, video

from .test_align import squat


@pytest.fixture
def squats(tmp_path: Path) -> tuple[Path, Path]:
    """The same performance from two cameras."""
    paths = (tmp_path / "one.npz", tmp_path / "two.csv")
    for path, azimuth in zip(paths, (0.0, 1.0), strict=True):
        write_poses(Poses.from_arrays(squat(azimuth), person=[0] * 40, time=np.arange(40) / 30), path)
    return paths


@pytest.fixture
def standing(tmp_path: Path) -> Path:
    path = tmp_path / "standing.npz"
    raised = squat(0.5)[:1]
    raised[:, [4, 6], 1] = raised[:, [2, 2], 1] - [30, 70]  # the right arm straight up
    write_poses(Poses.from_arrays(np.repeat(raised, 40, axis=0), person=[0] * 40), path)
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


# embed


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet", ".json"])
def test_embed_writes_what_the_library_says(tmp_path: Path, poses: np.ndarray, suffix: str) -> None:
    np.save(tmp_path / "in.npy", poses)
    assert run("embed", tmp_path / "in.npy", tmp_path / f"out{suffix}") == 0
    wanted = Poses.from_arrays(poses).embed(PoseEncoder.from_pretrained())
    np.testing.assert_allclose(read_poses(tmp_path / f"out{suffix}").z_pose, wanted.z_pose, rtol=1e-5, atol=1e-6)


def test_embed_to_npy_writes_the_pose_vectors(tmp_path: Path, poses: np.ndarray) -> None:
    np.save(tmp_path / "in.npy", np.zeros((3, 17, 2)) + np.arange(17)[:, None])
    assert run("embed", tmp_path / "in.npy", tmp_path / "out.npy", "--skeleton", "coco", "--weights", "cv-mim") == 0
    assert np.load(tmp_path / "out.npy").shape == (3, 32)


def test_embed_reads_other_programs_files(tmp_path: Path, poses: np.ndarray) -> None:
    people = [{"pose_keypoints_2d": [*np.arange(1.0, 76.0)]}]
    (tmp_path / "v_000000000000_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    assert run("embed", tmp_path, tmp_path / "out.npz", "--format", "openpose") == 0
    assert np.isfinite(read_poses(tmp_path / "out.npz").z_pose).all()


def test_a_higher_threshold_loses_joints(tmp_path: Path, poses: np.ndarray) -> None:
    points = np.concatenate([poses, np.full((*poses.shape[:2], 1), 0.5)], axis=-1)
    np.save(tmp_path / "in.npy", points)
    for threshold, seen in ((0.3, True), (0.6, False)):
        assert run("embed", tmp_path / "in.npy", tmp_path / "out.npy", "--min-confidence", threshold) == 0
        assert np.isfinite(np.load(tmp_path / "out.npy")).all() == seen


# search


def test_search_finds_the_same_pose_from_another_camera(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path
) -> None:
    out = tmp_path / "hits.csv"
    assert run("search", squats[0], standing, squats[1], "--frame", 20, "--top", 3, "--out", out) == 0
    with out.open() as file:
        hits = list(csv.DictReader(file))
    assert [hit["rank"] for hit in hits] == ["1", "2", "3"]
    assert {hit["file"] for hit in hits} == {str(squats[1])}
    assert all(abs(int(hit["frame"]) - 20) <= 5 and hit["query_frame"] == "20" for hit in hits)
    assert 0 <= float(hits[0]["match_probability"]) <= 1
    assert float(hits[0]["similarity"]) >= float(hits[1]["similarity"])


def test_search_lays_hits_out(squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", *squats, "--top", 1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["query_frame", "query_person", "rank", "similarity"]
    assert len(lines) == 41


def test_vectors_of_another_checkpoint_are_not_compared(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("embed", squats[1], tmp_path / "other.npz", "--weights", "cv-mim") == 0
    said = []
    for gallery in (squats[1], tmp_path / "other.npz"):
        assert run("search", squats[0], gallery, "--top", 1) == 0
        said.append([line.split()[3] for line in capsys.readouterr().out.splitlines()])
    assert said[0] == said[1]


def test_each_file_of_a_gallery_is_taken_to_show_the_pose_once(tmp_path: Path, squats: tuple[Path, Path]) -> None:
    encoder, out = PoseEncoder.from_pretrained(), tmp_path / "hits.csv"
    for gallery, prior in (([squats[1]], 1 / 40), ([squats[1], squats[1]], 2 / 80)):
        assert run("search", squats[0], *gallery, "--frame", 20, "--top", 1, "--out", out) == 0
        with out.open() as file:
            (hit,) = csv.DictReader(file)
        wanted = encoder.match_probability(np.array(float(hit["similarity"])), prior=prior)
        assert float(hit["match_probability"]) == pytest.approx(float(wanted), rel=1e-5)


def test_search_needs_somebody(squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", *squats, "--frame", 99) == 1
    assert "one.npz shows nobody in frame 99" in capsys.readouterr().err


# compare


def test_compare_says_score_and_writes_steps_and_picture(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", *squats, "--out", tmp_path / "steps.json", "--plot", tmp_path / "steps.png") == 0
    said = capsys.readouterr().out
    assert "(the same performance" in said and "joints that differ most" in said
    steps = json.loads((tmp_path / "steps.json").read_text())
    assert steps["first_frame"][0] == 0 and steps["second_frame"][-1] == 39
    assert len(steps["left_wrist_difference"]) == len(steps["similarity"])
    assert (tmp_path / "steps.png").stat().st_size > 10_000


def test_compare_tells_performances_apart(
    squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", squats[0], standing) == 0
    assert "not the same performance" in capsys.readouterr().out


# classify


def test_classify_learns_from_folders_and_remembers(
    tmp_path: Path, squats: tuple[Path, Path], standing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, path in (("squat", squats[0]), ("stand", standing)):
        (tmp_path / "examples" / name).mkdir(parents=True)
        path.rename(tmp_path / "examples" / name / path.name)
    learned = ["--examples", tmp_path / "examples", "--save", tmp_path / "recognizer"]
    assert run("classify", squats[1], *learned) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == [str(squats[1]), "squat"]
    assert run("classify", squats[1], "--model", tmp_path / "recognizer", "--out", tmp_path / "out.csv") == 0
    with (tmp_path / "out.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert line["action"] == "squat" and float(line["p_squat"]) > float(line["p_stand"])


def test_classify_without_examples(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run("classify", squats[0], "--examples", tmp_path / "empty") == 1
    assert "wanted a folder for each action" in capsys.readouterr().err


# video


def test_video_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def stand_in(source: Path, *rest: object, **settings: object) -> Poses:
        calls.append((source, settings))
        return Poses.from_arrays(squat(0.0)).embed(PoseEncoder.from_pretrained("cv-mim"))

    monkeypatch.setattr(video, "embed_video", stand_in)
    out = tmp_path / "out.npz"
    assert run("video", "in.mp4", out, "--people", 3, "--every", 2, "--model", "m.task") == 0
    ((source, settings),) = calls
    assert source == Path("in.mp4") and len(read_poses(out)) == 40
    assert settings == {"model": Path("m.task"), "num_poses": 3, "every": 2, "show_progress_bar": True}


def test_a_long_video_goes_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(video, "embed_video_to", lambda *arguments, **settings: calls.append(arguments))
    assert run("video", "in.mp4", tmp_path / "day") == 0
    assert calls[0][:2] == (Path("in.mp4"), tmp_path / "day")


# info


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in list_pretrained())
    assert run("info", "poseembed-base") == 0
    said = capsys.readouterr().out
    assert "apache-2.0" in said and "768 wide" in said and "decoder: yes" in said


# A user's mistakes


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["embed", "none.npy", "out.npz"], "none.npy"),
        (["embed", "none.npy", "out.txt"], "its suffix must be one of"),
        (["embed", "none.npy", "nowhere/out.npz"], "there is no folder nowhere"),
        (["embed", "none.npy", "out.npz", "--weights", "no-such"], "no checkpoint"),
        (["search", "none.npz", "none.npz"], "none.npz"),
        (["compare", "none.mp4", "none.mp4"], "none.mp4"),
        (["compare", "none.npz", "none.npz", "--out", "steps.npy"], "its suffix must be one of"),
        (["video", "none.mp4", "out.npz"], "none.mp4"),
        (["classify", "none.npz", "--model", "nowhere"], "nowhere"),
        (["info", "./nowhere"], "no checkpoint"),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_in_words(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("poseembed: ") and words in error and "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_traceback_on_request(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(["embed", str(tmp_path / "none.npy"), str(tmp_path / "out.npz"), "--traceback"])


def test_an_interruption_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(info.Info, "run", interrupt)
    assert main(["info"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_python_m_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["poseembed", "info"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("poseembed.cli", run_name="__main__")
    assert ended.value.code == 0
    assert "packaged checkpoints" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["embed", "video", "search", "compare", "classify", "info"])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"  poseembed {command}" in capsys.readouterr().out


def test_no_command_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
