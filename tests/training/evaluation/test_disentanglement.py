"""What can be read from vectors of which it is known what they hold."""

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
from training.evaluation import disentanglement
from training.evaluation.conditions import Condition
from training.evaluation.disentanglement import CHANCE, LabelledViews, draw_views, measure, represent, run, split_poses
from training.evaluation.probes import MlpSettings, linear, mlp
from training.scene.cameras import project

from ..made_up import WriteMocap, facing_anywhere

bodies = partial(facing_anywhere, spread=0.05)
exact = partial(draw_views, condition=Condition())
PROBES = {"linear": linear, "MLP": partial(mlp, settings=MlpSettings(hidden=64, steps=20))}
quick = partial(run, probes=PROBES, fit=1000, test=400)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


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


def test_what_the_vectors_hold_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(views: LabelledViews, _: object) -> dict[str, Tensor]:
        flat = views.body.flatten(1)
        noise = normal(len(flat), 4, seed=len(flat))
        return {CHANCE: flat[:, :0], "camera": views.camera, "pose": flat, "noise": noise}

    monkeypatch.setattr(disentanglement, "represent", known)
    patient = {"linear": linear, "MLP": partial(mlp, settings=MlpSettings(hidden=64, steps=120))}
    results = list(
        run(
            bodies(300),
            {"a": bodies(200, seed=1)},
            {},
            seeds=1,
            probes=patient,
            fit=1000,
            test=3000,
        )
    )
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
    alone = list(quick(bodies(30), {"b": files["b"]}, {}, seeds=1))
    together = list(quick(bodies(30), files, {}, seeds=1))
    assert alone == [result for result in together if result.data == "b"]


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


def test_a_checkpoint_without_view_vectors_has_no_probe_of_them(tmp_path: Path) -> None:
    config = NetworkConfig(width=8, blocks=1, view_dim=0)
    content = CheckpointConfig(config, license="Apache-2.0", training={"pairs": 0})
    encoder = PoseEncoder(Checkpoint(content, fold_batch_norm(Encoder(config)), card="# A random network\n"))
    vectors = represent(exact(bodies(5), 10, seed=0), {"pose only": encoder})
    assert list(vectors) == [CHANCE, "raw 2D keypoints", "z_pose pose only"]


def test_a_file_that_holds_nothing_out_is_refused(write_mocap: WriteMocap, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a train split but no val split to test on"):
        split_poses(
            [
                write_mocap(
                    tmp_path / "data.npz",
                    {"train": bodies(5), "eval": bodies(5)},
                )
            ]
        )


def test_files_of_one_name_are_refused(write_mocap: WriteMocap, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    splits = {"train": bodies(5), "val": bodies(5)}
    files = [write_mocap(folder / "data.npz", splits) for folder in (tmp_path, tmp_path / "other")]
    with pytest.raises(ValueError, match="two data files are called data"):
        split_poses(files)
