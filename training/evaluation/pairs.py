"""Pairs of views, their cosines, and which show the same pose: what match probabilities are fitted and judged on."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from poseembed.network import Encoder
from training.evaluation.retrieval import same_pose
from training.scene.detector import Detector
from training.scene.views import ViewSampler

BATCH = 256
"""Bodies whose views are compared with each other. With fewer, more of the matches are of one and the same body."""

DETECTOR = Detector(noise=0.05, occluded=0.5, cropped=0.2)
"""Noise of up to 5 % of the torso in all views; half of the views may lose single joints or a limb, and a fifth of
those whatever lies beyond the picture's edge. A quarter of the pairs are complete in both views. Swapped and badly
misplaced joints are left out: nobody knows their share, and a few bend the curve's low end for all poses."""


@dataclass(frozen=True)
class Pairs:
    """Compared views.

    Attributes:
        cosine: Of their pose vectors.
        match: Whether they show the same pose.
    """

    cosine: Float[Tensor, " pairs"]
    match: Bool[Tensor, " pairs"]

    @classmethod
    def join(cls, parts: Sequence["Pairs"]) -> "Pairs":
        """All pairs of several batches."""
        return cls(torch.cat([part.cosine for part in parts]), torch.cat([part.match for part in parts]))


def compare_views(
    first: Float[Tensor, "views dim"], second: Float[Tensor, "views dim"], match: Bool[Tensor, "views views"]
) -> Pairs:
    """All pairs of a first view's pose vector with a second view's; view `i` of either shows body `i`."""
    cosine = (normalize(first, dim=-1) @ normalize(second, dim=-1).T).clamp(-1, 1)
    return Pairs(cosine.flatten(), match.flatten())


def balance(match: Bool[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    """Weights, float64, that sum to one half over the matches and to one half over the other pairs.

    Raises:
        ValueError: If all pairs match, or none.
    """
    matches = int(match.sum())
    if matches in (0, len(match)):
        raise ValueError(f"{matches} of {len(match)} pairs match; matches and other pairs are needed, take more poses")
    return match.double() * (0.5 / matches) + (~match).double() * (0.5 / (len(match) - matches))


def draw_pairs(network: Encoder, sampler: ViewSampler, *, batches: int, seed: int, batch_size: int = BATCH) -> Pairs:
    """Compare views of so many batches of bodies; seeds torch's global random state."""
    torch.manual_seed(seed)
    parts = []
    with torch.no_grad():
        for _ in tqdm(range(batches), unit="batch"):
            batch = sampler.sample(batch_size)
            z_pose, _ = network(network.layout(batch.points, batch.visible).flatten(0, 1))
            first, second = z_pose.chunk(2)
            parts.append(compare_views(first, second, same_pose(batch.body)))
    return Pairs.join(parts)
