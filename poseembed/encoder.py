"""`PoseEncoder`: keypoints in, view-invariant pose vectors out."""

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import torch
from typing_extensions import Self

from poseembed import checkpoint as checkpoints
from poseembed import origin
from poseembed.checkpoint import Checkpoint
from poseembed.clip_embedding import ClipEmbedder, no_clip_encoder
from poseembed.devices import find_device, find_precision
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.lifting import Lifter
from poseembed.network import Encoder
from poseembed.onnx import backend as backends
from poseembed.onnx import export
from poseembed.onnx.runtime import OnnxRuntime
from poseembed.origin import MadeBy, Names
from poseembed.poses import Poses


class PoseEncoder(ClipEmbedder, Lifter):
    """A pretrained encoder of 2D poses.

    Make one with `from_pretrained`. It is an ordinary torch module in eval mode: `forward` is differentiable, and
    `.to(...)` moves it.

    Attributes:
        config: What the checkpoint says of itself.
        card: The model card.
        decoder: Reads the 3D body and the camera, where the checkpoint has one; `lift`.
        clip: Corrects the vectors of a clip's frames by their neighbours, where the checkpoint has one; `embed_clip`.
        runtime: What embeds in the place of torch, with the ONNX backend; else None.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(2, 17, 2))
        >>> z_pose, z_view = encoder.embed(keypoints, skeleton="coco")
        >>> moved, _ = encoder.embed(0.5 * keypoints + [400, 30], skeleton="coco")
        >>> encoder.similarity_pairwise(z_pose, moved).round(3)
        array([1., 1.], dtype=float32)
    """

    def __init__(self, checkpoint: Checkpoint, runtime: OnnxRuntime | None = None) -> None:
        super().__init__(checkpoint.config, checkpoint.network, runtime)
        self.card = checkpoint.card
        self.decoder = checkpoint.decoder
        self.clip = checkpoint.clip
        self._names = Names()
        self.eval()

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        device: str | torch.device | None = None,
        precision: str = "float32",
        backend: Literal["torch", "onnx"] = "torch",
        file_name: str | None = None,
        provider: str | None = None,
    ) -> Self:
        """Load a checkpoint.

        Args:
            name_or_folder: A folder, the name of a packaged checkpoint (`list_pretrained`), or a Hugging Face Hub
                id "owner/name", looked for in this order. None is the packaged default: no network is needed.
            revision: Branch, tag or commit of a Hub repository.
            cache_dir: Where the Hub's files are kept, if not in its usual cache.
            token: Access token for a private Hub repository; True for the one that `hf auth login` stored.
            local_files_only: Never go to the network, use what is in the cache.
            force_download: Download again even what is in the cache.
            device: Where to put the encoder; the CPU if None.
            precision: What to compute in: "float32", "bfloat16", "float16", "float64"; or "auto" for bfloat16 where the
                device multiplies it faster, else float32. Vectors are float32 all the same, or float64.
            backend: What computes the vectors: "torch", or "onnx" for ONNX Runtime, which `poseembed.onnx` is about.
            file_name: With the ONNX backend, the exported network: in the checkpoint's folder or anywhere; None is
                onnx/model.onnx of the folder and, if there is none, one that is made now, which takes seconds.
            provider: With the ONNX backend, where it computes, such as "CUDAExecutionProvider"; the CPU if None.

        Raises:
            FileNotFoundError: If there is no such folder or packaged checkpoint, or a file of it is missing.
            ImportError: If the ONNX backend's packages are not installed.
            OSError: If the Hub cannot be reached, or does not have it.
            ValueError: If a file is damaged, does not fit its config, or needs a newer library; if there is no such
                device, precision, backend or provider; or if something is given that is for the other backend.
        """
        where = find_device(device or "cpu")
        dtype = find_precision(precision, where)
        backends.check(backend, where, precision, file_name, provider)
        folder = checkpoints.find(
            name_or_folder,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            also=backends.files(backend, file_name),
        )
        content = checkpoints.read(folder)
        encoder = cls(content)
        if backend == "torch":
            return encoder.to(device=where, dtype=dtype)
        return cls(content, backends.load(folder, file_name, provider, str(encoder.made_by), encoder._onnx))

    @property
    def fingerprint(self) -> str:
        """Name of the network, 16 hex digits: the same for every copy of its weights, in any type, on any device.

        It is of the network alone, the layer that gives pose vectors their lengths included. A decoder or a calibration
        that is added changes no vector, and so not this.

        Raises:
            ValueError: If the network is quantised.
        """
        return self._name(origin.fingerprint)

    @property
    def space(self) -> str:
        """Name of the space in which the vectors lie; those of two encoders that say the same can be compared.

        It is the fingerprint of the network without the layer that gives pose vectors their lengths: they are compared
        by their directions. Or that of the network whose vectors it learnt to give, if the checkpoint says so.
        """
        return self.config.space or self._name(origin.space)

    @property
    def made_by(self) -> MadeBy:
        """What the vectors say of their origin, see `Poses.made_by`."""
        return MadeBy(self.fingerprint, self.space)

    @property
    def clip_made_by(self) -> MadeBy | None:
        """What vectors with context say of their origin; None if there is no clip encoder."""
        return None if self.clip is None else replace(self.made_by, clip=self._names.of(self.clip))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json`, the files of tensors and `README.md`, as `from_pretrained` reads them.

        A `decoder` or a `clip` that was set to None is left out. With the ONNX backend the exported network goes along.

        Raises:
            ValueError: If the network is no longer the one that decoder and clip encoder were fitted to.
        """
        config = self.config
        if self.decoder is None:
            config = replace(config, decoder=None)
        if self.clip is None:
            config = replace(config, clip=None)
        if self.decoder is None and self.clip is None:
            config = replace(config, fitted_to=None)
        target = Path(os.path.expanduser(folder))
        checkpoints.write(target, Checkpoint(config, self.network, self.card, self.decoder, self.clip))
        if self.runtime is not None:
            backends.save(self.runtime, target)

    def export_onnx(
        self, path: str | os.PathLike[str], *, precision: export.Precision = "float32", calibration: Poses | None = None
    ) -> None:
        """Write the encoder as one ONNX file, for where there is no torch; `poseembed.onnx.export` says what is in it.

        The file is tried before it is written: on poses of all kinds, or those of `calibration`, its vectors must be
        torch's (to a mean of 1e-4 of their length in float32, 1e-2 in float16, 0.2 in int8).

        Args:
            path: The file, .onnx.
            precision: What to keep the weights in: "float32"; "float16", half the size, for GPUs; "int8", a quarter of
                the size and two to three times as fast on CPUs, at the price that `docs/how-to/deploy.md` states.
            calibration: For int8 alone, which needs them: some hundreds of poses such as will be embedded, joints under
                `poseembed.keypoints.MIN_CONFIDENCE` missing.

        Raises:
            FileNotFoundError: If the folder does not exist.
            ImportError: If onnx, onnxscript or onnxruntime is not installed, or torch is too old to export.
            RuntimeError: If the file would give other vectors.
            ValueError: If there is no such precision; if int8 and `calibration` do not come together, or there are too
                few poses; or if the encoder has the ONNX backend itself.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> encoder.export_onnx("small.onnx")
            >>> import onnxruntime
            >>> session = onnxruntime.InferenceSession("small.onnx")
            >>> points = np.random.default_rng(0).normal(300, 100, size=(5, 13, 2)).astype(np.float32)
            >>> z_pose, z_view = session.run(None, {"keypoints": points})
            >>> np.abs(z_pose - encoder.embed(points).z_pose).max() < 1e-4
            np.True_
        """
        backends.write_new(lambda: self._onnx(precision, calibration), path)

    def export_clip_onnx(self, path: str | os.PathLike[str], *, precision: export.Precision = "float32") -> None:
        """Write frame encoder and clip encoder as one ONNX file; `poseembed.onnx.export` says what is in it.

        It takes clips of 30 frames a second, the step in which the clip encoder reads, and gives the vectors of
        `embed_clip(fps=30, fill_unseen=True)`. A clip of one frame has those of `embed`. The file is tried before it is
        written, as that of `export_onnx`.

        Args:
            path: The file, .onnx.
            precision: What to keep the weights in, "float32" or "float16".

        Raises:
            FileNotFoundError: If the folder does not exist.
            ImportError: If onnx, onnxscript or onnxruntime is not installed, or torch is too old to export.
            RuntimeError: If the file would give other vectors.
            ValueError: If the checkpoint has no clip encoder, the precision is another, or the encoder has the ONNX
                backend itself.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> PoseEncoder.from_pretrained("poseembed-small").export_clip_onnx("clips.onnx")
            >>> import onnxruntime
            >>> session = onnxruntime.InferenceSession("clips.onnx")
            >>> clips = np.random.default_rng(0).normal(300, 100, size=(1, 60, 13, 2)).astype(np.float32)
            >>> z_pose, z_view, filled = session.run(None, {"keypoints": clips})
            >>> z_pose.shape, filled.any()
            ((1, 60, 32), np.False_)
        """
        backends.write_new(lambda: self._clip_onnx(precision), path)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
        commit_message: str = "Upload poseembed checkpoint",
    ) -> str:
        """Upload the checkpoint to the Hugging Face Hub, creating the repository if there is none.

        Returns:
            Address of the commit (or of the pull request).

        Raises:
            ValueError: If `repo_id` is no name that the Hub allows.
            OSError: If the Hub cannot be reached, or refuses, for want of a token with write access say; or does not
                take it in 30 seconds (`POSEEMBED_HUB_PATIENCE` sets another number) and one more for every 32 KiB.
        """
        from poseembed import hub  # whoever embeds need not load it

        return hub.push(
            self.save_pretrained,
            repo_id,
            private=private,
            token=token,
            revision=revision,
            create_pr=create_pr,
            commit_message=commit_message,
        )

    def _onnx(self, precision: export.Precision = "float32", calibration: Poses | None = None) -> bytes:
        """The content of an ONNX file that embeds poses."""
        points = None
        if calibration is not None:
            seen = calibration.confidence >= MIN_CONFIDENCE
            points = np.where(seen[..., None], calibration.keypoints, np.nan).astype(np.float32)
        return self._exported(export.PoseGraph, self.made_by, precision, points)

    def _clip_onnx(self, precision: export.Precision) -> bytes:
        """The content of an ONNX file that embeds clips."""
        if self.clip_made_by is None:
            raise ValueError(no_clip_encoder("export_onnx()"))
        export.check_clip_precision(precision)
        return self._exported(export.ClipGraph, self.clip_made_by, precision)

    def _exported(
        self, graph: type[export.Graph], made_by: MadeBy, precision: export.Precision, points: np.ndarray | None = None
    ) -> bytes:
        if self.runtime is not None:
            raise ValueError("this encoder runs an exported network itself; load it with backend='torch' to export it")
        about = {"made_by": str(made_by), "config": self.config.to_json()}
        return export.to_onnx(graph(copy.deepcopy(self).to("cpu", torch.float32)), about, precision, points)

    def __prepare_scriptable__(self) -> NoReturn:
        """What `torch.jit.script` asks a module for."""
        raise TypeError(
            "torch.jit.script cannot compile a PoseEncoder, whose annotations it does not know; "
            "torch.jit.trace(encoder, (keypoints,)), torch.export.export and torch.compile can"
        )

    def _name(self, kind: Callable[[Encoder], str]) -> str:
        """The fingerprint of the network, or the name of its own space."""
        if not self._weight().is_floating_point():
            raise ValueError("a quantised network has no fingerprint; embed arrays with it, whose vectors need none")
        return self._names.of(self.network, kind)
