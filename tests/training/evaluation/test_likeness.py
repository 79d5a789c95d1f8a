"""The same movement by another person, on made performances and on results whose errors are known."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, mirror
from poseembed.align import align
from training.datasets.actions.clips import ActionClips
from training.datasets.mocap.clips import Clip
from training.evaluation import likeness
from training.evaluation.likeness import (
    BY_ANOTHER,
    OTHER,
    REFERENCES,
    SAME,
    SHARES,
    STILL,
    THEIR_OWN,
    GradeResult,
    PairResult,
    Performed,
    auc,
    compare,
    equal_error_rate,
    error_rate,
    film_all,
    grade,
    held,
    of_videos,
)
from training.scene.film import film, random_camera

PEOPLE = ("anna", "bert")


@pytest.fixture(scope="module")
def encoder() -> PoseEncoder:
    return PoseEncoder.from_pretrained("poseembed-small")


def clip(subject: str, action: str, *, frames: int = 20, ok: bool = True) -> Clip:
    """A body whose joints wander; which way is the action's, where from is the person's."""
    body, way = (np.random.default_rng([seed, 7]) for seed in (len(subject), sum(map(ord, action))))
    start = np.random.default_rng(0).normal(scale=0.3, size=(13, 3)) + body.normal(scale=0.02, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    joints = (start + np.cumsum(way.normal(scale=0.02, size=(frames, 13, 3)), 0)).astype(np.float32)
    trusted = np.full(frames, ok)
    return Clip(subject + action, subject, "made", 30.0, joints, joints[:, 0], trusted, action)


CLIPS = [clip(person, action) for person in PEOPLE for action in ("squat", "wave", "wave, done incorrectly")]


def vectors(seed: int) -> np.ndarray:
    """(frames, 32) unit vectors of a performance that nobody filmed."""
    walk = np.random.default_rng(seed).normal(size=(20, 32)).cumsum(0).astype(np.float32)
    return walk / np.linalg.norm(walk, axis=1, keepdims=True)


def test_film_all_keeps_who_does_what_and_how_well(encoder: PoseEncoder) -> None:
    lost, short = clip("anna", "lost", ok=False), clip("anna", "short", frames=14)
    performed = film_all([lost, *CLIPS, short], encoder, None, seed=3)
    assert [(one.group, one.action, one.well) for one in performed] == [
        (person, action, well)
        for person in PEOPLE
        for action, well in (("squat", True), ("wave", True), ("wave", False))
    ]
    assert all(one.z_pose.shape == (20, 32) and np.isfinite(one.z_pose).all() for one in performed)
    # another camera for each
    twice = film_all([CLIPS[0], CLIPS[0]], encoder, None)
    assert np.abs(twice[0].z_pose - twice[1].z_pose).max() > 0.01


def test_the_mirror_image_of_a_clip_is_that_of_its_pictures(encoder: PoseEncoder) -> None:
    [one] = film_all([CLIPS[0]], encoder, None, seed=5)
    seen = film(torch.from_numpy(CLIPS[0].joints), random_camera(5), fps=30.0)
    np.testing.assert_allclose(one.mirrored, encoder.embed(mirror(seen.keypoints))[0], atol=1e-5)
    assert np.abs(one.mirrored - one.z_pose).max() > 0.05


def test_what_is_held_is_the_first_pose_of_each_person_and_action() -> None:
    found = held([clip("anna", "squat", ok=False), *CLIPS, clip("anna", "squat", frames=30)])
    assert {(one.subject, one.action) for one in found} == {(one.subject, one.action) for one in CLIPS}
    squat = next(one for one in found if one.name == "annasquat")
    assert len(squat) == 20 and (squat.joints == CLIPS[0].joints[0]).all() and (squat.nose == CLIPS[0].nose[0]).all()


def test_pairs_are_never_of_one_group_nor_of_what_is_done_badly(encoder: PoseEncoder) -> None:
    kinds = product(("squat", "wave"), PEOPLE, (True, False))
    performed = [Performed(vectors(number), vectors(number + 50), *kind) for number, kind in enumerate(kinds)]
    still = [
        Performed(vectors(number), vectors(number + 100), one.action, one.group)
        for number, one in enumerate(performed, 100)
    ]
    results = list(compare("made", "exact", performed, encoder, still=still, pairs=6, seed=0))
    assert [result.kind for result in results] == [kind for kind in (SAME, OTHER, STILL) for _ in range(6)]
    for result in results:
        assert (result.actions[0] == result.actions[1]) == (result.kind != OTHER)
        assert len(result.likeness) == len(SHARES)
    able = {
        kind: {
            tuple(align(one.z_pose, z_pose, encoder).likeness for z_pose in (other.z_pose, other.mirrored))
            for one in performed
            for other in (still if kind == STILL else performed)
            if one.well and other.well and one.group != other.group and (one.action == other.action) == (kind != OTHER)
        }
        for kind in (SAME, OTHER, STILL)
    }
    for result in results:
        wanted = [(value, max(value, mirrored)) for value, mirrored in able[result.kind]]
        assert min(np.abs(np.subtract((result.chosen, result.either_side), pair)).max() for pair in wanted) < 1e-9
    assert len(list(compare("made", "exact", performed, encoder, pairs=2, seed=0))) == 4


def test_nothing_to_compare_is_refused(encoder: PoseEncoder) -> None:
    alone = [Performed(vectors(0), vectors(0), "squat", "anna"), Performed(vectors(1), vectors(1), "wave", "anna")]
    one_movement = [
        Performed(vectors(0), vectors(0), "squat", "anna"),
        Performed(vectors(1), vectors(1), "squat", "bert"),
    ]
    for performed in (alone, one_movement):
        with pytest.raises(ValueError, match="made: wanted two movements, and one of them by two people"):
            list(compare("made", "exact", performed, encoder, pairs=1, seed=0))


def test_videos_in_which_nobody_is_seen_are_left_out(encoder: PoseEncoder) -> None:
    keypoints = np.random.default_rng(0).normal(300, 100, (12, 13, 2)).astype(np.float32)
    keypoints[4:8] = np.nan
    videos = ActionClips(
        keypoints,
        np.array([0, 4, 8, 12]),
        np.array([1, 0, 0]),
        ("a", "b"),
        np.array(["left", "left", "back"]),
        np.ones(3, bool),
    )
    assert [(one.action, one.group) for one in of_videos(videos, encoder)] == [("b", "left"), ("a", "back")]


def test_a_repetition_is_compared_with_three_done_well(encoder: PoseEncoder) -> None:
    good, bad, others = vectors(0), vectors(1), vectors(2)
    noise = np.random.default_rng(3)

    def near(z_pose: np.ndarray) -> np.ndarray:
        return 0.9 * z_pose + noise.normal(scale=0.01, size=z_pose.shape).astype(np.float32)

    performed = [
        Performed(near(good if well else bad), bad, "squat", "anna", well) for well in [True] * 4 + [False] * 2
    ]
    performed += [Performed(near(others), bad, "squat", "bert") for _ in range(REFERENCES)]  # he never does it badly
    graded = list(grade("made", "exact", performed, encoder, seed=0))
    assert [(one.person, one.references, one.well) for one in graded] == [
        ("anna", kind, well) for well in [True] * 4 + [False] * 2 for kind in (BY_ANOTHER, THEIR_OWN)
    ]
    own = {well: [r.likeness for r in graded if r.references == THEIR_OWN and r.well == well] for well in (True, False)}
    assert min(own[True]) > 0.9 > max(own[False])
    for one, result in zip(performed, graded[::2], strict=False):
        compared = [align(other.z_pose, one.z_pose, encoder) for other in performed[6:]]
        assert result.likeness == max(alignment.likeness for alignment in compared)
        assert result.score == max(alignment.score for alignment in compared)


def test_the_equal_error_rate_is_where_both_errors_are_as_frequent() -> None:
    same, other = np.array([0.9, 0.8, 0.7, 0.3]), np.array([0.1, 0.2, 0.5, 0.1])
    rate, line = equal_error_rate(same, other)
    assert rate == pytest.approx(0.25) and 0.3 < line <= 0.7
    assert equal_error_rate(same + 1, other)[0] == 0
    assert equal_error_rate(other, same + 1)[0] == pytest.approx(1, abs=0.13)
    rng = np.random.default_rng(0)
    assert equal_error_rate(*rng.normal(size=(2, 5000)))[0] == pytest.approx(0.5, abs=0.02)


def test_the_error_rate_is_of_movements_and_not_of_who_stands_still() -> None:
    kinds = [(SAME, 0.9), (SAME, 0.3), (OTHER, 0.1), (OTHER, 0.5), (OTHER, 0.2), (OTHER, 0.3), (STILL, 0.9)]
    results = [
        PairResult("made", "exact", kind, ("a", "a"), 0.0, (value,) * len(SHARES), value) for kind, value in kinds
    ]
    assert error_rate(results, 0.4) == pytest.approx((0.5 + 0.25) / 2)
    assert error_rate(results, 0.05) == pytest.approx(0.5)
    changed = [replace(result, likeness=tuple(SHARES)) for result in results]
    assert all(result.chosen == likeness.MEAN_TAKEN_OFF for result in changed)


def test_the_auc_is_of_each_person_by_themselves() -> None:
    numbers = {"anna": ([0.9, 0.8], [0.7, 0.6]), "bert": ([0.3, 0.2], [0.25, 0.1])}
    results = [
        GradeResult("made", "exact", "squat", person, THEIR_OWN, well, 1 - number, number)
        for person, kinds in numbers.items()
        for well, kind in zip((True, False), kinds, strict=True)
        for number in kind
    ]
    assert auc(results, "likeness") == pytest.approx((1 + 0.75) / 2)
    assert auc(results, "score") == pytest.approx((0 + 0.25) / 2)
