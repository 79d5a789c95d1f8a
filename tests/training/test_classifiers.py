"""The supervised action classifiers, and what training does for some of them only."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import training.classifiers
from poseembed.actions.temporal_convnet import settle_batch_norm
from poseembed.skeleton import JOINTS, MIRRORED
from training.classifiers import classifiers, fit
from training.classifiers.fit import FitSettings
from training.classifiers.hcn import HCN
from training.classifiers.res_tcn import ResTCN
from training.classifiers.st_gcn import STGCN, spatial_partition

KEYS = ("convnet", "hcn", "res-tcn", "st-gcn")


def untrained(key: str, num_classes: int = 3) -> nn.Module:
    """In eval mode, with running statistics that are not those of a fresh network."""
    torch.manual_seed(0)
    model = classifiers()[key].build(26, num_classes)
    settle_batch_norm(model, [torch.randn(4, 16, 26)])
    return model.eval()


def test_all_are_found() -> None:
    assert {key: classifier.name for key, classifier in classifiers().items()} == {
        "convnet": "ConvNet",
        "hcn": "HCN",
        "res-tcn": "Res-TCN",
        "st-gcn": "ST-GCN",
    }


def test_another_one_is_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from torch import nn\nfrom training.classifiers.base import Classifier\n"
    (tmp_path / "one_more.py").write_text(source + "CLASSIFIER = Classifier('One more', nn.Linear)\n")
    monkeypatch.setattr(training.classifiers, "__path__", [*training.classifiers.__path__, str(tmp_path)])
    try:
        assert classifiers()["one-more"].name == "One more"
    finally:
        sys.modules.pop("training.classifiers.one_more", None)


@pytest.mark.parametrize("key", ["convnet", "res-tcn"])
def test_shape_of_logits_is_the_official_models(key: str) -> None:
    assert classifiers()[key].build(16, 4)(torch.zeros(4, 128, 16)).shape == (4, 4)


# Counted by hand from the papers' layers, for 26 numbers a frame and 14 classes. HCN's first four layers come twice.
PARAMETERS = {
    "res-tcn": (26 * 8 + 1) * 64  # the first convolution
    + 3 * (2 * 64 + (64 * 8 + 1) * 64)  # a unit: batch norm, convolution, and a shortcut where the width changes
    + (2 * 64 + (64 * 8 + 1) * 128 + (64 + 1) * 128)
    + 2 * (2 * 128 + (128 * 8 + 1) * 128)
    + (2 * 128 + (128 * 8 + 1) * 256 + (128 + 1) * 256)
    + 2 * (2 * 256 + (256 * 8 + 1) * 256)
    + 2 * 256
    + (256 + 1) * 14,
    "hcn": 2 * ((2 + 1) * 64 + (64 * 3 + 1) * 32 + (13 * 9 + 1) * 32 + (32 * 9 + 1) * 64)
    + (128 * 9 + 1) * 128
    + (128 * 9 + 1) * 256
    + (256 * 2 * 2 + 1) * 256
    + (256 + 1) * 14,
    "st-gcn": 2 * 26
    + 9 * 3 * 13 * 13  # edge importance
    + (3 * 2 + 1) * 64 + (64 * 9 + 1) * 64 + 2 * 2 * 64 + (2 + 1) * 64 + 2 * 64
    + 2 * ((3 * 64 + 1) * 64 + (64 * 9 + 1) * 64 + 2 * 2 * 64)
    + (3 * 64 + 1) * 128 + (128 * 9 + 1) * 128 + 2 * 2 * 128 + (64 + 1) * 128 + 2 * 128
    + 2 * ((3 * 128 + 1) * 128 + (128 * 9 + 1) * 128 + 2 * 2 * 128)
    + (3 * 128 + 1) * 256 + (256 * 9 + 1) * 256 + 2 * 2 * 256 + (128 + 1) * 256 + 2 * 256
    + 2 * ((3 * 256 + 1) * 256 + (256 * 9 + 1) * 256 + 2 * 2 * 256)
    + (256 + 1) * 14,
}  # fmt: skip


@pytest.mark.parametrize("key, expected", PARAMETERS.items())
def test_number_of_parameters(key: str, expected: int) -> None:
    assert sum(parameter.numel() for parameter in classifiers()[key].build(26, 14).parameters()) == expected


@pytest.mark.parametrize("frames", [1, 32, 33, 100])
@pytest.mark.parametrize("key", KEYS)
def test_any_number_of_frames_will_do(key: str, frames: int) -> None:
    assert untrained(key)(torch.randn(2, frames, 26)).shape == (2, 3)


@pytest.mark.parametrize(
    "build, hook, expected",
    [(ResTCN, "units", (2, 256, 25)), (STGCN, "units", (2, 256, 25, 13)), (HCN, "joined", (2, 256, 2, 2))],
)
def test_time_is_reduced_as_in_the_papers(build: type[nn.Module], hook: str, expected: tuple[int, ...]) -> None:
    """A quarter of 100 frames is left by two strides of 2; HCN always pools 32 frames by 16."""
    shapes: list[torch.Size] = []
    model = build(26, 3)
    model.get_submodule(hook).register_forward_hook(lambda _module, _inputs, output: shapes.append(output.shape))
    model(torch.randn(2, 100, 26))
    assert shapes == [expected]


@pytest.mark.parametrize("key", KEYS)
def test_logits_are_not_squashed(key: str) -> None:
    model, features = untrained(key), torch.randn(2, 32, 26)
    before = model(features)
    with torch.no_grad():
        for parameter in model.get_submodule("logits").parameters():
            parameter.mul_(100)
    assert_close(model(features), 100 * before)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("axis", [1, 2])
def test_order_of_frames_and_of_joints_matters(key: str, axis: int) -> None:
    model, features = untrained(key), torch.randn(2, 32, 13, 2)
    changed = features.flip(axis)
    assert not torch.allclose(model(features.flatten(2)), model(changed.flatten(2)), atol=1e-3)


@pytest.mark.parametrize("key, name", [("hcn", "HCN"), ("st-gcn", "ST-GCN")])
def test_features_without_joints_are_refused(key: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"got input_dim=32; {name} reads joints, so it wants 26 numbers a frame"):
        classifiers()[key].build(32, 3)


@pytest.mark.parametrize("key", KEYS)
def test_no_classes_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="num_classes=0; both must be at least 1"):
        classifiers()[key].build(26, 0)


@pytest.mark.parametrize("key", KEYS)
def test_learns_which_way_a_hand_moves(key: str) -> None:
    """Each frame taken by itself says nothing: the one class is the other one played backwards."""
    features = torch.randn(8, 16, 13, 2, generator=torch.Generator().manual_seed(0)) / 20
    labels = torch.arange(8) % 2
    features[:, :, JOINTS.index("left_wrist"), 1] += torch.linspace(-1, 1, 16) * (2 * labels[:, None] - 1)
    settings = FitSettings(epochs=12, batch_size=8, learning_rate=2e-3, bfloat16=True)
    build = classifiers()[key].build
    fitted = fit.fit(lambda: build(26, 2), features.flatten(2), labels, seed=0, settings=settings)
    assert (fit.predict(fitted.model, features.flatten(2)) == labels).all()


def test_subsets_of_neighbours() -> None:
    nose, shoulder, other_shoulder, elbow, wrist, hip, ankle = (
        JOINTS.index(name)
        for name in ("nose", "left_shoulder", "right_shoulder", "left_elbow", "left_wrist", "left_hip", "left_ankle")
    )
    same, nearer, farther = spatial_partition()
    for subset, joint, neighbours in [
        (same, elbow, [elbow]),
        (nearer, elbow, [shoulder]),
        (farther, elbow, [wrist]),
        (same, shoulder, [shoulder, other_shoulder, hip]),
        (nearer, shoulder, []),
        (farther, shoulder, [nose, elbow]),
        (farther, ankle, []),
    ]:
        expected = torch.zeros(13)
        expected[neighbours] = 1 / max(1, len(neighbours))
        assert_close(subset[joint], expected)
    mirrored = list(MIRRORED)
    assert_close(spatial_partition()[:, mirrored][:, :, mirrored], spatial_partition())


def test_st_gcn_learns_how_much_bones_count_and_no_other_pairs_of_joints() -> None:
    model = STGCN(26, 3)
    model(torch.randn(2, 16, 26)).square().sum().backward()
    for name, parameter in model.named_parameters():
        if name.endswith("edge_importance"):
            assert parameter.grad is not None
            assert_close(parameter.grad != 0, spatial_partition() != 0)


def test_hcn_reads_motion_as_well_as_positions() -> None:
    """A body that stands still has no motion, wherever it stands."""
    model = untrained("hcn")
    seen: list[Tensor] = []
    model.get_submodule("motion").register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    model(torch.randn(1, 1, 26).expand(1, 40, 26))
    model(torch.linspace(0, 1, 32)[None, :, None].expand(1, 32, 26))
    assert_close(seen[0], torch.zeros(1, 2, 32, 13), atol=1e-6, rtol=0)
    assert_close(seen[1][:, :, :-1], torch.full((1, 2, 31, 13), 1 / 31))


def test_penalties_are_those_of_the_papers() -> None:
    res_tcn, hcn = ResTCN(26, 3), HCN(26, 3)
    kernels = [value for value in res_tcn.state_dict().values() if value.dim() == 3]
    with torch.no_grad():
        for kernel in kernels:
            kernel.fill_(-1)
        hcn.get_submodule("hidden").weight.fill_(2)
    assert len(kernels) == 1 + 9 + 2
    assert res_tcn.penalty().item() == pytest.approx(1e-4 * sum(kernel.numel() for kernel in kernels))
    assert hcn.penalty().item() == pytest.approx(1e-3 / 2 * 4 * 1024 * 256)


class _Mean(nn.Module):
    """The mean over time, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(26, 2)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.mean(1))
        return logits


class _Penalised(_Mean):
    def penalty(self) -> Tensor:
        return 1000 * self.linear.weight.abs().sum()


def test_penalty_moves_weights_and_is_not_reported() -> None:
    features, labels = torch.zeros(4, 3, 26), torch.arange(4) % 2
    settings = FitSettings(epochs=30, learning_rate=0.02)
    free, penalised = (fit.fit(build, features, labels, seed=0, settings=settings) for build in (_Mean, _Penalised))
    assert penalised.model.linear.weight.abs().sum() < 0.5 * free.model.linear.weight.abs().sum()
    assert penalised.losses == pytest.approx(free.losses, abs=1e-6)


def test_bfloat16_is_for_products_only_and_for_devices_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = torch.randn(8, 4, 26, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2

    def weights(*, wanted: bool, there: bool) -> Tensor:
        monkeypatch.setattr(fit, "multiplies_bfloat16", lambda _device: there)
        settings = FitSettings(epochs=3, bfloat16=wanted)
        model = fit.fit(_Mean, features, labels, seed=0, settings=settings).model
        return model.get_parameter("linear.weight").detach()

    precise = weights(wanted=False, there=True)
    assert torch.equal(weights(wanted=True, there=False), precise)
    rounded = weights(wanted=True, there=True)
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, precise)
    assert_close(rounded, precise, atol=0.01, rtol=0)


class _Noisy(nn.Sequential):
    """Batch normalisation of what dropout left over."""

    def __init__(self) -> None:
        super().__init__(nn.Dropout(0.5), nn.Flatten(), nn.ReLU(), nn.BatchNorm1d(3 * 26), nn.Linear(3 * 26, 2))


def test_batch_norm_is_settled_for_use_without_dropout() -> None:
    features = torch.randn(8, 3, 26, generator=torch.Generator().manual_seed(0))
    settings = FitSettings(epochs=1, batch_size=4)
    model = fit.fit(_Noisy, features, torch.arange(8) % 2, seed=0, settings=settings).model
    assert not any(module.training for module in model.modules())
    assert_close(model.get_buffer("3.running_mean"), features.flatten(1).relu().mean(0))


def test_batch_norm_over_joints_is_settled_too() -> None:
    features = torch.randn(6, 4, 26, generator=torch.Generator().manual_seed(0)) + 3
    norm = nn.BatchNorm2d(4)
    settle_batch_norm(nn.Sequential(nn.Unflatten(2, (13, 2)), norm), features.split(3))
    assert_close(norm.running_mean, features.mean((0, 2)))
