"""The networks that only training needs: the Gaussian Q of CLUB and the discriminator D of the prior.

The third one, the sub-encoder that scores a pose against its vectors, is a `poseembed.network.Tower` on the
encoder's own first layer.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LikelihoodEstimator(nn.Module):
    """q(y | x): a diagonal Gaussian whose mean and log variance, within (-1, 1), two small networks read from x."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.mean = _two_layers(inputs, outputs)
        self.log_variance = _two_layers(inputs, outputs)

    def forward(self, x: Float[Tensor, "batch d_in"]) -> tuple[Float[Tensor, "batch d"], Float[Tensor, "batch d"]]:
        """Mean and log variance of y given x."""
        return self.mean(x), torch.tanh(self.log_variance(x))


class Discriminator(nn.Module):
    """Tells vectors inside the unit cube that were drawn uniformly from those that the encoder made (logits)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _glorot_(nn.Linear(dim, dim)),
            nn.ReLU(),
            _glorot_(nn.Linear(dim, dim // 2)),
            nn.ReLU(),
            _glorot_(nn.Linear(dim // 2, 1)),
        )

    def forward(self, x: Float[Tensor, "batch d"]) -> Float[Tensor, "batch 1"]:
        """Logit of "drawn from the prior"."""
        return self.layers(x)


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _glorot_(nn.Linear(inputs, outputs)),
        nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01),
        nn.ELU(),
        _glorot_(nn.Linear(outputs, outputs)),
    )


def _glorot_(linear: nn.Linear) -> nn.Linear:
    """Keras' default initialisation, which the official critics use."""
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
