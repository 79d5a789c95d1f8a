"""New bodies out of recorded ones: what each kind of variation changes, and what it leaves as it was recorded."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.testing import assert_close

from training.scene.bodies import Bodies, Variation
from training.scene.world import heading

AS_RECORDED = Variation()
EVERYTHING = Variation(mirror=0.5, recombine=0.5, shape=0.2, joints=0.1, bend=0.2, tilt=0.5, rare=0.5)

STANDING = np.array(
    [  # x to the person's left, y up, z ahead, in metres; in the order of JOINTS, then the nose
        (0.00, 1.60, 0.05),
        (0.20, 1.40, 0.00),
        (-0.20, 1.40, 0.00),
        (0.30, 1.12, -0.02),
        (-0.30, 1.12, -0.02),
        (0.33, 0.90, 0.10),
        (-0.33, 0.90, 0.10),
        (0.12, 0.90, 0.00),
        (-0.12, 0.90, 0.00),
        (0.14, 0.48, 0.03),
        (-0.14, 0.48, 0.03),
        (0.15, 0.08, -0.04),
        (-0.15, 0.08, -0.04),
        (0.00, 1.62, 0.16),
    ]
)
JOINTED = {1: [3, 5], 2: [4, 6], 3: [5], 4: [6], 7: [9, 11], 8: [10, 12], 9: [11], 10: [12], 0: [13]}
"""What moves when a joint is bent."""
UPPER = [0, 1, 2, 3, 4, 5, 6, 13]
ARMS = ((1, 3), (2, 4), (3, 5), (4, 6))
LEGS = ((7, 9), (8, 10), (9, 11), (10, 12))
SWAPPED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 13]


def people(count: int) -> np.ndarray:
    """(count, 14, 3) metres, y up: one person in many attitudes and places, whose bones turn and never grow."""
    rng = np.random.default_rng(0)
    points = np.repeat(STANDING[None], count, 0)
    for start, moved in JOINTED.items():
        points[:, moved] = rotated(points[:, moved], points[:, [start]], 0.5 * rng.normal(size=(count, 3)))
    waist = np.tile([0, 0.9, 0], (count, 1, 1))
    points[:, UPPER] = rotated(points[:, UPPER], waist, 0.3 * rng.normal(size=(count, 3)))
    points = rotated(points, waist, rng.uniform(-math.pi, math.pi, (count, 1)) * [[0, 1, 0]])
    return (points + rng.normal(size=(count, 1, 3))).astype(np.float32)


def rotated(points: np.ndarray, centre: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Each body about its centre: turns are axes, as long as their angle."""
    x, y, z = np.moveaxis(turns, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([np.stack(row, -1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))], -2)
    rotation = torch.linalg.matrix_exp(torch.from_numpy(skew)).numpy()
    return centre + (points - centre) @ np.swapaxes(rotation, -1, -2)


def make(points: np.ndarray, variation: Variation = AS_RECORDED) -> Bodies:
    return Bodies(points[:, :13], points[:, 13], variation)


def draw(points: np.ndarray, count: int, variation: Variation = AS_RECORDED, seed: int = 0) -> Tensor:
    bodies = make(points, variation)
    torch.manual_seed(seed)
    return bodies.sample(count)


def recorded(points: np.ndarray) -> Tensor:
    """The points in the frame of the samples: z up, from the middle of the hips, in torso lengths."""
    hips, shoulders = (points[:, pair].mean(1, keepdims=True) for pair in ([7, 8], [1, 2]))
    torso = np.linalg.norm(shoulders - hips, axis=-1, keepdims=True)
    return torch.from_numpy(((points - hips) / torso)[..., [2, 0, 1]])


def torso(points: Tensor) -> Tensor:
    return points[:, [1, 2]].mean(1) - points[:, [7, 8]].mean(1)


def bones(points: Tensor) -> dict[str, Tensor]:
    """Every bone as a vector; those of both sides next to each other."""
    named = {
        "shoulders": points[:, 1] - points[:, 2],
        "hips": points[:, 7] - points[:, 8],
        "spine": torso(points),
        "neck": points[:, 0] - points[:, [1, 2]].mean(1),
        "face": points[:, 13] - points[:, 0],
    }
    for names, pairs in ((("upper arm", "forearm"), ARMS), (("thigh", "shin"), LEGS)):
        for index, (start, end) in enumerate(pairs):
            named[f"{('left', 'right')[index % 2]} {names[index // 2]}"] = points[:, end] - points[:, start]
    return named


def lengths(points: Tensor) -> Tensor:
    return torch.stack([bone.norm(dim=-1) for bone in bones(points).values()], -1)


def girdles(points: Tensor) -> tuple[Tensor, Tensor]:
    """All that hangs from the shoulders, and from the hips, in their frames: to the left, ahead, and up the spine."""
    named = bones(points)
    arms, legs = ["neck", "face", *(name for name in named if "arm" in name)], list(named)[-4:]
    shoulders, hips = (
        (torch.stack([named[name] for name in names], 1) @ frame(named[line], named["spine"]).mT).flatten(1)
        for names, line in ((arms, "shoulders"), (legs, "hips"))
    )
    return shoulders, hips


def frame(line: Tensor, spine: Tensor) -> Tensor:
    left = normalize(line, dim=-1)
    up = normalize(spine - (spine * left).sum(-1, keepdim=True) * left, dim=-1)
    return torch.stack([left, torch.linalg.cross(left, up), up], 1)


def trunk(points: Tensor) -> Tensor:
    return points[:, [1, 2, 7, 8]].flatten(1)


def sources(drawn: Tensor, among: Tensor) -> Tensor:
    """Which row of a table each row is, to rounding."""
    nearest, index = torch.cdist(drawn, among, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    assert nearest.max() < 1e-4
    return index


def rotations(before: Tensor, after: Tensor) -> Tensor:
    """The matrices that take a body to each of others, and no stretching with it."""
    matrix = torch.linalg.lstsq(before.expand_as(after), after).solution.mT
    assert_close(matrix @ matrix.mT, torch.eye(3).expand_as(matrix), atol=1e-4, rtol=0)
    assert_close(torch.linalg.det(matrix), torch.ones(len(matrix)), atol=1e-4, rtol=0)
    return matrix


# --- as recorded ------------------------------------------------------------------------------------------------------


def test_without_variation_the_recorded_poses_come_back() -> None:
    points = people(20)
    drawn = draw(points, 500)
    assert drawn.shape == (500, 14, 3)
    assert drawn.dtype == torch.float32
    times = sources(drawn.flatten(1), recorded(points).flatten(1)).bincount(minlength=20)
    assert times.min() > 10
    assert times.max() < 45


def test_even_points_that_are_no_body_are_taken_apart_and_put_together() -> None:
    points = np.random.default_rng(0).normal(size=(1, 14, 3)).astype(np.float32)
    assert_close(draw(points, 3), recorded(points).expand(3, 14, 3), atol=1e-4, rtol=1e-4)


def test_size_and_place_do_not_matter() -> None:
    points = people(9)
    assert_close(draw(3 * points + np.float32(2), 20), draw(points, 20), atol=1e-4, rtol=0)


def test_number_of_recorded_poses() -> None:
    for variation in (AS_RECORDED, EVERYTHING):
        assert len(make(people(7), variation)) == 7


def test_the_seed_decides_the_bodies() -> None:
    first, again, other = (draw(people(20), 50, EVERYTHING, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all(-1).all(-1).any()


def test_drawing_does_not_change_what_was_recorded() -> None:
    bodies = make(people(20), EVERYTHING)
    before = [buffer.clone() for buffer in bodies.buffers()]
    drawn = bodies.sample(50)
    drawn.zero_()
    assert all(torch.equal(old, new) for old, new in zip(before, bodies.buffers(), strict=True))


@pytest.mark.parametrize("variation", [AS_RECORDED, EVERYTHING], ids=["as recorded", "everything"])
@pytest.mark.parametrize("count", [0, 1, 6])
def test_bodies_are_made_where_the_recorded_ones_are(count: int, variation: Variation) -> None:
    drawn = make(people(20), variation).to("meta").sample(count)
    assert drawn.shape == draw(people(20), count, variation).shape == (count, 14, 3)
    assert drawn.device.type == "meta"


@pytest.mark.parametrize("pair", [(1, 2), (7, 8)])
def test_poses_without_a_girdle_are_refused(pair: tuple[int, int]) -> None:
    points = people(5)
    points[3, pair[0]] = points[3, pair[1]]
    with pytest.raises(ValueError, match="1 poses have shoulders or hips on one spot"):
        make(points)


def test_double_precision_recordings_give_single_precision_bodies() -> None:
    points = people(5).astype(np.float64)
    assert make(points).sample(3).dtype == torch.float32


def test_nothing_is_drawn_that_has_no_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = make(people(5), Variation(mirror=1.0))
    for chance in (0.0, 1 - 2**-53):
        monkeypatch.setattr(torch, "rand", lambda *_, chance=chance, **__: torch.tensor([chance], dtype=torch.float64))
        assert bodies.draw(1).item() >= 5  # the mirrored ones


def test_the_digest_tells_recordings_apart() -> None:
    points = people(5)
    digest = make(points).digest()
    assert make(points.copy()).digest() == digest
    for place in ((0, 0), (4, 3), (2, 12), (1, 13)):
        moved = points.copy()
        moved[place] += 0.001
        assert make(moved).digest() != digest
    assert make(points[::-1].copy()).digest() != digest


def test_drawing_does_not_change_the_digest() -> None:
    bodies = make(people(5), EVERYTHING)
    before = bodies.digest()
    bodies.sample(20)
    assert bodies.digest() == before


def test_the_digest_is_of_the_recorded_bodies_and_not_of_how_they_vary() -> None:
    bent = Variation(recombine=0.5, shape=0.2, joints=0.1, bend=0.2, tilt=0.5, rare=0.5)
    assert make(people(5), bent).digest() == make(people(5)).digest()


# --- mirror -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_mirrored_bodies_change_sides(share: float) -> None:
    points = people(1)
    whole = recorded(points)
    mirrored = whole[:, SWAPPED] * torch.tensor([1, -1, 1])
    drawn = draw(points, 4000, Variation(mirror=share))
    which = sources(drawn.flatten(1), torch.cat([whole, mirrored]).flatten(1))
    assert which.float().mean().item() == pytest.approx(share, abs=0.02)


def test_a_mirrored_body_faces_the_mirrored_way_and_keeps_its_left_on_its_left() -> None:
    points = people(1)
    drawn = draw(points, 5, Variation(mirror=1.0))
    assert_close(heading(drawn), -heading(recorded(points)).expand(5), atol=1e-5, rtol=0)


def test_all_poses_are_mirrored_equally_often() -> None:
    points = people(6)
    whole = recorded(points)
    table = torch.cat([whole, whole[:, SWAPPED] * torch.tensor([1, -1, 1])]).flatten(1)
    which = sources(draw(points, 12_000, Variation(mirror=0.25)).flatten(1), table)
    expected = torch.tensor([0.75 / 6] * 6 + [0.25 / 6] * 6)
    assert_close(which.bincount(minlength=12) / 12_000, expected, atol=0.015, rtol=0)


# --- recombine --------------------------------------------------------------------------------------------------------


def test_recombined_limbs_are_recorded_ones_in_the_frame_of_their_girdle() -> None:
    points = people(8)
    whole = recorded(points)
    drawn = draw(points, 400, Variation(recombine=1.0))
    arms, legs = (sources(ours, theirs) for ours, theirs in zip(girdles(drawn), girdles(whole), strict=True))
    own = sources(trunk(drawn), trunk(whole))
    for first, second in ((own, arms), (own, legs)):
        assert (first == second).float().mean().item() == pytest.approx(1 / 8, abs=0.06)


def test_share_of_recombined_arms_and_legs() -> None:
    points = people(8)
    drawn = draw(points, 1500, Variation(recombine=0.4))
    arms, legs = (sources(ours, theirs) for ours, theirs in zip(girdles(drawn), girdles(recorded(points)), strict=True))
    own = sources(trunk(drawn), trunk(recorded(points)))
    other_arms, other_legs = arms != own, legs != own
    for changed, share in ((other_arms, 0.4), (other_legs, 0.4), (other_arms & other_legs, 0.16)):
        # one time in eight the donor is the body itself
        assert changed.float().mean().item() == pytest.approx(share * 7 / 8, abs=0.04)


@pytest.mark.parametrize("changed", ["mirror", "recombine", "bend", "tilt", "rare"])
def test_bones_keep_their_lengths(changed: str) -> None:
    points = people(30)
    drawn = draw(points, 300, dataclasses.replace(AS_RECORDED, **{changed: 0.5}))
    expected = lengths(recorded(points))
    assert_close(expected, expected[:1].expand(30, -1), atol=1e-4, rtol=0)  # one person
    assert_close(lengths(drawn), expected[:1].expand(300, -1), atol=1e-4, rtol=0)


def test_bones_keep_their_lengths_under_all_of_these_together() -> None:
    variation = dataclasses.replace(EVERYTHING, shape=0.0, joints=0.0)
    expected = lengths(recorded(people(30)))[:1]
    assert_close(lengths(draw(people(30), 300, variation)), expected.expand(300, -1), atol=1e-4, rtol=0)


# --- shape and joints -------------------------------------------------------------------------------------------------


def test_other_shapes_have_other_bones_in_the_same_directions() -> None:
    points = people(1)
    ours, theirs = (bones(body) for body in (draw(points, 200, Variation(shape=0.2)), recorded(points)))
    for name, bone in ours.items():
        direction = bone / bone.norm(dim=-1, keepdim=True)
        expected = theirs[name] / theirs[name].norm(dim=-1, keepdim=True)
        assert_close(direction, expected.expand(200, 3), atol=1e-4, rtol=0)


def test_left_and_right_grow_alike_and_all_else_by_itself() -> None:
    points = people(1)
    drawn = draw(points, 5000, Variation(shape=0.2))
    names = list(bones(drawn))
    growth = dict(zip(names, (lengths(drawn) / lengths(recorded(points))).log().T, strict=True))
    assert_close(growth.pop("spine"), torch.zeros(5000), atol=1e-5, rtol=0)
    for limb in ("upper arm", "forearm", "thigh", "shin"):
        assert_close(growth.pop(f"right {limb}"), growth[f"left {limb}"], atol=1e-4, rtol=0)
    apart = torch.stack(list(growth.values()))
    assert_close(apart.mean(1), torch.zeros(8), atol=0.01, rtol=0)
    assert_close(apart.cov(), 0.04 * torch.eye(8), atol=0.003, rtol=0)


def test_hips_and_shoulders_are_taken_elsewhere_along_the_spine() -> None:
    points = people(1)
    whole, drawn = recorded(points), draw(points, 5000, Variation(joints=0.05))
    limbs = [0, 3, 4, 5, 6, 9, 10, 11, 12, 13]
    size = torch.pdist(whole[0, limbs]).sum() / torch.stack([torch.pdist(body[limbs]).sum() for body in drawn])
    before_scaling = drawn * size[:, None, None]
    placed = before_scaling - (before_scaling[:, limbs] - whole[:, limbs]).mean(1, keepdim=True)
    assert_close(placed[:, limbs], whole[:, limbs].expand(5000, -1, -1), atol=1e-4, rtol=0)
    spine, moves = torso(whole), []
    for pair in ((1, 2), (7, 8)):
        moved = placed[:, pair] - whole[:, pair]
        along = moved @ spine[0]
        assert_close(moved, along[..., None] * spine[0], atol=1e-4, rtol=0)
        assert_close(along[:, 0], along[:, 1], atol=1e-4, rtol=0)
        assert along.mean().item() == pytest.approx(0, abs=0.005)
        assert along.std().item() == pytest.approx(0.05, rel=0.05)
        moves.append(along[:, 0])
    assert torch.corrcoef(torch.stack(moves))[0, 1].abs() < 0.05


# --- bend and tilt ----------------------------------------------------------------------------------------------------


def test_bones_bend_by_themselves_about_either_axis() -> None:
    points = people(1)
    ours, theirs = (bones(body) for body in (draw(points, 5000, Variation(bend=0.05)), recorded(points)))
    turns = [normalize(ours[name], dim=-1) - normalize(theirs[name], dim=-1) for name in ("shoulders", "hips", "spine")]
    for turned in turns:
        assert turned.norm(dim=-1).square().mean().sqrt().item() == pytest.approx(0.05 * math.sqrt(2), rel=0.05)
        assert_close(turned.mean(0), torch.zeros(3), atol=0.005, rtol=0)
    correlations = torch.corrcoef(torch.cat(turns, 1).T)
    for row in range(3):
        for column in range(row):
            assert correlations[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].abs().max() < 0.06


def test_limbs_follow_a_bent_girdle_and_bend_by_as_much_in_its_frame() -> None:
    points = people(1)
    drawn, whole = draw(points, 600, Variation(bend=0.05)), recorded(points)
    for ours, theirs in zip(girdles(drawn), girdles(whole), strict=True):
        before, after = (normalize(hanging.unflatten(1, (-1, 3)), dim=-1) for hanging in (theirs, ours))
        turned = (after - before).norm(dim=-1)
        assert_close(turned.square().mean(0).sqrt(), torch.full(turned.shape[1:], 0.0707), atol=0, rtol=0.1)


def test_a_nose_in_the_middle_of_the_head_stays_there() -> None:
    points = people(5)
    points[:, 13] = points[:, 0]
    drawn = draw(points, 100, EVERYTHING)
    assert drawn.isfinite().all()
    assert_close(drawn[:, 13], drawn[:, 0])


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_tipping_over_is_a_rotation(share: float) -> None:
    whole, drawn = recorded(people(1)), draw(people(1), 4000, Variation(tilt=share))
    assert_close(torch.cdist(drawn, drawn), torch.cdist(whole, whole).expand(4000, 14, 14), atol=2e-3, rtol=0)
    matrix = rotations(whole, drawn)
    tipped = (matrix - torch.eye(3)).abs().amax((1, 2)) > 1e-3
    assert tipped.float().mean().item() == pytest.approx(share, abs=0.02)


def test_bodies_tip_over_by_any_angle_about_any_horizontal_axis() -> None:
    matrix = rotations(recorded(people(1)), draw(people(1), 4000, Variation(tilt=1.0)))
    assert_close(matrix[:, 0, 1], matrix[:, 1, 0], atol=1e-4, rtol=0)  # no part of the turn is about the vertical
    angle = torch.acos(matrix[:, 2, 2].clamp(-1, 1))
    assert_close(torch.histc(angle, 10, 0, math.pi) / 4000, torch.full((10,), 0.1), atol=0.02, rtol=0)
    towards = torch.atan2(matrix[:, 1, 2], matrix[:, 0, 2])  # where a head goes that was on top
    assert_close(torch.histc(towards, 8, -math.pi, math.pi) / 4000, torch.full((8,), 1 / 8), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    "changed", [field.name for field in dataclasses.fields(Variation)] + ["everything"], ids=lambda name: name
)
def test_hips_are_the_origin_and_the_torso_is_the_unit_after_everything(changed: str) -> None:
    variation = EVERYTHING if changed == "everything" else Variation(**{changed: 0.3})
    drawn = draw(people(30), 500, variation)
    assert drawn.isfinite().all()
    assert_close(drawn[:, 7] + drawn[:, 8], torch.zeros(500, 3), atol=1e-4, rtol=0)
    assert_close(torso(drawn).norm(dim=-1), torch.ones(500), atol=1e-4, rtol=0)


# --- rare poses -------------------------------------------------------------------------------------------------------


def crowd(common: int, rare: int) -> np.ndarray:
    """Many who stand, all facing elsewhere, and a few who do as they like."""
    spins = np.linspace(-3, 3, common)[:, None] * [[0, 1, 0]]
    alike = rotated(np.repeat(STANDING[None], common, 0), np.zeros((common, 1, 3)), spins)
    alike += 0.01 * np.random.default_rng(0).normal(size=alike.shape)
    return np.concatenate([alike, people(rare)]).astype(np.float32)


def share_of_the_rare(points: np.ndarray, rare: int, variation: Variation) -> float:
    """How many bodies are of the last so many poses; a mirrored body counts for its pose."""
    whole = recorded(points)
    table = torch.cat([whole, whole[:, SWAPPED] * torch.tensor([1, -1, 1])]).flatten(1)
    which = sources(draw(points, 4000, variation).flatten(1), table) % len(points)
    return (which >= len(points) - rare).float().mean().item()


def test_rare_poses_are_drawn_more_often_the_higher_the_power() -> None:
    points = crowd(190, 10)
    shares = [share_of_the_rare(points, 10, Variation(rare=power)) for power in (0.0, 0.5, 1.0, 2.0)]
    assert shares[0] == pytest.approx(0.05, abs=0.01)
    assert shares[1] > 0.1
    assert shares[2] > 0.3
    assert shares[3] > 0.8


def test_a_pose_that_only_faces_elsewhere_is_not_rare() -> None:
    points = crowd(200, 0)
    assert share_of_the_rare(points, 10, Variation(rare=1.0)) == pytest.approx(0.05, abs=0.02)


def test_rare_poses_do_not_change_the_share_of_mirrored_ones() -> None:
    points = crowd(90, 10)
    variation = Variation(mirror=0.2, rare=1.0)
    whole = recorded(points)
    table = torch.cat([whole, whole[:, SWAPPED] * torch.tensor([1, -1, 1])]).flatten(1)
    which = sources(draw(points, 4000, variation).flatten(1), table)
    assert (which >= 100).float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert share_of_the_rare(points, 10, variation) > 0.25


def test_donors_of_limbs_are_drawn_by_rarity_too() -> None:
    points = crowd(95, 5)
    table = girdles(recorded(points))[0]
    arms = [sources(girdles(draw(points, 300, Variation(recombine=1.0, rare=power)))[0], table) for power in (0.0, 1.0)]
    often, rarely = ((donors >= 95).float().mean() for donors in reversed(arms))
    assert often > 3 * rarely


@pytest.mark.parametrize("count", [1, 2, 9])
def test_poses_with_few_neighbours_can_be_rare(count: int) -> None:
    drawn = draw(people(count), 200, Variation(rare=1.0))
    assert len(sources(drawn.flatten(1), recorded(people(count)).flatten(1)).unique()) == count


# --- two people -------------------------------------------------------------------------------------------------------


def draw_pairs(count: int, variation: Variation, seed: int = 0) -> tuple[Tensor, Tensor]:
    bodies = make(people(20), variation)
    torch.manual_seed(seed)
    return bodies.sample_pairs(count)


def test_both_views_show_one_body_unless_people_differ() -> None:
    variation = dataclasses.replace(EVERYTHING, people=0.0)
    body, seen = draw_pairs(50, variation)
    assert torch.equal(seen[0], body) and torch.equal(seen[1], body)
    assert torch.equal(body, draw(people(20), 50, variation))


def test_different_people_are_in_one_pose() -> None:
    body, (one, other) = draw_pairs(50, Variation(proportions=1.0, shape=0.1, people=1.0))
    assert (lengths(one) / lengths(other)).log().abs().mean() > 0.05
    for seen in (one, other):
        assert_close(lengths(seen)[:, 2], torch.ones(50))  # the spine is the unit of everybody
        for name, bone in bones(seen).items():
            if name not in ("spine", "neck"):  # these start in the middle of others
                assert_close(normalize(bone, dim=-1), normalize(bones(body)[name], dim=-1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("people_differ", [0.0, 0.3, 1.0])
def test_how_far_people_differ_does_not_change_how_far_they_stray(people_differ: float) -> None:
    spread = {"proportions": 1.0, "shape": 0.1, "joints": 0.0}
    _, (one, other) = draw_pairs(20_000, Variation(**spread, people=people_differ))
    upper_arm = torch.stack([bones(seen)["left upper arm"].norm(dim=-1).log() for seen in (one, other)])
    recorded_spread = bones(recorded(people(20)))["left upper arm"].norm(dim=-1).log().var(correction=0)
    variance = 0.071**2 + 0.1**2
    assert_close(upper_arm.var(1), (variance + recorded_spread).float().expand(2), rtol=0.06, atol=0)
    assert_close(
        (upper_arm[0] - upper_arm[1]).square().mean(), torch.tensor(2 * people_differ * variance), rtol=0.06, atol=1e-6
    )


def test_long_limbs_go_together() -> None:
    _, (one, _) = draw_pairs(5000, Variation(proportions=1.0, people=1.0))
    _, (alone, _) = draw_pairs(5000, Variation(proportions=0.0, people=1.0))
    stretch = [
        bones(one)[name].norm(dim=-1).log() - bones(alone)[name].norm(dim=-1).log()
        for name in ("left thigh", "left shin")
    ]
    assert torch.corrcoef(torch.stack(stretch))[0, 1] > 0.7


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="people must be from 0 to 1"):
        Variation(people=share)
