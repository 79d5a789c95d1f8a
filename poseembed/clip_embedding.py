"""Vectors of frames that know what comes before and after: what a `PoseEncoder` makes of clips."""

from typing import Generic

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from numpy.typing import ArrayLike
from torch import Tensor
from typing_extensions import NamedTuple

from poseembed import checkpoint as checkpoints
from poseembed.batches import BATCH_SIZE, bring, in_batches
from poseembed.clip_network import ABSENT, SLOTS, ClipEncoder
from poseembed.clips import REACH, Reach, clip_times, end_to_end, windows
from poseembed.keypoints import MIN_CONFIDENCE, Array, read_joints
from poseembed.pose_embedding import PoseEmbedder
from poseembed.skeleton import NUM_JOINTS, Skeleton, SkeletonName

_MOST_WINDOWS = 2**16
"""So many at once have fewer frames than `ClipEncoder.correct` can tell apart, two million."""


class ClipEmbedding(NamedTuple, Generic[Array]):
    """What `PoseEncoder.embed_clip` returns.

    Attributes:
        z_pose: What the body does in each frame, (..., frames, pose_dim); comparable with what `embed` gives.
        z_view: Where the camera stands, (..., frames, view_dim).
        filled: Which frames show nobody and have vectors all the same, (..., frames), from those around them.

    Examples:
        >>> from poseembed import ClipEmbedding
        >>> ClipEmbedding(np.zeros((9, 32)), np.zeros((9, 32)), np.zeros(9, dtype=bool)).filled.any()
        np.False_
    """

    z_pose: Array
    z_view: Array
    filled: Array


class ClipEmbedder(PoseEmbedder):
    """Embeds clips: what it makes of frames one by one, corrected by their neighbours.

    Attributes:
        clip: What corrects them, where there is one.
    """

    clip: ClipEncoder | None

    def forward_clip(self, keypoints: Float[Tensor, "clips frames 13 2"]) -> ClipEmbedding[Tensor]:
        """Embed clips of 30 frames a second, differentiably and without checks; `embed_clip` is for everyday use.

        Args:
            keypoints: Points (x, y), y down, on the encoder's device, every 1/30 s; NaN is missing.

        Returns:
            Vectors as of `forward`, and which frames show nobody and have them from those around; NaN rows for frames
            without anybody within 13/30 s.

        Raises:
            ValueError: If the checkpoint has no clip encoder.
        """
        if self.clip is None:
            raise ValueError(no_clip_encoder("embed()"))
        inputs, present = self._lay_out(keypoints)
        z_pose, z_view = self._embed_laid_out(inputs, present) if self.runtime is None else self(keypoints)
        read = self.clip.read(inputs, z_pose, z_view)
        return ClipEmbedding(*self.clip.slide(read, present.any(-1), z_pose, z_view))

    @torch.no_grad()
    def embed_clip(
        self,
        keypoints: Array,
        confidence: np.ndarray | Tensor | None = None,
        *,
        times: ArrayLike | Tensor | None = None,
        fps: float | None = None,
        context: float = REACH,
        look_ahead: float | None = None,
        fill_unseen: bool = False,
        wanted: ArrayLike | Tensor | None = None,
        skeleton: SkeletonName | Skeleton = "poseembed13",
        min_confidence: float = MIN_CONFIDENCE,
        batch_size: int = BATCH_SIZE,
        show_progress_bar: bool = False,
        device: str | torch.device | None = None,
    ) -> ClipEmbedding[Array]:
        """Turn the frames of clips into vectors, each by what comes before and after it.

        A clip is one person over time. Its frames are embedded as `embed` does, and corrected by their neighbours up to
        13/30 s away: a moving body shows the depth that a single picture lacks, and the wrist that is hidden now. The
        vectors lie in the same space, so they can be compared with those of photos, and of galleries made without.
        A frame that has no neighbour so near keeps the vectors that `embed` gives it, exactly.

        Neighbours are read in steps of 1/30 s, see `poseembed.clips`: at 60 frames a second every other frame, at 10
        every third step. Any rate does, also one that varies, with gaps and lost frames.

        Args:
            keypoints: (..., frames, joints, 2) points (x, y), y down, in any unit with square pixels. NaN is a missing
                joint, and a frame of NaN one in which the person was not seen.
            confidence: (..., frames, joints) scores of the joints; NaN, or a score under `min_confidence`, is missing.
            times: Seconds, (frames,) for all clips or (..., frames), from any start; they rise from frame to frame.
            fps: Frames per second, in the place of `times`.
            context: Seconds before and after a frame that are read, 13/30 at most; 0 takes each frame by itself.
            look_ahead: Seconds after it, if that is to be less: 0 reads only what came before, for live video. The last
                step that is read may hold a frame 1/60 s later.
            fill_unseen: Whether a frame in which the person was not seen gets vectors from those around it, if there is
                any within the window, instead of NaN.
            wanted: (frames,) or (..., frames) mask of the frames whose vectors are asked for, all if None: such as the
                last one, live. The others are read, and NaN.
            skeleton: Name of the source's skeleton, see `poseembed.SKELETONS`.
            min_confidence: Least score of a joint that is there.
            batch_size: Frames, or groups of them, that go through a network at once.
            show_progress_bar: Show one, on stderr.
            device: Where to do it, with a copy of the encoder; None is where the encoder is.

        Returns:
            `(z_pose, z_view, filled)` of shapes (..., frames, pose_dim), (..., frames, view_dim) and (..., frames):
            numpy arrays for numpy input, tensors on the input's device for torch input. Frames without a single usable
            joint are NaN, unless they are filled.

        Raises:
            TypeError: As `embed` does; and if `times`, `fps`, `context` or `look_ahead` are no numbers.
            ValueError: As `embed` does; and if the checkpoint has no clip encoder, there is no axis of frames, neither
                or both of `times` and `fps` are given, times do not rise, a length of time is negative, or `wanted`
                is no mask of the frames.

        Warns:
            KeypointsWarning: As `embed` does.

        Examples:
            >>> from poseembed import PoseEncoder
            >>> encoder = PoseEncoder.from_pretrained("poseembed-small")
            >>> walk = np.random.default_rng(0).normal(300, 100, size=(5, 17, 2))
            >>> vectors = encoder.embed_clip(walk, fps=25, skeleton="coco", context=0)  # each frame by itself
            >>> vectors.z_pose.shape, vectors.filled.any()
            ((5, 32), np.False_)
        """
        reach = Reach.of(context, look_ahead)
        if self.clip is None and reach != Reach(0, 0):
            raise ValueError(no_clip_encoder("embed(), or context=0"))
        points = read_joints(keypoints, confidence, skeleton, min_confidence)
        if points.ndim < 3:
            raise ValueError(
                f"got shape {tuple(keypoints.shape)}; wanted (..., frames, joints, 2), a clip; a single frame is "
                "keypoints[None]"
            )
        shape = tuple(points.shape[:-2])
        seconds, asked = clip_times(times, fps, shape), _mask(wanted, shape)
        encoder = self._on(device)
        z_pose, z_view = encoder.embed(
            keypoints,
            confidence,
            skeleton=skeleton,
            min_confidence=min_confidence,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            convert_to_tensor=True,
        )
        filled = torch.zeros(shape, dtype=torch.bool)
        if encoder.clip is not None and reach != Reach(0, 0):
            poses, views, filled = _correct(
                encoder,
                points.reshape(-1, NUM_JOINTS, 2),
                (z_pose.flatten(0, -2), z_view.flatten(0, -2)),
                end_to_end(seconds.reshape(-1), np.arange(seconds.size) % max(shape[-1], 1) == 0),
                reach,
                asked.reshape(-1),
                fill_unseen,
                batch_size,
                show_progress_bar,
            )
            z_pose, z_view, filled = poses.view_as(z_pose), views.view_as(z_view), filled.reshape(shape)
        if wanted is not None:
            z_pose[~asked], z_view[~asked] = torch.nan, torch.nan
        if isinstance(keypoints, Tensor):
            return ClipEmbedding(*(each.to(keypoints.device) for each in (z_pose, z_view, filled)))
        return ClipEmbedding(z_pose.float().cpu().numpy(), z_view.float().cpu().numpy(), filled.numpy())


def _correct(
    encoder: ClipEmbedder,
    points: Float[Tensor, "frames 13 2"],
    vectors: tuple[Float[Tensor, "frames pose"], Float[Tensor, "frames view"]],
    times: Float64[np.ndarray, " frames"],
    reach: Reach,
    wanted: Bool[Tensor, " frames"],
    fill_unseen: bool,
    batch_size: int,
    show_progress_bar: bool,
) -> tuple[Float[Tensor, "frames pose"], Float[Tensor, "frames view"], Bool[Tensor, " frames"]]:
    """Correct the vectors of frames that are wanted by their windows; also which frames were filled.

    Windows are taken several at a time, in order, and a frame that stands in many of them goes through the first layer
    once.
    """
    clip = encoder.clip
    assert clip is not None
    z_pose, z_view = vectors[0].clone(), vectors[1].clone()
    shown = points.isnan().any(-1).logical_not().any(-1).cpu()
    seen = np.flatnonzero(shown.numpy())
    filled = torch.zeros(len(points), dtype=torch.bool)
    if not len(seen):
        return z_pose, z_view, filled
    middles = np.flatnonzero(wanted.numpy() if fill_unseen else (wanted & shown).numpy())

    def correct(part: slice) -> None:
        at = middles[part]
        slots = windows(times[seen], times[at], reach)
        some = (slots != ABSENT).any(1)
        at, slots = at[some], slots[some]
        if not len(at):
            return
        used, held = np.unique(slots, return_inverse=True)
        absent = int(used[0] == ABSENT)
        rows = torch.from_numpy(seen[used[absent:]])
        pose, view = (each[rows] for each in vectors)
        inputs, _ = encoder._lay_out(bring(points[rows], encoder.device))
        place = torch.from_numpy(held.reshape(slots.shape) - absent).to(pose.device)
        z_pose[at], z_view[at] = clip.correct(clip.read(inputs, pose, view), pose, view, place)
        filled[at] = ~shown[at]

    several = min(max(1, 3 * batch_size // SLOTS), _MOST_WINDOWS)  # of three slots the first layer makes one
    in_batches(correct, len(middles), several, name="clips", unit="frame", show_progress_bar=show_progress_bar)
    return z_pose, z_view, filled


def no_clip_encoder(instead: str) -> str:
    """A complaint about a checkpoint without a clip encoder, and what to call instead."""
    return (
        f"this checkpoint has no clip encoder, so it takes each frame by itself: {instead}; "
        f"of the packaged ones these have one: {', '.join(checkpoints.with_clip_encoder()) or 'none'}"
    )


def _mask(wanted: ArrayLike | Tensor | None, shape: tuple[int, ...]) -> Bool[Tensor, "*shape"]:
    """Which frames are asked for, of the shape of all.

    Raises:
        ValueError: If it is no mask, or of another shape.
    """
    if wanted is None:
        return torch.ones(shape, dtype=torch.bool)
    mask = np.asarray(wanted.detach().cpu() if isinstance(wanted, Tensor) else wanted)
    if mask.dtype != np.bool_ or mask.shape not in (shape, shape[-1:]):
        raise ValueError(
            f"got wanted of {mask.dtype} and shape {mask.shape}; it is to be a mask of the frames, True or False for "
            f"each of {shape[-1:]}"
        )
    return torch.from_numpy(np.broadcast_to(mask, shape).copy())
