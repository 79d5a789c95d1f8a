"""The annotations are checked: what the other tests rely on without saying so."""

import re
from collections.abc import Callable

import jaxtyping
import numpy as np
import pytest
import torch

from poseembed.actions.sequences import resample
from poseembed.decoder import DecoderConfig
from poseembed.pose_embedding import Embedding
from training.scene.world import heading, turn

from .annotations import checked, violations


def found(words: str) -> bool:
    """Whether there was a violation that says so; forgets it, for it was wanted."""
    seen = any(re.search(words, violation) for violation in violations)
    violations.clear()
    return seen


@pytest.mark.parametrize(
    "function, arguments, parameter",
    [
        (resample, (np.zeros(3), 2), "sequence"),
        (heading, (torch.zeros(13, 2),), "points"),
        (turn, (torch.zeros(4, 3), torch.zeros(5)), "angle"),
    ],
)
def test_shapes_are_checked_in_the_library_and_in_training(
    function: Callable[..., object], arguments: tuple[object, ...], parameter: str
) -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match=f"'{parameter}'"):
        function(*arguments)
    assert found(f"parameter {parameter}=")


def test_a_violation_that_is_caught_is_seen_all_the_same() -> None:
    @jaxtyping.jaxtyped(typechecker=checked)
    def half(width: int) -> int:
        return width // 2

    with pytest.raises(TypeError, match="width"):
        half(2.5)  # type: ignore[arg-type]
    assert found(r"parameter width=2\.5")


@pytest.mark.unchecked_types
def test_what_the_library_says_itself_is_heard_on_request() -> None:
    with pytest.raises(TypeError, match=r"width must be int, got 2\.5"):
        DecoderConfig(2.5)  # type: ignore[arg-type]


def test_a_pair_is_no_embedding() -> None:
    @jaxtyping.jaxtyped(typechecker=checked)
    def embed(value: object) -> Embedding[np.ndarray]:
        return value  # type: ignore[return-value]

    vectors = Embedding(np.zeros(3), np.zeros(3))
    assert embed(vectors) is vectors
    with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
        embed(tuple(vectors))
    assert found("Embedding")
