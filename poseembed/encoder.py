"""`PoseEncoder`: keypoints in, view-invariant pose vectors out."""

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Generic, Literal, NoReturn, overload

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from tqdm import tqdm
from typing_extensions import NamedTuple, Self

from poseembed import checkpoint as checkpoints
from poseembed import origin
from poseembed.checkpoint import Checkpoint
from poseembed.clip_embedding import ClipEmbedder
from poseembed.clip_network import ClipEncoder
from poseembed.decoder import Decoder
from poseembed.devices import find_device, find_precision
from poseembed.keypoints import MIN_CONFIDENCE, Array, normalize_keypoints, read_joints
from poseembed.lifting import Lifter
from poseembed.network import BATCH_SIZE, CACHED, Encoder, check_batch_size
from poseembed.onnx import backend as backends
from poseembed.onnx import export
from poseembed.onnx.runtime import OnnxRuntime
from poseembed.origin import MadeBy, Names
from poseembed.plausibility import look_at
from poseembed.poses import Poses
from poseembed.skeleton import NUM_JOINTS, Skeleton
from poseembed.space import PoseSpace


class Embedding(NamedTuple, Generic[Array]):
    """What `PoseEncoder.embed` returns; unpacks as `z_pose, z_view`.

    Attributes:
        z_pose: What the body does, (..., pose_dim); the same from every camera. Compare with `similarity`.
        z_view: Where the camera stands, (..., view_dim). Not an angle by itself.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> encoder.embed(np.random.default_rng(0).normal(size=(5, 13, 2))).z_view.shape
        (5, 32)
    """

    z_pose: Array
    z_view: Array


class PoseEncoder(ClipEmbedder, Lifter, PoseSpace, nn.Module):
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
        super().__init__()
        self.runtime = runtime  # the first to be asked to move, before anything has moved
        self.config = checkpoint.config
        self.card = checkpoint.card
        self.network: Encoder = checkpoint.network
        self.decoder: Decoder | None = checkpoint.decoder
        self.clip: ClipEncoder | None = checkpoint.clip
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
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._weight().device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        dtype = self._weight().dtype
        return dtype if dtype.is_floating_point else torch.float32  # what quantised layers give

    @property
    def view_dim(self) -> int:
        """Length of `z_view`, 0 for a checkpoint without view vectors."""
        return self.config.network.view_dim

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

    def forward(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None = None
    ) -> Embedding[Tensor]:
        """Embed 13-joint poses, differentiably and without checks; `embed` is for everyday use.

        Args:
            keypoints: Points (x, y), y down, on the encoder's device; NaN is missing.
            visible: Joints that count, besides not being NaN; all if None.

        Returns:
            Vectors of the encoder's dtype (pose vectors whose lengths say how sure it is are float32 at least); NaN
            rows for poses without a visible joint.
        """
        if self.runtime is not None:
            return Embedding(*self.runtime(keypoints, visible))
        inputs, present = self._lay_out(keypoints, visible)
        somebody = present.any(-1, keepdim=True)
        leading = inputs.shape[:-1]
        z_pose, z_view = self.network(inputs.reshape(-1, inputs.shape[-1]))
        return Embedding(
            torch.where(somebody, z_pose.reshape(*leading, self.pose_dim), torch.nan),
            torch.where(somebody, z_view.reshape(*leading, self.view_dim), torch.nan),
        )

    @overload
    def embed(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: str | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: Literal[False] = False,
        device: str | torch.device | None = None,
    ) -> Embedding[np.ndarray]: ...

    @overload
    def embed(
        self,
        keypoints: Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: str | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Embedding[Tensor]: ...

    @overload
    def embed(
        self,
        keypoints: np.ndarray | Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: str | Skeleton = ...,
        min_confidence: float = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        convert_to_tensor: Literal[True],
        device: str | torch.device | None = None,
    ) -> Embedding[Tensor]: ...

    @torch.no_grad()  # not inference_mode: its vectors could not train whatever is put on top of them
    def embed(
        self,
        keypoints: np.ndarray | Tensor,
        confidence: np.ndarray | Tensor | None = None,
        *,
        skeleton: str | Skeleton = "poseembed13",
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = BATCH_SIZE,
        show_progress_bar: bool = False,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Embedding[np.ndarray] | Embedding[Tensor]:
        """Turn poses into vectors.

        A vector depends on its own pose alone: not on the rest of the batch, nor on where and how large the person
        stands in the picture: in float32 to about 1e-5 of its length, on any device and at any batch size; in bfloat16
        it is up to 4 % of its length from that, at a cosine of 0.999 and more.

        Args:
            keypoints: (..., joints, 2) points (x, y), y down, in any unit with square pixels (multiply normalised
                coordinates by the picture's width and height first). NaN is a missing joint; 0 is a coordinate.
            confidence: (..., joints) scores of the joints; NaN, or a score under `min_confidence`, is missing.
            skeleton: Name of the source's skeleton, see `poseembed.SKELETONS`.
            min_confidence: Least score of a joint that is there.
            batch_size: Poses that go through the network at once; a processor takes 2,048 at most, which fit its cache.
            show_progress_bar: Show one, on stderr.
            convert_to_tensor: Return tensors, on the device that did the work, whatever came in.
            device: Where to do it, with a copy of the encoder; None is where the encoder is. For many calls on one
                device move the encoder there once, with `encoder.to(device)`.

        Returns:
            `(z_pose, z_view)` of shapes (..., pose_dim) and (..., view_dim), float32: numpy arrays for numpy input,
            tensors on the input's device for torch input (float64 if the encoder is). A pose without a single usable
            joint gives a NaN row. An empty batch gives an empty one.

        Raises:
            TypeError: If an input is not a numeric array or tensor, or a number is none.
            ValueError: For shapes that do not fit the skeleton or each other, infinite coordinates, an unknown
                skeleton, a batch size under 1, a `min_confidence` that is not in 0 to 1, or a device that is not there.

        Warns:
            KeypointsWarning: If the poses are most likely not what they are taken for: zeros for missing joints,
                coordinates in 0 to 1, y up, scores in percent, joints in another order. It looks at 128 of them.
        """
        batch_size = check_batch_size(batch_size)
        points, visible = read_joints(keypoints, confidence, skeleton, min_confidence)
        encoder = self._on(device)
        numpy_out = not isinstance(keypoints, Tensor) and not convert_to_tensor
        out_device = encoder.device if convert_to_tensor else points.device
        leading = points.shape[:-2]
        points, visible = points.reshape(-1, NUM_JOINTS, 2), visible.reshape(-1, NUM_JOINTS)
        look_at(points, visible, confidence)
        dtype = torch.promote_types(self.dtype, torch.float32)
        z_pose = torch.empty(len(points), self.pose_dim, dtype=dtype, device=out_device)
        z_view = torch.empty(len(points), self.view_dim, dtype=dtype, device=out_device)
        batch_size = min(batch_size, CACHED) if encoder.device.type == "cpu" else batch_size
        with tqdm(total=len(points), desc="embed", unit="pose", disable=not show_progress_bar) as progress:
            for start in range(0, len(points), batch_size):
                rows = slice(start, start + batch_size)
                z_pose[rows], z_view[rows] = encoder(*encoder._take(points[rows], visible[rows]))
                progress.update(len(points[rows]))
        z_pose, z_view = z_pose.reshape(*leading, self.pose_dim), z_view.reshape(*leading, self.view_dim)
        if numpy_out:
            return Embedding(z_pose.float().numpy(), z_view.float().numpy())
        return Embedding(z_pose, z_view)

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
        target = Path(os.path.expanduser(path))
        if not target.parent.is_dir():
            raise FileNotFoundError(f"cannot write {target}: there is no folder {target.parent}")
        backends.write(self._onnx(precision, calibration), target)

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
        """The content of an ONNX file."""
        if self.runtime is not None:
            raise ValueError("this encoder runs an exported network itself; load it with backend='torch' to export it")
        about = {"made_by": str(self.made_by), "config": self.config.to_json()}
        points = None
        if calibration is not None:
            seen = calibration.confidence >= MIN_CONFIDENCE
            points = np.where(seen[..., None], calibration.keypoints, np.nan).astype(np.float32)
        return export.to_onnx(copy.deepcopy(self).to("cpu", torch.float32), about, precision, points)

    def __prepare_scriptable__(self) -> NoReturn:
        """What `torch.jit.script` asks a module for."""
        raise TypeError(
            "torch.jit.script cannot compile a PoseEncoder, whose annotations it does not know; "
            "torch.jit.trace(encoder, (keypoints,)), torch.export.export and torch.compile can"
        )

    def _on(self, device: str | torch.device | None) -> Self:
        """The encoder if it is on that device, or else a copy there."""
        if device is None:
            return self
        wanted, here = find_device(device), self.device
        if wanted.type == here.type and wanted.index in (None, here.index):
            return self
        return copy.deepcopy(self).to(wanted)

    def _weight(self) -> Tensor:
        """A tensor of the network's type, where the network is."""
        weight = self.network.tower.head.weight
        return weight() if callable(weight) else weight  # a method of the layers that torch's quantisation puts there

    def _lay_out(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None
    ) -> tuple[Float[Tensor, "*batch inputs"], Bool[Tensor, "*batch 13"]]:
        """Poses as the networks read them, and which joints are there."""
        # Half types cannot hold pixel coordinates: normalise in float32 at least.
        points = keypoints.to(torch.promote_types(keypoints.dtype, torch.float32))
        present = ~points.isnan().any(-1)
        if visible is not None:
            present = present & visible
        return self.network.layout(normalize_keypoints(points, present).to(self.dtype), present), present

    def _name(self, kind: Callable[[Encoder], str]) -> str:
        """The fingerprint of the network, or the name of its own space."""
        if not self._weight().is_floating_point():
            raise ValueError("a quantised network has no fingerprint; embed arrays with it, whose vectors need none")
        return self._names.of(self.network, kind)

    def _take(self, points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Bring poses to the encoder's device."""
        if self.device.type == "mps":  # has no float64
            points = points.float()
        return points.to(self.device), visible.to(self.device)
