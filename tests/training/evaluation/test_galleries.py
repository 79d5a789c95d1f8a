"""Galleries: poses that are compared with each other."""

from itertools import islice

import numpy as np
import pytest
import torch

from training.datasets.mocap import Clip, MotionCapture, from_clips
from training.evaluation.galleries import draw_galleries
from training.evaluation.retrieval import same_pose
from training.scene.world import to_world

from ..made_up import people


def clip(name: str, joints: np.ndarray, split: str = "train", ok: bool = True) -> Clip:
    nose = joints[:, 0] + np.float32(0.1)
    good = np.full(len(joints), ok)
    return Clip(
        name=name, subject="a", source="s", fps=30.0, joints=joints, nose=nose, ok=good, action=name, split=split
    )


def still(count: int, seed: int) -> np.ndarray:
    """One pose, held but for the last frame."""
    joints = people(1, seed).repeat(count, 0)
    joints[-1] = people(1, seed + 1)
    return joints


def recording() -> MotionCapture:
    clips = [clip("moves", people(20)), clip("stays", still(12, 1)), clip("short", people(4, 5))]
    return from_clips([*clips, clip("other", people(30, 7), "val"), clip("lost", people(30, 8), ok=False)])


def test_galleries_are_of_everything_and_of_one_clip() -> None:
    data = recording()
    drawn = list(islice(draw_galleries([data], "train", 10, torch.Generator().manual_seed(0)), 40))
    whole = [np.concatenate([c.joints, c.nose[:, None]], axis=1) for c in data.clips("train") if c.ok.all()]
    sources = [to_world(torch.from_numpy(joints)) for joints in whole]
    single = []
    for gallery in drawn:
        assert gallery.bodies.shape == (10, 14, 3)
        assert torch.equal(gallery.match, same_pose(gallery.bodies[:, :13])) and not gallery.match.all()
        distance = [torch.cdist(gallery.bodies.flatten(1), source.flatten(1)).amin(1) for source in sources]
        of = torch.stack(distance).argmin(0)
        assert torch.stack(distance).amin(0).max() < 1e-5, "poses are those of the split, where well tracked"
        if (of == of[0]).all():
            single.append(int(of[0]))
    assert set(single) == {0, 1}, "the short clip is no gallery"
    assert 10 < len(single) < 25, "those of which all pairs match are left out"


def test_the_seed_decides() -> None:
    first, again, other = (
        next(draw_galleries([recording()], "train", 10, torch.Generator().manual_seed(seed))).bodies
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("clips", [[], [clip("stays", people(1).repeat(20, 0))], [clip("one", people(1))]])
def test_poses_have_to_differ(clips: list[Clip]) -> None:
    data = from_clips([*clips, clip("other", people(30), "val")])
    with pytest.raises(ValueError, match="poses in split train, no two of which differ"):
        next(draw_galleries([data], "train", 10, torch.Generator()))
