"""Whose vectors these are: a name for the network that made them, and for the space they lie in."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from poseembed.clip_network import ClipEncoder
from poseembed.network import Encoder

_Network = TypeVar("_Network", Encoder, ClipEncoder)

_FINGERPRINT = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class MadeBy:
    """What made some vectors. Vectors can be compared if they lie in one space.

    Its text, `str(made_by)`, which files keep and `from_text` reads, is "FINGERPRINT", or "FINGERPRINT in SPACE" where
    the two differ; with context " with CLIP" follows.

    Attributes:
        fingerprint: Of the network, see `PoseEncoder.fingerprint`.
        space: Fingerprint of the network in whose space the vectors lie: its own, or that of the one it learnt from.
        clip: Fingerprint of the clip encoder that corrected the vectors of those who could be followed over time; None
            for vectors of single frames. The space is the same.

    Examples:
        >>> from poseembed import MadeBy, PoseEncoder
        >>> base, small = PoseEncoder.from_pretrained().made_by, PoseEncoder.from_pretrained("poseembed-small").made_by
        >>> base == small, base.space == small.space  # two networks, whose vectors can be compared
        (False, True)
        >>> MadeBy.from_text(str(small)) == small
        True
    """

    fingerprint: str
    space: str
    clip: str | None = None

    def __post_init__(self) -> None:
        """Refuse what are no fingerprints.

        Raises:
            ValueError: If one is not 16 hex digits.
        """
        for name in (self.fingerprint, self.space, *([] if self.clip is None else [self.clip])):
            check_fingerprint(name)

    @classmethod
    def from_text(cls, text: str) -> "MadeBy":
        """What `str` gave.

        Raises:
            ValueError: If it is something else.
        """
        frames, corrected, clip = text.partition(" with ")
        fingerprint, separator, space = frames.partition(" in ")
        return cls(fingerprint, space if separator else fingerprint, clip if corrected else None)

    def __str__(self) -> str:
        frames = self.fingerprint if self.fingerprint == self.space else f"{self.fingerprint} in {self.space}"
        return frames if self.clip is None else f"{frames} with {self.clip}"


def space(network: Encoder) -> str:
    """Name of the space of a network's pose vectors: its `fingerprint` without the layer that gives them their lengths.

    Vectors are compared by their directions, so those from before and after that layer was fitted lie in one space.
    """
    return fingerprint(network, without="certainty.")


def fingerprint(network: Encoder | ClipEncoder, *, without: str | None = None) -> str:
    """Name of a network, 16 hex digits of a SHA-256: of the tensors' names, shapes and values.

    Tensors whose names begin with `without` are left out.

    The values are taken as bfloat16 holds them. That keeps eight of their binary digits, which tells any two trained
    networks apart; and it is what a checkpoint loaded in bfloat16 has left, so that the same weights have one name in
    every type and on every device. (To the last digit this holds for weights that float16 holds exactly, as those of
    published checkpoints.)
    """
    shape = network.config if isinstance(network, Encoder) else network.frames
    digest = hashlib.sha256(f"{shape.pose_dim} {shape.view_dim}".encode())
    for name, value in sorted(network.state_dict().items()):
        if without is not None and name.startswith(without):
            continue
        bits = value.detach().cpu().to(torch.bfloat16).contiguous().view(torch.int16)
        digest.update(f" {name} {tuple(value.shape)} ".encode() + bits.numpy().astype("<i2").tobytes())
    return digest.hexdigest()[:16]


class Names:
    """Fingerprints and spaces of networks, each made once for weights that stay the same.

    To name a large network takes longer than to embed a pose.
    """

    def __init__(self) -> None:
        self._known: dict[object, tuple[tuple[object, ...], str]] = {}

    def of(self, network: _Network, kind: Callable[[_Network], str] = fingerprint) -> str:
        """The `fingerprint` or the `space` of a network, of which there is one of each type."""
        tensors = network.state_dict().values()
        state = tuple((t.data_ptr(), t.device, t.dtype, 0 if t.is_inference() else t._version) for t in tensors)
        key = (type(network), kind)
        if key not in self._known or self._known[key][0] != state:
            self._known[key] = state, kind(network)
        return self._known[key][1]


def check_fingerprint(text: str) -> None:
    """Refuse what is no fingerprint.

    Raises:
        ValueError: If it is not 16 hex digits.
    """
    if not _FINGERPRINT.fullmatch(text):
        raise ValueError(f"got {text!r}; wanted the fingerprint of a network, 16 hex digits")


def meet(first: MadeBy | None, second: MadeBy | None, names: tuple[str, str]) -> MadeBy | None:
    """What made two collections of vectors that are to be compared, or joined to one.

    Returns:
        The one that made both; for one encoder with and without context, that without; for two encoders of one space,
        that space's. Where it is not known of one (plain arrays do not say), that of the other.

    Raises:
        ValueError: If their vectors lie in different spaces.
    """
    if first is None or second is None or first == second:
        return second if first is None else first
    if first.space != second.space:
        raise ValueError(
            f"{names[0]} has vectors of checkpoint {first}, {names[1]} of checkpoint {second}; vectors of two spaces "
            "cannot be compared, so embed again with the encoder of the other, or one of its space (PoseEncoder.space)"
        )
    return MadeBy(first.fingerprint if first.fingerprint == second.fingerprint else first.space, first.space)
