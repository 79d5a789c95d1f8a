"""The command of the benchmark of searching."""

import json
from pathlib import Path

import pytest

from training.benchmarks.search import main

from ..made_up import WriteMocap, facing_ahead

FEW = ["--pairs", "60", "--nprobe", "1", "4"]


def test_the_command(
    tmp_path: Path, plain_folder: Path, write_mocap: WriteMocap, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_mocap(tmp_path / "moves.npz", {"train": facing_ahead(100), "val": facing_ahead(40)})
    out = tmp_path / "results.json"
    options = ["--data", str(data), "--weights", str(plain_folder), "--queries", "12", "--out", str(out), *FEW]
    main([*options, "--size", "300", "--kinds", "IVF3,SQ8"])
    results = json.loads(out.read_text())
    assert {entry["kind"] for entry in results["indexes"]} == {"search()", "Flat", "IVF3,SQ8"}
    assert {entry["nprobe"] for entry in results["indexes"]} == {None, 1}  # 4 lists are more than there are
    assert {entry["pairs"] for entry in results["cameras"]} == {"one pose", "two poses"}
    printed = capsys.readouterr().out
    assert "IVF3,SQ8" in printed and "recall@10" in printed and "one pose, 0.50 to 1.00" in printed
    assert len({len(line) for line in printed.splitlines()[: 1 + len(results["indexes"])]}) == 1  # columns line up
    assert len(printed.splitlines()) == 3 + len(results["indexes"]) + len(results["cameras"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", "9"], "--size must be at least 10"),
        (["--queries", "0"], "--queries must be at least 1"),
        (["--nprobe", "4", "0"], "--nprobe must be at least 1"),
        (["--data", "nowhere.npz"], "no such file: nowhere.npz"),
        (["--out", "nowhere/results.json"], "no such folder: nowhere"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path,
    write_mocap: WriteMocap,
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = write_mocap(tmp_path / "moves.npz", {"train": facing_ahead(20)})
    with pytest.raises(SystemExit):
        main(["--data", str(data), "--out", str(tmp_path / "results.json"), *options])
    assert words in capsys.readouterr().err
