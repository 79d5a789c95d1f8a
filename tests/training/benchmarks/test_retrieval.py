"""The command of the cross-view retrieval benchmark."""

import json
from pathlib import Path

import numpy as np
import pytest

from poseembed import checkpoint
from poseembed.checkpoint import CheckpointConfig
from poseembed.network import Encoder, NetworkConfig
from training.benchmarks import retrieval
from training.evaluation.conditions import Condition
from training.evaluation.report import texts
from training.evaluation.retrieval import RetrievalResult, tables

from ..made_up import WriteMocap, strewn

GALLERY = 40
EXACT = ["--missing", "0", "--noise", "0", "--poses", str(GALLERY)]


def test_table_shows_mean_and_deviation_in_per_cent() -> None:
    results = [
        RetrievalResult("val", "z_pose", Condition(), trial, {1: hit, 10: 0.9, 20: 1.0})
        for trial, hit in enumerate((0.25, 0.35))
    ] + [RetrievalResult("val", "z_pose", Condition(4, 0.05), 0, {1: 0.125, 10: 0.5, 20: 0.75})]
    lines = texts(tables(results)).splitlines()
    assert lines[0].split() == ["val,", "0", "of", "13", "joints", "missing"]
    assert lines[1].split() == ["hit@1", "hit@10", "hit@20"]
    assert lines[2].split() == ["z_pose", "30.0", "±", "7.1", "90.0", "±", "0.0", "100.0", "±", "0.0"]
    assert lines[4] == "val, 4 of 13 joints missing, noise of 5 % of the torso"
    assert lines[6].split() == ["z_pose", "12.5", "50.0", "75.0"]


def test_command_measures_checkpoints_on_the_val_split(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody_alike = np.repeat(strewn(1), 200, 0)
    parts = write_mocap(tmp_path / "parts.npz", {"train": everybody_alike, "val": strewn(GALLERY, seed=1)})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": everybody_alike})
    out = tmp_path / "results.json"
    command = [
        "--poses",
        str(GALLERY),
        "--data",
        str(parts),
        str(whole),
        "--weights",
        str(masked_folder),
        "--missing",
        "0",
        "5",
        "--noise",
        "0",
        "0.1",
    ]
    retrieval.main([*command, "--trials", "2", "--out", str(out)])
    results = json.loads(out.read_text())
    assert len(results) == 2 * 2 * 2 * 3
    assert {result["representation"] for result in results} == {
        "raw 2D keypoints",
        "joint-pair distances",
        f"z_pose {masked_folder}",
    }
    for result in results:
        assert (result["hits"]["1"] == 1.0) is (result["data"] == "whole")
        assert 0 <= result["hits"]["1"] <= result["hits"]["10"] <= result["hits"]["20"] <= 1
    printed = capsys.readouterr().out
    assert "parts, 5 of 13 joints missing, noise of 10 % of the torso" in printed
    assert printed.count("joint-pair distances") == 4


def test_pr_vipe_ranks_by_distance(write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path) -> None:
    data, out = write_mocap(tmp_path / "data.npz", {"val": strewn(GALLERY)}), tmp_path / "results.json"
    weights = ["--weights", str(masked_folder), "--pr-vipe", str(masked_folder)]
    retrieval.main(["--data", str(data), *weights, *EXACT, "--out", str(out)])
    names = {result["representation"] for result in json.loads(out.read_text())}
    assert {f"z_pose {masked_folder}", f"Pr-VIPE {masked_folder}"} < names


def test_queries_search_a_gallery_of_another_checkpoint(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_mocap(tmp_path / "data.npz", {"val": strewn(GALLERY)}), tmp_path / "results.json"
    command = ["--data", str(data), "--weights", str(masked_folder), *EXACT, "--trials", "1"]
    retrieval.main([*command, "--gallery", str(masked_folder), "--out", str(out)])
    hits = {result["representation"]: result["hits"] for result in json.loads(out.read_text())}
    name = f"z_pose {masked_folder}"
    assert hits[f"{name}, gallery of {masked_folder}"] == hits[name]
    assert hits[f"{name}, gallery of {masked_folder}"] != hits["raw 2D keypoints"]
    longer = NetworkConfig(width=8, blocks=1, pose_dim=5, view_dim=5)
    encoder = Encoder(longer, batch_norm=False, dropout=0.0)
    config = CheckpointConfig(network=longer, license="apache-2.0", training={})
    checkpoint.write(tmp_path / "longer", checkpoint.Checkpoint(config, encoder, "card"))
    with pytest.raises(SystemExit, match="2"):
        retrieval.main([*command, "--gallery", str(tmp_path / "longer"), "--out", str(out)])
    assert "differ in length" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--trials": "0"}, "--trials must be at least 1"),
        ({"--missing": "12"}, "--missing must be from 0 to 11"),
        ({"--missing": "4"}, "--noise must have one value"),
        ({"--missing": "4", "--noise": "-0.1"}, "at least 0"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--data": __file__}, "is damaged, or no motion capture"),
        ({"--poses": "41"}, "data: got 40 poses; a gallery takes 41"),
        ({"--poses": "19"}, "--poses must be at least 20"),
        ({"--weights": "nothing-of-this-name"}, "nothing-of-this-name"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"val": strewn(GALLERY)})
    options = {"--data": str(data), "--out": str(tmp_path / "results.json"), "--poses": str(GALLERY)} | changed
    with pytest.raises(SystemExit, match="2"):
        retrieval.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_files_of_one_name_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    files = [write_mocap(folder / "data.npz", {"val": strewn(GALLERY)}) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(SystemExit, match="2"):
        retrieval.main(["--data", *map(str, files), "--out", str(tmp_path / "results.json")])
    assert "two data files are called data" in capsys.readouterr().err
