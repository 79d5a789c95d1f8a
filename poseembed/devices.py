"""The devices and types that torch can work with here, looked at before they are used."""

import torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16", "float64")
"""What networks can compute in; "auto" is the fastest of float32 and bfloat16."""


def find_device(device: str | torch.device) -> torch.device:
    """The device of that name, if torch can work on it here.

    Raises:
        ValueError: If it cannot; the message says which devices there are.
    """
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    # A name that torch does not know, a build without that kind of device, a driver or a number that is not there.
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise ValueError(f"device {device!r} is not to be had; there are: {', '.join(devices())} ({reason})") from error
    return found


def devices() -> list[str]:
    """Names of the common devices that are there."""
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of weights that compute in a precision on a device.

    Raises:
        ValueError: If there is no such precision.
    """
    if name not in PRECISIONS:
        raise ValueError(f"got precision={name!r}; wanted one of {', '.join(PRECISIONS)}")
    if name == "auto":
        return torch.bfloat16 if multiplies_bfloat16(device) else torch.float32
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions that multiply matrices of bfloat16 faster than those of float32.

    GPUs of Nvidia have since Ampere, and processors with AMX or AVX512-BF16; of these torch tells since it knows
    `torch.cpu.get_capabilities`.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("amx_bf16") or known.get("avx512_bf16"))
