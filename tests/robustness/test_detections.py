"""Whatever a detector's result holds, an adapter gives keypoints that are some, or says what is wrong with it."""

import copy
import random
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from poseembed.adapters import (
    Keypoints,
    from_mediapipe,
    from_mmpose,
    from_rtmlib,
    from_supervision,
    from_transformers,
    from_ultralytics,
)

from .extent import FIRST, LONG

STRANGE: tuple[Any, ...] = (
    *(None, True, "x", "5", b"5", 5, -3, 1e39, -1e39, 10**400, 2**64, float("nan"), float("inf"), -float("inf"), 1j),
    *(
        [],
        {},
        [[]],
        [None],
        ["a"],
        [[1], [1, 2]],
        (),
        set(),
        object(),
        np.zeros(0),
        np.zeros((2, 17)),
        np.zeros(3, "U2"),
    ),
    *(np.zeros((2, 17, 3)), np.full((2, 17, 2), 1e9), np.array([1j, 2]), np.array(None), np.ma.masked_all((2, 17, 2))),
    *(torch.zeros(2, 17, 2), torch.zeros(2, 17, dtype=torch.bool), torch.zeros(2, 17, dtype=torch.complex64)),
    *(torch.zeros(2, 17, 2).to_sparse(), torch.zeros(2, 17, 2, device="meta"), torch.zeros(2, 17).bfloat16()),
)

PEOPLE = np.random.default_rng(0).uniform(1, 400, (2, 17, 2))
SCORES = np.full((2, 17), 0.9)
MARKS = [SimpleNamespace(x=0.5, y=0.25, visibility=0.9) for _ in range(33)]

ADAPTERS: dict[str, tuple[Callable[..., Keypoints], Callable[[], Any]]] = {
    "mediapipe": (lambda result: from_mediapipe(result, (640, 480)), lambda: SimpleNamespace(pose_landmarks=[MARKS])),
    "mmpose": (
        from_mmpose,
        lambda: {"predictions": [[{"keypoints": p.tolist(), "keypoint_scores": [0.9] * 17} for p in PEOPLE]]},
    ),
    "rtmlib": (from_rtmlib, lambda: [PEOPLE, SCORES]),
    "supervision": (
        from_supervision,
        lambda: SimpleNamespace(xy=PEOPLE, keypoint_confidence=SCORES, visible=np.ones((2, 17), bool)),
    ),
    "transformers": (
        from_transformers,
        lambda: [{"keypoints": p, "scores": np.full(17, 0.9), "labels": np.arange(17)} for p in PEOPLE],
    ),
    "ultralytics": (
        from_ultralytics,
        lambda: SimpleNamespace(keypoints=SimpleNamespace(xy=torch.tensor(PEOPLE), conf=torch.tensor(SCORES))),
    ),
}


def damaged(value: Any, chance: random.Random) -> Any:
    """The value with something strange in one place, anywhere from all of it to one number."""
    if chance.random() < 0.25:
        return chance.choice(STRANGE)
    if isinstance(value, SimpleNamespace):
        name = chance.choice(sorted(vars(value)))
        changed = SimpleNamespace(**vars(value))
        setattr(changed, name, damaged(getattr(value, name), chance))
        if chance.random() < 0.05:
            delattr(changed, name)
        return changed
    if isinstance(value, dict) and value:
        name = chance.choice(sorted(value))
        return value | {name: damaged(value[name], chance)}
    if isinstance(value, list) and value:
        place = chance.randrange(len(value))
        return [*value[:place], damaged(value[place], chance), *value[place + chance.choice((0, 1, 1, 1)) :]]
    if isinstance(value, np.ndarray) and value.size:
        changed = value.astype(chance.choice((float, float, object)))
        number = chance.choice([one for one in STRANGE if isinstance(one, float)])
        changed.flat[chance.randrange(changed.size)] = number
        return changed[chance.choice((slice(None), slice(1), slice(0)))]
    return chance.choice(STRANGE)


def outcome(adapter: Callable[..., Keypoints], result: Any) -> str:
    """What comes of a result; the word failed, and why, where it is neither keypoints nor words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's and numpy's own of strange tensors
            points, scores = adapter(result)
    except (TypeError, ValueError) as error:
        return "refused" if str(error) else "failed: without words"
    except Exception as error:  # each is a failure, whatever it is
        return f"failed: {type(error).__name__}: {error}"
    fits = points.shape == (*scores.shape, 2) and points.dtype == scores.dtype == np.float32
    known = points[~np.isnan(points)]
    return (
        "read" if fits and (np.abs(known) <= 2**24).all() and ((scores >= 0) & (scores <= 1)).all() else "failed: got"
    )


def attack(name: str, first: int, count: int) -> list[str]:
    """The failures among so many damaged results of a detector, from a number on."""
    adapter, true = ADAPTERS[name]
    assert outcome(adapter, true()) == "read"
    failures = []
    for number in range(first, first + count):
        result = damaged(copy.deepcopy(true()), random.Random(number))
        if (what := outcome(adapter, result)).startswith("failed"):
            failures.append(f"{name}, {number}: {what:.200}")
    return failures


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_few_strange_results(name: str) -> None:
    assert attack(name, 0, 150) == []


@pytest.mark.long
@pytest.mark.parametrize("name", ADAPTERS)
def test_thousands_of_strange_results(name: str) -> None:
    assert attack(name, FIRST, LONG) == []
