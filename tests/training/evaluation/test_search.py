"""Searching, on vectors whose neighbours and cameras are known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from training.evaluation import search as evaluation
from training.evaluation.search import Pictures, angles, recall, run, take_pictures

from ..made_up import facing_ahead


@pytest.fixture
def encoder(plain_folder: Path) -> PoseEncoder:
    return PoseEncoder.from_pretrained(plain_folder)


def pictures(count: int, seed: int) -> Pictures:
    """Made-up vectors; the view vectors are the directions."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Pictures(rng.normal(size=(count, 8)).astype(np.float32), directions, directions)


@pytest.mark.parametrize(
    ("found", "first", "ten"),
    [
        ([np.arange(10)] * 2, 1, 1),
        ([np.arange(10)[::-1]] * 2, 0, 1),
        ([np.arange(10), np.arange(10, 20)], 0.5, 0.5),
        ([[0, *[-1] * 9]] * 2, 1, 0.1),
    ],
)
def test_recall_is_the_share_of_the_nearest_that_are_found(found: list[np.ndarray], first: float, ten: float) -> None:
    assert recall(np.array(found), np.tile(np.arange(10), (2, 1))) == pytest.approx({1: first, 10: ten})


def test_hits_that_do_not_exist_need_not_be_found() -> None:
    exact = np.array([[3, 4, *[-1] * 8], [-1] * 10])
    assert recall(exact, exact) == {1: 1, 10: 1}
    assert recall(np.full((2, 10), -1), exact) == {1: 0, 10: 0}
    assert recall(exact[1:], exact[1:]) == {1: 1, 10: 1}


def test_angles_between_cameras_that_view_vectors_know() -> None:
    found = list(angles(pictures(4000, 0), pictures(4000, 1), "two poses"))
    assert [(entry.low, entry.high) for entry in found] == list(evaluation.RANGES)
    for entry in found:
        near, far = np.rad2deg(np.arccos([entry.high, entry.low]))
        assert near <= entry.degrees[5] <= entry.degrees[50] <= entry.degrees[95] <= far
        assert entry.share == pytest.approx((entry.high - entry.low) / 2, abs=0.03)  # as cosines on a sphere are


def test_angles_between_cameras_that_view_vectors_do_not_know() -> None:
    one, other = pictures(4000, 0), pictures(4000, 1)
    blind = one._replace(z_view=pictures(4000, 2).z_view)
    for entry in angles(blind, other, "two poses"):
        assert entry.degrees[50] == pytest.approx(90, abs=10)


def test_pictures_are_from_all_sides_and_directions_are_the_cameras(encoder: PoseEncoder) -> None:
    shown = np.repeat(facing_ahead(1), 400, axis=0)
    seen = take_pictures(encoder, shown, generator=torch.Generator().manual_seed(0), batch_size=50)
    assert [part.shape for part in seen] == [(400, 32), (400, 32), (400, 3)]
    np.testing.assert_allclose(np.linalg.norm(seen.direction, axis=1), 1, atol=1e-5)
    assert np.abs(seen.direction[:, 2]).max() <= 0.5 + 1e-5  # 30 degrees
    assert len(np.unique(seen.z_view.round(4), axis=0)) == 400
    azimuth = np.arctan2(seen.direction[:, 1], seen.direction[:, 0])
    assert (np.histogram(azimuth, 8, (-np.pi, np.pi))[0] > 25).all()
    again = take_pictures(encoder, shown, generator=torch.Generator().manual_seed(0), batch_size=50)
    np.testing.assert_array_equal(again.z_pose, seen.z_pose)


def test_a_turned_body_has_turned_cameras(encoder: PoseEncoder) -> None:
    poses = facing_ahead(30)
    turned = poses[..., [2, 1, 0]] * np.array([1, 1, -1], dtype=np.float32)  # a quarter about the vertical
    straight, other = (take_pictures(encoder, p, generator=torch.Generator().manual_seed(0)) for p in (poses, turned))
    x, y, z = other.direction.T
    np.testing.assert_allclose(straight.direction, np.stack([-y, x, z], 1), atol=1e-4)


def test_exact_ways_find_everything_and_lists_more_with_more(encoder: PoseEncoder) -> None:
    results = list(run(pictures(400, 0), pictures(30, 1), ["IVF20,Flat"], nprobes=(1, 4), alone=5))
    exact = [r for r in results if r.kind in ("search()", "Flat")]
    assert [r.cameras for r in exact] == ["", "same camera", "other camera", ""]
    assert all(r.recall == {1: 1, 10: 1} and r.nprobe is None for r in exact)
    lists = {(r.nprobe, r.cameras): r.recall[10] for r in results if r.kind == "IVF20,Flat"}
    assert len(lists) == 6
    for cameras in evaluation.CAMERAS:
        assert 0.05 < lists[1, cameras] < lists[4, cameras] < 1
    assert all(r.batched_ms > 0 and r.alone_ms > 0 for r in results)
    sizes = {r.kind: r.bytes for r in results}
    assert sizes["Flat"] == pytest.approx(32, abs=1) and 40 <= sizes["IVF20,Flat"] < 60 and sizes["search()"] == 32


def test_a_graph_finds_more_with_more_candidates() -> None:
    results = list(run(pictures(2000, 0), pictures(30, 1), ["HNSW4"], nprobes=(10, 200), alone=5))
    few, many = (r for r in results if r.kind == "HNSW4")
    assert (few.nprobe, many.nprobe) == (10, 200) and few.recall[10] < many.recall[10] > 0.9
    assert few.bytes > 32 + 8 * 4 and few.build_seconds > 0  # vectors, and eight neighbours of each
