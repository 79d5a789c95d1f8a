"""`PoseEncoder`: keypoints in, view-invariant pose vectors out."""

import copy
import operator
import os
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
from poseembed.decoder import Decoder
from poseembed.devices import check_dtype, find_device
from poseembed.keypoints import MIN_CONFIDENCE, Array, check_keypoints, normalize_keypoints, visible_joints
from poseembed.network import BATCH_SIZE, Encoder
from poseembed.origin import MadeBy
from poseembed.plausibility import look_at
from poseembed.skeleton import NUM_JOINTS, get_skeleton
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


class PoseEncoder(PoseSpace, nn.Module):
    """A pretrained encoder of 2D poses.

    Make one with `from_pretrained`. It is an ordinary torch module in eval mode: `forward` is differentiable, and
    `.to(...)` moves it.

    Attributes:
        config: What the checkpoint says of itself.
        card: The model card.
        decoder: Reads body and camera out of the vectors, where the checkpoint has one.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
        >>> keypoints = np.random.default_rng(0).normal(300, 100, size=(2, 17, 2))
        >>> z_pose, z_view = encoder.embed(keypoints, skeleton="coco")
        >>> moved, _ = encoder.embed(0.5 * keypoints + [400, 30], skeleton="coco")
        >>> encoder.similarity_pairwise(z_pose, moved).round(3)
        array([1., 1.], dtype=float32)
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.config = checkpoint.config
        self.card = checkpoint.card
        self.network: Encoder = checkpoint.network
        self.decoder: Decoder | None = checkpoint.decoder
        self._named: tuple[tuple[object, ...], str] | None = None
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
        dtype: torch.dtype | None = None,
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
            dtype: Type of the weights; float32 if None. Half types are for GPUs.

        Raises:
            FileNotFoundError: If there is no such folder or packaged checkpoint, or a file of it is missing.
            OSError: If the Hub cannot be reached, or does not have it.
            TypeError: If `dtype` is no type that weights can have.
            ValueError: If a file is damaged, does not fit its config, or needs a newer library; or if there is no such
                device.
        """
        where = None if device is None else find_device(device)
        check_dtype(dtype)
        folder = checkpoints.find(
            name_or_folder,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
        )
        return cls(checkpoints.read(folder)).to(device=where, dtype=dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._weight().device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and of the vectors that torch input gets."""
        dtype = self._weight().dtype
        return dtype if dtype.is_floating_point else torch.float32  # what quantised layers give

    @property
    def view_dim(self) -> int:
        """Length of `z_view`, 0 for a checkpoint without view vectors."""
        return self.config.network.view_dim

    @property
    def fingerprint(self) -> str:
        """Name of the network, 16 hex digits: the same for every copy of its weights, in any type, on any device.

        It is of the network alone. A decoder or a calibration that is added changes no vector, and so not this.

        Raises:
            ValueError: If the network is quantised.
        """
        if not self._weight().is_floating_point():
            raise ValueError("a quantised network has no fingerprint; embed arrays with it, whose vectors need none")
        tensors = self.network.state_dict().values()
        # Naming a large network takes longer than embedding a pose, so it is done once for weights that stay the same.
        state = tuple((t.data_ptr(), t.device, t.dtype, 0 if t.is_inference() else t._version) for t in tensors)
        if self._named is None or self._named[0] != state:
            self._named = state, origin.fingerprint(self.network)
        return self._named[1]

    @property
    def space(self) -> str:
        """Fingerprint of the network in whose space the vectors lie, and with whose vectors they can be compared.

        It is the encoder's own, or that of the one whose vectors it learnt to give, if the checkpoint says so.
        """
        return self.config.space or self.fingerprint

    @property
    def made_by(self) -> MadeBy:
        """What the vectors say of their origin, see `Poses.made_by`."""
        return MadeBy(self.fingerprint, self.space)

    def forward(
        self, keypoints: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"] | None = None
    ) -> Embedding[Tensor]:
        """Embed 13-joint poses, differentiably and without checks; `embed` is for everyday use.

        Args:
            keypoints: Points (x, y), y down, on the encoder's device; NaN is missing.
            visible: Joints that count, besides not being NaN; all if None.

        Returns:
            Vectors of the encoder's dtype; NaN rows for poses without a visible joint.
        """
        # Half types cannot hold pixel coordinates: normalise in float32 at least.
        points = keypoints.to(torch.promote_types(keypoints.dtype, torch.float32))
        present = ~points.isnan().any(-1)
        if visible is not None:
            present = present & visible
        normalized = normalize_keypoints(points, present).to(self.dtype)
        inputs = self.network.layout(normalized, present)
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
        skeleton: str = ...,
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
        skeleton: str = ...,
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
        skeleton: str = ...,
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
        skeleton: str = "poseembed13",
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = BATCH_SIZE,
        show_progress_bar: bool = False,
        convert_to_tensor: bool = False,
        device: str | torch.device | None = None,
    ) -> Embedding[np.ndarray] | Embedding[Tensor]:
        """Turn poses into vectors.

        A vector depends on its own pose alone: not on the rest of the batch, nor on where and how large the person
        stands in the picture (to about 1e-5 of its length in float32, on any device and at any batch size).

        Args:
            keypoints: (..., joints, 2) points (x, y), y down, in any unit with square pixels (multiply normalised
                coordinates by the picture's width and height first). NaN is a missing joint; 0 is a coordinate.
            confidence: (..., joints) scores of the joints; NaN, or a score under `min_confidence`, is missing.
            skeleton: Name of the source's skeleton, see `poseembed.SKELETONS`.
            min_confidence: Least score of a joint that is there.
            batch_size: Poses that go through the network at once.
            show_progress_bar: Show one, on stderr.
            convert_to_tensor: Return tensors, on the device that did the work, whatever came in.
            device: Where to do it, with a copy of the encoder; None is where the encoder is. For many calls on one
                device move the encoder there once, with `encoder.to(device)`.

        Returns:
            `(z_pose, z_view)` of shapes (..., pose_dim) and (..., view_dim): float32 numpy arrays for numpy input,
            tensors on the input's device for torch input. A pose without a single usable joint gives a NaN row. An
            empty batch gives an empty one.

        Raises:
            TypeError: If an input is not a numeric array or tensor, or a number is none.
            ValueError: For shapes that do not fit the skeleton or each other, infinite coordinates, an unknown
                skeleton, a batch size under 1, a `min_confidence` that is not in 0 to 1, or a device that is not there.

        Warns:
            KeypointsWarning: If the poses are most likely not what they are taken for: zeros for missing joints,
                coordinates in 0 to 1, y up, scores in percent, joints in another order. It looks at 128 of them.
        """
        batch_size = _batch_size(batch_size)
        source = get_skeleton(skeleton)
        points = check_keypoints(keypoints, source)
        visible = visible_joints(points, confidence, min_confidence)
        points, visible = source.select(points), source.select(visible, axis=-1)
        encoder = self._on(device)
        numpy_out = not isinstance(keypoints, Tensor) and not convert_to_tensor
        out_device = encoder.device if convert_to_tensor else points.device
        leading = points.shape[:-2]
        points, visible = points.reshape(-1, NUM_JOINTS, 2), visible.reshape(-1, NUM_JOINTS)
        look_at(points, visible, confidence)
        z_pose = torch.empty(len(points), self.pose_dim, dtype=self.dtype, device=out_device)
        z_view = torch.empty(len(points), self.view_dim, dtype=self.dtype, device=out_device)
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
        """Write `config.json`, `model.safetensors` and `README.md`, as `from_pretrained` reads them."""
        checkpoints.write(
            Path(os.path.expanduser(folder)), Checkpoint(self.config, self.network, self.card, self.decoder)
        )

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

    def _take(self, points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Bring poses to the encoder's device."""
        if self.device.type == "mps":  # has no float64
            points = points.float()
        return points.to(self.device), visible.to(self.device)


def _batch_size(value: int) -> int:
    """Check how many poses go through the network at once.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is under 1.
    """
    try:
        size = operator.index(value)
    except TypeError as error:
        raise TypeError(f"got batch_size={value!r}; wanted a whole number") from error
    if size < 1:
        raise ValueError(f"got batch_size={size}; it must be at least 1")
    return size
