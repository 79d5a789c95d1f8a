"""The layer that gives pose vectors their lengths: what is common to fitting it to single frames and to clips."""

import copy
from dataclasses import replace
from typing import TypeVar

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from poseembed.clip_network import ClipEncoder
from poseembed.network import Encoder, certainty_of
from training.evaluation.pairs import balance

Sure = TypeVar("Sure", Encoder, ClipEncoder)
"""What may say how sure it is."""

SIZE = 128
"""Most poses in a gallery."""

AT_ONCE = 4
"""Galleries a step."""


class Lengths(nn.Module):
    """The layer that gives lengths, while it is fitted: it learns from what is scaled by its mean and spread.

    Args:
        features: Last hidden layer of some pictures, or of some windows of clips.
    """

    def __init__(self, features: Float[Tensor, "pictures width"]) -> None:
        super().__init__()
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-3
        self.read = nn.Linear(features.shape[1], 1)
        nn.init.zeros_(self.read.weight)
        nn.init.zeros_(self.read.bias)

    def certainty(self, features: Float[Tensor, "pictures width"]) -> Float[Tensor, " pictures"]:
        """How sure the encoder is."""
        return certainty_of(self.read((features - self.mean) / self.spread)).squeeze(-1)

    def layer(self) -> nn.Linear:
        """The layer as the encoder has it, with weights that float16 holds."""
        layer = nn.Linear(len(self.mean), 1)
        weight = self.read.weight / self.spread
        layer.weight.data.copy_(weight.half())
        layer.bias.data.copy_((self.read.bias - weight @ self.mean).half())
        return layer


def cross_entropy(logit: Float[Tensor, "n m"], match: Bool[Tensor, "n m"]) -> Float[Tensor, ""]:
    """Of probabilities at even odds, in nats: matches count half, and so do other pairs."""
    weight = balance(match.flatten()).float().view_as(logit)
    return binary_cross_entropy_with_logits(logit, match.float(), weight, reduction="sum")


def give_lengths(network: Sure, layer: nn.Linear | None) -> Sure:
    """A copy of a network with another layer that gives its pose vectors their lengths, or none."""
    other = copy.deepcopy(network)
    other.config = replace(network.config, certainty=layer is not None)
    other.certainty = copy.deepcopy(layer)
    return other.eval().requires_grad_(False)
