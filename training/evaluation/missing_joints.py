"""What it costs when joints are missing: for each joint, limb and half of the body.

Trials are those of `training.evaluation.retrieval`, with complete pictures. Then the query lacks the joints of a part
of the body, or the query and the gallery both do. Parts of either side are measured on both, and averaged. The cosine
is that of a picture's pose vector without the part with the vector of the same picture, complete.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed import JOINTS
from training.evaluation.conditions import EXACT
from training.evaluation.representations import Embed
from training.evaluation.retrieval import GALLERY, Trial, hit_rates, make_trial

COMPLETE = "nothing"
"""Name of the part that leaves the pictures as they are."""


def _either(*names: str) -> tuple[frozenset[str], ...]:
    """The joints of those names on the left, and on the right."""
    return tuple(frozenset(f"{side}_{name}" for name in names) for side in ("left", "right"))


def _both(*names: str) -> tuple[frozenset[str], ...]:
    """The joints of those names, of both sides."""
    return (frozenset().union(*_either(*names)),)


PARTS: Mapping[str, tuple[frozenset[str], ...]] = {
    COMPLETE: (frozenset(),),
    "nose": (frozenset({"nose"}),),
    "a shoulder": _either("shoulder"),
    "an elbow": _either("elbow"),
    "a wrist": _either("wrist"),
    "a hip": _either("hip"),
    "a knee": _either("knee"),
    "an ankle": _either("ankle"),
    "both wrists": _both("wrist"),
    "both ankles": _both("ankle"),
    "an arm (elbow, wrist)": _either("elbow", "wrist"),
    "a leg (knee, ankle)": _either("knee", "ankle"),
    "both arms": _both("elbow", "wrist"),
    "both legs": _both("knee", "ankle"),
    "a side (all but the nose)": _either("shoulder", "elbow", "wrist", "hip", "knee", "ankle"),
    "the upper body": (_both("shoulder", "elbow", "wrist")[0] | {"nose"},),
    "the lower body": _both("hip", "knee", "ankle"),
}
"""What is missing, by name: sets of joints, over which the results are averaged."""


@dataclass(frozen=True)
class MissingResult:
    """What lacking one part costs, in one trial.

    Attributes:
        data: The data set's name.
        part: What is missing, see `PARTS`.
        trial: Draw of poses and cameras.
        cosine: Mean cosine of the pose vectors with those of the complete pictures.
        hit: Share of the queries that lack it and find their pose first, among complete pictures.
        hit_both: The same, among pictures that lack it too.
    """

    data: str
    part: str
    trial: int
    cosine: float
    hit: float
    hit_both: float


def run(
    data: Mapping[str, Float[np.ndarray, "frames 13 3"]], embed: Embed, *, trials: int, size: int = GALLERY
) -> Iterator[MissingResult]:
    """Measure everything; yields results as soon as each is there.

    Args:
        data: Poses by the data set's name.
        embed: Gives pose vectors of unit length.
        trials: Draws of poses and cameras.
        size: Poses in a trial.

    Raises:
        ValueError: If there are fewer poses than that.
    """
    for name, poses in data.items():
        for seed in range(trials):
            trial = make_trial(poses, EXACT, seed=seed, size=size)
            complete = tuple(embed(*seen) for seen in zip(trial.points, trial.visible, strict=True))
            for part, alternatives in PARTS.items():
                measured = [_measure(trial, embed, (complete[0], complete[1]), joints) for joints in alternatives]
                yield MissingResult(name, part, seed, *np.mean(measured, axis=0).tolist())


def shown_without(joints: frozenset[str], poses: int) -> Bool[Tensor, "poses 13"]:
    """Which joints so many pictures show if these are missing."""
    return torch.tensor([joint not in joints for joint in JOINTS]).expand(poses, -1)


def _measure(
    trial: Trial,
    embed: Embed,
    complete: tuple[Float[Tensor, "poses dim"], Float[Tensor, "poses dim"]],
    joints: frozenset[str],
) -> tuple[float, float, float]:
    """Cosine, and the shares of queries with a hit among complete and among lacking pictures."""
    shown = shown_without(joints, len(trial.poses))
    query, gallery = (embed(points, shown) for points in trial.points)
    lacking = replace(trial, visible=(shown, shown))
    hits = [
        hit_rates(lacking, lambda *_: query, (1,), embed_gallery=lambda *_, found=found: found)[1]
        for found in (complete[1], gallery)
    ]
    return (query * complete[0]).sum(-1).mean().item(), hits[0], hits[1]
