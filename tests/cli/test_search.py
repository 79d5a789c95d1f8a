"""`poseembed search`: the same pose from another camera."""

import csv
from pathlib import Path

import numpy as np
import pytest

from poseembed import PoseEncoder

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
        wanted = encoder.match_probability(np.array(float(hit["similarity"])), prior=prior)
        assert float(hit["match_probability"]) == pytest.approx(float(wanted), rel=1e-5)


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
