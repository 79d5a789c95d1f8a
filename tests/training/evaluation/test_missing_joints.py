"""What it costs when joints are missing, on vectors of which the answer is known."""

import pytest
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import JOINTS
from training.evaluation.conditions import EXACT
from training.evaluation.missing_joints import COMPLETE, PARTS, run, shown_without
from training.evaluation.representations import raw_keypoints
from training.evaluation.retrieval import hit_rates, make_trial

from ..made_up import people


def unit_keypoints(points: Tensor, visible: Tensor) -> Tensor:
    return normalize(raw_keypoints(points, visible), dim=-1)


def test_parts_are_joints_and_both_sides_of_them() -> None:
    assert all(joints <= set(JOINTS) for alternatives in PARTS.values() for joints in alternatives)
    assert {joint for name in PARTS for joints in PARTS[name] if len(joints) == 1 for joint in joints} == set(JOINTS)
    upper, lower = PARTS["the upper body"][0], PARTS["the lower body"][0]
    assert upper | lower == set(JOINTS) and not upper & lower
    left, right = PARTS["a side (all but the nose)"]
    assert {joint.replace("left", "right") for joint in left} == right and left | right | {"nose"} == set(JOINTS)


def test_shown_are_all_but_the_part() -> None:
    shown = shown_without(frozenset({"nose", "left_wrist"}), 3)
    assert shown.shape == (3, 13) and not shown[:, [0, JOINTS.index("left_wrist")]].any() and shown.sum() == 33


def test_nothing_missing_is_plain_retrieval_and_more_missing_is_worse() -> None:
    poses = people(60)
    results = {result.part: result for result in run({"data": poses}, unit_keypoints, trials=1, size=50)}
    assert list(results) == list(PARTS)
    complete = results[COMPLETE]
    wanted = hit_rates(make_trial(poses, EXACT, seed=0, size=50), unit_keypoints, (1,))[1]
    assert complete.cosine == pytest.approx(1) and complete.hit == complete.hit_both == pytest.approx(wanted)
    for less, more in (
        ("a wrist", "both wrists"),
        ("a wrist", "an arm (elbow, wrist)"),
        ("a leg (knee, ankle)", "both legs"),
    ):
        assert 1 > results[less].cosine > results[more].cosine


def test_each_part_is_taken_from_both_pictures() -> None:
    seen: list[int] = []

    def count(points: Tensor, visible: Tensor) -> Tensor:
        seen.append(int(visible.sum(1).unique().item()))
        return unit_keypoints(points, visible)

    list(run({"data": people(30)}, count, trials=1, size=30))
    pictures = [13 - len(joints) for alternatives in PARTS.values() for joints in alternatives for _ in range(2)]
    assert seen == [13, 13, *pictures]
