"""Whether the probabilities of a match are right: the reliability curve, and three numbers that sum it up.

Pictures are of one `Sight` each: how much of the body they show, and how exact they are. They come from virtual cameras
(`in_draws`: random poses of motion capture; `in_films`: the frames of whole clips) or from real ones (`in_recording`:
all frames of one camera against all of another). Frames of films may have vectors with context. `assess` judges with
two priors: at even odds, with all pairs weighted so that half of them match; and with the share of the pairs that
match, unweighted.

- Reliability curve: pairs are sorted by probability into `BINS` equal intervals; in each, the share of matches should
  be the mean probability.
- Expected calibration error (Naeini, Cooper and Hauskrecht 2015): the mean of the difference of the two, each bin
  weighted by the share of the pairs that fall into it. 0 is perfect.
- Worst bin: the largest such difference, predicted less observed, among bins of `FEWEST` pairs or more.
- Brier score (1950): the mean square of probability minus truth, 1 for a match and 0 for another pair. At even odds
  0.25 is saying 0.5 always; how well the vectors tell matches apart counts too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from poseembed import PoseEncoder
from training.datasets.mocap import Clip
from training.datasets.multiview import MultiviewRecording
from training.evaluation.clips import ClipCondition, EmbedClip, FilmedClip
from training.evaluation.clips import make_trial as make_clip_trial
from training.evaluation.conditions import Condition
from training.evaluation.pairs import BATCH, Pairs, balance, compare_views
from training.evaluation.representations import means
from training.evaluation.retrieval import GALLERY, make_trial, same_pose
from training.scene.parts import show
from training.scene.world import normalize_3d

BINS = 15

FEWEST = 100
"""Pairs in the bins that are looked at one by one; fewer say little."""

PRIORS = ("even odds", "own share")


@dataclass(frozen=True)
class Sight:
    """What both pictures of a pair are like.

    Attributes:
        part: What they show of the body, one of `training.scene.parts.PARTS`.
        noise: Standard deviation of the joints' places in virtual pictures, torso lengths.
    """

    part: str
    noise: float = 0.0

    def __str__(self) -> str:
        return self.part


SIGHTS = (
    Sight("complete"),
    Sight("4 missing", noise=0.05),
    Sight("upper body", noise=0.025),
    Sight("one side", noise=0.025),
    Sight("5 joints", noise=0.025),
    Sight("2 joints", noise=0.025),
)
"""Complete and exact pictures, and such as come in everyday use."""


@dataclass(frozen=True)
class Bin:
    """Pairs of about the same probability.

    Attributes:
        predicted: Their mean probability.
        observed: Share of matches.
        weight: Share of all pairs that they are.
        pairs: Their number, before weighting.
    """

    predicted: float
    observed: float
    weight: float
    pairs: int


@dataclass(frozen=True)
class ReliabilityResult:
    """How right the probabilities were on one file or recording, for one sight and one prior.

    Attributes:
        data: The file.
        sight: What the pictures were like.
        prior: One of `PRIORS`.
        matches: Share of the pairs that match, before weighting.
        ece: Expected calibration error.
        worst: Predicted less observed, where they differ most; 0 where no bin has `FEWEST` pairs.
        brier: Brier score.
        bins: The reliability curve; empty bins are left out.
    """

    data: str
    sight: Sight
    prior: str
    matches: float
    ece: float
    worst: float
    brier: float
    bins: list[Bin]


def in_draws(
    encoder: PoseEncoder,
    joints: Float[np.ndarray, "frames 13 3"],
    *,
    trials: int,
    size: int = GALLERY,
    batch_size: int = BATCH,
) -> Iterator[dict[Sight, Pairs]]:
    """Compare the views of retrieval's trials for all `SIGHTS`; yields batch by batch.

    Args:
        encoder: Whose pose vectors to compare.
        joints: Poses to draw from; metres, y up.
        trials: Draws of poses and cameras.
        size: Poses in a trial.
        batch_size: Poses of which all first views are compared with all second ones.

    Raises:
        ValueError: If there are fewer poses than a trial holds.
    """
    embed = means(encoder)
    for seed in range(trials):
        vectors = {}
        for sight in SIGHTS:
            trial = make_trial(joints, Condition(noise=sight.noise), seed=seed, size=size)
            generator = torch.Generator().manual_seed(seed)
            shown = [show(sight.part, size, generator=generator) for _ in trial.points]
            vectors[sight] = [embed(points, visible) for points, visible in zip(trial.points, shown, strict=True)]
        poses = trial.poses  # which are the same for all sights
        for rows in torch.arange(len(poses)).split(batch_size):
            match = same_pose(poses[rows])
            yield {
                sight: compare_views(encoder, one[rows], other[rows], match) for sight, (one, other) in vectors.items()
            }


def in_films(
    encoder: PoseEncoder,
    clips: Sequence[Clip],
    embed: EmbedClip,
    *,
    trials: int,
    size: int = GALLERY,
    batch_size: int = BATCH,
) -> Iterator[dict[Sight, Pairs]]:
    """Compare the frames of whole clips, as two cameras filmed them, for all `SIGHTS`; yields batch by batch.

    Args:
        encoder: Whose pose vectors to compare.
        clips: Motion capture.
        embed: Gives the vectors.
        trials: Draws of clips and cameras.
        size: Frames in a trial.
        batch_size: Frames, of any clips, of which all first views are compared with all second ones.

    Raises:
        ValueError: If there are fewer frames than a trial holds.
    """
    for seed in range(trials):
        vectors = {}
        for sight in SIGHTS:
            trial = make_clip_trial(clips, ClipCondition(noise=sight.noise), seed=seed, size=size)
            generator = torch.Generator().manual_seed(seed)
            vectors[sight] = [
                torch.cat(
                    [
                        embed(_shown(films[side], sight, generator))[ok]
                        for films, ok in zip(trial.filmed, trial.tracked, strict=True)
                    ]
                )
                for side in range(2)
            ]
        poses = trial.poses  # which are the same for all sights
        for rows in torch.randperm(len(poses), generator=torch.Generator().manual_seed(seed)).split(batch_size):
            match = same_pose(poses[rows])
            yield {
                sight: compare_views(encoder, one[rows], other[rows], match) for sight, (one, other) in vectors.items()
            }


def in_recording(
    encoder: PoseEncoder, recording: MultiviewRecording, embed: EmbedClip, *, seed: int = 0
) -> dict[Sight, Pairs]:
    """Compare all frames of each camera of a pair with all of the other, for all `SIGHTS`.

    What a detector did not find is missing besides what a sight leaves out. Frames whose 3D pose cannot be trusted are
    left out.

    Args:
        encoder: Whose pose vectors to compare.
        recording: What the cameras saw.
        embed: Gives the vectors.
        seed: Of what a sight leaves out.
    """
    parts: dict[Sight, list[Pairs]] = {sight: [] for sight in SIGHTS}
    for pair, cameras in enumerate(recording.pairs.tolist()):
        for person in range(recording.keypoints.shape[2]):
            trusted = torch.from_numpy(recording.trusted(pair, person))
            match = same_pose(normalize_3d(torch.from_numpy(recording.joints3d[pair, person])[trusted]))
            films = []
            for camera in cameras:
                points = torch.from_numpy(recording.keypoints[camera, :, person])
                seen = trusted[:, None] & ~points.isnan().any(-1)
                films.append(FilmedClip(points, seen, np.arange(len(points)) / recording.fps))
            for sight in SIGHTS:
                generator = torch.Generator().manual_seed(seed)
                one, other = (embed(_shown(film, sight, generator))[trusted] for film in films)
                parts[sight].append(compare_views(encoder, one, other, match))
    return {sight: Pairs.join(of) for sight, of in parts.items()}


def _shown(film: FilmedClip, sight: Sight, generator: torch.Generator) -> FilmedClip:
    """A film of which each frame shows the part of a sight."""
    return replace(film, visible=film.visible & show(sight.part, len(film.visible), generator=generator))


def assess(pairs: Pairs, prior: str, *, data: str, sight: Sight) -> ReliabilityResult:
    """Compare probabilities with what was true.

    Args:
        pairs: The pairs.
        prior: One of `PRIORS`.
        data: What to call the file.
        sight: What the pictures were like.

    Raises:
        ValueError: If all pairs match, or none.
    """
    even, truth = balance(pairs.match), pairs.match.double()
    if prior == "even odds":
        weight, p = even, pairs.probability.double()
    else:
        weight, p = torch.full_like(even, 1 / len(even)), pairs.at(pairs.share)
    place = (p * BINS).long().clamp_max(BINS - 1)  # a probability of 1 belongs to the last bin
    weights, predicted, observed = (
        torch.zeros(BINS, dtype=torch.float64).index_add(0, place, weight * values)
        for values in (torch.ones_like(p), p, truth)
    )
    counts = torch.bincount(place, minlength=BINS)
    bins = [
        Bin(
            predicted=(predicted[i] / w).item(),
            observed=(observed[i] / w).item(),
            weight=w.item(),
            pairs=int(counts[i]),
        )
        for i, w in enumerate(weights)
        if counts[i]
    ]
    return ReliabilityResult(
        data=data,
        sight=sight,
        prior=prior,
        matches=pairs.share,
        ece=(predicted - observed).abs().sum().item(),
        worst=max((b.predicted - b.observed for b in bins if b.pairs >= FEWEST), key=abs, default=0.0),
        brier=(weight * (p - truth).square()).sum().item(),
        bins=bins,
    )
