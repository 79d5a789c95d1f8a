"""The temporal ConvNet that CV-MIM's action-recognition results are measured with."""

import math
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from poseembed.network import he_normal_

WIDTHS = (64, 128, 256)
KERNEL = 7
STRIDE = 2


class ConvNet(nn.Module):
    """Three strided convolutions over time, averaged over time, and a linear layer (CONVNET in google-research/poem).

    Each convolution is followed by batch normalisation, ReLU and dropout of one half. Padding, initial weights and the
    constants of batch normalisation are those that the official code gets from Keras; 332 frames become 166, 83, 42.

    Args:
        input_dim: Length of the vector of each frame.
        num_classes: Number of actions.

    Raises:
        ValueError: If one of the two is below 1.
    """

    def __init__(self, input_dim: int, num_classes: int) -> None:
        super().__init__()
        if input_dim < 1 or num_classes < 1:
            raise ValueError(f"got input_dim={input_dim}, num_classes={num_classes}; both must be at least 1")
        widths = (input_dim, *WIDTHS)
        self.layers = nn.Sequential(*(_Layer(a, b) for a, b in pairwise(widths)))
        self.logits = nn.Linear(WIDTHS[-1], num_classes)
        nn.init.xavier_uniform_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)

    def forward(self, features: Float[Tensor, "clips frames dim"]) -> Float[Tensor, "clips classes"]:
        """Score the actions.

        Args:
            features: Sequences of at least one frame.

        Returns:
            Logits.
        """
        hidden: Tensor = self.layers(features.transpose(1, 2))
        logits: Tensor = self.logits(hidden.mean(-1))
        return logits


class _Layer(nn.Module):
    """Convolution with TensorFlow's 'same' padding, batch normalisation, ReLU, dropout of one half."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = he_normal_(nn.Conv1d(inputs, outputs, KERNEL, STRIDE))
        self.norm = nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Float[Tensor, "clips inputs frames"]) -> Float[Tensor, "clips outputs frames_out"]:
        x = self.conv(F.pad(x, same_padding(x.shape[-1], KERNEL, STRIDE)))
        return self.dropout(F.relu(self.norm(x)))


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a sequence so that `ceil(length / stride)` steps come out; an odd one goes after."""
    total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2
