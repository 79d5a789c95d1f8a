"""An encoder as one ONNX file: keypoints in, both vectors out, whatever runs it.

What is exported is the encoder's own `forward`, so that the file normalises, knows missing joints and marks a pose
without any as torch does. It has one input, `keypoints`: (poses, 13, 2) float32 points (x, y), y down, NaN where a
joint is missing; and two outputs, `z_pose` (poses, pose_dim) and `z_view` (poses, view_dim), float32 whatever the
precision of the weights, NaN for a pose without joints. Any number of poses will do.

Or it is `forward_clip`, frame encoder and clip encoder together: `keypoints` are then (clips, frames, 13, 2), a frame
every 1/30 s, NaN where there is none; `z_pose` and `z_view` have a vector for each of them, and a third output,
`filled` (clips, frames), says which are of a frame without anybody, and made of those around it.

The metadata say the rest:

| key | what |
|---|---|
| `made_by` | of the vectors, as `str(encoder.made_by)` gives it, or `str(encoder.clip_made_by)` |
| `precision` | of the weights: one of `PRECISIONS` |
| `config` | the checkpoint's `config.json`: names and order of the joints, licence, calibration of the cosines |
"""

import copy
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from poseembed.clip_embedding import ClipEmbedder
from poseembed.extras import how_to_install
from poseembed.onnx.runtime import OnnxRuntime
from poseembed.skeleton import NUM_JOINTS

Precision = Literal["float32", "float16", "int8"]

PRECISIONS: dict[Precision, float] = {"float32": 1e-4, "float16": 1e-2, "int8": 0.2}
"""What weights can be kept in, and how far from torch's own vectors those of a file may lie in the mean, as a share of
their length."""

INPUT = "keypoints"

LEAST_TORCH = (2, 9)
"""The oldest torch whose exporter this was tried with."""

Points: TypeAlias = Float32[np.ndarray, "*batch 13 2"]


class Graph(nn.Module, ABC):
    """What a file computes, and how it is to be tried.

    Attributes:
        outputs: Their names.
        axes: Names of the axes before the joints, whose sizes are left open.
        example: Sizes of these axes that are shown to the exporter, which takes 0 and 1 for numbers that never change.
    """

    outputs: ClassVar[tuple[str, ...]]
    axes: ClassVar[tuple[str, ...]]
    example: ClassVar[tuple[int, ...]]

    def __init__(self, encoder: ClipEmbedder) -> None:
        super().__init__()
        self.encoder = encoder

    @staticmethod
    @abstractmethod
    def made_up() -> Points:
        """Points of all kinds that a file has to do with."""


class PoseGraph(Graph):
    """Poses one by one."""

    outputs, axes, example = ("z_pose", "z_view"), ("poses",), (8,)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors in float32, whatever the weights are."""
        z_pose, z_view = self.encoder(keypoints)
        return z_pose.float(), z_view.float()

    @staticmethod
    def made_up() -> Points:
        """Poses anywhere, incomplete, on one spot."""
        points = np.random.default_rng(0).normal(300, 100, (16, NUM_JOINTS, 2)).astype(np.float32)
        points[1, 3] = points[2, [7, 8]] = points[3, [1, 2]] = points[4, 5:, 0] = np.nan
        points[5] = points[5, 0]
        points[6] *= 1e20
        points[7] *= 1e-20
        return points


class ClipGraph(Graph):
    """Frames of clips, corrected by those around them."""

    outputs, axes, example = ("z_pose", "z_view", "filled"), ("clips", "frames"), (2, 40)

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The vectors in float32, whatever the weights are, and which of them are filled in."""
        z_pose, z_view, filled = self.encoder.forward_clip(keypoints)
        return z_pose.float(), z_view.float(), filled

    @staticmethod
    def made_up() -> Points:
        """Clips with poses of all kinds, with gaps that can be filled and one that cannot, and without anybody."""
        still = np.resize(PoseGraph.made_up(), (4, 50, NUM_JOINTS, 2))
        moving = (still + np.random.default_rng(1).normal(0, 10, still.shape)).astype(np.float32)
        moving[0, 10:14] = moving[1, 5:40] = moving[2, :49] = moving[3] = np.nan
        return moving


def to_onnx(graph: Graph, about: Mapping[str, str], precision: Precision, calibration: Points | None = None) -> bytes:
    """The content of an ONNX file, tried before it is handed out.

    Args:
        graph: What to export; on the CPU and in float32.
        about: Texts for the metadata, by key.
        precision: What to keep the weights in.
        calibration: Points such as will be embedded, NaN where a joint is missing; for int8 alone, which needs them.

    Raises:
        ImportError: See `check_able`.
        RuntimeError: If the file would give other vectors than the encoder.
        ValueError: If there is no such precision, or int8 and calibration do not come together.
    """
    check_precision(precision, calibration is not None)
    check_able()
    model = _translate(copy.deepcopy(graph).half() if precision == "float16" else graph)
    if calibration is not None:
        from poseembed.onnx.quantize import to_int8  # onnxruntime's part for it takes a second to import

        model = to_int8(model, INPUT, calibration)
    for key, text in {**about, "precision": precision}.items():
        model.metadata_props.add(key=key, value=text)
    content: bytes = model.SerializeToString()
    _try(content, graph, precision, graph.made_up() if calibration is None else calibration)
    return content


def check_precision(precision: str, calibrated: bool) -> None:
    """Refuse a precision that there is not, or that does not go with what else was given.

    Raises:
        ValueError: If so.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"got precision={precision!r}; wanted one of {', '.join(PRECISIONS)}")
    if precision == "int8" and not calibrated:
        raise ValueError(
            "int8 needs calibration=, some hundreds of poses such as will be embedded: they show what range the "
            "numbers inside the network have"
        )
    if precision != "int8" and calibrated:
        raise ValueError(f"calibration= is for precision='int8', not {precision!r}")


def check_clip_precision(precision: str) -> None:
    """Refuse a precision that clips are not exported in.

    Raises:
        ValueError: If it is one.
    """
    if precision == "int8":
        raise ValueError("clips are exported in float32 or float16; int8 is for poses alone")


def torch_version() -> tuple[int, ...]:
    """Of the torch that is here, as `LEAST_TORCH` has it."""
    return tuple(map(int, torch.__version__.split(".")[:2]))


def check_able() -> None:
    """Refuse to export where that cannot be done, as torch's exporter would later and in other words.

    Raises:
        ImportError: If a package is not installed, or torch is older than `LEAST_TORCH`.
    """
    if torch_version() < LEAST_TORCH:
        wanted = ".".join(map(str, LEAST_TORCH))
        raise ImportError(f"exporting needs torch {wanted} or newer, and this is {torch.__version__}")
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401  # which tries what was exported
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(f"exporting needs onnx, onnxruntime and onnxscript: {how_to_install('onnx')}") from error


def _translate(graph: Graph) -> Any:
    """A graph as an `onnx.ModelProto`."""
    with _quietly():
        program = torch.onnx.export(
            graph.eval(),
            (torch.zeros(*graph.example, NUM_JOINTS, 2),),
            dynamo=True,
            # torch 2.9 promises nothing of sizes of 1: `_try` tries them.
            dynamic_shapes=({axis: torch.export.Dim(name, min=2) for axis, name in enumerate(graph.axes)},),
            input_names=[INPUT],
            output_names=graph.outputs,
            verbose=False,
        )
    assert program is not None  # it is None where a path is given
    return program.model_proto


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of itself: torchvision's operators that it lacks, and torch's own old calls."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*treespec, LeafSpec", FutureWarning)
            yield
    finally:
        logger.setLevel(before)


def _try(content: bytes, graph: Graph, precision: Precision, points: Points) -> None:
    """Compare what a file gives with what the graph does, of many at once and of one alone."""
    runtime, depth = OnnxRuntime(content), len(graph.axes)
    batches = points, points[(slice(1),) * depth]
    with torch.no_grad():
        exact = [graph(torch.from_numpy(batch)) for batch in batches]
    found = [map(torch.from_numpy, runtime.run(batch)) for batch in batches]
    for name, *parts in zip(graph.outputs, *found, *exact, strict=True):
        rows = [part.float().flatten(0, depth - 1) for part in parts]
        ours, wanted = torch.cat(rows[: len(batches)]), torch.cat(rows[len(batches) :])
        known = ~wanted.isnan().any(-1)
        far = ((ours - wanted)[known].norm(dim=-1) / wanted[known].norm(dim=-1).clamp_min(1e-12)).mean().item()
        if not (torch.equal(ours.isnan(), wanted.isnan()) and (far <= PRECISIONS[precision] or not wanted.shape[-1])):
            raise RuntimeError(
                f"exported in {precision}, the encoder would give other vectors: those of {name} are {far:.2g} of "
                "their length away from torch's" + (" on the poses of calibration=" if precision == "int8" else "")
            )
