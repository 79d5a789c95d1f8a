"""Encoders in ONNX files: `export` writes them, `quantize` makes them small, `runtime` runs them.

`PoseEncoder.export_onnx` and `PoseEncoder.from_pretrained(..., backend="onnx")` are the doors to it.
"""
