"""The way back: from a pose vector and a view vector to the pose as that camera sees it."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from poseembed.bounds import MAX_DIM, check_whole
from poseembed.network import NetworkConfig
from poseembed.skeleton import NUM_JOINTS

VIEWPOINT_NUMBERS = 5
"""How many numbers a viewpoint is written as, see `Viewpoint.encode`."""


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
    """The shape of a decoder.

    Attributes:
        width: Units of each of its two hidden layers.
    """

    width: int = 512

    def __post_init__(self) -> None:
        """Refuse what is not the shape of a decoder.

        Raises:
            TypeError: If `width` is not an int.
            ValueError: If it is under 1 or over `MAX_DIM` (`poseembed.bounds`).
        """
        check_whole("width", self.width, 1, MAX_DIM)


class Decoder(nn.Module):
    """Reads the 3D body from a pose vector, the camera from a view vector, and puts the one before the other.

    The body has no camera in it and the camera no body, so any pose can be looked at from any camera: the second of
    two performances from where the first was filmed. Fitted to a finished encoder by `training/decoder.py`.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> z_pose, z_view = encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2)), convert_to_tensor=True)
        >>> encoder.decoder.body(z_pose).shape, encoder.decoder.viewpoint(z_view).direction.shape
        (torch.Size([5, 13, 3]), torch.Size([5, 3]))
        >>> encoder.decoder(z_pose[:1].expand(5, -1), z_view).shape  # the first pose, seen by all five cameras
        torch.Size([5, 13, 2])
    """

    def __init__(self, network: NetworkConfig, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.read_body = nn.Sequential(
            nn.Linear(network.pose_dim, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, NUM_JOINTS * 3),
        )
        self.read_camera = nn.Linear(network.view_dim, VIEWPOINT_NUMBERS)

    def body(self, z_pose: Float[Tensor, "*batch pose_dim"]) -> Float[Tensor, "*batch 13 3"]:
        """The 3D joints, torso lengths from the middle of the hips: x to the body's front, y to its left, z up.

        Joint 0 is the centre of the head. An estimate from one picture: what it does not show is a guess.
        """
        return self.read_body(normalize(z_pose, dim=-1)).unflatten(-1, (NUM_JOINTS, 3))

    def viewpoint(self, z_view: Float[Tensor, "*batch view_dim"]) -> Viewpoint:
        """From where the body is seen."""
        return Viewpoint.decode(self.read_camera(z_view))

    def forward(
        self, z_pose: Float[Tensor, "*batch pose_dim"], z_view: Float[Tensor, "*batch view_dim"]
    ) -> Float[Tensor, "*batch 13 2"]:
        """The pose as the camera sees it, see `look`."""
        return look(self.body(z_pose), self.viewpoint(z_view))


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
