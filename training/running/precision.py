"""Which devices multiply in bfloat16."""

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has bfloat16 products; without them they would be slower than float32's, not faster."""
    if device.type != "cpu":
        return True
    abilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # not in older torch
    return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
