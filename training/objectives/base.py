"""What every training objective looks like to the training loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from jaxtyping import Float
from torch import Tensor, nn

from poseembed.checkpoint import Checkpoint, CheckpointConfig, Json
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.scene.views import AnyBatch, Batch


@dataclass(frozen=True)
class Losses:
    """One step's losses.

    Attributes:
        players: The scalar that each player minimises, by the player's name. All come from one forward pass.
        terms: Scalars for the log, detached.
    """

    players: dict[str, Tensor]
    terms: dict[str, Tensor]


class Objective(nn.Module, ABC, Generic[AnyBatch]):
    """Networks trained together, and what each of them minimises.

    A *player* is a group of parameters with a loss and an optimiser of its own: the encoder, and whatever plays
    against it. Gradients of one player's loss reach that player's parameters only.

    Attributes:
        encoder: What is trained to be used.
        space: Fingerprint of the network whose vectors it learns to give; None if its vectors will be its own. See
            `poseembed.PoseEncoder.space`.
        recordable: Whether a GPU can record its work: it is the same whatever the batch holds.
    """

    encoder: Encoder
    space: str | None = None
    recordable: bool = True

    @abstractmethod
    def players(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that each player's loss updates."""

    def trained(self, training: dict[str, Json]) -> Checkpoint:
        """What came of it, as it is published: batch norm folded, weights as float16 holds them, on the CPU.

        Args:
            training: How it was made, for the config.
        """
        network = fold_batch_norm(self.encoder).cpu().half().float()
        config = CheckpointConfig(
            network=self.encoder.config, license="apache-2.0", training=training, space=self.space
        )
        return Checkpoint(config, network)

    @abstractmethod
    def forward(self, batch: AnyBatch) -> Losses:
        """Losses of a batch."""


class PairObjective(Objective[Batch]):
    """An objective that learns from pairs of single pictures."""

    def inputs(self, batch: Batch) -> Float[Tensor, "2 pairs inputs"]:
        """What the encoder reads of the anchors and of the positives."""
        return self.encoder.layout(batch.points, batch.visible)


@dataclass(frozen=True)
class System:
    """An objective as it stands in the comparison of all of them, see `training.compare`.

    A module of this package lists its own in `SYSTEMS`. They have no dropout: a comparison sees far too few pairs for
    anything to overfit (`--set objective.config.dropout=0.25` is the paper's).

    Attributes:
        name: On command lines, and of its folder.
        label: In tables.
        objective: Makes the networks and their losses for a network shape.
        pose_dim: Length of its pose vector.
        view_dim: Length of its view vector; 0 for none.
    """

    name: str
    label: str
    objective: Callable[[NetworkConfig], Objective[Batch]]
    pose_dim: int = 32
    view_dim: int = 32
