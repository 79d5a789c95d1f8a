"""Which joints pictures of parts of a body show."""

import pytest
import torch

from poseembed import JOINTS
from training.scene.parts import PARTS, show


@pytest.mark.parametrize(
    "part, counts",
    [
        ("complete", {13}),
        ("some joints", set(range(2, 13))),
        ("4 missing", {9}),
        ("upper body", {7}),
        ("lower body", {6}),
        ("one side", {7}),
        ("5 joints", {5}),
        ("2 joints", {2}),
        ("nose only", {1}),
    ],
)
def test_parts_have_so_many_joints(part: str, counts: set[int]) -> None:
    shown = show(part, 1000, generator=torch.Generator().manual_seed(0))
    assert set(shown.sum(-1).tolist()) == counts


def test_there_is_no_other_part() -> None:
    assert len({part: show(part, 3) for part in PARTS}) == 9
    with pytest.raises(ValueError, match="got part='head'; wanted one of complete, some joints"):
        show("head", 3)


def test_bodies_end_at_the_hips_and_in_the_middle() -> None:
    def names(part: str) -> list[set[str]]:
        return [{JOINTS[i] for i in row.nonzero().flatten().tolist()} for row in show(part, 50)]

    assert names("nose only")[0] == {"nose"}
    assert names("upper body")[0] == {
        "nose",
        *(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist")),
    }
    assert names("lower body")[0] == set(JOINTS) - names("upper body")[0]
    assert {frozenset(side) for side in names("one side")} == {
        frozenset({"nose", *(joint for joint in JOINTS if joint.startswith(side))}) for side in ("left", "right")
    }


def test_draws_are_repeatable_and_leave_the_global_state() -> None:
    before = torch.get_rng_state()
    first, again = (show("5 joints", 40, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(torch.get_rng_state(), before)
    assert (first.sum(0) > 0).all(), "every joint is drawn now and then"
