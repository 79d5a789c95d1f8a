"""The devices and types that torch can work with here, looked at before they are used."""

import torch

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
"""Types that weights can have."""


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


def check_dtype(dtype: torch.dtype | None) -> None:
    """Refuse what cannot be the type of weights.

    Raises:
        TypeError: If it is neither None nor one of `DTYPES`.
    """
    if dtype is not None and dtype not in DTYPES:
        raise TypeError(f"got dtype={dtype!r}; wanted one of {', '.join(map(str, DTYPES))}")
