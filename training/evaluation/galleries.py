"""Poses that are compared with each other: drawn from everything, and from within single recordings.

Among random poses few match, and what does not is mostly far off. The frames of one recording resemble each other:
many match, and many more nearly do. What a cosine is worth differs between the two, and people search in both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from poseembed.skeleton import NUM_JOINTS
from training.datasets.mocap import MotionCapture
from training.evaluation.retrieval import same_pose
from training.scene.world import to_world


@dataclass(frozen=True)
class Gallery:
    """Poses, and which of them are the same.

    Attributes:
        bodies: The 13 joints and the nose, as cameras see them: z up, torso lengths.
        match: Whether the NP-MPJPE of two poses is under `training.evaluation.retrieval.SAME_POSE`.
    """

    bodies: Float[Tensor, "poses 14 3"]
    match: Bool[Tensor, "poses poses"]


def draw_galleries(
    recordings: Sequence[MotionCapture], split: str, size: int, generator: Generator
) -> Iterator[Gallery]:
    """Galleries without end: one from all poses of a split, one from a single clip of it, and so on in turns.

    Clips are drawn with odds that grow as the square root of their length, so that long ones do not drown the rest;
    those shorter than half a gallery are left out. Galleries of which all pairs match are as well.

    Args:
        recordings: Where to draw from; only well-tracked poses are.
        split: Of the recordings.
        size: Most poses in a gallery.
        generator: Of the draws.

    Raises:
        ValueError: If there are no two poses that differ.
    """
    clips = [
        np.concatenate([clip.joints, clip.nose[:, None]], axis=1)[clip.ok]
        for recording in recordings
        for clip in recording.clips(split)
    ]
    everything = torch.from_numpy(np.concatenate(clips)).float() if clips else torch.empty(0, NUM_JOINTS + 1, 3)
    long_ones = [torch.from_numpy(clip).float() for clip in clips if len(clip) >= size / 2]
    odds = torch.tensor([float(len(clip)) for clip in long_ones]).sqrt()
    if len(everything) < 2 or same_pose(everything[:: max(1, len(everything) // size), :NUM_JOINTS]).all():
        raise ValueError(f"got {len(everything)} poses in split {split}, no two of which differ; give more data")
    while True:
        sources = [everything]
        if long_ones:
            sources.append(long_ones[int(torch.multinomial(odds, 1, generator=generator))])
        for source in sources:
            bodies = to_world(source[torch.randperm(len(source), generator=generator)[:size]])
            match = same_pose(bodies[:, :NUM_JOINTS])
            if not match.all():
                yield Gallery(bodies, match)
