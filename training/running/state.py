"""A training run on disk: written atomically, read back exactly."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialize
from torch import Tensor, nn, optim

from poseembed.files.atomic import replacing
from training.running.settings import differences

FILE_NAME = "run.safetensors"


def save(
    path: Path, *, step: int, settings: dict[str, Any], model: nn.Module, optimizers: dict[str, optim.Optimizer]
) -> None:
    """Write everything that the next step depends on; a kill at any moment leaves the old file or the new one."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    for player, optimizer in optimizers.items():
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{player}/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    metadata = {"step": str(step), "settings": json.dumps(settings, sort_keys=True)}
    content = serialize({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata)
    with replacing(path) as file:
        file.write(content)


def load(path: Path, *, settings: dict[str, Any], model: nn.Module, optimizers: dict[str, optim.Optimizer]) -> int:
    """Put a run's tensors back where they were.

    Returns:
        The number of steps that were done.

    Raises:
        ValueError: If the file is broken, or was written by a run with other settings.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole checkpoint ({error}); delete it to start again") from error
    if not {"step", "settings"} <= metadata.keys():
        raise ValueError(f"{path} is not the state of a training run; use another --out")
    before = json.loads(metadata["settings"])
    if before != settings:
        changed = "; ".join(differences(before, settings))
        raise ValueError(f"{path} was written with other settings ({changed}); use another --out or the old settings")
    model.load_state_dict({name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")})
    for player, optimizer in optimizers.items():
        _restore(optimizer, tensors, f"optimizer/{player}/")
    return int(metadata["step"])


def _restore(optimizer: optim.Optimizer, tensors: dict[str, Tensor], prefix: str) -> None:
    """Give an optimiser the per-parameter tensors that stand under a prefix."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            index, key = name.removeprefix(prefix).split("/")
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
