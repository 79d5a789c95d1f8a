"""Nearest neighbours in pose space and in view space, for encoders that know what they are asked, or nothing."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.pose_embedding import Embedding
from training.evaluation.compared import Compared
from training.evaluation.neighbours import (
    BOUNDS,
    RANKS,
    Gallery,
    degrees_apart,
    draw_gallery,
    look_up,
    measure,
    measure_bounds,
    run,
)
from training.scene.world import to_world

from ..made_up import facing_anywhere, random_encoder

GALLERY = 60
draw = partial(draw_gallery, size=GALLERY)


class KnowingEncoder(PoseEncoder):
    """Gives what it was told of each picture of a gallery."""

    view_dim = 3

    def __init__(self, gallery: Gallery, pose: Tensor, queries: Tensor, pictures: Tensor) -> None:
        nn.Module.__init__(self)
        self.seen = torch.cat([gallery.queries.points, gallery.pictures.points])
        self.z_pose, self.z_view = torch.cat([pose, pose]), torch.cat([queries, pictures])

    def embed(self, points: Tensor, _: Tensor) -> Embedding:
        rows = torch.stack([(self.seen == picture).all(-1).all(-1).nonzero()[0, 0] for picture in points])
        return Embedding(self.z_pose[rows], self.z_view[rows])


def knowing(gallery: Gallery) -> Compared:
    """Knows the number of the pose and the direction to the camera."""
    number = torch.arange(GALLERY).float()[:, None]
    encoder = KnowingEncoder(gallery, number, gallery.queries.towards, gallery.pictures.towards)
    return Compared("knows", encoder, "euclidean")


@pytest.mark.parametrize("degrees", [0.0, 0.05, 30, 90, 179.9, 180])
def test_angles_between_directions(degrees: float) -> None:
    angle = np.deg2rad(degrees)
    first, second = torch.tensor([[0.0, 0, 1]]), torch.tensor([[0.0, np.sin(angle), np.cos(angle)]]).float()
    assert_close(degrees_apart(first, second), torch.tensor([[degrees]], dtype=torch.float32), atol=0.02, rtol=1e-3)


def test_directions_tell_from_where_a_body_is_seen() -> None:
    gallery = draw(facing_anywhere(GALLERY), seed=0)
    for views in (gallery.queries, gallery.pictures):
        assert_close(views.towards.norm(dim=-1), torch.ones(GALLERY))
        left_of_right = views.points[:, [1, 7], 0].mean(1) > views.points[:, [2, 8], 0].mean(1)
        ahead = views.towards[:, 0]
        assert (ahead > 0.6).sum() > 3
        assert left_of_right[ahead > 0.6].all()  # who faces the camera has their left on the picture's right
        assert not left_of_right[ahead < -0.6].any()
    assert not torch.isclose(gallery.queries.points, gallery.pictures.points).all(-1).any(0).all()


def test_a_gallery_is_drawn_from_all_poses_and_follows_from_its_seed() -> None:
    poses = facing_anywhere(200)
    first, again, other = (draw(poses, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.pictures.points, again.pictures.points)
    assert not torch.equal(first.pictures.points, other.pictures.points)
    everything = to_world(torch.from_numpy(poses))
    rows = torch.cdist(first.poses.flatten(1), everything.flatten(1)).argmin(1)
    assert len(rows.unique()) == GALLERY
    assert rows.max() > 150


def test_too_few_poses_are_refused() -> None:
    with pytest.raises(ValueError, match="got 59 poses; a gallery takes 60"):
        draw(facing_anywhere(GALLERY - 1), seed=0)


def test_an_encoder_that_knows_everything_is_as_good_as_can_be() -> None:
    gallery = draw(facing_anywhere(GALLERY), seed=0)
    hits, degrees = measure(gallery, knowing(gallery))
    bounds = measure_bounds(gallery)
    assert hits == dict.fromkeys(RANKS, 1.0)
    assert degrees == pytest.approx(bounds["best possible"], abs=0.01)
    assert degrees[1] < degrees[5] < 30
    assert bounds["chance"][1] == bounds["chance"][5] == pytest.approx(90, abs=5)


def test_a_view_vector_that_knows_nothing_finds_cameras_by_chance() -> None:
    gallery = draw(facing_anywhere(GALLERY), seed=0)
    noise = torch.randn(2, GALLERY, 3, generator=torch.Generator().manual_seed(0))
    encoder = KnowingEncoder(gallery, noise[0], noise[0], noise[1])
    _, degrees = measure(gallery, Compared("guesses", encoder, "cosine"))
    assert degrees[5] == pytest.approx(90, abs=15)


def test_looking_up_gives_the_nearest_first_with_their_errors() -> None:
    gallery = draw(facing_anywhere(GALLERY), seed=0)
    queries = [4, 17]
    for row, query in zip(look_up(gallery, knowing(gallery), queries), queries, strict=True):
        assert torch.equal(row.query, gallery.queries.points[query])
        assert [len(row.pose), len(row.view)] == [5, 5]
        assert torch.equal(row.pose[0].points, gallery.pictures.points[query])
        assert row.pose[0].np_mpjpe < 1e-4 < min(neighbour.np_mpjpe for neighbour in row.pose[1:])
        apart = degrees_apart(gallery.queries.towards[[query]], gallery.pictures.towards)[0]
        assert [neighbour.degrees for neighbour in row.view] == pytest.approx(apart.sort().values[:5].tolist())
        assert row.pose[0].degrees == pytest.approx(apart[query].item())


def test_all_systems_and_bounds_are_measured_in_every_trial() -> None:
    compared = [Compared("CV-MIM", random_encoder(3), "cosine"), Compared("Pr-VIPE", random_encoder(0), "euclidean")]
    results = list(run({"one": facing_anywhere(80), "two": facing_anywhere(80, seed=1)}, compared, size=GALLERY))
    assert [r.system for r in results] == 6 * ["CV-MIM", "Pr-VIPE", *BOUNDS]
    assert [(r.data, r.trial) for r in results[::4]] == [(name, trial) for name in ("one", "two") for trial in range(3)]
    for result in results:
        assert bool(result.degrees) == (result.system != "Pr-VIPE")
        assert bool(result.hits) == (result.system not in BOUNDS)
