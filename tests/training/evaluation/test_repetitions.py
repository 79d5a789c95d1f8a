"""Motions whose number of repetitions is known, and how they are counted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from training.datasets import mocap
from training.evaluation import repetitions
from training.evaluation.clips import frame_by_frame
from training.evaluation.conditions import Condition
from training.evaluation.repetitions import (
    CountResult,
    Representation,
    Sequence3D,
    filled_keypoints,
    film,
    hold,
    join,
    repetitions_of,
    run,
    scores,
    sequences,
    stretch,
)

from ..made_up import arms_up


@pytest.mark.parametrize(
    ("clip", "count"),
    [
        ("HDM_mm_squat1Reps_037", 1),
        ("HDM_bd_elbowToKnee3RepsLelbowStart_001", 3),
        ("HDM_mm_hopBothLegs1hops_031", 1),
        ("HDM_tr_sneak2StepsLStart_004", 1),
        ("HDM_tr_jogLeftCircle4StepsRstart_014", 2),
        ("HDM_bk_lieDownFloor_015", None),
    ],
)
def test_names_of_clips_hold_counts(clip: str, count: int | None) -> None:
    assert repetitions_of(clip) == count


def test_sequences_hold_what_they_say(repeated: Path) -> None:
    found = list(sequences(mocap.read(repeated), ["bk"], trials=1))
    kinds = {kind: [s for s in found if s.kind == kind] for kind in dict.fromkeys(s.kind for s in found)}
    assert {kind: len(of_kind) for kind, of_kind in kinds.items()} == {
        "once": 1,
        "still": 1,
        "repeated": repetitions.MOST,
        "with pauses": repetitions.MOST,
        "real take": 2,
    }
    assert [(s.count, s.action, len(s.poses)) for s in kinds["real take"]] == [
        (2, "knee lifts", 141),
        (2, "squats", 141),
    ]
    assert kinds["still"][0].count == 0
    assert_close(kinds["still"][0].poses, kinds["still"][0].poses[:1].expand(repetitions.STILL, -1, -1))
    for joined in kinds["repeated"]:  # the wrists go over the head as often as it says
        up = (joined.poses[:, 5, 2] > joined.poses[:, 0, 2]).int()
        assert int((up.diff() == 1).sum()) == joined.count
    # Eight clips are four times each of the two: 4 + 4 * 3 repetitions.
    assert kinds["repeated"][-1].count == 16
    assert len(kinds["with pauses"][-1].poses) > 1.1 * 16 * 40 * 0.8


def test_parts_are_stretched_held_and_joined() -> None:
    poses = torch.arange(5.0)[:, None, None].expand(5, 13, 3)
    assert stretch(poses, 2)[:, 0, 0].tolist() == pytest.approx(np.linspace(0, 4, 10).tolist())
    assert hold(poses, 2)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 4]
    assert join([poses, poses + 9])[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]


def test_one_camera_looks_on_and_other_joints_are_missing_in_each_frame() -> None:
    poses = torch.from_numpy(arms_up()[:1]).expand(50, -1, -1)
    points, visible = film(poses, Condition(4), torch.Generator().manual_seed(0))
    assert_close(points, points[:1].expand(50, -1, -1))
    assert ((~visible).sum(-1) == 4).all()
    assert len(visible.unique(dim=0)) > 40
    noisy, _ = film(poses, Condition(4, 0.05), torch.Generator().manual_seed(0))
    assert len(noisy.unique(dim=0)) == 50


def test_missing_keypoints_are_filled_in_over_time() -> None:
    points = torch.from_numpy(arms_up()[..., :2])
    visible = torch.ones(len(points), 13, dtype=torch.bool)
    whole = filled_keypoints(points, visible)
    visible[10, 5] = visible[20, 12] = visible[0, 0] = False
    hidden = torch.where(visible[..., None], points, 99.0)
    np.testing.assert_allclose(filled_keypoints(hidden, visible), whole, atol=0.02)


def test_counting_in_keypoints_finds_raised_arms(repeated: Path) -> None:
    motions = [s for s in sequences(mocap.read(repeated), ["bk"], trials=1) if s.kind in ("repeated", "still")]
    results = list(run({"data": motions}, {"raw": Representation(frame_by_frame(filled_keypoints))}, [Condition()]))
    assert [(r.truth, r.counted) for r in results if r.kind == "still"] == [(0, 0)]
    assert scores(results)["OBO"] > 0.7


def test_motions_do_not_depend_on_the_representation(repeated: Path) -> None:
    motion = Sequence3D("repeated", "arms", 1, torch.from_numpy(arms_up()), 30.0)
    seen: list[torch.Tensor] = []

    def watch(points: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        seen.append(points)
        return filled_keypoints(points, visible)

    both = {"first": Representation(frame_by_frame(watch)), "second": Representation(frame_by_frame(watch))}
    list(run({"data": [motion]}, both, [Condition(noise=0.05)]))
    assert_close(seen[0], seen[1])


def test_scores_by_hand() -> None:
    counts = [(0, 0), (0, 2), (4, 5), (2, 2), (4, 1)]
    results = [CountResult("data", "z", Condition(), "repeated", "squat", *pair) for pair in counts]
    assert scores(results) == pytest.approx({"OBO": 3 / 5, "MAE": (0 + 2 + 0.25 + 0 + 0.75) / 5, "exact": 2 / 5})
