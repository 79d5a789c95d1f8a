"""The command of nearest neighbours, and its picture."""

import json
from pathlib import Path

import pytest

from training.benchmarks import neighbours
from training.benchmarks.neighbours import save_picture, section
from training.evaluation.compared import Compared
from training.evaluation.neighbours import BOUNDS, RANKS, NeighboursResult, draw_gallery

from ..made_up import WriteMocap, facing_anywhere, random_encoder

GALLERY = 60


def test_the_table_leaves_out_what_a_system_does_not_have() -> None:
    hits, degrees = dict.fromkeys(RANKS, 0.5), {1: 10.0, 5: 20.0}
    results = [
        NeighboursResult("data", system, trial, *measured)
        for trial in range(3)
        for system, measured in {"CV-MIM": (hits, degrees), "Pr-VIPE": (hits, {}), "chance": ({}, degrees)}.items()
    ]
    text = section(results, "python -m x", {"CV-MIM": "cosine", "Pr-VIPE": "euclidean"}, shown="")
    assert "| CV-MIM | cosine |" + 4 * " 50.0 ± 0.0 |" + " 10.0 ± 0.0 | 20.0 ± 0.0 |" in text
    assert "| Pr-VIPE | euclidean |" + 4 * " 50.0 ± 0.0 |" + " - | - |" in text
    assert "| chance | - | - | - | - | - | 10.0 ± 0.0 | 20.0 ± 0.0 |" in text


def test_a_picture_needs_a_view_vector(tmp_path: Path) -> None:
    gallery = draw_gallery(facing_anywhere(GALLERY), seed=0, size=GALLERY)
    with pytest.raises(ValueError, match="none of the systems has a view vector"):
        save_picture(tmp_path / "x.png", gallery, [Compared("Pr-VIPE", random_encoder(0), "cosine")])


def test_the_command_writes_results_its_section_and_the_picture(write_mocap: WriteMocap, tmp_path: Path) -> None:
    data = write_mocap(tmp_path / "capture.npz", {"train": facing_anywhere(5), "val": facing_anywhere(80, seed=1)})
    for name, view_dim in (("cv-mim", 3), ("vae", 3), ("pr-vipe", 0)):
        random_encoder(view_dim).save_pretrained(tmp_path / "run" / name / "checkpoint")
        choice = json.dumps({"distance": "cosine", "learning_rate": 1e-3})
        (tmp_path / "run" / name / "choice.json").write_text(choice, encoding="utf-8")
    out, document, picture = tmp_path / "found.json", tmp_path / "RESULTS.md", tmp_path / "found.png"
    options = ["--data", data, "--run", tmp_path / "run", "--systems", "pr-vipe", "cv-mim"]
    options += ["--out", out, "--plot", picture, "--results", document]
    options += ["--poses", GALLERY, "--shown", 1]
    neighbours.main(list(map(str, options)))
    assert {result["system"] for result in json.loads(out.read_text())} == {"Pr-VIPE", "CV-MIM", *BOUNDS}
    text = document.read_text()
    assert "## Nearest neighbours (Figure 4)" in text
    assert "--systems pr-vipe cv-mim --out found.json --plot found.png --poses 60 --shown 1\n" in text
    assert "Each of 60 held-out poses" in text
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--weights": None}, "nothing to compare; add --run or --weights"),
        ({"--systems": "vae"}, "got systems vae but no run"),
        ({"--plot": "nowhere/x.png"}, "no such folder: nowhere"),
        ({"--out": "."}, ". is a folder"),
        ({"--data": "small.npz"}, "got 59 poses; a gallery takes 60"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str | None],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count in (("small.npz", GALLERY - 1), ("large.npz", GALLERY)):
        write_mocap(Path(name), {"val": facing_anywhere(count)})
    random_encoder(3).save_pretrained("weights")
    options: dict[str, str | None] = {"--data": "large.npz", "--weights": "weights", "--out": "found.json"}
    options["--poses"] = str(GALLERY)
    with pytest.raises(SystemExit, match="2"):
        neighbours.main([word for option, value in (options | changed).items() if value for word in (option, value)])
    assert message in capsys.readouterr().err
