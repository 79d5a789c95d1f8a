"""What every action classifier looks like to the code that trains and compares them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from poseembed.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Classifier:
    """A kind of network that names actions.

    Attributes:
        name: In tables.
        build: `build(input_dim, num_classes)` makes an untrained network, which maps features of frames
            (clips, frames, input_dim) to logits (clips, num_classes). 2D keypoints come as 26 numbers a frame,
            x0 y0 x1 y1 ... of the 13 joints, normalised, 0 where missing. Raises ValueError for numbers of inputs
            that it cannot read or classes below 1.
    """

    name: str
    build: Callable[[int, int], nn.Module]


@runtime_checkable
class Penalised(Protocol):
    """A network with a price on its weights, which training adds to the cross-entropy."""

    def penalty(self) -> Tensor:
        """The price, a scalar."""


def check_sizes(input_dim: int, num_classes: int) -> None:
    """Refuse sizes that no network has.

    Raises:
        ValueError: If one of the two is below 1.
    """
    if input_dim < 1 or num_classes < 1:
        raise ValueError(f"got input_dim={input_dim}, num_classes={num_classes}; both must be at least 1")


def check_keypoints(input_dim: int, name: str) -> None:
    """Refuse features that are not the 2D keypoints of the 13 joints.

    Args:
        input_dim: Numbers a frame.
        name: Of the classifier that reads joints.

    Raises:
        ValueError: If there are not 26.
    """
    if input_dim != 2 * NUM_JOINTS:
        raise ValueError(
            f"got input_dim={input_dim}; {name} reads joints, so it wants {2 * NUM_JOINTS} numbers a frame: x and y of "
            f"the {NUM_JOINTS} joints. Pass 2D keypoints, or take a classifier that reads any features, such as ConvNet"
        )
