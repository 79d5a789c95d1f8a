"""An encoder as one ONNX file: keypoints in, both vectors out, whatever runs it.

What is exported is the encoder's own `forward`, so that the file normalises, knows missing joints and marks a pose
without any as torch does. It has one input, `keypoints`: (poses, 13, 2) float32 points (x, y), y down, NaN where a
joint is missing; and two outputs, `z_pose` (poses, pose_dim) and `z_view` (poses, view_dim), float32 whatever the
precision of the weights, NaN for a pose without joints. Any number of poses will do. Its metadata say the rest:

| key | what |
|---|---|
| `made_by` | of the vectors, as `str(encoder.made_by)` gives it |
| `precision` | of the weights: one of `PRECISIONS` |
| `config` | the checkpoint's `config.json`: names and order of the joints, licence, calibration of the cosines |
"""

import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from poseembed.extras import how_to_install
from poseembed.onnx.runtime import OnnxRuntime
from poseembed.skeleton import NUM_JOINTS

Precision = Literal["float32", "float16", "int8"]

PRECISIONS: dict[Precision, float] = {"float32": 1e-4, "float16": 1e-2, "int8": 0.2}
"""What weights can be kept in, and how far from torch's own vectors those of a file may lie in the mean, as a share of
their length."""

INPUT, OUTPUTS = "keypoints", ("z_pose", "z_view")

LEAST_TORCH = (2, 9)
"""The oldest torch whose exporter this was tried with."""

_EXAMPLES = 8  # poses that are shown to the exporter, which takes 0 and 1 for numbers that never change


def to_onnx(
    encoder: nn.Module,
    about: Mapping[str, str],
    precision: Precision = "float32",
    calibration: Float32[np.ndarray, "poses 13 2"] | None = None,
) -> bytes:
    """The content of an ONNX file, tried before it is handed out.

    Args:
        encoder: Makes (z_pose, z_view) of (poses, 13, 2) points; on the CPU and in float32.
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
    exported = copy.deepcopy(encoder).half() if precision == "float16" else encoder
    model = _translate(_InFloat32(exported).eval())
    if calibration is not None:
        from poseembed.onnx.quantize import to_int8  # onnxruntime's part for it takes a second to import

        model = to_int8(model, INPUT, calibration)
    for key, text in {**about, "precision": precision}.items():
        model.metadata_props.add(key=key, value=text)
    content: bytes = model.SerializeToString()
    _try(content, encoder, precision, _made_up() if calibration is None else calibration)
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


class _InFloat32(nn.Module):
    """An encoder whose vectors are float32, whatever its weights are."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, keypoints: Tensor) -> tuple[Tensor, Tensor]:
        z_pose, z_view = self.encoder(keypoints)
        return z_pose.float(), z_view.float()


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


def _translate(module: nn.Module) -> Any:
    """A module as an `onnx.ModelProto`."""
    with _quietly():
        program = torch.onnx.export(
            module,
            (torch.zeros(_EXAMPLES, NUM_JOINTS, 2),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("poses", min=2)},),  # torch 2.9 promises nothing of 1: `_try` tries it
            input_names=[INPUT],
            output_names=OUTPUTS,
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


def _made_up() -> Float32[np.ndarray, "poses 13 2"]:
    """Points of all kinds that a file has to do with: anywhere, incomplete, on one spot."""
    points = np.random.default_rng(0).normal(300, 100, (16, NUM_JOINTS, 2)).astype(np.float32)
    points[1, 3] = points[2, [7, 8]] = points[3, [1, 2]] = points[4, 5:, 0] = np.nan
    points[5] = points[5, 0]
    points[6] *= 1e20
    points[7] *= 1e-20
    return points


def _try(content: bytes, encoder: nn.Module, precision: Precision, points: Float32[np.ndarray, "poses 13 2"]) -> None:
    """Compare a file's vectors with the encoder's; the first pose comes alone."""
    tensor, runtime = torch.from_numpy(points), OnnxRuntime(content)
    with torch.no_grad():
        vectors = map(torch.cat, zip(runtime(tensor[:1]), runtime(tensor[1:]), strict=True))
        for name, ours, wanted in zip(OUTPUTS, vectors, encoder(tensor), strict=True):
            known = ~wanted.isnan().any(-1)
            far = ((ours - wanted)[known].norm(dim=-1) / wanted[known].norm(dim=-1).clamp_min(1e-12)).mean().item()
            if not (
                torch.equal(ours.isnan(), wanted.isnan()) and (far <= PRECISIONS[precision] or not wanted.shape[1])
            ):
                raise RuntimeError(
                    f"exported in {precision}, the encoder would give other vectors: those of {name} are {far:.2g} of "
                    "their length away from torch's" + (" on the poses of calibration=" if precision == "int8" else "")
                )
