"""The commands of the action-recognition tables, from end to end on small made data sets."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.benchmarks import ablation, limited_supervision, single_shot, supervised
from training.evaluation.recognition import results as action_results
from training.evaluation.recognition.fits import FitResult
from training.evaluation.systems import systems

ACTIONS = ("bowl", "squat")


@pytest.fixture
def penn(tmp_path: Path) -> Path:
    """Two views of two actions, four clips of each to train on and two to test on; nothing of "squat" from the back."""
    rng = np.random.default_rng(0)
    rows = [
        (action, view, train)
        for view in ("back", "front")
        for train, count in ((True, 4), (False, 2))
        for action in ACTIONS
        for _ in range(count)
        if not (view == "back" and train and action == "squat")
    ]
    np.savez(
        tmp_path / "penn.npz",
        keypoints=rng.uniform(10, 100, size=(len(rows) * 3, 13, 2)).astype(np.float32),
        offsets=np.arange(len(rows) + 1) * 3,
        action=np.array([row[0] for row in rows]),
        view=np.array([row[1] for row in rows]),
        train=np.array([row[2] for row in rows]),
    )
    return tmp_path / "penn.npz"


def encoder(seed: int) -> PoseEncoder:
    torch.manual_seed(seed)
    config = CheckpointConfig(network=NetworkConfig(width=16, blocks=1, pose_dim=5, view_dim=3), training={"pairs": 77})
    return PoseEncoder(Checkpoint(config, fold_batch_norm(Encoder(config.network))))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A comparison run with two finished systems."""
    for seed, name in enumerate(("cv-mim", "cv-mim-product")):
        encoder(seed).save_pretrained(tmp_path / "run" / name / "checkpoint")
        choice = {"distance": "cosine", "learning_rate": 1e-3}
        (tmp_path / "run" / name / "choice.json").write_text(json.dumps(choice))
    return tmp_path / "run"


@pytest.fixture
def common(penn: Path, tmp_path: Path) -> list[str]:
    """Options of every command, with trainings so short that their results need not be good."""
    return [
        *("--penn-action", str(penn), "--frames", "16", "--seeds", "2", "--learning-rate", "0.001", "0.01"),
        *("--epochs", "1"),
        *("--out", str(tmp_path / "out"), "--results", str(tmp_path / "RESULTS.md")),
    ]


def rows(text: str) -> dict[str, list[str]]:
    """Cells of a Markdown table by what stands first in their row, bold type taken off."""
    lines = [line.strip("| ").replace("**", "").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {first: cells for first, *cells in lines}


def stored(path: Path) -> list[tuple[str, int]]:
    return [(one.split, one.seed) for one in action_results.read(path).results]


def test_single_shot(common: list[str], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*common, "--run", str(run), "--systems", "convnet", "cv-mim"]
    single_shot.main(arguments)
    text = capsys.readouterr().out
    cells = rows(text)
    assert cells["system"] == ["learning rate", "back", "front", "average", "average, open", "paper"]
    assert cells[systems()["cv-mim"].label][-1] == "91.75 ± 0.24"
    assert len(cells["ConvNet on 2D keypoints"]) == 6 and cells["ConvNet on 2D keypoints"][-1] == "78.49"
    document = (tmp_path / "RESULTS.md").read_text()
    assert f"## {single_shot.SECTION}" in document
    assert text.strip() in document
    for words in (
        "paper 1,280,000,000",
        "trained on: 77",
        "annotated",
        "Frames a clip: Penn Action 16",
        "over 2 train",
    ):
        assert words in text
    assert str(tmp_path) not in document
    assert (
        "python -m training.benchmarks.single_shot --penn-action penn.npz --run run --frames 16 --seeds 2 --epochs 1"
        in text
    )
    file = action_results.read(tmp_path / "out" / "penn-action.cv-mim.json")
    assert {trial.learning_rate for trial in file.trials} == {1e-3, 1e-2}
    assert file.learning_rate in (1e-3, 1e-2)
    assert stored(tmp_path / "out" / "penn-action.cv-mim.json") == [
        (f"view {view}", seed) for seed in (0, 1) for view in ("back", "front")
    ]


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Makes the measurements stop after so many."""
    measure = action_results.measure

    def after(count: int) -> None:
        left = iter(range(count))

        def stop(*args: object, **options: object) -> FitResult:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return measure(*args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(action_results, "measure", stop)

    yield after


def without_seconds(folder: Path) -> dict[str, object]:
    found = {}
    for path in folder.iterdir():
        content = json.loads(path.read_text())
        for one in content["results"]:
            del one["seconds"]
        found[path.name] = content
    return found


def test_a_stopped_command_goes_on_and_ends_the_same(
    common: list[str], tmp_path: Path, stopping: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*common, "--systems", "convnet"]
    single_shot.main(arguments)
    whole, document = capsys.readouterr().out, (tmp_path / "RESULTS.md").read_text()
    (tmp_path / "out").rename(tmp_path / "before")
    stopping(3)
    with pytest.raises(KeyboardInterrupt):
        single_shot.main(arguments)
    assert len(stored(tmp_path / "out" / "penn-action.convnet.json")) == 3
    stopping(1)  # what was there is not measured again
    single_shot.main(arguments)
    assert capsys.readouterr().out == whole
    assert (tmp_path / "RESULTS.md").read_text() == document
    assert without_seconds(tmp_path / "out") == without_seconds(tmp_path / "before")
    stopping(0)  # nothing is left to do
    single_shot.main(arguments)
    assert capsys.readouterr().out == whole


def test_processes_share_the_work(
    common: list[str], run: Path, stopping: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    single_shot.main([*common, "--systems", "convnet"])
    assert set(rows(capsys.readouterr().out)) == {"system", "---", "ConvNet on 2D keypoints"}
    stopping(1)
    with pytest.raises(KeyboardInterrupt):
        single_shot.main([*common, "--run", str(run), "--systems", "cv-mim"])
    stopping(0)
    single_shot.main([*common, "--systems", "convnet"])
    shown = capsys.readouterr()
    assert set(rows(shown.out)) == {"system", "---", "ConvNet on 2D keypoints"}
    assert "penn-action.cv-mim.json (3 of 4 fits are missing)" in shown.err  # and so is the first seed
    stopping(3)
    single_shot.main([*common, "--run", str(run), "--systems", "cv-mim"])
    table_rows = list(rows(capsys.readouterr().out))
    assert table_rows[2] == "ConvNet on 2D keypoints" and len(table_rows) == 4


@pytest.mark.parametrize(
    "change, words",
    [
        (["--frames", "17"], "frames 16 instead of 17"),
        (["--epochs", "2"], "training .*'epochs': 1.* instead of .*'epochs': 2"),
        (["--learning-rate", "0.001"], r"learning_rates \[0.001, 0.01\] instead of \[0.001\]"),
    ],
)
def test_other_settings_are_refused(common: list[str], change: list[str], words: str) -> None:
    single_shot.main([*common, "--seeds", "1", "--systems", "convnet"])
    with pytest.raises(ValueError, match=f"made with other settings .*{words}"):
        single_shot.main([*common, *change, "--systems", "convnet"])
    with pytest.raises(ValueError, match=f"made with other settings .*{words}"):  # nor is a table made of both
        single_shot.main([*common, *change, "--systems", "hcn"])


def test_another_encoder_of_the_same_name_is_refused(common: list[str], run: Path) -> None:
    arguments = [*common, "--run", str(run), "--systems", "cv-mim"]
    single_shot.main(arguments)
    encoder(5).save_pretrained(run / "cv-mim" / "checkpoint")
    with pytest.raises(
        ValueError,
        match="made with other settings .encoder .* instead of .*; files from before encoders had fingerprints",
    ):
        single_shot.main(arguments)


def test_one_rate_is_taken_without_a_search(common: list[str], tmp_path: Path) -> None:
    single_shot.main([*common, "--learning-rate", "0.003", "--systems", "convnet"])
    file = action_results.read(tmp_path / "out" / "penn-action.convnet.json")
    assert (file.learning_rate, file.trials) == (0.003, ())


def test_a_file_of_something_else_is_refused(common: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "penn-action.convnet.json").write_text("{}")
    with pytest.raises(ValueError, match="does not hold action-recognition results"):
        single_shot.main([*common, "--systems", "convnet"])


def test_supervised_and_limited_share_their_fits(
    common: list[str], tmp_path: Path, stopping: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    supervised.main([*common, "--systems", "convnet"])
    assert rows(capsys.readouterr().out)["system"] == ["learning rate", "all views", "paper"]
    stopping(2)
    limits = ["--shares", "1", "1/4", "--plot", str(tmp_path / "figure.png")]
    limited_supervision.main([*common, "--systems", "convnet", *limits])
    assert rows(capsys.readouterr().out)["system"] == ["learning rate", "1/4", "all"]
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert stored(tmp_path / "out" / "penn-action.convnet.json") == [
        *[("all views", seed) for seed in (0, 1)],
        *[("1/4 of all views", seed) for seed in (0, 1)],
    ]


def test_ablation_takes_what_single_shot_fitted(
    common: list[str], run: Path, stopping: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    single_shot.main([*common, "--run", str(run), "--systems", "cv-mim", "convnet"])
    capsys.readouterr()
    stopping(4)  # the product's: two views, two seeds
    ablation.main([*common, "--run", str(run)])
    cells = rows(capsys.readouterr().out)
    assert [row[-1] for row in cells.values()] == ["paper", "---:", "91.8", "90.2"]


def test_ablation_needs_one_of_its_systems(common: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ablation.main(common)
    assert "none of cv-mim, cv-mim-product" in capsys.readouterr().err


@pytest.mark.parametrize("command", [single_shot, supervised, limited_supervision, ablation])
@pytest.mark.parametrize(
    "change, words",
    [
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--frames", "0"], "--frames must be at least 1"),
        (["--epochs", "0"], "--epochs must be at least 1"),
        (["--learning-rate", "5"], "--learning-rate must be between 0 and 1"),
        (["--results", "nowhere/RESULTS.md"], "no such folder: nowhere"),
        (["--penn-action", "nowhere.npz"], "nowhere.npz"),
        (["--run", "nowhere"], "no such folder: nowhere; make it with python -m training.compare"),
        (["--systems", "st-gnc"], "no system st-gnc; there are: convnet"),
    ],
)
def test_commands_refuse(
    command: ModuleType, change: list[str], words: str, common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main([*common, *change])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "command, words",
    [(single_shot, "--penn-action or --nucla or --hdm05 or --ntu"), (ablation, "give --penn-action")],
)
def test_commands_need_data(
    command: ModuleType, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--out", str(tmp_path / "out")])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("share", ["0", "2", "half", "1/0"])
def test_limited_supervision_refuses_shares(common: list[str], share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        limited_supervision.main([*common, "--shares", share])
    assert share in capsys.readouterr().err
