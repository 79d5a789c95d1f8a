"""Which of a checkpoint's ONNX files takes the place of torch, and what does not go with that."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

from poseembed.files.atomic import make_folder, replacing
from poseembed.onnx.runtime import CPU, OnnxRuntime

BACKENDS = ("torch", "onnx")
"""What can compute vectors."""

FILE = "onnx/model.onnx"
"""Where a checkpoint has its exported network, if it has one."""


def check(backend: str, device: torch.device, precision: str, file_name: str | None, provider: str | None) -> None:
    """Refuse what does not go together.

    Raises:
        ValueError: If there is no such backend, or something is given that is for the other one.
    """
    if backend not in BACKENDS:
        raise ValueError(f"got backend={backend!r}; wanted one of {', '.join(BACKENDS)}")
    if backend == "torch" and (file_name is not None or provider is not None):
        raise ValueError("file_name= and provider= are for backend='onnx'")
    if backend == "onnx" and device.type != "cpu":
        raise ValueError(f"device={str(device)!r} is for torch; pass provider= such as 'CUDAExecutionProvider'")
    if backend == "onnx" and precision != "float32":
        raise ValueError(
            f"precision={precision!r} is for torch; write a file with encoder.export_onnx(path, precision='float16')"
        )


def files(backend: str, file_name: str | None) -> list[str]:
    """What to download besides the checkpoint, if the Hub has it."""
    if backend == "torch" or (file_name is not None and Path(file_name).expanduser().is_absolute()):
        return []
    return [FILE if file_name is None else file_name]


def load(
    folder: Path, file_name: str | None, provider: str | None, made_by: str, export: Callable[[], bytes]
) -> OnnxRuntime:
    """The exported network of a checkpoint.

    Args:
        folder: Of the checkpoint.
        file_name: In the folder, or anywhere; None is `FILE` if it is there, and else what `export` makes now.
        provider: See `OnnxRuntime`; None is the CPU.
        made_by: What the checkpoint says of its vectors, as text.
        export: Makes the content of a file.

    Raises:
        FileNotFoundError: If there is no file of that name.
        ImportError: If a package is not installed.
        ValueError: If the file is damaged or was exported from another checkpoint; or if there is no such provider.
    """
    path = folder / (file_name or FILE)
    if file_name is None and not path.is_file():
        return OnnxRuntime(export(), provider or CPU)
    if not path.is_file():
        path = Path(os.path.expanduser(file_name or FILE))
    if not path.is_file():
        there = ", ".join(sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.onnx"))) or "none"
        raise FileNotFoundError(
            f"no file {file_name!r}; ONNX files in {folder}: {there}. encoder.export_onnx(path) writes one"
        )
    try:
        runtime = OnnxRuntime(path.read_bytes(), provider or CPU)
    except ValueError as error:
        raise ValueError(f"cannot run {path}: {error}") from error
    theirs = runtime.about.get("made_by", "no checkpoint of poseembed")
    if theirs != made_by:
        raise ValueError(f"{path} was exported from {theirs}, and this is checkpoint {made_by}; export it again")
    return runtime


def save(runtime: OnnxRuntime, folder: Path) -> None:
    """Put the exported network beside the other files of a checkpoint."""
    path = folder / FILE
    make_folder(path.parent)
    with replacing(path) as file:
        file.write(runtime.content)


def write_new(export: Callable[[], bytes], path: str | os.PathLike[str]) -> None:
    """Export a network into a file.

    Raises:
        FileNotFoundError: If there is no such folder; nothing is exported then.
    """
    target = Path(os.path.expanduser(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {target}: there is no folder {target.parent}")
    content = export()
    with replacing(target) as file:
        file.write(content)
