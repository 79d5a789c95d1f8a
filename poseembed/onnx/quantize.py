"""Weights and hidden numbers of an exported network in eight bits, with ranges that were seen on real poses.

The ranges are fixed in the file. (Those of "dynamic" quantisation are taken of each batch, so that a vector would
depend on the batch it came in.) Only the large products between hidden layers are made smaller: the layer that reads
the keypoints and the one that gives the vectors are a tenth of the work, and their rounding goes straight into the
vectors.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from poseembed.extras import how_to_install

LEAST_POSES = 100
"""Poses that it takes to see a range."""

MOST_POSES = 4096
"""Poses that are looked at, evenly spread over all that came."""

LARGE = 1 / 4
"""Share of the largest product's weights from which on a product is a large one."""

_BATCH = 256
_PRODUCTS = ("Gemm", "MatMul")


def to_int8(model: Any, name: str, points: Float32[np.ndarray, "poses 13 2"]) -> Any:
    """An `onnx.ModelProto` with the large products in eight bits.

    Args:
        model: The exported network.
        name: Of its input.
        points: What it will be given, more or less.

    Raises:
        ImportError: If onnxruntime is not installed, or onnx.
        ValueError: If there are too few points to see a range on.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise ImportError(f"int8 needs onnx and onnxruntime: {how_to_install('onnx')}") from error
    seen = points[~np.isnan(points).any(-1).all(-1)]
    if len(seen) < LEAST_POSES:
        raise ValueError(
            f"got {len(seen)} poses of somebody to calibrate with; wanted {LEAST_POSES} or more, as different from "
            "each other as those that will be embedded"
        )
    chosen = seen[:: -(-len(seen) // MOST_POSES)]

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # without stubs
        def __init__(self) -> None:
            self.batches: Iterator[dict[str, np.ndarray]] = (
                {name: chosen[start : start + _BATCH]} for start in range(0, len(chosen), _BATCH)
            )

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory(prefix="poseembed-") as folder:
        exported, prepared, quantised = (Path(folder) / f"{stage}.onnx" for stage in ("exported", "prepared", "int8"))
        onnx.save(model, exported)
        quant_pre_process(exported, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantised,
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=list(_PRODUCTS),
            nodes_to_quantize=_large_products(onnx.load(prepared)),
        )
        return onnx.load(quantised)


def _large_products(model: Any) -> list[str]:
    """Names of the products with nearly as many weights as the largest has."""
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in model.graph.initializer}
    products = {
        node.name: max(sizes.get(name, 0) for name in node.input)
        for node in model.graph.node
        if node.op_type in _PRODUCTS
    }
    least = LARGE * max(products.values())
    return [name for name, size in products.items() if size >= least]
