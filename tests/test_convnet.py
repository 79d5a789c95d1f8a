"""The temporal ConvNet and the loop that trains it."""

import math

import pytest
import torch

from poseembed.actions.convnet import KERNEL, STRIDE, ConvNet, same_padding
from training.classifiers.fit import FitSettings, _rate, fit, predict


def test_shape_of_logits() -> None:
    assert ConvNet(16, 4)(torch.zeros(4, 128, 16)).shape == (4, 4)


def test_number_of_parameters_is_the_official_models() -> None:
    assert sum(parameter.numel() for parameter in ConvNet(32, 14).parameters()) == 305_998


def test_a_single_frame_is_enough() -> None:
    assert ConvNet(26, 3).eval()(torch.zeros(2, 1, 26)).shape == (2, 3)


@pytest.mark.parametrize("dims", [(0, 3), (26, 0)])
def test_impossible_sizes_are_refused(dims: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        ConvNet(*dims)


@pytest.mark.parametrize(
    "length, padding",
    [(332, (2, 3)), (166, (2, 3)), (83, (3, 3)), (1, (3, 3)), (2, (2, 3))],  # TensorFlow's rule, worked by hand
)
def test_same_padding_is_tensorflows(length: int, padding: tuple[int, int]) -> None:
    assert same_padding(length, KERNEL, STRIDE) == padding


def test_first_weights_are_he_normal_cut_off_at_two_deviations() -> None:
    torch.manual_seed(0)
    weight = ConvNet(26, 14).layers[2].conv.weight.detach()
    uncut = math.sqrt(2 / (128 * 7)) / 0.8796
    assert weight.abs().max() <= 2 * uncut * 1.001
    assert float(weight.std()) == pytest.approx(math.sqrt(2 / (128 * 7)), rel=0.01)


def waves(clips: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Slow and fast waves with noise: three classes that only time tells apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(clips) % 3
    phase = torch.rand(clips, 1, 1, generator=generator) * 6
    time = torch.linspace(0, 6, 40)[None, :, None] * (1 + 2 * labels[:, None, None])
    return torch.sin(time + phase + torch.rand(2, generator=generator)), labels


SHORT = FitSettings(epochs=12, batch_size=8)


def test_training_learns_and_is_the_same_each_time() -> None:
    features, labels = waves(60)
    fitted, again = (fit(lambda: ConvNet(2, 3), features, labels, seed=1, settings=SHORT) for _ in range(2))
    assert fitted.losses == again.losses
    for first, second in zip(fitted.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(first, second)
    assert not fitted.model.training
    assert len(fitted.losses) == SHORT.epochs
    assert fitted.losses[-1] < fitted.losses[0] / 2
    assert (predict(fitted.model, features) == labels).float().mean() > 0.9


def test_learning_rate_rises_and_falls() -> None:
    rates = [_rate(step, 10, 0.2) for step in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.5)
    assert rates[10] == pytest.approx(0.0)
    assert [_rate(step, 1, 0.1) for step in range(2)] == [1.0, 1.0]


def test_training_leaves_the_global_random_state_alone() -> None:
    features, labels = waves(9)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(lambda: ConvNet(2, 3), features, labels, seed=1, settings=FitSettings(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_statistics_of_batch_normalisation_are_those_of_the_finished_network() -> None:
    """A short training would otherwise leave running averages that still hold most of their first values."""
    features, labels = waves(60)
    model = fit(lambda: ConvNet(2, 3), features * 10 + 4, labels, seed=0, settings=FitSettings(epochs=1)).model
    layer = model.layers[0]
    with torch.no_grad():
        padded = torch.nn.functional.pad((features * 10 + 4).mT, (2, 3))
        mean = layer.conv(padded).mean((0, 2))
    torch.testing.assert_close(layer.norm.running_mean, mean, rtol=1e-4, atol=1e-4)
    assert layer.norm.momentum == 0.01


def test_prediction_of_no_clips() -> None:
    assert predict(ConvNet(2, 3).eval(), torch.zeros(0, 40, 2)).shape == (0,)


def test_prediction_does_not_depend_on_the_batch() -> None:
    features, labels = waves(300)  # more than one batch
    model = fit(lambda: ConvNet(2, 3), features[:30], labels[:30], seed=0, settings=SHORT).model
    alone = torch.cat([predict(model, clip) for clip in features[250:260].split(1)])
    assert torch.equal(predict(model, features)[250:260], alone)


@pytest.mark.parametrize("clips, labels", [(0, 0), (3, 2)])
@pytest.mark.unchecked_types
def test_training_data_that_does_not_fit_is_refused(clips: int, labels: int) -> None:
    with pytest.raises(ValueError, match="one label a clip"):
        fit(
            lambda: ConvNet(2, 3),
            torch.zeros(clips, 40, 2),
            torch.zeros(labels, dtype=torch.int64),
            seed=0,
            settings=SHORT,
        )
