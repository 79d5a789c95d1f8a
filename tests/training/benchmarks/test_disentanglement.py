"""The command of the disentanglement benchmark."""

import json
from functools import partial
from pathlib import Path

import pytest

from training.benchmarks import disentanglement
from training.benchmarks.disentanglement import tables
from training.evaluation.conditions import Condition
from training.evaluation.disentanglement import CHANCE, ProbeResult
from training.evaluation.report import texts

from ..made_up import WriteMocap, facing_anywhere

bodies = partial(facing_anywhere, spread=0.05)

QUICK = ["--fit-views", "1000", "--test-views", "400", "--steps", "2"]


def test_table_shows_means_and_deviations_of_several_seeds() -> None:
    results = [
        ProbeResult("val", Condition(), "z_pose", "MLP", seed, {"roll_mean": 10.0 + 2 * seed, "pose_mpjpe": 0.25})
        for seed in range(2)
    ] + [ProbeResult("val", Condition(4, 0.05), CHANCE, "constant", 0, {"roll_mean": 15.0, "pose_mpjpe": 0.5})]
    lines = texts(tables(results)).splitlines()
    assert lines[0].startswith("val, 0 of 13 joints missing;")
    assert lines[1].split() == ["roll", "mean", "pose", "mpjpe"]
    assert lines[2].split() == ["z_pose", "MLP", "11.0", "±", "1.4", "0.250", "±", "0.000"]
    assert lines[4].startswith("val, 4 of 13 joints missing, noise of 5 % of the torso;")
    assert lines[6].split() == ["nothing", "(chance)", "constant", "15.0", "0.500"]


def test_command_measures_checkpoints(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, plain_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write_mocap(
        tmp_path / "parts.npz",
        {"train": bodies(300), "val": bodies(50, seed=1)},
    )
    whole = write_mocap(tmp_path / "whole.npz", {"eval": bodies(50, seed=2)})
    out = tmp_path / "results.json"
    weights = [str(masked_folder), str(plain_folder)]
    disentanglement.main(["--data", str(parts), str(whole), "--weights", *weights, "--out", str(out), *QUICK])
    results = json.loads(out.read_text())
    assert len(results) == 2 * 2 * (1 + 2 * 5)
    names = {f"{vector} {name}" for vector in ("z_pose", "z_view") for name in weights}
    assert {result["representation"] for result in results} == names | {CHANCE, "raw 2D keypoints"}
    measures = {
        (result["data"], result["condition"]["missing"], result["representation"], result["probe"]): result["measures"]
        for result in results
    }
    for data in ("parts", "whole"):
        raw = measures[data, 0, "raw 2D keypoints", "linear"]
        chance = measures[data, 0, CHANCE, "constant"]
        assert raw["camera_median"] < 30 < chance["camera_median"]
        assert raw["pose_mpjpe"] < chance["pose_mpjpe"]
    printed = capsys.readouterr().out
    assert "parts, 4 of 13 joints missing" in printed
    assert printed.count(CHANCE) == 4


def test_a_comparison_goes_into_the_document(write_mocap: WriteMocap, tmp_path: Path, comparison_run: Path) -> None:
    data = write_mocap(
        tmp_path / "parts.npz",
        {"train": bodies(300), "val": bodies(50, seed=1)},
    )
    document = tmp_path / "RESULTS.md"
    files = ["--data", str(data), "--out", str(tmp_path / "out.json"), "--results", str(document)]
    disentanglement.main(["--run", str(comparison_run), *files, *QUICK])
    assert "--seeds 1 --out out.json --fit-views 1000 --test-views 400 --steps 2\n" in document.read_text()
    lines = document.read_text().splitlines()
    table = [line.split("|") for line in lines if line.startswith("|")]
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in table}
    assert rows["Pr-VIPE"][1::2] == ["-", "-"]
    complete = [r for r in json.loads((tmp_path / "out.json").read_text()) if r["condition"]["missing"] == 0]
    measured = {(r["representation"], r["probe"]): r["measures"] for r in complete}
    camera = [round(measured["z_pose CV-MIM", probe]["camera_median"]) for probe in ("linear", "MLP")]
    pose = [round(100 * measured["z_view CV-MIM", probe]["pose_explained"]) for probe in ("linear", "MLP")]
    assert rows["CV-MIM"][:2] == [f"{camera[0]} / {camera[1]}", f"{pose[0]}% / {pose[1]}%"]


def test_a_file_without_a_train_split_needs_another(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_mocap(tmp_path / "whole.npz", {"eval": bodies(5)})
    with pytest.raises(SystemExit, match="2"):
        disentanglement.main(["--data", str(whole), "--out", str(tmp_path / "results.json")])
    assert "no file has a train split to fit probes on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--seeds": "0"}, "--seeds must be at least 1"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--out": "."}, ". is a folder"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--data": __file__}, "is damaged, or no motion capture"),
        ({"--weights": "nothing-of-this-name"}, "nothing-of-this-name"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"train": bodies(5), "val": bodies(5)})
    options = {"--data": str(data), "--out": str(tmp_path / "results.json")} | changed
    with pytest.raises(SystemExit, match="2"):
        disentanglement.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err
