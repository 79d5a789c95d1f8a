"""Res-TCN: residual temporal convolutions on whole frames (Kim and Reiter, CVPR workshops 2017)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from poseembed.actions.convnet import same_padding
from poseembed.network import he_normal_
from training.classifiers.base import Classifier, check_sizes

KERNEL = 8
WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
"""Of the first convolution, then of the nine units; where the width doubles, the stride is 2."""

L1 = 1e-4


class ResTCN(nn.Module):
    """One convolution, nine residual units, the mean over time, and a linear layer (RESTCN in google-research/poem).

    Padding, initial weights and the constants of batch normalisation are those that the official code gets from
    Keras, and so is the price of 1e-4 on the absolute values of the kernels. That code ends the network with a softmax
    and takes another one in its loss, which flattens its probabilities; here logits come out and there is one.

    Args:
        input_dim: Length of the vector of each frame.
        num_classes: Number of actions.

    Raises:
        ValueError: If one of the two is below 1.
    """

    def __init__(self, input_dim: int, num_classes: int) -> None:
        super().__init__()
        check_sizes(input_dim, num_classes)
        self.stem = _SameConv(input_dim, WIDTHS[0], KERNEL)
        self.units = nn.Sequential(*(_Unit(a, b) for a, b in pairwise(WIDTHS)))
        self.norm = _norm(WIDTHS[-1])
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
        hidden: Tensor = self.units(self.stem(features.transpose(1, 2)))
        logits: Tensor = self.logits(F.relu(self.norm(hidden)).mean(-1))
        return logits

    def penalty(self) -> Tensor:
        """L1 norm of the kernels of all convolutions, times `L1`."""
        kernels = [module.weight for module in self.modules() if isinstance(module, nn.Conv1d)]
        return L1 * torch.stack([kernel.abs().sum() for kernel in kernels]).sum()


class _Unit(nn.Module):
    """Batch normalisation, ReLU, dropout of one half and a convolution, added to what came in."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = outputs // inputs
        self.norm = _norm(inputs)
        self.dropout = nn.Dropout(0.5)
        self.conv = _SameConv(inputs, outputs, KERNEL, stride)
        self.shortcut = nn.Identity() if inputs == outputs else _SameConv(inputs, outputs, 1, stride)

    def forward(self, x: Float[Tensor, "clips inputs frames"]) -> Float[Tensor, "clips outputs frames_out"]:
        added: Tensor = self.shortcut(x) + self.conv(self.dropout(F.relu(self.norm(x))))
        return added


class _SameConv(nn.Conv1d):
    """Convolution with TensorFlow's 'same' padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride)
        he_normal_(self)

    def forward(self, x: Float[Tensor, "clips inputs frames"]) -> Float[Tensor, "clips outputs frames_out"]:
        (kernel,), (stride,) = self.kernel_size, self.stride
        return super().forward(F.pad(x, same_padding(x.shape[-1], kernel, stride)))


def _norm(width: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(width, eps=1e-3, momentum=0.01)


CLASSIFIER = Classifier("Res-TCN", ResTCN)
