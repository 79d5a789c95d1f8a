"""Hit@k between fixed cameras, on frames of which it is known what finds what."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.datasets.mocap.capture import from_clips
from training.datasets.mocap.clips import Clip
from training.evaluation import hit_at_k
from training.evaluation.compared import Compared
from training.evaluation.hit_at_k import (
    RANKS,
    distinct_frames,
    film_human36m,
    film_mpi_inf_3dhp,
    filmed_really,
    filmed_virtually,
    hit_rates,
    rank_of_hit,
    representations,
    run,
)

from ..made_up import random_encoder, strewn

FRAMES = 30


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def numbered(*cameras: Tensor) -> Tensor:
    """Pictures that hold nothing but numbers."""
    return torch.stack([numbers.float()[:, None, None].expand(-1, 13, 2) for numbers in cameras])


def number(points: Tensor, _: Tensor) -> Tensor:
    return points[:, 0, :1]


@pytest.mark.parametrize(
    ("gallery", "right", "rank"),
    [
        ([1, 2, 3], [True, False, False], 1),
        ([1, 2, 3], [False, False, True], 3),
        ([3, 2, 1], [True, False, True], 1),  # the nearer of two that are right
        ([3, 1, 2], [True, False, False], 3),
        ([1, 1, 1], [False, True, False], 3),  # as near as the wrong ones: last
        ([1, 2, 3], [False, False, False], 4),  # nothing to find
        ([np.nan, 2, 3], [True, False, False], 3),  # the right one has no vector: after all that have
        ([np.nan, 2, 3], [False, True, False], 1),
    ],
)
def test_rank_of_the_first_hit(gallery: list[float], right: list[bool], rank: int) -> None:
    assert rank_of_hit(torch.zeros(1, 1), torch.tensor(gallery).float()[:, None], torch.tensor([right])).tolist() == [
        rank
    ]


def test_a_query_without_a_vector_finds_nothing() -> None:
    same = torch.eye(3).bool()
    assert rank_of_hit(torch.full((3, 2), torch.nan), torch.randn(3, 2), same).tolist() == [3, 3, 3]


def test_rates_are_means_over_all_ordered_pairs_of_cameras() -> None:
    right = torch.arange(FRAMES)
    rates = hit_rates(numbered(right, right, right + 3), number, torch.eye(FRAMES).bool())
    # two of six pairs always hit; where the third camera takes part six frames come before the right one, but at one
    # end the nth frame has only n - 1 before it
    for rank in (1, 5):
        assert rates[rank] == pytest.approx((2 + 4 * rank / FRAMES) / 6)
    assert rates[10] == rates[20] == 1


def test_rows_are_queries() -> None:
    """Frame 0 counts frame 1 as a hit, but not the other way round."""
    numbers = torch.arange(FRAMES)
    shown = numbers.clone()
    shown[:2] = torch.tensor([1, 0])  # the second camera shows frame 0 as frame 1 and the other way round
    same = torch.eye(FRAMES).bool()
    same[0, 1] = True
    rates = hit_rates(numbered(numbers, shown), number, same)
    assert rates[1] == pytest.approx(1 - 1 / FRAMES)  # only frame 1 misses, in both directions


def test_an_embedding_that_is_always_the_same_finds_nothing() -> None:
    rates = hit_rates(numbered(*torch.rand(2, FRAMES)), lambda p, _: torch.ones(len(p), 4), torch.eye(FRAMES).bool())
    assert set(rates.values()) == {0.0}


def test_missing_joints_are_told_to_the_embedding() -> None:
    pictures = torch.rand(2, FRAMES, 13, 2)
    pictures[1, :, 4] = torch.nan
    lost = []

    def embed(points: Tensor, visible: Tensor) -> Tensor:
        lost.append((~visible).sum(0).nonzero().flatten().tolist())
        return points[:, 0]

    hit_rates(pictures, embed, torch.eye(FRAMES).bool())
    assert lost == [[], [4]]


def test_frames_that_are_nearly_the_same_are_taken_once() -> None:
    poses = torch.from_numpy(strewn(25)).repeat(3, 1, 1)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=seeded(0)))
    poses[25:50] = 2 * poses[25:50] @ (turn * torch.linalg.det(turn)) + 5
    poses[50:, 5] += 0.01
    frames = distinct_frames(poses, seeded(0), count=FRAMES)
    assert sorted((frames % 25).tolist()) == list(range(25))


def test_frames_are_drawn_from_all_and_follow_from_the_generator() -> None:
    poses = torch.from_numpy(strewn(200))
    first, again, other = (distinct_frames(poses, seeded(seed), count=FRAMES) for seed in (1, 1, 2))
    assert len(first) == len(first.unique()) == FRAMES
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.max() > 150


def test_too_few_frames_are_refused() -> None:
    poses = torch.from_numpy(strewn(max(RANKS))).repeat(2, 1, 1)
    with pytest.raises(ValueError, match="got 20 frames that differ; hit@20 takes more than 20"):
        distinct_frames(poses, seeded(0), count=FRAMES)


def test_real_cameras_keep_frames_and_rigs_apart() -> None:
    pictures = np.random.default_rng(0).normal(size=(4, 50, 13, 2)).astype(np.float32)
    filmed = filmed_really(strewn(50), pictures, {"odd": [1, 3], "all": range(4)})
    seen = filmed.pictures(torch.tensor([7, 3]), seeded(0))
    assert_close(seen["odd"], torch.from_numpy(pictures[[1, 3]][:, [7, 3]]))
    assert_close(seen["all"], torch.from_numpy(pictures[:, [7, 3]]))


def test_human36m_is_its_held_out_people_in_every_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    joints, seen = strewn(6), np.random.default_rng(0).normal(size=(6, 4, 13, 2))
    ok = np.array([True, True, True, False, True, True])
    parts = (("train", slice(2)), ("val", slice(2, 6)))
    capture = from_clips(
        [Clip(name, name, "", 50.0, joints[at], joints[at, 0], ok[at], split=name) for name, at in parts]
    )
    monkeypatch.setattr(hit_at_k.human36m, "read_with_detections", lambda *_: (capture, seen))
    filmed = film_human36m(Path("h36m"), Path("detections.npz"))
    assert_close(filmed.poses, torch.from_numpy(joints[[2, 4, 5]]))
    pictures = filmed.pictures(torch.tensor([1]), seeded(0))
    assert_close(pictures["Human3.6M"][:, 0], torch.from_numpy(seen[4]))


def test_mpi_inf_3dhp_is_everybody_in_the_cameras_below_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    views = SimpleNamespace(
        joints3d=strewn(3),
        keypoints=np.arange(11.0)[:, None, None, None] + np.zeros((11, 3, 13, 2)),  # a camera shows its number
        cameras=tuple(range(11)),
    )
    asked = []

    def read_views(_: Path, subjects: tuple[str, ...]) -> SimpleNamespace:
        asked.extend(subjects)
        return views

    monkeypatch.setattr(hit_at_k.mpi_inf_3dhp, "read_views", read_views)
    rigs = film_mpi_inf_3dhp(Path("3dhp")).pictures(torch.tensor([0]), seeded(0))
    assert asked == [f"S{number}" for number in range(1, 9)]
    assert rigs["3DHP chest"][:, 0, 0, 0].tolist() == [0, 2, 4, 7, 8]
    assert rigs["3DHP all"][:, 0, 0, 0].tolist() == list(range(11))


def test_pr_vipe_is_also_compared_by_euclidean_distance() -> None:
    compared = [
        Compared("CV-MIM", random_encoder(3), "cosine"),
        Compared("VAE", random_encoder(3), "euclidean"),
        Compared("Pr-VIPE", random_encoder(0), "cosine"),
        Compared("Pr-VIPE again", random_encoder(0), "euclidean"),
    ]
    assert list(representations(compared))[2:] == [
        "CV-MIM, cosine",
        "VAE, euclidean",
        "Pr-VIPE, cosine",
        "Pr-VIPE, euclidean",
        "Pr-VIPE again, euclidean",
    ]


def test_knowing_nothing_hits_by_chance_and_raw_keypoints_do_better() -> None:
    generator = seeded(0)
    rows = dict(representations([])) | {"nothing": lambda points, _: torch.randn(len(points), 3, generator=generator)}
    results = list(run({"made up": filmed_virtually(strewn(40))}, rows, frames=FRAMES))
    assert len(results) == 3 * 3 * 3  # trials, rigs, rows
    rate = {label: np.mean([r.hits[5] for r in results if r.representation == label]) for label in rows}
    assert rate["nothing"] == pytest.approx(5 / FRAMES, abs=0.03)
    assert rate["raw 2D keypoints"] > 2 * rate["nothing"]
