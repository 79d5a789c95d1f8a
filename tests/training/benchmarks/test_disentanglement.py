"""The disentanglement benchmark and its probes, on features of which it is known what can be read from them."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.benchmarks import disentanglement
from training.benchmarks.disentanglement import (
    CHANCE,
    Result,
    Views,
    draw_views,
    measure,
    represent,
    run,
    split_poses,
    table,
)
from training.benchmarks.retrieval import Condition
from training.evaluation import probes
from training.evaluation.probes import Probe, constant, linear, mlp
from training.scene.cameras import project

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]

STANDING = np.array(
    [  # metres, x to the person's left, y up, z forward; in the order of JOINTS
        (0.00, 0.70, 0.05),
        (0.20, 0.50, 0.00),
        (-0.20, 0.50, 0.00),
        (0.25, 0.20, 0.00),
        (-0.25, 0.20, 0.00),
        (0.28, -0.05, 0.05),
        (-0.28, -0.05, 0.05),
        (0.13, 0.00, 0.00),
        (-0.13, 0.00, 0.00),
        (0.14, -0.42, 0.02),
        (-0.14, -0.42, 0.02),
        (0.15, -0.82, -0.04),
        (-0.15, -0.82, -0.04),
    ]
)
exact = partial(draw_views, condition=Condition())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disentanglement, "FIT", 1000)
    monkeypatch.setattr(disentanglement, "TEST", 400)
    monkeypatch.setattr(probes, "STEPS", 20)
    monkeypatch.setattr(probes, "HIDDEN", 64)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests in which the MLP has to learn something."""
    monkeypatch.setattr(probes, "STEPS", 120)


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Poses of bodies that face anywhere."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-np.pi, np.pi, (count, 1))
    x, y, z = np.moveaxis(STANDING + 0.05 * rng.normal(size=(count, 13, 3)), -1, 0)
    turned = (x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle))
    return np.stack(turned, axis=-1).astype(np.float32)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def residual(probe: Probe, features: Tensor, targets: Tensor) -> float:
    """Share of the variance of the second half of the rows that a probe fitted on the first half does not explain."""
    half = len(features) // 2
    predicted = probe(features[:half], targets[:half], 0)(features[half:])
    rest = (predicted - targets[half:]).square().sum() / (targets[:half].mean(0) - targets[half:]).square().sum()
    return rest.item()


def test_linear_probe_reads_what_lies_open_in_any_unit() -> None:
    features = normal(400, 8)
    targets = features @ normal(8, 3, seed=1) + 5
    assert residual(linear, features, targets) < 1e-6
    assert residual(linear, features * torch.logspace(-3, 3, 8) + 10, targets) < 1e-6


@pytest.mark.usefixtures("patient")
def test_only_the_mlp_reads_what_is_folded_up() -> None:
    features = normal(2000, 4)
    targets = torch.stack([features[:, 0] * features[:, 1], features[:, 2].abs()], dim=-1)
    assert residual(linear, features, targets) > 0.95
    assert residual(mlp, features, targets) < 0.25


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("probe", [linear, mlp])
def test_probes_read_nothing_from_noise_or_shuffled_pairs(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "HIDDEN", 16)  # too few to learn pairs by heart
    targets = normal(4000, 3)
    shuffled = targets[torch.randperm(4000, generator=torch.Generator().manual_seed(2))]
    assert residual(probe, targets, targets) < 0.5
    assert residual(probe, normal(4000, 5, seed=1), targets) == pytest.approx(1, abs=0.1)
    assert residual(probe, shuffled, targets) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("probe", [linear, mlp, constant])
def test_constant_features_give_the_mean_target(probe: Probe) -> None:
    targets = normal(500, 3) + 7
    predicted = probe(torch.full((500, 2), 0.1), targets, 0)(torch.full((4, 2), 0.1))
    assert_close(predicted, targets.mean(0).expand(4, -1), atol=0.1, rtol=0)


def test_features_that_repeat_each_other_do_no_harm() -> None:
    features = normal(400, 4)
    targets = features @ normal(4, 3, seed=1)
    assert residual(linear, torch.cat([features, features, 0 * features], dim=1), targets) < 1e-6


def test_mlp_follows_from_its_seed_and_leaves_the_random_state() -> None:
    features, targets = normal(300, 4), normal(300, 2, seed=1)
    state = torch.get_rng_state()
    first, again, other = (mlp(features, targets, seed)(features) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not first.requires_grad


def test_views_hold_what_a_camera_there_sees() -> None:
    views = exact(bodies(50), 200, seed=0)
    towards, (sine, cosine) = views.camera[:, :3], views.camera[:, 3:].unbind(-1)
    assert_close(towards.norm(dim=-1), torch.ones(200))
    assert (towards[:, 2].abs() < 0.501).all()  # within 30 degrees of the horizon
    assert_close(torch.atan2(sine, cosine).abs().rad2deg().amax(), torch.tensor(30.0), atol=1, rtol=0)
    # a level camera there, built from what it looks along, and turned so that its picture turns clockwise
    ahead = -towards
    right = torch.linalg.cross(ahead, torch.tensor([0.0, 0, 1]).expand(200, -1))
    right = right / right.norm(dim=-1, keepdim=True)
    down = torch.linalg.cross(ahead, right)
    right, down = cosine[:, None] * right - sine[:, None] * down, sine[:, None] * right + cosine[:, None] * down
    rotation = torch.stack([ahead, -right, -down], dim=1)
    depth = (views.body[:, 1] * down).sum(-1) / views.points[:, 1, 1]
    distance = depth - (views.body[:, 1] * ahead).sum(-1)
    assert ((distance > 2.99) & (distance < 12.01)).all()
    assert_close(project(views.body, rotation, distance), views.points, atol=1e-4, rtol=1e-3)
    assert_close(views.body[:, 1:3].mean(1).norm(dim=-1), torch.ones(200))
    across = (views.body[:, (1, 7)] - views.body[:, (2, 8)]).sum(1)
    assert (across[:, 1] > 0).all()  # facing +x, a body has its left at +y
    assert across[:, 0].abs().max() < 1e-5


def test_what_is_wrong_with_views_does_not_change_poses_and_cameras() -> None:
    poses = bodies(50)
    clean, bad, again, other = (
        draw_views(poses, 300, condition, seed=seed)
        for condition, seed in (
            (Condition(), 3),
            (Condition(4, 0.05), 3),
            (Condition(4, 0.05), 3),
            (Condition(4, 0.05), 4),
        )
    )
    assert torch.equal(clean.camera, bad.camera)
    assert torch.equal(clean.body, bad.body)
    assert clean.visible.all()
    assert (bad.visible.sum(-1) == 9).all()
    assert torch.equal(bad.points, again.points) and torch.equal(bad.visible, again.visible)
    assert not torch.allclose(bad.points, other.points)
    shift = (bad.points - clean.points).flatten(1).std(1)
    assert shift.min() > 0.5 * 0.05 / 12 and shift.max() < 1.5 * 0.05 / 3  # by 5 % of a torso 3 to 12 of them away


def test_measures_of_known_errors() -> None:
    views = exact(bodies(50), 300, seed=0)
    body, mean = views.body.flatten(1), views.body.flatten(1).mean(0)
    sizes = 0.1 + torch.arange(300.0)[:, None]
    nothing_wrong = measure(views, sizes * views.camera, body, mean)
    assert nothing_wrong == pytest.approx(dict.fromkeys(nothing_wrong, 0) | {"pose_explained": 1}, abs=1e-3)
    sine, cosine = np.sin(np.deg2rad(10)), np.cos(np.deg2rad(10))
    camera = views.camera.clone()
    camera[:, 3:] = views.camera[:, 3:] @ torch.tensor([[cosine, sine], [-sine, cosine]]).float()
    camera[:100, :3] *= -1
    wrong = measure(views, camera, body + 0.3, mean)
    assert wrong["camera_median"] == pytest.approx(0, abs=1e-3)
    assert wrong["camera_mean"] == pytest.approx(60, abs=1e-2)
    assert wrong["roll_median"] == pytest.approx(10, abs=1e-2)
    assert wrong["pose_mpjpe"] == pytest.approx(0.3 * 3**0.5, abs=1e-4)
    assert measure(views, camera, mean.expand(300, -1), mean)["pose_explained"] == 0


@pytest.mark.usefixtures("patient")
def test_what_the_vectors_hold_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(views: Views, _: object) -> dict[str, Tensor]:
        flat = views.body.flatten(1)
        noise = normal(len(flat), 4, seed=len(flat))
        return {CHANCE: flat[:, :0], "camera": views.camera, "pose": flat, "noise": noise}

    monkeypatch.setattr(disentanglement, "represent", known)
    monkeypatch.setattr(disentanglement, "TEST", 3000)
    results = list(run(bodies(300), {"a": bodies(200, seed=1)}, {}, seeds=1))
    assert len(results) == 2 * (1 + 2 * 3)
    for result in results:
        measures = result.measures
        small = 0.01 if result.probe == "linear" else 10
        if result.representation == "camera":
            assert measures["camera_median"] < small and measures["roll_median"] < small
        else:
            assert measures["camera_median"] == pytest.approx(90, abs=6)
            assert measures["roll_mean"] == pytest.approx(15, abs=3)
        if result.representation == "pose":
            assert measures["pose_explained"] > (0.99 if result.probe == "linear" else 0.5)
        else:
            assert measures["pose_explained"] == pytest.approx(0, abs=0 if result.representation == CHANCE else 0.3)


def test_a_file_is_tested_alike_whatever_comes_with_it() -> None:
    files = {"a": bodies(20, seed=1), "b": bodies(20, seed=2)}
    alone = list(run(bodies(30), {"b": files["b"]}, {}, seeds=1))
    together = list(run(bodies(30), files, {}, seeds=1))
    assert alone == [result for result in together if result.data == "b"]


def test_table_shows_means_and_deviations_of_several_seeds() -> None:
    results = [
        Result("val", Condition(), "z_pose", "MLP", seed, {"roll_mean": 10.0 + 2 * seed, "pose_mpjpe": 0.25})
        for seed in range(2)
    ] + [Result("val", Condition(4, 0.05), CHANCE, "constant", 0, {"roll_mean": 15.0, "pose_mpjpe": 0.5})]
    lines = table(results).splitlines()
    assert lines[0].startswith("val, 0 of 13 joints missing;")
    assert lines[1].split() == ["roll", "mean", "pose", "mpjpe"]
    assert lines[2].split() == ["z_pose", "MLP", "11.0", "±", "1.4", "0.250", "±", "0.000"]
    assert lines[4].startswith("val, 4 of 13 joints missing, noise of 5 % of the torso;")
    assert lines[6].split() == ["nothing", "(chance)", "constant", "15.0", "0.500"]


def test_probes_are_fitted_and_tested_on_different_splits(write_mocap: WriteMocap, tmp_path: Path) -> None:
    one, two, three = (bodies(count, seed=count) for count in (5, 6, 7))
    parts = write_mocap(tmp_path / "parts.npz", {"train": one, "val": two})
    more = write_mocap(tmp_path / "more.npz", {"val": one, "train": three})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": three})
    fitted_on, data = split_poses([parts, whole, more])
    assert np.array_equal(fitted_on, np.concatenate([one, three]))
    assert list(data) == ["parts", "whole", "more"]
    for held_out, wanted in zip(data.values(), (two, three, one), strict=True):
        assert np.array_equal(held_out, wanted)


def test_command_measures_checkpoints(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, plain_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write_mocap(tmp_path / "parts.npz", {"train": bodies(300), "val": bodies(50, seed=1)})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": bodies(50, seed=2)})
    out = tmp_path / "results.json"
    weights = [str(masked_folder), str(plain_folder)]
    disentanglement.main(["--data", str(parts), str(whole), "--weights", *weights, "--out", str(out)])
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
    data = write_mocap(tmp_path / "parts.npz", {"train": bodies(300), "val": bodies(50, seed=1)})
    document = tmp_path / "RESULTS.md"
    files = ["--data", str(data), "--out", str(tmp_path / "out.json"), "--results", str(document)]
    disentanglement.main(["--run", str(comparison_run), *files])
    lines = document.read_text().splitlines()
    table = [line.split("|") for line in lines if line.startswith("|")]
    rows = {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in table}
    assert rows["Pr-VIPE"][1::2] == ["-", "-"]
    complete = [r for r in json.loads((tmp_path / "out.json").read_text()) if r["condition"]["missing"] == 0]
    measured = {(r["representation"], r["probe"]): r["measures"] for r in complete}
    camera = [round(measured["z_pose CV-MIM", probe]["camera_median"]) for probe in ("linear", "MLP")]
    pose = [round(100 * measured["z_view CV-MIM", probe]["pose_explained"]) for probe in ("linear", "MLP")]
    assert rows["CV-MIM"][:2] == [f"{camera[0]} / {camera[1]}", f"{pose[0]}% / {pose[1]}%"]


def test_a_checkpoint_without_view_vectors_has_no_probe_of_them(tmp_path: Path) -> None:
    config = NetworkConfig(width=8, blocks=1, view_dim=0)
    content = CheckpointConfig(config, license="Apache-2.0", training={"pairs": 0})
    encoder = PoseEncoder(Checkpoint(content, fold_batch_norm(Encoder(config)), card="# A random network\n"))
    vectors = represent(exact(bodies(5), 10, seed=0), {"pose only": encoder})
    assert list(vectors) == [CHANCE, "raw 2D keypoints", "z_pose pose only"]


def test_a_file_without_a_train_split_needs_another(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write_mocap(tmp_path / "whole.npz", {"eval": bodies(5)})
    with pytest.raises(SystemExit, match="2"):
        disentanglement.main(["--data", str(whole), "--out", str(tmp_path / "results.json")])
    assert "no file has a train split to fit probes on" in capsys.readouterr().err


def test_a_file_that_holds_nothing_out_is_refused(write_mocap: WriteMocap, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a train split but no val split to test on"):
        split_poses([write_mocap(tmp_path / "data.npz", {"train": bodies(5), "eval": bodies(5)})])


def test_files_of_one_name_are_refused(write_mocap: WriteMocap, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    splits = {"train": bodies(5), "val": bodies(5)}
    files = [write_mocap(folder / "data.npz", splits) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(ValueError, match="two data files are called data"):
        split_poses(files)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--seeds": "0"}, "--seeds must be at least 1"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--out": "."}, ". is a folder"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
        ({"--data": __file__}, "is not a whole .npz file"),
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
