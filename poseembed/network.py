"""The encoder network of CV-MIM and the operators that fuse its two vectors."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from poseembed.bounds import MAX_BLOCKS, MAX_DIM, check_whole
from poseembed.skeleton import NUM_JOINTS

Layer = TypeVar("Layer", nn.Linear, nn.Conv1d)
Network = TypeVar("Network", bound=nn.Module)

LEAST_CERTAINTY = 0.01
"""Length of the pose vector of a picture that says nothing: its direction is still there, in half precision too."""

_TINY = 1e-12
_KERAS_TRUNCATION = 0.87962566103423978  # std of a unit normal cut at two sigma: Keras divides by it, and so do we


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of an encoder.

    Attributes:
        mask_input: Whether each joint enters as (x, y, visible), 39 inputs, instead of (x, y), 26.
        width: Units of each hidden layer.
        blocks: Number of residual blocks of two layers each.
        pose_dim: Length of `z_pose`.
        view_dim: Length of `z_view`; 0 for a network without a view vector, whose `z_view` is then empty.
        certainty: Whether the length of `z_pose` says how sure the network is of the pose, see `Encoder`.

    Examples:
        >>> from poseembed.network import NetworkConfig
        >>> NetworkConfig(mask_input=True).input_dim
        39
    """

    mask_input: bool = False
    width: int = 1024
    blocks: int = 2
    pose_dim: int = 32
    view_dim: int = 32
    certainty: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not the shape of a network.

        Raises:
            TypeError: If `mask_input` or `certainty` is not a bool, or another attribute not an int.
            ValueError: If a size is under 1, or `view_dim` under 0; or if one is over `MAX_DIM`, `blocks` over
                `MAX_BLOCKS` (`poseembed.bounds`).
        """
        for name in ("mask_input", "certainty"):
            if type(value := getattr(self, name)) is not bool:
                raise TypeError(f"{name} must be bool, got {value!r:.40}")
        check_whole("width", self.width, 1, MAX_DIM)
        check_whole("blocks", self.blocks, 1, MAX_BLOCKS)
        check_whole("pose_dim", self.pose_dim, 1, MAX_DIM)
        check_whole("view_dim", self.view_dim, 0, MAX_DIM)

    @property
    def input_dim(self) -> int:
        """Inputs of the first layer."""
        return NUM_JOINTS * (3 if self.mask_input else 2)


class Unit(nn.Sequential):
    """Linear, batch norm, ReLU, dropout, in the order of the official code; without those that do nothing."""

    def __init__(self, inputs: int, outputs: int, *, batch_norm: bool, dropout: float) -> None:
        super().__init__(he_normal_(nn.Linear(inputs, outputs)))
        if batch_norm:  # Keras' decay 0.99 of the running statistics is torch's momentum 0.01
            self.append(nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.01))
        self.append(nn.ReLU(inplace=True))
        if dropout:
            self.append(nn.Dropout(dropout))


class Tower(nn.Module):
    """Residual blocks of two units each, then one linear layer; nothing follows the sum of a block."""

    def __init__(
        self, width: int, outputs: int, *, blocks: int = 2, batch_norm: bool = True, dropout: float = 0.25
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Unit(width, width, batch_norm=batch_norm, dropout=dropout) for _ in range(2)))
            for _ in range(blocks)
        )
        self.head = he_normal_(nn.Linear(width, outputs))

    def forward(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch outputs"]:
        """Apply the blocks and the head."""
        return self.head(self.residual(features))

    def residual(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """Apply the blocks alone."""
        for block in self.blocks:
            features = features + block(features)
        return features


class Encoder(nn.Module):
    """Normalised keypoints to `z_pose` and `z_view`.

    One unit (`stem`), two residual blocks and one linear layer whose first outputs are the pose vector and whose
    last are the view vector; both are unbounded. Batch norm and dropout are there for training only: a published
    checkpoint holds the network after `fold_batch_norm`.

    The direction of `z_pose` is the pose. Its length says nothing, unless `NetworkConfig.certainty` is set: it is then
    how sure the network is of the direction, from `LEAST_CERTAINTY` to 1, which one more linear layer reads from the
    last hidden layer. That layer is fitted to a trained network (`training/calibrate.py`) and leaves its directions.
    """

    def __init__(self, config: NetworkConfig, *, batch_norm: bool = True, dropout: float = 0.25) -> None:
        super().__init__()
        self.config = config
        self.stem = Unit(config.input_dim, config.width, batch_norm=batch_norm, dropout=dropout)
        self.tower = Tower(
            config.width,
            config.pose_dim + config.view_dim,
            blocks=config.blocks,
            batch_norm=batch_norm,
            dropout=dropout,
        )
        self.certainty = nn.Linear(config.width, 1) if config.certainty else None

    def forward(
        self, inputs: Float[Tensor, "batch inputs"]
    ) -> tuple[Float[Tensor, "batch pose"], Float[Tensor, "batch view"]]:
        """Encode what `network_input` makes of a batch of normalised poses."""
        return self.heads(self.features(inputs))

    def layout(
        self, normalized: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"]
    ) -> Float[Tensor, "*batch inputs"]:
        """Normalised poses as this encoder reads them, see `network_input`."""
        return network_input(normalized, visible, self.config)

    def features(self, inputs: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch width"]:
        """The last hidden layer, which the heads read: `residual` of the `stem`."""
        return self.residual(self.stem(inputs))

    def residual(self, first: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """What the residual blocks make of the first layer's output."""
        return self.tower.residual(first)

    def heads(
        self, features: Float[Tensor, "batch width"]
    ) -> tuple[Float[Tensor, "batch pose"], Float[Tensor, "batch view"]]:
        """The pose vector and the view vector out of the last hidden layer."""
        z_pose, z_view = self.tower.head(features).split([self.config.pose_dim, self.config.view_dim], dim=-1)
        if self.certainty is not None:
            # Half types would round the lengths, and so how sure of a pose it is.
            z_pose = z_pose.to(torch.promote_types(z_pose.dtype, torch.float32))
            length = certainty_of(self.certainty(features).to(z_pose.dtype))
            z_pose = z_pose * (length / torch.linalg.vector_norm(z_pose, dim=-1, keepdim=True).clamp_min(_TINY))
        return z_pose, z_view


def certainty_of(score: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Length of the pose vector, `LEAST_CERTAINTY` to 1, for what the layer says that reads it: the logistic curve."""
    return LEAST_CERTAINTY + (1 - LEAST_CERTAINTY) * score.sigmoid()


def network_input(
    normalized: Float[Tensor, "*batch 13 2"], visible: Tensor, config: NetworkConfig
) -> Float[Tensor, "*batch inputs"]:
    """Lay a normalised pose out as the encoder reads it: x0, y0, x1, ... or x0, y0, visible0, x1, ...

    Missing joints are 0 in `normalized`. A network without the mask sees them at the centre of the hips.
    """
    if config.mask_input:
        normalized = torch.cat([normalized, visible.unsqueeze(-1).to(normalized.dtype)], dim=-1)
    return normalized.flatten(-2)


def fuse_mixture(z_pose: Float[Tensor, "*b d"], z_view: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Mixture of experts, the paper's choice: the mean of the two vectors."""
    return (z_pose + z_view) / 2


def fuse_product(z_pose: Float[Tensor, "*b d"], z_view: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Product of experts: the elementwise product of the two vectors."""
    return z_pose * z_view


def fuse_concatenation(z_pose: Float[Tensor, "*b p"], z_view: Float[Tensor, "*b v"]) -> Float[Tensor, "*b p_and_v"]:
    """Both vectors, one after the other."""
    return torch.cat([z_pose, z_view], dim=-1)


FUSIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mixture": fuse_mixture,
    "product": fuse_product,
    "concatenation": fuse_concatenation,
}
"""The fusion operators by name."""


def fold_batch_norm(network: Network) -> Network:
    """A copy of a trained network without batch norm and dropout that gives the same vectors.

    Each batch norm is an affine map at inference, so it disappears into the linear layer before it.

    Args:
        network: Made of `Unit`s, such as an `Encoder`.

    Raises:
        ValueError: If it has no batch norm.
    """
    folded = copy.deepcopy(network)
    with torch.no_grad():
        for unit in folded.modules():
            if isinstance(unit, Unit):
                linear, norm = cast(nn.Linear, unit[0]), unit[1]
                if not isinstance(norm, nn.BatchNorm1d):
                    raise ValueError("this network has no batch norm; it was folded already")
                mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
                gain = norm.weight * torch.rsqrt(variance + norm.eps)
                linear.weight.copy_(linear.weight * gain[:, None])
                linear.bias.copy_((linear.bias - mean) * gain + norm.bias)
                del unit[3:], unit[1]
    return folded.eval()


def he_normal_(layer: Layer) -> Layer:
    """Initialise a layer as Keras' `he_normal` does, biases too (their fan-in is their own length)."""
    for parameter, fan_in in ((layer.weight, layer.weight[0].numel()), (layer.bias, len(layer.weight))):
        if parameter is not None:
            std = (2 / fan_in) ** 0.5 / _KERAS_TRUNCATION
            nn.init.trunc_normal_(parameter, std=std, a=-2 * std, b=2 * std)
    return layer
