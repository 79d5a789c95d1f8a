"""The way back: the 3D body from what an encoder made of a picture, the camera from a view vector, the two together."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from poseembed.body import Body
from poseembed.bounds import MAX_DIM, check_whole
from poseembed.network import NetworkConfig
from poseembed.skeleton import NUM_JOINTS

VIEWPOINT_NUMBERS = 5
"""How many numbers a viewpoint is written as, see `Viewpoint.encode`."""

JOINT_NUMBERS = 9
"""How many a joint of a body is read as: where it is, and how far off that may be in which direction."""

_BELOW = ([1, 2, 2], [0, 0, 1])
"""Rows and columns of a lower triangular matrix, without its diagonal."""

_LAPLACE_VARIANCE = 4.0
"""Of each coordinate of a Laplace distribution of three dimensions with scale 1."""

_LOG_RANGE = (-3.0, 7.0)
"""Of the logarithm of one over the scale: no joint is surer than that, or less sure, whatever came in."""


class Viewpoint(NamedTuple):
    """From where a body is seen, in the frame of the body: x to its front, y to its left, z up.

    It does not say how far away the camera is: the size of a picture does not tell.

    Attributes:
        direction: (..., 3) unit vector from the hips to the camera.
        roll: (...) radians about the optical axis; positive turns the picture clockwise.

    Examples:
        >>> import torch
        >>> from poseembed.decoder import Viewpoint
        >>> in_front = Viewpoint(torch.tensor([1.0, 0.0, 0.0]), torch.tensor(0.3))
        >>> in_front.encode()
        tensor([1.0000, 0.0000, 0.0000, 0.2955, 0.9553])
        >>> Viewpoint.decode(2 * in_front.encode()).roll
        tensor(0.3000)
    """

    direction: Float[Tensor, "*batch 3"]
    roll: Float[Tensor, "*batch"]

    def encode(self) -> Float[Tensor, "*batch 5"]:
        """The numbers that a network learns for it: the direction, and sine and cosine of the roll."""
        return torch.cat([self.direction, self.roll.sin().unsqueeze(-1), self.roll.cos().unsqueeze(-1)], dim=-1)

    @classmethod
    def decode(cls, numbers: Float[Tensor, "*batch 5"]) -> "Viewpoint":
        """The viewpoint that such numbers come nearest to; the two vectors in them may have any length."""
        sin, cos = numbers[..., 3:].unbind(-1)
        return cls(normalize(numbers[..., :3], dim=-1), torch.atan2(sin, cos))


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a decoder, and what its answers are worth.

    Attributes:
        width: Units of each of its two hidden layers.
        line: From so many standard deviations on, a joint of two performances differs (`poseembed.align`). Chosen with
            the decoder: in 95 of 100 pairs of videos of one performance, no joint is ever so far off.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> PoseEncoder.from_pretrained("poseembed-small").decoder.config.width
        512
    """

    width: int = 512
    line: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what does not describe a decoder.

        Raises:
            TypeError: If `width` is not an int, or `line` no number.
            ValueError: If `width` is under 1 or over `MAX_DIM` (`poseembed.bounds`), or `line` not a positive number.
        """
        check_whole("width", self.width, 1, MAX_DIM)
        if type(self.line) not in (int, float):
            raise TypeError(f"line must be a number, got {self.line!r:.40}")
        if not 0 < self.line < math.inf:
            raise ValueError(f"line must be over 0 and finite, got {self.line}")


class Decoder(nn.Module):
    """Reads the 3D body from the last hidden layer of an encoder, and the camera from a view vector.

    The body has no camera in it and the camera no body, so any pose can be looked at from any camera (`look`): the
    second of two performances from where the first was filmed. Fitted to a finished encoder by `training/decoder.py`.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> _, z_view = encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2)), convert_to_tensor=True)
        >>> encoder.decoder.viewpoint(z_view).direction.shape
        torch.Size([5, 3])
    """

    def __init__(self, network: NetworkConfig, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.read_body = nn.Sequential(
            nn.Linear(network.width + network.input_dim, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, NUM_JOINTS * JOINT_NUMBERS),
        )
        self.read_camera = nn.Linear(network.view_dim, VIEWPOINT_NUMBERS)

    def body(self, features: Float[Tensor, "batch width"], inputs: Float[Tensor, "batch inputs"]) -> Body[Tensor]:
        """The bodies, float32 at least.

        Args:
            features: What `Encoder.features` gives for...
            inputs: ...what `Encoder.layout` gives.
        """
        joints, whitening = self.whitened(features, inputs)
        one = torch.eye(3, dtype=whitening.dtype, device=whitening.device)
        scale = torch.linalg.solve_triangular(whitening, one.expand_as(whitening), upper=False)
        return Body(joints, _LAPLACE_VARIANCE * scale @ scale.mT)

    def whitened(
        self, features: Float[Tensor, "batch width"], inputs: Float[Tensor, "batch inputs"]
    ) -> tuple[Float[Tensor, "batch 13 3"], Float[Tensor, "batch 13 3 3"]]:
        r"""Joints, and lower triangular matrices that bring their errors to one size in all directions.

        The error `e` of a joint is taken to follow a Laplace distribution of three dimensions, with the density
        :math:`|W| \exp(-\lVert W e \rVert) / 8 \pi`, whose covariance is :math:`4 (W^\top W)^{-1}`.
        """
        numbers = self.read_body(torch.cat([features, inputs], dim=-1)).unflatten(-1, (NUM_JOINTS, JOINT_NUMBERS))
        joints, logs, slants = numbers.to(torch.promote_types(numbers.dtype, torch.float32)).split(3, dim=-1)
        whitening = torch.diag_embed(logs.clamp(*_LOG_RANGE).exp())
        below = torch.zeros_like(whitening)
        rows, columns = _BELOW
        below[..., rows, columns] = slants
        return joints, whitening + whitening @ below

    def viewpoint(self, z_view: Float[Tensor, "*batch view_dim"]) -> Viewpoint:
        """From where the body is seen."""
        return Viewpoint.decode(self.read_camera(z_view))


def look(body: Float[Tensor, "*batch n 3"], viewpoint: Viewpoint) -> Float[Tensor, "*batch n 2"]:
    """A body as a camera far away sees it (orthographic projection).

    Args:
        body: Joints (x, y, z), z up, from the middle of the hips.
        viewpoint: Of the camera, in the same frame; not straight above or below.

    Returns:
        Points (x, y), y down, in the body's unit, the middle of the hips at 0.

    Examples:
        >>> import torch
        >>> from poseembed.decoder import Viewpoint, look
        >>> body = torch.zeros(13, 3)
        >>> body[1] = torch.tensor([0.0, 0.4, 1.0])  # the left shoulder: to the left, and a torso length up
        >>> in_front = Viewpoint(torch.tensor([1.0, 0.0, 0.0]), torch.tensor(0.0))
        >>> look(body, in_front)[1]  # to the right in the picture, and up
        tensor([ 0.4000, -1.0000])
    """
    forward = -viewpoint.direction
    vertical = torch.zeros_like(forward)
    vertical[..., 2] = 1
    left = normalize(torch.linalg.cross(vertical, forward), dim=-1)
    up = torch.linalg.cross(forward, left)
    across, along = ((body * axis.unsqueeze(-2)).sum(-1) for axis in (left, up))
    sin, cos = viewpoint.roll.sin().unsqueeze(-1), viewpoint.roll.cos().unsqueeze(-1)
    return -torch.stack([cos * across - sin * along, sin * across + cos * along], dim=-1)
