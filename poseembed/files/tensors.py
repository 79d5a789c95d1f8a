"""Files of tensors (safetensors): their names, shapes, types and values are looked at before any of them is used."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types that weights may have."""


def encode(tensors: Mapping[str, Tensor]) -> bytes:
    """The file of some tensors.

    Raises:
        ValueError: If a number in them is not finite: nobody could load it again.
    """
    broken = sorted(name for name, value in tensors.items() if not _finite(value))
    if broken:
        raise ValueError(f"not saved, because these tensors hold NaN or infinite numbers: {', '.join(broken)}")
    return to_bytes({name: value.contiguous() for name, value in tensors.items()}, metadata={"format": "pt"})


def read(path: Path, remedy: str) -> dict[str, Tensor]:
    """The tensors of a file: copies, never the file mapped into memory, for it may be replaced while they live.

    Raises:
        ValueError: If it is no such file.
    """
    try:
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); {remedy}") from error


def fit(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that must be those of a network: floating-point ones in float32, others as they are.

    Args:
        found: What a file holds.
        wanted: By name what they should be like; tensors on the meta device do.

    Raises:
        ValueError: If one is missing, too many, of another shape or type, or holds NaN or infinite numbers.
    """
    fitting = dict(found)
    problems = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    problems += [f"{name} is not part of this network" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        tensor, like = found[name], wanted[name]
        if tensor.shape != like.shape:
            problems.append(f"{name} has shape {tuple(tensor.shape)}, wanted {tuple(like.shape)}")
        elif like.is_floating_point() and tensor.dtype not in FLOATS:
            problems.append(f"{name} is of {tensor.dtype}, wanted floating-point numbers")
        elif not like.is_floating_point() and tensor.dtype != like.dtype:
            problems.append(f"{name} is of {tensor.dtype}, wanted {like.dtype}")
        elif like.is_floating_point():
            fitting[name] = tensor.to(torch.float32)
            if not _finite(fitting[name]):
                problems.append(f"{name} holds NaN or infinite numbers")
    if problems:
        raise ValueError("; ".join(sorted(problems)))
    return fitting


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())
