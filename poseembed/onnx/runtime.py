"""ONNX Runtime in the place of torch: what `PoseEncoder.forward` does, done by an exported file."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from typing_extensions import Self

from poseembed.extras import how_to_install

CPU = "CPUExecutionProvider"
_UNUSABLE = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
_inherited: list[Any] = []  # sessions of a parent process: to let go of one would be to wait for its threads for ever
_ERRORS = 3  # of ONNX Runtime's levels: its warnings are about what it makes faster how, and go to stderr


class OnnxRuntime(nn.Module):
    """Runs what `poseembed.onnx.export` wrote. It has no weights that torch knows, and no gradients.

    Args:
        content: Of the file.
        provider: Where ONNX Runtime computes: the name of one of its execution providers.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If it has no such provider, or cannot run the file.
    """

    def __init__(self, content: bytes, provider: str = CPU) -> None:
        super().__init__()
        self.content = content
        self.provider = provider
        self._start()

    @property
    def about(self) -> dict[str, str]:
        """The file's metadata."""
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        return metadata

    def forward(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None = None
    ) -> tuple[Float[Tensor, "*batch pose_dim"], Float[Tensor, "*batch view_dim"]]:
        """Both vectors of each pose, float32, on the keypoints' device; see `PoseEncoder.forward`.

        Raises:
            ValueError: If gradients are wanted.
        """
        if torch.is_grad_enabled() and keypoints.requires_grad:
            raise ValueError("the ONNX backend has no gradients; load the encoder with backend='torch'")
        points = keypoints if visible is None else torch.where(visible[..., None], keypoints, torch.nan)
        points = _about_one(points) if points.dtype == torch.float64 else points.float()
        if self._process != os.getpid():  # after a fork: the session's threads are the parent's
            _inherited.append(self._session)
            self._start()
        flat = np.ascontiguousarray(points.detach().cpu().reshape(-1, *points.shape[-2:]))
        z_pose, z_view = map(torch.from_numpy, self.run(flat) if len(flat) else self._nothing())
        leading = points.shape[:-2]
        return (
            z_pose.reshape(*leading, z_pose.shape[-1]).to(keypoints.device),
            z_view.reshape(*leading, z_view.shape[-1]).to(keypoints.device),
        )

    def run(self, points: Float[np.ndarray, "*batch 13 2"]) -> list[np.ndarray]:
        """What the file makes of points, as it is: a graph of clips too."""
        outputs: list[np.ndarray] = self._session.run(None, {self._input: points})
        return outputs

    def _nothing(self) -> list[Float[np.ndarray, "0 dim"]]:
        """What comes of an empty batch, at which ONNX Runtime before 1.32 fails."""
        return [np.empty((0, output.shape[1]), np.float32) for output in self._session.get_outputs()]

    def _start(self) -> None:
        """Begin a session, with as many threads as torch has."""
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as errors
        except ImportError as error:
            raise ImportError(f"the ONNX backend needs onnxruntime: {how_to_install('onnx')}") from error
        if self.provider not in (there := onnxruntime.get_available_providers()):
            raise ValueError(f"got provider={self.provider!r}; this onnxruntime has {', '.join(there)}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = _ERRORS
        try:
            self._session: Any = onnxruntime.InferenceSession(self.content, options, providers=[self.provider])
        except tuple(getattr(errors, name) for name in _UNUSABLE) as error:
            raise ValueError(f"it is no ONNX file, or damaged, or beyond this onnxruntime: {error}") from error
        self._input = self._session.get_inputs()[0].name
        self._process = os.getpid()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Refuse to move, as a session cannot: this is what `.to`, `.cuda` and `.half` call."""
        moved = fn(torch.empty(0))
        if moved.device.type != "cpu" or moved.dtype != torch.float32:
            raise ValueError(
                f"an encoder with the ONNX backend cannot become {moved.dtype} on {moved.device}: choose provider= "
                "(where it runs) when you load it, and precision= when you export it"
            )
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which cannot be copied."""
        return {name: value for name, value in self.__dict__.items() if name != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin a session of its own."""
        super().__setstate__(state)
        self._start()


def _about_one(points: Float[Tensor, "*batch 13 2"]) -> Float[Tensor, "*batch 13 2"]:
    """Poses in float32, without what that does not hold and no vector shows: where they stand, and how large."""
    centred = points / 2 - points.nanmedian(-2, keepdim=True).values / 2  # in halves, for the largest numbers there are
    size = centred.abs().nan_to_num(0).amax((-2, -1), keepdim=True)
    return (centred / size.clamp_min(torch.finfo(points.dtype).tiny)).float()
