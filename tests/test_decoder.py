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


def some(config: NetworkConfig, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(count, config.width), torch.randn(count, config.input_dim)


def test_the_covariance_is_that_of_the_errors_that_the_whitening_makes_one_size() -> None:
    config = NetworkConfig(mask_input=True, width=24)
    torch.manual_seed(1)
    decoder = Decoder(config, DecoderConfig(width=16))
    torch.nn.init.normal_(decoder.read_body[-1].weight, std=0.5)  # type: ignore[arg-type]  # far from one size
    what = some(config, 3)
    with torch.no_grad():
        body, (joints, whitening) = decoder.body(*what), decoder.whitened(*what)
    assert body.joints.shape == (3, 13, 3) and body.spread.shape == (3, 13)
    assert_close(body.joints, joints)
    # A Laplace distribution of three dimensions: any direction, as far as a gamma distribution says.
    far = torch.distributions.Gamma(3.0, 1.0).sample((100_000, 1))
    even = far * torch.nn.functional.normalize(torch.randn(100_000, 3), dim=-1)
    errors = torch.linalg.solve(whitening[2, 5], even.T)
    assert_close(torch.cov(errors), body.covariance[2, 5], rtol=0.05, atol=0.03 * float(body.covariance[2, 5].max()))
    assert float(body.spread[2, 5]) == pytest.approx(float(errors.square().sum(0).mean().sqrt()), rel=0.03)


def test_however_wild_the_numbers_a_body_is_finite_and_nobody_is_none() -> None:
    config = NetworkConfig(width=24)
    decoder = Decoder(config, DecoderConfig(width=16))
    features, inputs = some(config, 4)
    body = decoder.body(1e6 * features, inputs)
    assert torch.isfinite(body.covariance).all() and (body.spread > 0).all()
    assert decoder.body(features[:0], inputs[:0]).covariance.shape == (0, 13, 3, 3)
    assert decoder.bfloat16().body(features.bfloat16(), inputs.bfloat16()).covariance.dtype == torch.float32


def test_cameras_are_read_from_view_vectors() -> None:
    decoder = Decoder(NetworkConfig(), DecoderConfig(width=16))
    viewpoint = decoder.viewpoint(torch.randn(3, 5, 32))
    assert viewpoint.roll.shape == (3, 5)
    assert_close(viewpoint.direction.norm(dim=-1), torch.ones(3, 5))
    assert np.isnan(decoder.viewpoint(torch.full((32,), torch.nan)).roll.detach().numpy())


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


@pytest.mark.parametrize(
    "line, error", [(0, ValueError), (math.inf, ValueError), (math.nan, ValueError), ("3", TypeError)]
)
@pytest.mark.unchecked_types
def test_refused_lines(line, error) -> None:
    with pytest.raises(error, match="line must be"):
        DecoderConfig(line=line)


def test_one_unit_is_enough_and_the_published_decoders_have_the_usual_number() -> None:
    config = NetworkConfig()
    decoder = Decoder(config, DecoderConfig(1))
    assert decoder.body(*some(config, 2)).joints.shape == (2, 13, 3)
    published = PoseEncoder.from_pretrained("poseembed-small").config.decoder
    assert published is not None and published.width == DecoderConfig().width
