"""`poseembed search`: the same pose from another camera."""

import csv
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder, Poses, load_embedded, write_poses

from ..test_align import squat
from .conftest import run


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
        asked, found = (load_embedded(path, encoder).z_pose for path in squats)
        wanted = encoder.match_probability(asked[20], found[int(hit["frame"])], prior=prior)
        assert float(hit["match_probability"]) == pytest.approx(wanted.item(), rel=1e-5)


def test_what_is_embedded_is_not_embedded_again(
    tmp_path: Path, squats: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "first.npz", tmp_path / "second.parquet"]
    for source, file in zip(squats, files, strict=True):
        assert run("embed", source, file) == 0
    assert run("search", *squats, "--top", 1) == 0
    embedded_now = [line.split()[3] for line in capsys.readouterr().out.splitlines()]
    monkeypatch.setattr(PoseEncoder, "embed", None)
    assert run("search", *files, "--top", 1) == 0
    assert [line.split()[3] for line in capsys.readouterr().out.splitlines()] == embedded_now


def test_search_needs_somebody(squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", *squats, "--frame", 99) == 1
    assert "one.npz shows nobody in frame 99" in capsys.readouterr().err


def test_search_for_one_of_several_people(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pair = tmp_path / "pair.npz"
    points = np.stack([squat(0.0)[:5], squat(0.0)[18:23]], axis=1).reshape(10, 13, 2)
    write_poses(Poses.from_arrays(points, person=[0, 1] * 5, frame=np.arange(5).repeat(2)), pair)
    assert run("search", pair, squats[1], "--frame", 2, "--person", 1, "--top", 1) == 0
    printed = capsys.readouterr()
    _, line = printed.out.splitlines()
    assert line.split()[:2] == ["2", "1"] and abs(int(line.split()[5]) - 20) <= 5
    assert "1 hit for 1 pose among 40 poses of 1 file (" in printed.err
    assert run("search", pair, squats[1], "--person", 7) == 1
    assert "pair.npz shows no person 7" in capsys.readouterr().err


def test_frames_of_nobody_do_not_count_in_the_probability(tmp_path: Path, squats: tuple[Path, Path]) -> None:
    """So that a table and a picture of the same hits say the same, whoever leaves such frames out."""
    padded = tmp_path / "padded.npz"
    points = np.concatenate([squat(1.0), np.full((40, 13, 2), np.nan)])
    write_poses(Poses.from_arrays(points, person=[0] * 80, time=np.arange(80) / 30), padded)
    chances = []
    for gallery in (squats[1], padded):
        assert run("search", squats[0], gallery, "--frame", 20, "--top", 1, "--out", tmp_path / "hits.csv") == 0
        with (tmp_path / "hits.csv").open() as file:
            chances.append(float(next(csv.DictReader(file))["match_probability"]))
    assert chances[0] == pytest.approx(chances[1], abs=1e-6)


def test_poses_of_few_joints_are_no_hits_and_are_counted(
    tmp_path: Path, squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    points = squat(0.0)
    points[:10, 1:] = np.nan  # nothing but the nose
    write_poses(Poses.from_arrays(points, person=[0] * 40), tmp_path / "noses.npz")
    assert run("search", squats[0], tmp_path / "noses.npz", "--top", 40) == 0
    printed = capsys.readouterr()
    frames = {int(line.split()[5]) for line in printed.out.splitlines()[1:]}
    assert frames == set(range(10, 40))
    assert "among 30 poses of 1 file; 10 with fewer than 4 joints left out" in printed.err
    assert run("search", tmp_path / "noses.npz", squats[0], "--frame", 3) == 1
    assert "shows nobody in frame 3 with 4 joints or more, so there is nothing" in capsys.readouterr().err


def test_each_input_can_have_its_skeleton(tmp_path: Path, squats: tuple[Path, Path]) -> None:
    coco = np.full((40, 17, 2), np.nan)
    coco[:, [0, *range(5, 17)]] = squat(0.0)
    np.save(tmp_path / "coco.npy", coco)
    np.save(tmp_path / "ours.npy", squat(0.0))
    out = tmp_path / "hits.csv"
    assert (
        run(
            "search", tmp_path / "coco.npy", tmp_path / "ours.npy", "--query-skeleton", "coco", "--top", 1, "--out", out
        )
        == 0
    )
    with out.open() as file:
        assert all(float(hit["similarity"]) > 0.999 for hit in csv.DictReader(file))
    assert run("search", tmp_path / "coco.npy", tmp_path / "coco.npy", squats[1], "--skeleton", "coco") == 0


@pytest.mark.parametrize("pattern", ["*.npz", "**/*.npz", "[ab].npz"])
def test_a_pattern_that_no_shell_expanded(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_poses(Poses.from_arrays(squat(0.0)[:3]), f"{name}.npz")
    assert run("search", "a.npz", pattern, "--frame", 0) == 0
    files = [line.split()[4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert set(files) == {"a.npz", "b.npz"} and len(files) == 6
    assert run("search", "*.npz", "a.npz") == 1
    assert "*.npz matches 2 files; wanted one here" in capsys.readouterr().err
    assert run("search", "a.npz", "*.csv") == 1
    assert "nothing matches *.csv" in capsys.readouterr().err


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path, squats: tuple[Path, Path]) -> None:
    odd = squats[0].rename(tmp_path / "squat[1].npz")
    assert run("search", odd, odd, "--top", 1) == 0


def test_a_movement_from_another_camera(tmp_path: Path, squats: tuple[Path, Path], standing: Path) -> None:
    out = tmp_path / "hits.csv"
    options = ("--frame", 20, "--seconds", 0.8, "--top", 3, "--out", out)
    assert run("search", squats[0], standing, squats[1], squats[1], *options) == 0
    with out.open() as file:
        hits = list(csv.DictReader(file))
    best = hits[0]
    assert best["file"] == str(squats[1]) and best["query_frame"] == "20" and best["rank"] == "1"
    assert abs(int(best["first_frame"]) - 8) <= 6 and abs(int(best["last_frame"]) - 32) <= 6
    assert float(best["start"]) == pytest.approx(int(best["first_frame"]) / 30)
    assert float(best["similarity"]) >= max(float(hit["similarity"]) for hit in hits)
    assert float(best["speed"]) == pytest.approx(0.8 / (float(best["end"]) - float(best["start"])), abs=0.2)


def test_all_of_a_query_in_stretches(squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", *squats, "--seconds", 0.5, "--top", 1) == 0
    printed = capsys.readouterr()
    head, *lines = printed.out.splitlines()
    assert head.split()[:4] == ["query_frame", "query_person", "rank", "similarity"]
    assert [line.split()[:3] for line in lines] == [["6", "0", "1"], ["19", "0", "1"], ["33", "0", "1"]]
    assert "3 hits for 3 movements among 1 second of 1 file (" in printed.err
    assert run("search", *squats, "--seconds", 100, "--top", 1) == 0
    assert "1 hit for 1 movement among" in capsys.readouterr().err


def test_a_movement_lasts(squats: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("search", *squats, "--seconds", 0)
    assert "got '0'; wanted a number from 0.2 to 819" in capsys.readouterr().err
    assert run("search", *squats, "--frame", 0, "--seconds", 0.2) == 1
    assert "one.npz shows nobody for 0.2 s in frame 0" in capsys.readouterr().err
