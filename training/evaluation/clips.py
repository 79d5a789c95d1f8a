"""Cross-view retrieval among the frames of clips: what a frame's neighbours are worth.

A trial takes whole clips, in an order drawn at random, until they have `GALLERY` well-tracked frames. Two virtual
cameras film each clip, the one for the queries and the other for the gallery, and stand still meanwhile. All else is as
in `training.evaluation.retrieval`: the same ranges of cameras, the same meaning of a hit. Frames near a tracking error
are lost: they are neither queries, nor in the gallery, nor read as neighbours.

The virtual detector here is not that of the training. It misplaces joints by Gaussian noise, and loses a third of
them: other ones in each frame, which the neighbours make up for easily, or the same ones for half a second.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Generator, Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from poseembed.clip_network import ABSENT
from poseembed.clips import REACH, Reach, windows
from training.datasets.mocap.clips import Clip
from training.evaluation.representations import Embed, pose_vectors
from training.evaluation.retrieval import GALLERY, RANKS, RetrievalResult, hits
from training.scene.cameras import CameraRange
from training.scene.world import to_world


@dataclass(frozen=True)
class ClipCondition:
    """What a virtual detector makes of a clip.

    Attributes:
        missing: Joints missing in each frame.
        noise: Standard deviation of the others' places, torso lengths.
        kept: Correlation of the noise from one frame to the next.
        lasting: Seconds for which the same joints are missing, from a moment drawn at random on; 0 is a frame.
    """

    missing: int = 0
    noise: float = 0.0
    kept: float = 0.0
    lasting: float = 0.0

    def __str__(self) -> str:
        if not (self.missing or self.noise):
            return "complete and exact"
        how = f"for {self.lasting:g} s" if self.lasting else "anew in each frame"
        correlated = f", correlated {self.kept:g} a frame" if self.kept else ""
        noise = f", noise of {100 * self.noise:g} % of the torso{correlated}" if self.noise else ""
        return f"{self.missing} of 13 joints missing {how}{noise}"


CONDITIONS = (
    ClipCondition(),
    ClipCondition(missing=4, noise=0.05),
    ClipCondition(missing=4, noise=0.05, kept=0.9, lasting=0.5),
)


@dataclass(frozen=True)
class FilmedClip:
    """What one camera saw of a clip.

    Attributes:
        points: Picture points (x, y), y down.
        visible: Which joints are seen; none in a lost frame.
        times: Seconds.
    """

    points: Float[Tensor, "frames 13 2"]
    visible: Bool[Tensor, "frames 13"]
    times: Float64[np.ndarray, " frames"]

    def thinned(self, every: int) -> "FilmedClip":
        """Each so manieth frame."""
        return FilmedClip(self.points[::every], self.visible[::every], self.times[::every])


EmbedClip = Callable[[FilmedClip], Float[Tensor, "frames dim"]]
"""From what a camera saw of a clip to a vector a frame; what stands for frames without anybody is not looked at."""


@dataclass(frozen=True)
class ClipTrial:
    """Poses of some clips, and what two cameras saw of them.

    Attributes:
        poses: The 3D poses of the well-tracked frames, z up, torsos 1 long, clip after clip.
        tracked: Which frames of each clip these are.
        filmed: Of each clip, the query's film and the gallery's.
    """

    poses: Float[Tensor, "poses 13 3"]
    tracked: list[Bool[Tensor, " _frames"]]
    filmed: list[tuple[FilmedClip, FilmedClip]]


def film(
    world: Float[Tensor, "frames 13 3"],
    tracked: Bool[Tensor, " frames"],
    fps: float,
    condition: ClipCondition,
    generator: Generator,
) -> FilmedClip:
    """Let a camera, drawn from `CameraRange()`, film a clip.

    Args:
        world: Poses, z up, torsos 1 long.
        tracked: Which frames are well tracked; the others are lost.
        fps: Frames per second.
        condition: What becomes of the keypoints.
        generator: Of all that is drawn.
    """
    camera = CameraRange().sample(1, generator=generator)
    frames = len(world)
    draws = torch.randn(frames, 13, 2, generator=generator)
    noise = [draws[0]]
    for draw in draws[1:]:
        noise.append(condition.kept * noise[-1] + (1 - condition.kept**2) ** 0.5 * draw)
    points = camera.look(world) + condition.noise * camera.torso * torch.stack(noise)
    lasting = max(1, round(condition.lasting * fps))
    begun = int(torch.randint(lasting, (1,), generator=generator))
    ranks = torch.rand(frames // lasting + 2, 13, generator=generator).argsort(-1)
    seen = ranks[(torch.arange(frames) + begun) // lasting] >= condition.missing
    return FilmedClip(points, seen & tracked[:, None], np.arange(frames) / fps)


def make_trial(clips: Sequence[Clip], condition: ClipCondition, *, seed: int, size: int = GALLERY) -> ClipTrial:
    """Draw a trial's clips, film them, and lose joints.

    Args:
        clips: Motion capture.
        condition: What becomes of the keypoints; the clips and the cameras do not depend on it.
        seed: Of the draw.
        size: Poses in the trial: the last clip is cut there.

    Raises:
        ValueError: If there are fewer.
    """
    if (there := sum(int(clip.ok.sum()) for clip in clips)) < size:
        raise ValueError(f"got {there} well-tracked frames; a gallery takes {size}, or as many as --poses says")
    generator = Generator().manual_seed(seed)
    poses: list[Tensor] = []
    tracked: list[Tensor] = []
    filmed: list[tuple[FilmedClip, FilmedClip]] = []
    left = size
    for number in torch.randperm(len(clips), generator=generator).tolist():
        clip = clips[number]
        ok = torch.from_numpy(clip.ok) & torch.from_numpy(clip.ok.cumsum() <= left)
        if not ok.any():
            continue
        end = int(ok.nonzero().max()) + 1
        ok, world = ok[:end], to_world(torch.from_numpy(clip.joints[:end].astype(np.float32)))
        cameras = [Generator().manual_seed(int(torch.randint(2**62, (1,), generator=generator))) for _ in range(2)]
        query, gallery = (film(world, ok, clip.fps, condition, of_camera) for of_camera in cameras)
        poses.append(world[ok])
        tracked.append(ok)
        filmed.append((query, gallery))
        left -= int(ok.sum())
        if not left:
            break
    return ClipTrial(torch.cat(poses), tracked, filmed)


def frame_by_frame(embed: Embed) -> EmbedClip:
    """What represents single pictures, for the frames of clips."""
    return lambda clip: embed(clip.points, clip.visible)


def means_with_context(
    encoder: PoseEncoder, *, context: float = REACH, look_ahead: float | None = None, every: int = 1
) -> EmbedClip:
    """Pose vectors of frames with what comes before and after, as they are.

    Args:
        encoder: With a clip encoder.
        context: As `PoseEncoder.embed_clip` takes it, and so is the next.
        look_ahead: Seconds after a frame that are read.
        every: The neighbours are each so manieth frame only, as of a slower camera.
    """

    def embed(clip: FilmedClip) -> Float[Tensor, "frames dim"]:
        vectors = torch.empty(len(clip.times), encoder.pose_dim)
        for first in range(min(every, len(clip.times))):
            part = FilmedClip(clip.points[first:], clip.visible[first:], clip.times[first:]).thinned(every)
            vectors[first::every] = encoder.embed_clip(
                part.points, part.visible.float(), times=part.times, context=context, look_ahead=look_ahead
            ).z_pose
        return vectors

    return embed


def with_context(
    encoder: PoseEncoder, *, context: float = REACH, look_ahead: float | None = None, every: int = 1
) -> EmbedClip:
    """The same at unit length, so that Euclidean distance ranks as cosine does."""
    as_they_are = means_with_context(encoder, context=context, look_ahead=look_ahead, every=every)
    return lambda clip: normalize(as_they_are(clip), dim=-1)


def mean_over_window(encoder: PoseEncoder, *, context: float = REACH) -> EmbedClip:
    """The mean of the unit pose vectors in a window: what neighbours give without any learning."""

    def embed(clip: FilmedClip) -> Float[Tensor, "frames dim"]:
        unit = pose_vectors(encoder)(clip.points, clip.visible)
        rows = np.flatnonzero(clip.visible.any(-1).numpy())
        held = torch.from_numpy(windows(clip.times[rows], clip.times, Reach.of(context, None)))
        there = (held != ABSENT).unsqueeze(-1)
        around = unit[torch.from_numpy(rows)][held.clamp_min(0)]
        return normalize((around * there).sum(1), dim=-1)

    return embed


def hit_rates(trial: ClipTrial, embed: EmbedClip, ranks: Sequence[int] = RANKS) -> dict[int, float]:
    """Share of the queries with a hit at each of `ranks`."""
    query, gallery = (
        torch.cat([embed(films[side])[ok] for films, ok in zip(trial.filmed, trial.tracked, strict=True)])
        for side in range(2)
    )
    return hits(query, gallery, trial.poses, ranks)


def run(
    data: Mapping[str, Sequence[Clip]],
    representations: Mapping[str, EmbedClip],
    *,
    conditions: Sequence[ClipCondition] = CONDITIONS,
    trials: int,
    size: int = GALLERY,
) -> Iterator[RetrievalResult[ClipCondition]]:
    """Measure everything; yields results as soon as each is there.

    Args:
        data: Clips by the data set's name.
        representations: By label.
        conditions: What becomes of the keypoints.
        trials: Draws of clips and cameras.
        size: Poses in a trial.

    Raises:
        ValueError: If there are fewer poses than that.
    """
    for (name, clips), condition, seed in product(data.items(), conditions, range(trials)):
        trial = make_trial(clips, condition, seed=seed, size=size)
        for label, embed in representations.items():
            yield RetrievalResult(name, label, condition, seed, hit_rates(trial, embed))
