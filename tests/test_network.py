"""The encoder network: sizes, arithmetic, initialisation, folding and fusion."""

import inspect
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poseembed.network import (
    FUSIONS,
    Encoder,
    NetworkConfig,
    Tower,
    fold_batch_norm,
    he_normal_,
    network_input,
)

SMALL = NetworkConfig(width=32, pose_dim=5, view_dim=3)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def fill(module: nn.Module, *, weights: float, biases: float) -> None:
    for name, parameter in module.named_parameters():
        nn.init.constant_(parameter, biases if name.endswith("bias") else weights)


def trained(config: NetworkConfig = SMALL) -> Encoder:
    """An encoder whose batch norms are no identity."""
    torch.manual_seed(1)
    encoder = Encoder(config)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 2)
    return encoder


@pytest.fixture(autouse=True)
def seed() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(
    "module, count",
    [
        (lambda: Encoder(NetworkConfig()), 4_301_888),
        (lambda: Encoder(NetworkConfig(mask_input=True)), 4_301_888 + 13 * 1024),
        (lambda: Tower(1024, 32), 4_239_392),
    ],
    ids=["encoder", "with mask", "tower"],
)
def test_parameter_count(module: Any, count: int) -> None:
    assert parameters(module()) == count


@pytest.mark.parametrize("bias, stem, features, outputs", [(1, 7, 968, 1937), (0, 6, 750, 1500)])
def test_all_ones_network(bias: int, stem: float, features: float, outputs: float) -> None:
    encoder = Encoder(NetworkConfig(width=2, blocks=3, pose_dim=3, view_dim=1), batch_norm=False, dropout=0.0)
    fill(encoder, weights=1, biases=bias)
    inputs = torch.zeros(4, 26)
    inputs[:, :3] = torch.tensor([1.0, 2, 3])
    first = hidden = encoder.stem(inputs)
    assert (hidden == stem).all()
    for block in encoder.tower.blocks:
        hidden = hidden + block(hidden)
    assert (hidden == features).all()
    assert torch.equal(encoder.features(inputs), hidden) and torch.equal(encoder.residual(first), hidden)
    z_pose, z_view = encoder(inputs)
    assert (z_pose.shape, z_view.shape) == ((4, 3), (4, 1))
    assert (z_pose == outputs).all() and (z_view == outputs).all()


def test_nothing_follows_the_sum_of_a_block() -> None:
    tower = Tower(4, 4, batch_norm=False, dropout=0.0)
    fill(tower, weights=0, biases=0)
    nn.init.eye_(tower.head.weight)
    features = torch.randn(3, 4)
    torch.testing.assert_close(tower(features), features)


def test_a_unit_is_linear_then_norm_then_relu_then_dropout() -> None:
    unit = Encoder(SMALL, dropout=0.4).stem
    assert [type(part) for part in unit] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert isinstance(unit[1], nn.BatchNorm1d) and (unit[1].eps, unit[1].momentum) == (1e-3, 0.01)
    assert isinstance(unit[3], nn.Dropout) and unit[3].p == 0.4


def test_the_first_outputs_are_the_pose_vector() -> None:
    encoder = Encoder(replace(SMALL, width=8))
    fill(encoder.tower.head, weights=0, biases=0)
    nn.init.eye_(encoder.tower.head.weight)
    z_pose, z_view = encoder.heads(torch.arange(16.0).reshape(2, 8))
    assert z_pose.tolist() == [[0, 1, 2, 3, 4], [8, 9, 10, 11, 12]]
    assert z_view.tolist() == [[5, 6, 7], [13, 14, 15]]


@pytest.mark.parametrize("mask", [False, True])
def test_an_encoder_is_its_layout_its_features_and_its_heads(mask: bool) -> None:
    encoder = trained(NetworkConfig(mask_input=mask, width=32)).eval()
    points, visible = torch.randn(4, 13, 2), torch.rand(4, 13) < 0.8
    inputs = encoder.layout(points, visible)
    assert inputs.shape == (4, 39 if mask else 26)
    assert torch.equal(inputs, network_input(points, visible, encoder.config))
    features = encoder.features(inputs)
    assert torch.equal(features, encoder.tower.residual(encoder.stem(inputs))) and features.shape == (4, 32)
    for ours, wanted, name in zip(encoder.heads(features), encoder(inputs), ("pose", "view"), strict=True):
        assert torch.equal(ours, wanted), name


@pytest.mark.parametrize("fold", [False, True])
def test_every_attribute_can_be_looked_at(fold: bool) -> None:
    encoder = fold_batch_norm(trained(SMALL)) if fold else trained(SMALL)
    for module in encoder.modules():
        assert "forward" in dict(inspect.getmembers(module))


def test_a_network_may_have_no_view_vector() -> None:
    encoder = trained(NetworkConfig(width=32, pose_dim=5, view_dim=0)).eval()
    inputs = torch.randn(4, 26)
    for z_pose, z_view in (encoder(inputs), fold_batch_norm(encoder)(inputs)):
        torch.testing.assert_close(z_pose, encoder.tower(encoder.stem(inputs)))
        assert (z_pose.shape, z_view.shape) == ((4, 5), (4, 0))


def test_a_tower_is_its_blocks_and_its_head() -> None:
    tower = Tower(8, 3).eval()
    features = torch.randn(4, 8)
    torch.testing.assert_close(tower(features), tower.head(tower.residual(features)))
    assert tower.residual(features).shape == (4, 8)


@pytest.mark.parametrize("mask_input", [False, True])
def test_inputs_are_laid_out_joint_by_joint(mask_input: bool) -> None:
    config = NetworkConfig(mask_input=mask_input)
    normalized = torch.arange(26.0).reshape(13, 2)
    visible = torch.arange(13) % 2 == 0
    wanted = [
        value
        for joint in range(13)
        for value in ([2 * joint, 2 * joint + 1, int(joint % 2 == 0)] if mask_input else [2 * joint, 2 * joint + 1])
    ]
    assert network_input(normalized, visible, config).tolist() == wanted
    nested = network_input(normalized.expand(2, 3, 13, 2), visible.expand(2, 3, 13), config)
    assert nested.shape == (2, 3, config.input_dim)
    assert torch.equal(Encoder(config).layout(normalized, visible), network_input(normalized, visible, config))


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"width": 0}, ValueError, "width must be at least 1, got 0"),
        ({"blocks": -1}, ValueError, "blocks must be at least 1"),
        ({"pose_dim": 32.0}, TypeError, "pose_dim must be int, got 32.0"),
        ({"pose_dim": 0}, ValueError, "pose_dim must be at least 1, got 0"),
        ({"view_dim": -1}, ValueError, "view_dim must be at least 0, got -1"),
        ({"view_dim": True}, TypeError, "view_dim must be int"),
        ({"mask_input": 1}, TypeError, "mask_input must be bool, got 1"),
    ],
)
@pytest.mark.unchecked_types
def test_impossible_shapes_are_refused(change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        NetworkConfig(**change)


@pytest.mark.parametrize("config", [SMALL, NetworkConfig(mask_input=True, width=16, blocks=3)], ids=["plain", "mask"])
def test_folding_keeps_the_vectors(config: NetworkConfig) -> None:
    encoder = trained(config)
    folded = fold_batch_norm(encoder)
    inputs = torch.randn(50, config.input_dim)
    assert not folded.training
    assert not any(isinstance(module, nn.BatchNorm1d) for module in folded.modules())
    for ours, wanted in zip(folded(inputs), encoder.eval()(inputs), strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())


def test_folding_leaves_the_encoder_and_the_random_numbers_alone() -> None:
    encoder = trained()
    before, random = deepcopy(encoder.state_dict()), torch.get_rng_state()
    folded = fold_batch_norm(encoder)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert encoder.training
    assert torch.equal(random, torch.get_rng_state())


def test_folding_needs_a_batch_norm() -> None:
    with pytest.raises(ValueError):
        fold_batch_norm(Encoder(SMALL, batch_norm=False))


@pytest.mark.parametrize(
    "name, fused",
    [("mixture", [2, 1, -0.25]), ("product", [3, -8, -0.5]), ("concatenation", [1, -2, 0.5, 3, 4, -1])],
)
def test_fusion(name: str, fused: list[float]) -> None:
    z_pose, z_view = torch.tensor([1, -2, 0.5]), torch.tensor([3.0, 4, -1])
    assert FUSIONS[name](z_pose, z_view).tolist() == fused
    batch = FUSIONS[name](z_pose.expand(2, 4, 3), z_view.expand(2, 4, 3))
    assert batch.shape == (2, 4, len(fused)) and batch[1, 2].tolist() == fused


def test_no_other_fusion() -> None:
    assert set(FUSIONS) == {"mixture", "product", "concatenation"}


def check_truncated_normal(values: Tensor, fan_in: int) -> None:
    """Keras' `he_normal`: variance 2 / fan_in after cutting at two sigma."""
    std = (2 / fan_in) ** 0.5
    assert values.std().item() == pytest.approx(std, rel=0.01)
    assert abs(values.mean().item()) < 0.01 * std
    cut = 2 * std / 0.87962566103423978
    assert 0.99 * cut < values.abs().max().item() <= cut * (1 + 1e-6)
    assert (values.abs() > std).float().mean().item() == pytest.approx(0.3495, abs=0.01)  # a uniform one has 0.42


def test_he_normal_of_weights_and_biases() -> None:
    linear = he_normal_(nn.Linear(8, 100_000))
    check_truncated_normal(linear.weight.detach(), fan_in=8)
    check_truncated_normal(linear.bias.detach(), fan_in=100_000)


def test_every_layer_is_initialised_so() -> None:
    encoder = Encoder(NetworkConfig(width=256))
    for module in encoder.modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx((2 / module.in_features) ** 0.5, rel=0.05)
            assert module.bias.std().item() == pytest.approx((2 / module.out_features) ** 0.5, rel=0.25)
