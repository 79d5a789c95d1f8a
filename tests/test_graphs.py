"""What torch's own tools make of an encoder: `torch.export`, `torch.jit.trace` and `torch.compile`."""

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from poseembed.onnx.export import LEAST_TORCH, torch_version

NEW = pytest.mark.skipif(
    torch_version() < LEAST_TORCH,
    reason=f"torch {torch.__version__} is older than what the documentation says this of",
)


@pytest.fixture
def points(poses: np.ndarray) -> torch.Tensor:
    """People of whom some joints are missing, and one who is not there."""
    tensor = torch.from_numpy(poses)
    tensor[0, 5] = tensor[1, [7, 8]] = tensor[2] = torch.nan
    return tensor


def check(graph: object, encoder: PoseEncoder, points: torch.Tensor) -> None:
    assert callable(graph)
    for ours, wanted in zip(graph(points), encoder(points), strict=True):
        torch.testing.assert_close(ours, wanted, equal_nan=True)


@NEW
@torch.no_grad()
def test_an_encoder_is_exported_for_any_number_of_poses(encoder: PoseEncoder, points: torch.Tensor) -> None:
    sizes = ({0: torch.export.Dim("poses")},)
    graph = torch.export.export(encoder, (points[:4],), dynamic_shapes=sizes).module()
    for count in (0, 1, 2, 24):
        check(graph, encoder, points[:count])


@torch.no_grad()
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.* is deprecated:DeprecationWarning")
@pytest.mark.unchecked_types  # in a trace sizes are tensors
def test_an_encoder_can_be_traced(encoder: PoseEncoder, points: torch.Tensor) -> None:
    graph = torch.jit.trace(encoder, (points[:4],))
    for count in (1, 2, 24):
        check(graph, encoder, points[:count])


@NEW
@torch.no_grad()
@pytest.mark.unchecked_types  # who compiles the checks as well compiles them again for each size
def test_an_encoder_is_compiled_once_for_all_batches(encoder: PoseEncoder, points: torch.Tensor) -> None:
    compiled: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> object:
        compiled.append(graph)
        return graph.forward

    torch.compiler.reset()
    graph = torch.compile(encoder, backend=backend, dynamic=True, fullgraph=True)
    for count in (4, 2, 24, 7):
        check(graph, encoder, points[:count])
    assert len(compiled) == 1
    for count in (1, 4, 1):
        check(graph, encoder, points[:count])
    assert len(compiled) == 2  # a single pose has a graph of its own
