"""The clip encoder: corrects the vectors of a frame by what comes before and after it.

A frame is read together with its neighbours in `SLOTS` slots of time, `STEP` seconds apart, with itself in the middle.
Whatever the frame rate, a slot holds the frame nearest to its time, or nothing. Three layers, each of which joins three
slots into one, leave one vector for the frame (the strided temporal convolutions of Pavllo et al., CVPR 2019), from
which the corrections are read. They are added to what the frame encoder gives, so the space stays the frame encoder's.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from poseembed.bounds import MAX_DIM, check_whole
from poseembed.network import NetworkConfig, Unit

SLOTS = 27
"""Slots of a window: three to the power of the layers."""

STEP = 1 / 30
"""Seconds between two slots."""

ABSENT = -1
"""Stands in a window where no frame is."""

_MIDDLE = SLOTS // 2
_JOINED = 3  # slots that a layer makes one of
_LAYERS = 3


@dataclass(frozen=True)
class ClipConfig:
    """The shape of a clip encoder.

    Attributes:
        width: Units of each hidden layer.

    Examples:
        >>> from poseembed.clip_network import ClipConfig
        >>> ClipConfig(width=256)
        ClipConfig(width=256)
    """

    width: int = 512

    def __post_init__(self) -> None:
        """Refuse what is not the shape of a network.

        Raises:
            TypeError: If `width` is not an int.
            ValueError: If it is under 1 or over `MAX_DIM`.
        """
        check_whole("width", self.width, 1, MAX_DIM)


class ClipEncoder(nn.Module):
    """Frames and their windows to `z_pose` and `z_view`.

    Args:
        frames: The shape of the frame encoder whose vectors it corrects.
        config: Its own.
        batch_norm: As training has it; a published one is folded, see `poseembed.network.fold_batch_norm`.
    """

    def __init__(self, frames: NetworkConfig, config: ClipConfig, *, batch_norm: bool = True) -> None:
        super().__init__()
        self.frames, self.config = frames, config
        width = config.width
        inputs = frames.input_dim + frames.pose_dim + frames.view_dim
        self.stem = Unit(inputs, width, batch_norm=batch_norm, dropout=0.0)
        self.absent = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(
            nn.Sequential(
                Unit(_JOINED * width, width, batch_norm=batch_norm, dropout=0.0),
                Unit(width, width, batch_norm=batch_norm, dropout=0.0),
            )
            for _ in range(_LAYERS)
        )
        self.head = nn.Linear(width, frames.pose_dim + frames.view_dim)
        nn.init.zeros_(self.head.weight)  # so that it begins as the frame encoder alone
        nn.init.zeros_(self.head.bias)

    def forward(
        self,
        inputs: Float[Tensor, "frames inputs"],
        z_pose: Float[Tensor, "frames pose"],
        z_view: Float[Tensor, "frames view"],
        windows: Int[Tensor, "windows 27"],
    ) -> tuple[Float[Tensor, "windows pose"], Float[Tensor, "windows view"]]:
        """Vectors of the frames in the middle of windows: `correct` of what `read` makes of the frames."""
        return self.correct(self.read(inputs, z_pose, z_view), z_pose, z_view, windows)

    def read(
        self,
        inputs: Float[Tensor, "*frames inputs"],
        z_pose: Float[Tensor, "*frames pose"],
        z_view: Float[Tensor, "*frames view"],
    ) -> Float[Tensor, "*frames width"]:
        """What is seen of each frame, whichever windows it stands in.

        Args:
            inputs: Frames as the frame encoder reads them (`Encoder.layout`), of one clip or many.
            z_pose: Their pose vectors, as the frame encoder gives them.
            z_view: Their view vectors.
        """
        directions = (normalize(z, dim=-1).to(inputs.dtype) for z in (z_pose, z_view))
        seen = torch.cat([inputs, *directions], dim=-1)
        return self.stem(seen.flatten(0, -2)).unflatten(0, seen.shape[:-1])

    def correct(
        self,
        read: Float[Tensor, "frames width"],
        z_pose: Float[Tensor, "frames pose"],
        z_view: Float[Tensor, "frames view"],
        windows: Int[Tensor, "windows 27"],
    ) -> tuple[Float[Tensor, "windows pose"], Float[Tensor, "windows view"]]:
        """Vectors of the frames in the middle of windows.

        Args:
            read: Of all frames, as `read` gives it.
            z_pose: Their pose vectors, as the frame encoder gives them.
            z_view: Their view vectors.
            windows: For each slot the row of its frame, or `ABSENT`; one frame at least in each window.

        Returns:
            Vectors in the space of the frame encoder, pose vectors as long as its own are. A window that holds nothing
            but its middle frame has that frame's very vectors. Where the middle is absent, it is filled in from the
            others; it starts from the nearest of them, and is as long as its vector.
        """
        present = windows != ABSENT
        start = windows.gather(1, nearest_to_middle(present)).squeeze(1)
        x = torch.cat([read, self.absent.to(read.dtype).unsqueeze(0)])
        rows = torch.where(present, windows, len(read)).long()
        for layer in self.layers:
            # Windows overlap: what stands in several of them is joined once.
            joined, rows = _distinct(rows.unflatten(1, (-1, _JOINED)))
            x = x[joined[:, _JOINED // 2]] + layer(x[joined].flatten(1))
        return self._corrected(x[rows.squeeze(1)], present, z_pose[start], z_view[start])

    def join(
        self,
        slots: Float[Tensor, "windows 27 width"],
        present: Bool[Tensor, "windows 27"],
        z_pose: Float[Tensor, "windows pose"],
        z_view: Float[Tensor, "windows view"],
    ) -> tuple[Float[Tensor, "windows pose"], Float[Tensor, "windows view"]]:
        """What `correct` returns, of windows that are laid out.

        Args:
            slots: What was read of the frames in them; anything where there is none.
            present: Which slots hold a frame.
            z_pose: The pose vector of the frame that is nearest to the middle.
            z_view: Its view vector.
        """
        x = torch.where(present.unsqueeze(-1), slots, self.absent.to(slots.dtype))
        for layer in self.layers:
            middle = x[:, _JOINED // 2 :: _JOINED]
            joined = x.unflatten(1, (-1, _JOINED)).flatten(2)
            x = middle + layer(joined.flatten(0, 1)).unflatten(0, joined.shape[:2])
        return self._corrected(x.squeeze(1), present, z_pose, z_view)

    def slide(
        self,
        read: Float[Tensor, "clips frames width"],
        present: Bool[Tensor, "clips frames"],
        z_pose: Float[Tensor, "clips frames pose"],
        z_view: Float[Tensor, "clips frames view"],
    ) -> tuple[Float[Tensor, "clips frames pose"], Float[Tensor, "clips frames view"], Bool[Tensor, "clips frames"]]:
        """What `correct` returns, of the windows about all frames of clips that have a frame, or none, every `STEP`.

        The layers are dilated convolutions here, so that what windows share is joined once.

        Args:
            read: What was read of each frame, as `read` gives it; anything where nobody is seen.
            present: Which frames show somebody.
            z_pose: Their pose vectors, as the frame encoder gives them; NaN where nobody is seen.
            z_view: Their view vectors, likewise.

        Returns:
            The vectors, NaN where the whole window shows nobody; and which of them are of a frame that does not, filled
            in from the others.
        """
        frames = torch.arange(present.shape[1], device=present.device)
        windows = pad(present, (_MIDDLE, _MIDDLE))[:, frames.unsqueeze(1) + torch.arange(SLOTS, device=frames.device)]
        held = windows.flatten(0, 1)
        start = frames + nearest_to_middle(held).view(present.shape) - _MIDDLE
        start = start.clamp(0, present.shape[1] - 1).unsqueeze(-1)
        z_pose, z_view = (z.gather(1, start.expand(-1, -1, z.shape[-1])) for z in (z_pose, z_view))
        absent = self.absent.to(read.dtype)
        edge = absent.expand(read.shape[0], _MIDDLE, -1)
        x = torch.cat([edge, torch.where(present.unsqueeze(-1), read, absent), edge], dim=1)
        for depth, layer in enumerate(self.layers):
            apart = _JOINED**depth
            before, middle, after = x[:, : -2 * apart], x[:, apart:-apart], x[:, 2 * apart :]
            joined = torch.cat([before, middle, after], dim=-1)
            x = middle + layer(joined.flatten(0, 1)).view(middle.shape)
        poses, views = self._corrected(x.flatten(0, 1), held, z_pose.flatten(0, 1), z_view.flatten(0, 1))
        return poses.view(z_pose.shape), views.view(z_view.shape), windows.any(-1) & ~present

    def _corrected(
        self,
        x: Float[Tensor, "windows width"],
        present: Bool[Tensor, "windows 27"],
        z_pose: Float[Tensor, "windows pose"],
        z_view: Float[Tensor, "windows view"],
    ) -> tuple[Float[Tensor, "windows pose"], Float[Tensor, "windows view"]]:
        """The vectors with the corrections that are read from what windows were joined to."""
        correction = self.head(x).to(z_pose.dtype)
        pose_correction, view_correction = correction.split([self.frames.pose_dim, self.frames.view_dim], dim=-1)
        alone = ((present.sum(-1) == 1) & present[:, _MIDDLE]).unsqueeze(-1)
        corrected = normalize(normalize(z_pose, dim=-1) + pose_correction, dim=-1) * z_pose.norm(dim=-1, keepdim=True)
        return torch.where(alone, z_pose, corrected), torch.where(alone, z_view, z_view + view_correction)


def nearest_to_middle(present: Bool[Tensor, "windows 27"]) -> Int[Tensor, "windows 1"]:
    """The slot, of those with a frame, that is nearest to the middle; the earlier one of two."""
    away = (torch.arange(SLOTS, device=present.device) - _MIDDLE).abs()
    return torch.where(present, SLOTS - away, 0).argmax(-1, keepdim=True)


def _distinct(rows: Int[Tensor, "windows groups 3"]) -> tuple[Int[Tensor, "distinct 3"], Int[Tensor, "windows groups"]]:
    """Each group of rows once, and which of these stands where."""
    count = rows.max() + 1  # so that a group is a number, of fewer than 64 bits for two million rows
    first, second, third = rows.unbind(-1)
    found, where = torch.unique((first * count + second) * count + third, return_inverse=True)
    return torch.stack([found // count**2, found // count % count, found % count], dim=-1), where
