"""What the tables of retrieval compare."""

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from training.evaluation.compared import Compared, load_compared

from ..made_up import random_encoder

POINTS, EVERYTHING = torch.randn(6, 13, 2, generator=torch.Generator().manual_seed(0)), torch.ones(6, 13).bool()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A comparison run that has finished two systems and begun a third."""
    for name, distance in (("cv-mim", "cosine"), ("vae", "euclidean"), ("dim", None)):
        random_encoder(view_dim=3).save_pretrained(tmp_path / "run" / name / "checkpoint")
        if distance:
            choice = json.dumps({"distance": distance, "learning_rate": 1e-3})
            (tmp_path / "run" / name / "choice.json").write_text(choice, encoding="utf-8")
    return tmp_path / "run"


def test_all_finished_systems_by_their_own_distance_and_checkpoints_by_cosine(run: Path) -> None:
    folder = str(run / "dim" / "checkpoint")
    found = {one.label: one.distance for one in load_compared(run, [], [folder])}
    assert found == {"CV-MIM": "cosine", "VAE": "euclidean", folder: "cosine"}


def test_some_systems_in_the_order_that_they_are_named(run: Path) -> None:
    assert [one.label for one in load_compared(run, ["vae", "cv-mim"], [])] == ["VAE", "CV-MIM"]


def test_nothing_is_nothing() -> None:
    assert load_compared(None, [], []) == []


def test_systems_that_are_not_there_are_refused(run: Path) -> None:
    with pytest.raises(ValueError, match=r"dim not finished in .*run; it has (cv-mim, vae|vae, cv-mim)$"):
        load_compared(run, ["vae", "dim"], [])
    with pytest.raises(ValueError, match="got systems vae but no run; add --run"):
        load_compared(None, ["vae"], [])


def test_vectors_are_those_of_the_encoder_and_of_length_one_for_cosine() -> None:
    encoder = random_encoder(view_dim=3)
    z_pose, z_view = encoder.embed(POINTS)
    as_they_are, by_cosine = Compared("", encoder, "euclidean"), Compared("", encoder, "cosine")
    assert torch.equal(as_they_are.pose_vectors(POINTS, EVERYTHING), z_pose)
    assert torch.equal(as_they_are.view_vectors(POINTS, EVERYTHING), z_view)
    assert_close(by_cosine.pose_vectors(POINTS, EVERYTHING), z_pose / z_pose.norm(dim=-1, keepdim=True))
    assert_close(by_cosine.view_vectors(POINTS, EVERYTHING), z_view / z_view.norm(dim=-1, keepdim=True))


def test_a_joint_that_is_not_visible_is_missing() -> None:
    compared = Compared("", random_encoder(view_dim=3), "euclidean")
    visible, moved = EVERYTHING.clone(), POINTS.clone()
    visible[:, 3] = False
    moved[:, 3] += 1
    assert torch.equal(compared.pose_vectors(POINTS, visible), compared.pose_vectors(moved, visible))
    assert not torch.equal(compared.pose_vectors(POINTS, visible), compared.pose_vectors(POINTS, EVERYTHING))
