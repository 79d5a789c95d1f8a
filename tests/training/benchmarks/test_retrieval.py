"""The cross-view retrieval benchmark, on trials whose outcome is known."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed import PoseEncoder, checkpoint
from poseembed.checkpoint import CheckpointConfig
from poseembed.network import Encoder, NetworkConfig
from training.benchmarks import retrieval
from training.benchmarks.retrieval import (
    Condition,
    Result,
    Trial,
    hit_rates,
    joint_distances,
    make_trial,
    raw_keypoints,
    table,
)

WriteMocap = Callable[[Path, dict[str, np.ndarray]], Path]

GALLERY = 40
EVERYTHING = torch.ones(GALLERY, 13, dtype=torch.bool)


@pytest.fixture(autouse=True)
def small_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "GALLERY", GALLERY)


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """Poses that have nothing in common."""
    return np.random.default_rng(seed).normal(size=(count, 13, 3)).astype(np.float32)


def numbered_trial(poses: Tensor, gallery_numbers: Tensor) -> Trial:
    """A trial whose pictures hold nothing but numbers: the query's own and, for the gallery, those given."""
    query, gallery = (n.float()[:, None, None].expand(-1, 13, 2) for n in (torch.arange(GALLERY), gallery_numbers))
    return Trial(poses, (query, gallery), (EVERYTHING, EVERYTHING))


def number(points: Tensor, _: Tensor) -> Tensor:
    return points[:, 0, :1]


def test_an_embedding_that_knows_the_pose_always_hits() -> None:
    trial = numbered_trial(torch.from_numpy(bodies(GALLERY)), torch.arange(GALLERY))
    assert hit_rates(trial, number) == {1: 1.0, 10: 1.0, 20: 1.0}


def test_an_embedding_that_knows_nothing_hits_by_chance() -> None:
    trial = numbered_trial(torch.from_numpy(bodies(GALLERY)), torch.arange(GALLERY))
    generator = torch.Generator().manual_seed(0)
    rates = [hit_rates(trial, lambda p, _: torch.randn(len(p), 8, generator=generator)) for _ in range(20)]
    for rank in retrieval.RANKS:
        assert np.mean([rate[rank] for rate in rates]) == pytest.approx(rank / GALLERY, abs=0.05)


def test_an_embedding_that_is_wrong_by_one_pose_hits_at_ten() -> None:
    trial = numbered_trial(torch.from_numpy(bodies(GALLERY)), torch.arange(GALLERY) - 1)
    rates = hit_rates(trial, number)  # the nearest of query i is i + 1, but of the last query it is the last
    assert rates == pytest.approx({1: 1 / GALLERY, 10: 1.0, 20: 1.0})


def test_a_gallery_may_have_an_embedding_of_its_own() -> None:
    trial = numbered_trial(torch.from_numpy(bodies(GALLERY)), torch.arange(GALLERY))
    assert hit_rates(trial, number, embed_gallery=lambda points, _: GALLERY - 1 - number(points, _))[1] == 0
    backwards = numbered_trial(trial.poses, GALLERY - 1 - torch.arange(GALLERY))
    assert hit_rates(backwards, number, embed_gallery=lambda points, _: GALLERY - 1 - number(points, _))[1] == 1


def test_the_same_pose_in_another_place_is_a_hit() -> None:
    poses = torch.from_numpy(bodies(GALLERY // 2)).repeat_interleave(2, 0)  # 0 and 1 are alike, 2 and 3, ...
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))
    poses[1::2] = 2 * poses[1::2] @ (turn * torch.linalg.det(turn)) + 5
    rates = hit_rates(numbered_trial(poses, torch.arange(GALLERY) - 1), number)
    assert rates[1] == pytest.approx((GALLERY / 2 + 1) / GALLERY)  # every other query, and the last


@pytest.mark.parametrize(("moved", "hit"), [(0.6, True), (0.8, False)])
def test_poses_that_differ_by_a_tenth_of_a_torso_are_the_same(moved: float, hit: bool) -> None:
    poses = torch.from_numpy(bodies(GALLERY))
    torso = (poses[0, 1:3].mean(0) - poses[0, 7:9].mean(0)).norm()
    poses[1] = poses[0]
    poses[1, 5] += moved * torso * torch.tensor([1.0, 0, 0])  # NP-MPJPE 0.087 and 0.116
    numbers = torch.arange(GALLERY)
    numbers[:2] = torch.tensor([1, 0])  # queries 0 and 1 find each other
    assert hit_rates(numbered_trial(poses, numbers), number)[1] == pytest.approx(1 if hit else 1 - 2 / GALLERY)


def test_trials_follow_from_their_seed() -> None:
    poses = bodies(100)
    first, again, other = (make_trial(poses, Condition(4, 0.05), seed=seed) for seed in (1, 1, 2))
    for a, b, c in (
        (first.poses, again.poses, other.poses),
        *zip(first.points, again.points, other.points, strict=True),
        *zip(first.visible, again.visible, other.visible, strict=True),
    ):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


@pytest.mark.parametrize("missing", [0, 4, 11])
def test_joints_missing_from_each_picture(missing: int) -> None:
    trial = make_trial(bodies(GALLERY), Condition(missing), seed=0)
    for visible in trial.visible:
        assert (13 - visible.sum(-1) == missing).all()
    assert torch.equal(*trial.visible) == (missing == 0)


def test_missing_joints_do_not_change_poses_and_cameras() -> None:
    poses = bodies(100)
    whole, partial = (make_trial(poses, Condition(missing), seed=3) for missing in (0, 4))
    assert torch.equal(whole.poses, partial.poses)
    assert torch.equal(torch.stack(whole.points), torch.stack(partial.points))


def test_noise_is_in_torso_lengths_and_differs_between_pictures() -> None:
    poses = np.repeat(bodies(1), GALLERY, 0)
    clean, noisy = (make_trial(poses, Condition(noise=noise), seed=3) for noise in (0, 0.05))
    moved = torch.stack(noisy.points) - torch.stack(clean.points)
    torso = torch.stack(clean.points)[:, :, [1, 2]].mean(2) - torch.stack(clean.points)[:, :, [7, 8]].mean(2)
    assert 0.04 < (moved.std((2, 3)) / torso.norm(dim=-1)).quantile(0.1) < 0.08  # where no torso is foreshortened
    assert not torch.isclose(moved[0], moved[1]).any()


def test_pictures_are_of_the_drawn_poses_from_two_sides() -> None:
    poses = np.repeat(bodies(1), GALLERY, 0)
    trial = make_trial(poses, Condition(), seed=0)
    query, gallery = trial.points
    assert query.shape == gallery.shape == (GALLERY, 13, 2)
    assert len(query.unique(dim=0)) == GALLERY  # a camera for each, although the pose is the same
    assert not torch.isclose(query, gallery, atol=1e-3).all(-1).any(0)[:7].all()
    assert hit_rates(trial, raw_keypoints)[1] == 1


def test_a_trial_needs_a_whole_gallery() -> None:
    with pytest.raises(ValueError, match="got 39 poses; a gallery takes 40"):
        make_trial(bodies(GALLERY - 1), Condition(), seed=0)


def test_hand_made_embeddings_ignore_place_and_size() -> None:
    points = torch.randn(5, 13, 2, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(5, 13, dtype=torch.bool)
    for embed, size in ((raw_keypoints, 26), (joint_distances, 78)):
        vectors = embed(points, visible)
        assert vectors.shape == (5, size)
        assert_close(embed(100 * points + 7, visible), vectors, atol=1e-4, rtol=1e-4)


def test_joint_distances_ignore_mirroring_but_not_the_pose() -> None:
    points = torch.randn(2, 13, 2, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(2, 13, dtype=torch.bool)
    distances = joint_distances(points, visible)
    assert_close(joint_distances(points * torch.tensor([-1.0, 1]), visible), distances)
    assert not torch.allclose(distances[0], distances[1], atol=0.1)


def test_table_shows_mean_and_deviation_in_per_cent() -> None:
    results = [
        Result("val", "z_pose", Condition(), trial, {1: hit, 10: 0.9, 20: 1.0})
        for trial, hit in enumerate((0.25, 0.35))
    ] + [Result("val", "z_pose", Condition(4, 0.05), 0, {1: 0.125, 10: 0.5, 20: 0.75})]
    lines = table(results).splitlines()
    assert lines[0].split() == ["val,", "0", "of", "13", "joints", "missing"]
    assert lines[1].split() == ["hit@1", "hit@10", "hit@20"]
    assert lines[2].split() == ["z_pose", "30.0", "±", "7.1", "90.0", "±", "0.0", "100.0", "±", "0.0"]
    assert lines[4] == "val, 4 of 13 joints missing, noise of 5 % of the torso"
    assert lines[6].split()[:4] == ["z_pose", "12.5", "±", "0.0"]


def test_command_measures_checkpoints_on_the_val_split(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everybody_alike = np.repeat(bodies(1), 200, 0)
    parts = write_mocap(tmp_path / "parts.npz", {"train": everybody_alike, "val": bodies(GALLERY, seed=1)})
    whole = write_mocap(tmp_path / "whole.npz", {"eval": everybody_alike})
    out = tmp_path / "results.json"
    command = [
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
    data, out = write_mocap(tmp_path / "data.npz", {"val": bodies(GALLERY)}), tmp_path / "results.json"
    weights = ["--weights", str(masked_folder), "--pr-vipe", str(masked_folder)]
    retrieval.main(["--data", str(data), *weights, "--missing", "0", "--noise", "0", "--out", str(out)])
    names = {result["representation"] for result in json.loads(out.read_text())}
    assert {f"z_pose {masked_folder}", f"Pr-VIPE {masked_folder}"} < names
    encoder = PoseEncoder.from_pretrained(masked_folder)
    points = torch.randn(5, 13, 2, generator=torch.Generator().manual_seed(0))
    everything = torch.ones(5, 13, dtype=torch.bool)
    vectors = retrieval.means(encoder)(points, everything)
    assert_close(vectors, encoder.embed(points).z_pose)
    assert_close(retrieval.pose_vectors(encoder)(points, everything), vectors / vectors.norm(dim=-1, keepdim=True))


def test_queries_search_a_gallery_of_another_checkpoint(
    write_mocap: WriteMocap, tmp_path: Path, masked_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_mocap(tmp_path / "data.npz", {"val": bodies(GALLERY)}), tmp_path / "results.json"
    command = ["--data", str(data), "--weights", str(masked_folder), "--missing", "0", "--noise", "0", "--trials", "1"]
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
        ({"--missing": "12"}, "--missing from 0 to 11"),
        ({"--missing": "4"}, "--noise must have one value"),
        ({"--missing": "4", "--noise": "-0.1"}, "at least 0"),
        ({"--out": "nowhere/results.json"}, "no such folder: nowhere"),
        ({"--data": "nowhere.npz"}, "no such file: nowhere.npz"),
    ],
)
def test_impossible_commands_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], message: str
) -> None:
    data = write_mocap(tmp_path / "data.npz", {"val": bodies(GALLERY)})
    options = {"--data": str(data), "--out": str(tmp_path / "results.json"), "--trials": "1"} | changed
    with pytest.raises(SystemExit, match="2"):
        retrieval.main([text for option in options.items() for text in option])
    assert message in capsys.readouterr().err


def test_files_of_one_name_are_refused(
    write_mocap: WriteMocap, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    files = [write_mocap(folder / "data.npz", {"val": bodies(GALLERY)}) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(SystemExit, match="2"):
        retrieval.main(["--data", *map(str, files), "--out", str(tmp_path / "results.json")])
    assert "two data files are called data" in capsys.readouterr().err
