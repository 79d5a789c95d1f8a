"""The command of hit@k between fixed cameras."""

import json
from pathlib import Path

import pytest

from training.benchmarks import hit_at_k
from training.benchmarks.hit_at_k import section
from training.evaluation.hit_at_k import RANKS, RigResult

from ..made_up import WriteMocap, random_encoder, strewn

FRAMES = 30


def test_the_table_has_means_deviations_and_what_was_published() -> None:
    results = [
        RigResult("data", rig, "Pr-VIPE, cosine", trial, 30, dict.fromkeys(RANKS, hit))
        for rig in ("like Human3.6M", "3DHP all")
        for trial, hit in enumerate((0.5, 0.6, 0.7))
    ]
    text = section(results, "python -m x")
    assert text.startswith("```bash\npython -m x\n```")
    assert "| Pr-VIPE, cosine |" + 8 * " 60.0 ± 10.0 |" in text
    assert "| Pr-VIPE as published | 73.6 | - | 94.1 | 96.7 | - | - | 59.4 | 68.7 |" in text


def test_the_command_writes_results_and_its_section(write_mocap: WriteMocap, tmp_path: Path) -> None:
    data = write_mocap(tmp_path / "capture.npz", {"train": strewn(5), "val": strewn(40, seed=1)})
    for name, view_dim in (("cv-mim", 3), ("pr-vipe", 0)):
        random_encoder(view_dim).save_pretrained(tmp_path / "run" / name / "checkpoint")
        choice = json.dumps({"distance": "cosine", "learning_rate": 1e-3})
        (tmp_path / "run" / name / "choice.json").write_text(choice, encoding="utf-8")
    out, document = tmp_path / "hits.json", tmp_path / "RESULTS.md"
    options = ["--data", data, "--run", tmp_path / "run", "--out", out, "--results", document]
    options += ["--frames", FRAMES]
    hit_at_k.main(list(map(str, options)))
    results = json.loads(out.read_text())
    labels = ["raw 2D keypoints", "joint-pair distances", "CV-MIM, cosine", "Pr-VIPE, cosine", "Pr-VIPE, euclidean"]
    assert list(dict.fromkeys(result["representation"] for result in results)) == labels
    assert len(results) == 3 * 3 * len(labels)
    assert {result["frames"] for result in results} == {FRAMES}
    text = document.read_text()
    assert "at most 30 frames instead of about ten thousand" in text
    assert "## Retrieval between cameras (Pr-VIPE)" in text
    assert "hit_at_k --data capture.npz --run run --out hits.json --frames 30\n" in text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--run": "nowhere"}, "no such folder: nowhere"),
        ({"--out": "nowhere/hits.json"}, "no such folder: nowhere"),
        ({"--results": "."}, ". is a folder"),
        ({"--mpi-inf-3dhp": "nowhere"}, "nowhere does not exist"),
        ({"--frames": "20"}, "--frames must be at least 21"),
        ({"--data": None}, "nothing to retrieve from; add --data"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str | None],
    message: str,
) -> None:
    data = write_mocap(tmp_path / "capture.npz", {"val": strewn(40)})
    options: dict[str, str | None] = {"--data": str(data), "--out": str(tmp_path / "hits.json")}
    words = [word for option, value in (options | changed).items() if value for word in (option, value)]
    with pytest.raises(SystemExit, match="2"):
        hit_at_k.main(words)
    assert message in capsys.readouterr().err
