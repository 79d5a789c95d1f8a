"""What the parts of the library that not everybody needs stand on, and how it gets there."""

PACKAGES = {
    "video": ("mediapipe>=1.0", "opencv-contrib-python>=4.13", "scipy>=1.13"),
    "search": ("faiss-cpu>=1.14.2",),
    "align": ("dtaidistance>=2.3.13", "scipy>=1.13"),
    "pandas": ("pandas>=2.2.2",),
    "parquet": ("pyarrow>=17",),
    "plot": ("matplotlib>=3.9",),
    "onnx": ("onnx>=1.18", "onnxruntime>=1.22", "onnxscript>=0.7"),
}
"""The extras, as the project's metadata has them."""


def how_to_install(extra: str) -> str:
    """The command that brings an extra's packages, wherever the library itself was installed from."""
    return "pip install " + " ".join(f'"{package}"' for package in PACKAGES[extra])
