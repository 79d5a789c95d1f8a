"""What CV-MIM and the plain information maximisers share: a sub-encoder that scores a view against its two vectors."""

from torch import Tensor

from poseembed.network import FUSIONS, Encoder, NetworkConfig, Tower
from training.objectives.base import PairObjective


class WithinView(PairObjective):
    """An encoder and its sub-encoder, a second tower on the same first layer ("encode and dot-product").

    The dot product of the sub-encoder's output with the fused vectors says how well a view and a pair of vectors match.

    Args:
        network: The encoder's shape.
        fusion: How the two vectors are joined; see `poseembed.network.FUSIONS`.
        dropout: In both towers.

    Raises:
        ValueError: If the fusion needs vectors of one length, and they are not.
    """

    def __init__(self, network: NetworkConfig, *, fusion: str, dropout: float) -> None:
        super().__init__()
        if fusion != "concatenation" and network.pose_dim != network.view_dim:
            raise ValueError(
                f"fusion {fusion!r} needs vectors of one length, got pose_dim={network.pose_dim} and "
                f"view_dim={network.view_dim}; make them equal or use 'concatenation'"
            )
        self.fuse = FUSIONS[fusion]
        self.encoder = Encoder(network, dropout=dropout)
        fused = network.pose_dim + (network.view_dim if fusion == "concatenation" else 0)
        self.subencoder = Tower(network.width, fused, blocks=network.blocks, dropout=dropout)

    def encode(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pose vectors, view vectors and the sub-encoder's vectors, in float32."""
        first = self.encoder.stem(inputs)
        z_pose, z_view = self.encoder.heads(self.encoder.residual(first))
        return z_pose.float(), z_view.float(), self.subencoder(first).float()
