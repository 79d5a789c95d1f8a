"""Views half of which real cameras saw: how they are mixed, and that training takes them."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig
from training import train
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.objectives.privileged import Privileged, PrivilegedConfig
from training.running.recipe import Recipe
from training.running.trainer import Trainer
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.real_views import RealViewSampler
from training.scene.views import ViewSampler

POSES, CAMERAS, PAIRS = 5, 4, 6000
STILL = CameraRange(*((value, value) for value in (0.3, 0.1, 0.2, 5.0)))


def poses(count: int = POSES) -> np.ndarray:
    joints = np.random.default_rng(0).normal(scale=0.3, size=(count, 13, 3)).astype(np.float32)
    joints[:, :3] += [0, 0.6, 0]
    return joints


def detections(count: int = POSES) -> np.ndarray:
    return np.random.default_rng(1).normal(500, 100, size=(count, CAMERAS, 13, 2)).astype(np.float32)


def sampler(detected: np.ndarray, detector: Detector | None = None) -> RealViewSampler:
    bodies = Bodies(poses(), poses()[:, 0], Variation())
    return RealViewSampler(bodies, detected, STILL, detector or Detector())


def normalized(points: np.ndarray) -> Tensor:
    whole = torch.from_numpy(points).flatten(0, -3)
    return normalize_keypoints(whole, torch.ones(whole.shape[:-1], dtype=torch.bool))


def recognise(points: Tensor, known: Tensor) -> Tensor:
    """Which known pose each view is, as a whole."""
    distance = torch.cdist(points.flatten(0, 1).flatten(1), known.flatten(1))
    assert distance.amin(1).max() < 1e-3  # nothing else, and no mixtures
    return distance.argmin(1).unflatten(0, points.shape[:2])


@pytest.fixture(scope="module")
def drawn() -> tuple[Tensor, Tensor]:
    """Of many pairs' two views: the pose, and the real camera or -1 for a projection."""
    real = sampler(detections())
    torch.manual_seed(0)
    projected = real.photograph(real.bodies.vary(torch.arange(POSES)))[0]
    known = torch.cat([normalized(detections()), normalized(projected.numpy())])
    found = recognise(real.sample(PAIRS).points, known)
    is_real = found < POSES * CAMERAS
    return torch.where(is_real, found // CAMERAS, found - POSES * CAMERAS), torch.where(is_real, found % CAMERAS, -1)


def test_both_views_are_of_one_pose(drawn: tuple[Tensor, Tensor]) -> None:
    pose, _ = drawn
    assert torch.equal(pose[0], pose[1])
    assert pose.unique().tolist() == list(range(POSES))


def test_each_view_is_detected_or_projected_whatever_the_other_is(drawn: tuple[Tensor, Tensor]) -> None:
    anchor, positive = (drawn[1] >= 0).int()
    shares = torch.bincount(2 * anchor + positive, minlength=4) / PAIRS
    np.testing.assert_allclose(shares, [0.25] * 4, atol=0.025)


def test_two_detected_views_are_of_any_two_cameras(drawn: tuple[Tensor, Tensor]) -> None:
    anchor, positive = drawn[1]
    both = (anchor >= 0) & (positive >= 0)
    pairs = torch.bincount(CAMERAS * anchor[both] + positive[both], minlength=CAMERAS**2).unflatten(0, (4, 4))
    assert pairs.diagonal().sum() == 0
    expected = np.where(np.eye(CAMERAS, dtype=bool), 0, 1 / 12)
    np.testing.assert_allclose(pairs / both.sum(), expected, atol=0.025)


def test_the_seed_decides_the_views() -> None:
    def draw() -> Tensor:
        torch.manual_seed(3)
        return sampler(detections()).sample(20).points

    assert torch.equal(draw(), draw())


def test_a_body_belongs_to_its_views() -> None:
    virtual = ViewSampler(Bodies(poses(), poses()[:, 0], Variation()), STILL, Detector())
    for one in (virtual, sampler(detections())):
        torch.manual_seed(0)
        bodies = one.sample(50).body
        assert torch.allclose(bodies[:, 7:9].mean(1), torch.zeros(50, 3), atol=1e-5)
        assert len((bodies * 1e3).round().unique(dim=0)) == POSES


def test_undetected_joints_are_missing_and_undetected_poses_are_projected() -> None:
    detected = detections()
    detected[:, :, 3] = np.nan  # the left elbow, in every picture
    detected[0] = np.nan
    torch.manual_seed(0)
    batch = sampler(detected).sample(2000)
    assert batch.points.isfinite().all()
    visible = batch.visible.flatten(0, 1)
    assert not batch.points[~batch.visible].any()
    assert visible[:, [0, *range(1, 3), *range(4, 13)]].all()
    assert (~visible[:, 3]).float().mean().item() == pytest.approx(0.5 * 4 / 5, abs=0.03)


def test_the_virtual_detector_leaves_real_views_alone() -> None:
    torch.manual_seed(0)
    noisy = sampler(detections(), Detector(noise=1.0))
    known = normalized(detections()).flatten(1)
    distance = torch.cdist(noisy.sample(1000).points.flatten(0, 1).flatten(1), known).amin(1)
    assert (distance < 1e-3).float().mean().item() == pytest.approx(0.5, abs=0.03)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_varied_bodies_were_never_detected() -> None:
    bodies = Bodies(poses(), poses()[:, 0], Variation(bend=0.1))
    with pytest.raises(ValueError, match=r"this varies them: Variation\(.*bend=0\.1.*such as cv_mim_paper"):
        RealViewSampler(bodies, detections(), STILL, Detector())


@pytest.mark.parametrize("detected", [detections(4), detections()[:, :1], detections()[..., :12, :]])
@pytest.mark.unchecked_types
def test_detections_of_something_else_are_refused(detected: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"for 5 poses; wanted \(poses, cameras, 13, 2\) with two cameras or more"):
        sampler(detected)


def test_nothing_can_be_learnt_from_cameras_that_nobody_knows() -> None:
    objective = partial(Privileged, config=PrivilegedConfig())
    recipe = Recipe(objective=objective, network=NetworkConfig(width=16), batch_size=4)
    trainer = Trainer(recipe, sampler(detections()), seed=0)
    with pytest.raises(ValueError, match="detections do not say where their cameras stand"):
        trainer.train_step()


# --- training ---------------------------------------------------------------------------------------------------------


PEOPLE = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
RECORDINGS = [(person, f"Walking {number}") for person in PEOPLE for number in range(30)]


def write_detections(path: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)
    found: dict[str, dict[str, list[np.ndarray]]] = {person: {} for person in PEOPLE}
    for person, action in RECORDINGS:
        found[person][action] = [random.normal(500, 100, size=(2, 17, 2))] * CAMERAS
    np.savez(path, positions_2d=found, metadata={"layout_name": "coco"})
    return path


@pytest.fixture(scope="module")
def human36m(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a tiny Human3.6M, and its detections."""
    folder = tmp_path_factory.mktemp("h36m")
    random = np.random.default_rng(0)
    standing = random.normal(scale=0.3, size=(32, 3))
    solid: dict[str, dict[str, np.ndarray]] = {person: {} for person in PEOPLE}
    for person, action in RECORDINGS[:-1]:  # S11 has one less
        solid[person][action] = (standing + random.normal(scale=0.01, size=(2, 32, 3))).astype(np.float32)
    np.savez(folder / "data_3d_h36m.npz", positions_3d=solid)
    return folder, write_detections(folder / "data_2d.npz", seed=0)


def run(human36m: tuple[Path, Path], out: Path, recipe: str, *more: str) -> None:
    folder, detected = human36m
    settings = ["--set", "network.width=16", "--set", "batch_size=8", "--pairs", "32", "--device", "cpu", *more]
    with torch.random.fork_rng(devices=[]):
        train.main([recipe, "--data", str(folder), "--detections", str(detected), "--out", str(out), *settings])


def test_training_takes_a_folder_and_its_detections(human36m: tuple[Path, Path], tmp_path: Path) -> None:
    run(human36m, tmp_path, "cv_mim_paper")
    training = PoseEncoder.from_pretrained(tmp_path / "checkpoint").config.training
    assert training["data"] == [human36m[0].name, "data_2d.npz"]
    assert training["poses"] == 5 * 30 * 2
    assert training["pairs"] == 32


def test_a_run_goes_on_with_the_same_detections_only(human36m: tuple[Path, Path], tmp_path: Path) -> None:
    folder = human36m[0]
    for seed in (0, 1):
        write_detections(tmp_path / f"{seed}.npz", seed)
    run((folder, tmp_path / "0.npz"), tmp_path, "cv_mim_paper")
    run((folder, tmp_path / "0.npz"), tmp_path, "cv_mim_paper", "--pairs", "48")
    with pytest.raises(ValueError, match="data"):
        run((folder, tmp_path / "1.npz"), tmp_path, "cv_mim_paper", "--pairs", "64")


def test_detections_go_with_human36m_alone(
    human36m: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run((human36m[1], human36m[1]), tmp_path, "cv_mim_paper")
    assert "--detections are those of Human3.6M" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run((human36m[0], tmp_path / "nowhere.npz"), tmp_path, "cv_mim_paper")
    assert "no such file" in capsys.readouterr().err


def test_recipes_that_vary_the_poses_are_refused(
    human36m: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(human36m, tmp_path, "cv_mim_paper", "--set", "variation.mirror=0.5")
    assert "detections are of the recorded poses" in capsys.readouterr().err


def test_official_objective_learns_from_both_kinds() -> None:
    recipe = Recipe(objective=partial(CvMim, config=CvMimConfig()), network=NetworkConfig(width=16), batch_size=8)
    trainer = Trainer(recipe, sampler(detections()), seed=0)
    assert all(value.isfinite() for value in trainer.train_step().terms.values())
