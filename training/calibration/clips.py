"""How sure a clip encoder is: its vectors have a length of their own, for neighbours make up for what a frame lacks.

One layer reads it from the last hidden layer of the clip encoder; directions stay as they are. What cosines and lengths
are worth was found for single frames already (`training.calibration.frames`), so that one calibration says the
probability of a match of any two vectors, with context or without: only the layer is fitted here, to the same cross
entropy.

It learns from galleries of movements of the `train` split: from all over it, and from within single recordings, in
turns. Two cameras film each movement, as a recipe's film and detector have it; the bodies are those that were recorded,
so which moments show the same pose is known exactly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from poseembed.calibration import MatchCalibration, log_odds
from poseembed.clip_network import ClipEncoder
from poseembed.network import Encoder
from poseembed.skeleton import NUM_JOINTS
from training.calibration.lengths import AT_ONCE, Lengths, cross_entropy
from training.evaluation.retrieval import same_pose
from training.objectives.context import lay_out
from training.scene.clip_views import ClipSampler


@dataclass(frozen=True)
class Filmed:
    """A gallery of moments as two cameras filmed them.

    Attributes:
        cosine: Of all moments of the first films with all of the second ones.
        features: Last hidden layer of the clip encoder, of both films.
        match: Which moments show the same pose.
    """

    cosine: Float[Tensor, "moments moments"]
    features: Float[Tensor, "2 moments width"]
    match: Bool[Tensor, "moments moments"]


def film_galleries(encoder: Encoder, clip: ClipEncoder, sampler: ClipSampler, size: int) -> Iterator[Filmed]:
    """Galleries without end, from torch's global random state; those of which all pairs match are left out."""
    runs, long_ones = sampler.runs, sampler.runs.bincount()
    odds = torch.where(long_ones >= size / 2, long_ones.float().sqrt(), 0)
    while True:
        sources = [torch.arange(len(runs))]
        if odds.any():
            sources.append((runs == torch.multinomial(odds, 1)).nonzero().squeeze(-1))
        for source in sources:
            rows = source[torch.randperm(len(source))[:size]]
            match = same_pose(sampler.bodies.vary(rows)[:, :NUM_JOINTS])
            if not match.all():
                yield _film(encoder, clip, sampler, rows, match)


@torch.no_grad()
def _film(
    encoder: Encoder,
    clip: ClipEncoder,
    sampler: ClipSampler,
    rows: Int[Tensor, " moments"],
    match: Bool[Tensor, "moments moments"],
) -> Filmed:
    slots, present, *frames = lay_out(encoder, clip, sampler.around(rows))
    first, second = normalize(clip.join(slots, present, *frames)[0], dim=-1).chunk(2)
    return Filmed(first @ second.T, clip.features(slots, present).unflatten(0, (2, -1)), match)


def fit(
    galleries: Sequence[Filmed], calibration: MatchCalibration, *, steps: int, seed: int
) -> tuple[nn.Linear, float]:
    """Fit the layer to a calibration; seeds torch's global random state.

    Returns:
        The layer, and the mean cross entropy of all galleries, in nats.
    """
    torch.manual_seed(seed)
    lengths = Lengths(torch.cat([gallery.features.flatten(0, 1) for gallery in galleries]))

    def loss(gallery: Filmed) -> Float[Tensor, ""]:
        first, second = (lengths.certainty(features) for features in gallery.features)
        logit = log_odds(gallery.cosine, first[:, None] * second, calibration.a, calibration.b, calibration.c)
        return cross_entropy(logit, gallery.match)

    optimizer = AdamW(lengths.parameters(), weight_decay=0.01)
    schedule = OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in (progress := tqdm(range(steps), unit="step")):
        some = torch.stack([loss(galleries[at]) for at in torch.randint(len(galleries), (AT_ONCE,)).tolist()]).mean()
        optimizer.zero_grad()
        torch.autograd.backward(some)
        optimizer.step()
        schedule.step()
        progress.set_postfix(loss=f"{some.item():.3f}", refresh=False)
    with torch.no_grad():
        return lengths.layer(), torch.stack([loss(gallery) for gallery in galleries]).mean().item()
