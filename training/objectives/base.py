"""What every training objective looks like to the training loop."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from poseembed.network import Encoder
from training.views import Batch


@dataclass(frozen=True)
class Losses:
    """One step's losses.

    Attributes:
        players: The scalar that each player minimises, by the player's name. All come from one forward pass.
        terms: Scalars for the log, detached.
    """

    players: dict[str, Tensor]
    terms: dict[str, Tensor]


class Objective(nn.Module, ABC):
    """Networks trained together, and what each of them minimises.

    A *player* is a group of parameters with a loss and an optimiser of its own: the encoder, and whatever plays
    against it. Gradients of one player's loss reach that player's parameters only.
    """

    encoder: Encoder

    @abstractmethod
    def players(self) -> dict[str, list[nn.Parameter]]:
        """The parameters that each player's loss updates."""

    @abstractmethod
    def forward(self, batch: Batch) -> Losses:
        """Losses of a batch."""
