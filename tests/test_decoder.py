"""The decoder: where it puts left, up and the camera, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from poseembed.decoder import Decoder, DecoderConfig, Viewpoint, look
from poseembed.network import NetworkConfig

FRONT, LEFT, UP = torch.eye(3)
BODY = torch.stack([FRONT, LEFT, UP])


def seen_from(direction: torch.Tensor, roll: float = 0.0) -> torch.Tensor:
    return look(BODY, Viewpoint(direction, torch.tensor(roll)))


@pytest.mark.parametrize(
    "camera, front, left, up",
    [
        (FRONT, (0, 0), (1, 0), (0, -1)),  # face to face, the person's left is on the picture's right
        (-FRONT, (0, 0), (-1, 0), (0, -1)),
        (LEFT, (-1, 0), (0, 0), (0, -1)),
        (-LEFT, (1, 0), (0, 0), (0, -1)),
    ],
)
def test_where_things_are_in_the_picture(camera, front, left, up) -> None:
    assert_close(seen_from(camera), torch.tensor([front, left, up], dtype=torch.float32))


def test_a_camera_above_sees_the_front_below_the_hips() -> None:
    high = (FRONT + UP) / math.sqrt(2)
    half = math.sqrt(0.5)
    assert_close(seen_from(high), torch.tensor([(0, half), (1, 0), (0, -half)]))


def test_positive_roll_turns_the_picture_clockwise() -> None:
    up = seen_from(FRONT, roll=math.pi / 6)[2]
    assert_close(up, torch.tensor([math.sin(math.pi / 6), -math.cos(math.pi / 6)]))


def test_looks_do_not_change_lengths_across_the_line_of_sight() -> None:
    torch.manual_seed(0)
    body = torch.randn(7, 13, 3)
    viewpoint = Viewpoint(torch.nn.functional.normalize(torch.randn(7, 3), dim=-1), torch.randn(7))
    along = (body * viewpoint.direction[:, None]).sum(-1)
    assert_close(look(body, viewpoint).square().sum(-1) + along.square(), body.square().sum(-1))


def test_decoder_reads_directions_and_composes() -> None:
    torch.manual_seed(0)
    decoder = Decoder(NetworkConfig(), DecoderConfig(width=16))
    z_pose, z_view = torch.randn(2, 3, 5, 32)
    body, viewpoint = decoder.body(z_pose), decoder.viewpoint(z_view)
    assert body.shape == (3, 5, 13, 3) and viewpoint.roll.shape == (3, 5)
    assert_close(viewpoint.direction.norm(dim=-1), torch.ones(3, 5))
    lengths = torch.tensor([0.1, 0.5, 1, 2, 7])[:, None]
    assert_close(decoder.body(lengths * z_pose), body)  # pose vectors are compared by their direction
    assert_close(decoder(z_pose, z_view), look(body, viewpoint))
    assert decoder(z_pose[:, :0], z_view[:, :0]).shape == (3, 0, 13, 2)
    assert np.isnan(decoder(torch.full((32,), torch.nan), z_view[0, 0]).detach().numpy()).all()


def test_viewpoints_are_read_back_from_their_numbers_whatever_the_scale() -> None:
    torch.manual_seed(0)
    viewpoint = Viewpoint(torch.nn.functional.normalize(torch.randn(2, 7, 3), dim=-1), 3 * torch.randn(2, 7).tanh())
    numbers = viewpoint.encode()
    assert numbers.shape == (2, 7, 5)
    for scale in (1, 0.2):
        read = Viewpoint.decode(scale * numbers)
        assert_close(read.direction, viewpoint.direction)
        assert_close(read.roll, viewpoint.roll)


@pytest.mark.parametrize("width, error", [(0, ValueError), (True, TypeError), (2.5, TypeError)])
@pytest.mark.unchecked_types
def test_refused_shapes(width, error) -> None:
    with pytest.raises(error, match="width"):
        DecoderConfig(width)


def test_one_unit_is_enough_and_the_published_decoders_have_the_usual_number() -> None:
    decoder = Decoder(NetworkConfig(), DecoderConfig(1))
    assert decoder.body(torch.ones(2, 32)).shape == (2, 13, 3)
    assert PoseEncoder.from_pretrained("poseembed-small").config.decoder == DecoderConfig()
