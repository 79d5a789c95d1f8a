"""Pr-VIPE: view-invariant probabilistic embeddings by triplets (Sun et al., ECCV 2020), to compare CV-MIM with.

A pose is a diagonal Gaussian, and two poses match with a probability that falls with the distance between samples of
theirs. There is no view vector. What the official code does is followed, but for how the hardest negative of a batch
is found (`PrVipe._mine`): its way takes 26 million matching probabilities and 65,000 alignments of 3D poses a step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from poseembed.network import Encoder, NetworkConfig, he_normal_
from training.objectives.base import Losses, PairObjective, System
from training.objectives.terms.estimators import kl_from_unit
from training.scene.metrics import np_mpjpe
from training.scene.views import Batch

MARGIN = math.log(2)
"""A pose should match its partner with at least twice the probability with which it matches a negative."""

FLOOR = 0.1
"""Half of it is the matching probability of poses infinitely far apart, so that no outlier's loss is large."""


@dataclass(frozen=True)
class PrVipeConfig:
    """The settings of the official code.

    Attributes:
        dropout: In the encoder.
        samples: Drawn from the Gaussian of each view.
        positive: Weight of the matching distance of partners.
        prior: Weight of the divergence of the Gaussians from the unit one.
        same_pose: A negative is a pose whose NP-MPJPE to the anchor's is not under this, torso lengths.
        candidates: Poses of the batch that are looked at to find an anchor's negative; with as many as there are pairs
            the negative is the one that the definition says.
    """

    dropout: float = 0.3
    samples: int = 20
    positive: float = 0.005
    prior: float = 0.001
    same_pose: float = 0.1
    candidates: int = 16


class PrVipe(PairObjective):
    """One player: the encoder, whose pose vector is the mean, and what training alone needs of the embedding.

    That is the head for standard deviations, and the slope and offset of the matching probability.
    """

    recordable = False  # how many anchors have a negative depends on the batch

    def __init__(self, network: NetworkConfig, config: PrVipeConfig) -> None:
        super().__init__()
        if network.view_dim:
            raise ValueError(f"Pr-VIPE trains no view vector, got view_dim={network.view_dim}; make it 0")
        self.config = config
        self.encoder = Encoder(network, dropout=config.dropout)
        self.deviation = he_normal_(nn.Linear(network.width, network.pose_dim))
        self.slope = nn.Parameter(torch.tensor(-0.65))  # a = 0.522
        self.offset = nn.Parameter(torch.tensor(-0.5))

    def players(self) -> dict[str, list[nn.Parameter]]:
        """All of it."""
        return {"encoder": list(self.parameters())}

    def forward(self, batch: Batch) -> Losses:
        """Both views in one pass; the second view of another body is what an anchor is told apart from."""
        mean, deviation = self.embed(self.inputs(batch).flatten(0, 1))
        with torch.autocast(mean.device.type, enabled=False):
            noise = torch.randn(self.config.samples, *mean.shape, device=mean.device)
            anchor, positive = (mean + deviation * noise).transpose(0, 1).chunk(2)
            partner = self._matching_distance(anchor, positive)
            negative = self._mine(anchor, positive, partner, batch.body)
            found = (negative >= 0).nonzero().squeeze(1)
            other = self._matching_distance(anchor[found], positive[negative[found]])
            triplet, active = triplet_loss(partner[found], other)
            divergence = kl_from_unit(mean, deviation)
        loss = triplet + self.config.positive * partner.mean() + self.config.prior * divergence
        terms = {
            "triplet": triplet,
            "active": active / len(partner),
            "positive": partner.mean(),
            "prior": divergence,
            "slope": above_zero(self.slope),
            "offset": self.offset,
        }
        return Losses(players={"encoder": loss}, terms={name: value.detach() for name, value in terms.items()})

    def embed(self, inputs: Float[Tensor, "views inputs"]) -> tuple[Float[Tensor, "views d"], Float[Tensor, "views d"]]:
        """Means and standard deviations, by two heads on the same features."""
        features = self.encoder.features(inputs)
        mean, _ = self.encoder.heads(features)
        return mean.float(), above_zero(self.deviation(features).float())

    def _match(self, first: Float[Tensor, "*batch k d"], second: Float[Tensor, "*batch m d"]) -> Tensor:
        """Matching probabilities of all samples of the one with all of the other, (..., k, m)."""
        return matching_probability(torch.cdist(first, second), above_zero(self.slope), self.offset)

    def _matching_distance(
        self, first: Float[Tensor, "*batch k d"], second: Float[Tensor, "*batch m d"]
    ) -> Float[Tensor, "*batch"]:
        """Minus the logarithm of the mean matching probability of samples."""
        return -self._match(first, second).mean((-2, -1)).log()

    @torch.no_grad()
    def _mine(
        self,
        anchor: Float[Tensor, "pairs k d"],
        positive: Float[Tensor, "pairs k d"],
        partner: Float[Tensor, " pairs"],
        body: Float[Tensor, "pairs 13 3"],
    ) -> Int[Tensor, " pairs"]:
        """The semi-hard negative of each anchor, -1 where there is none: see `semi_hard`.

        The matching distance almost follows the mean square of the distances between samples, which costs one product
        of small matrices. By that, only those that come next after the partner are candidates, and a few before it
        for the "almost"; all else is computed for them alone, as the official code does for all.
        """
        size = len(anchor)
        count = min(self.config.candidates, size)
        square = mean_square_distance(anchor, positive)
        nearer = (square < square.diagonal()[:, None]).sum(1)
        first = (nearer - count // 4).clamp(0, size - count)
        among = torch.arange(count, device=body.device) + first[:, None]
        candidates = square.argsort(1).gather(1, among)
        probability = self._match(anchor, positive[candidates].flatten(1, 2)).unflatten(-1, (count, -1))

        def is_negative(rows: Int[Tensor, " n"], columns: Int[Tensor, " n"]) -> Bool[Tensor, " n"]:
            return np_mpjpe(body[rows], body[candidates[rows, columns]]) >= self.config.same_pose

        column = semi_hard(-probability.mean((1, 3)).log(), partner, is_negative)
        return torch.where(column >= 0, candidates.gather(1, column.clamp_min(0)[:, None]).squeeze(1), -1)


def above_zero(raw: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """ELU + 1, without losing what is left of small values: exp(raw) under 0, raw + 1 above."""
    return torch.where(raw < 0, raw.clamp_max(0).exp(), raw + 1)


def matching_probability(
    distance: Float[Tensor, "*any"], slope: Tensor | float, offset: Tensor | float
) -> Float[Tensor, "*any"]:
    """Probability that two points at a distance are the same pose; never under half of `FLOOR`."""
    return (1 - FLOOR) * torch.sigmoid(offset - slope * distance) + FLOOR / 2


def mean_square_distance(first: Float[Tensor, "n k d"], second: Float[Tensor, "m l d"]) -> Float[Tensor, "n m"]:
    """Mean of the squared distances between each point of a set and each of another, for all pairs of sets.

    It is the squared distance of the two centres plus the two spreads about them.
    """
    spread, other_spread = (points.var(1, correction=0).sum(-1) for points in (first, second))
    return torch.cdist(first.mean(1), second.mean(1)).square() + spread[:, None] + other_spread


def semi_hard(
    distance: Float[Tensor, "anchors candidates"],
    positive: Float[Tensor, " anchors"],
    is_negative: Callable[[Int[Tensor, " n"], Int[Tensor, " n"]], Bool[Tensor, " n"]],
) -> Int[Tensor, " anchors"]:
    """The nearest negative of each anchor that is farther away than its positive.

    Args:
        distance: Of the candidates to the anchors.
        positive: Distance of each anchor's positive.
        is_negative: Which of the candidates with these rows and columns are negatives. It is asked about the nearest
            ones first, and about others only for the anchors that were not served yet.

    Returns:
        Columns, -1 where there is none.
    """
    beyond = distance.masked_fill(distance <= positive[:, None], torch.inf)
    order = beyond.argsort(1)
    chosen = torch.full_like(order[:, 0], -1)
    rows = torch.arange(len(distance), device=distance.device)
    for columns in order.T:
        rows = rows[beyond[rows, columns[rows]].isfinite()]
        if not len(rows):
            break
        negative = is_negative(rows, columns[rows])
        chosen[rows] = torch.where(negative, columns[rows], -1)
        rows = rows[~negative]
    return chosen


def triplet_loss(
    positive: Float[Tensor, " triplets"], negative: Float[Tensor, " triplets"], *, margin: float = MARGIN
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """How much nearer than the margin the negatives are, in the mean over the triplets where they are; their number.

    The distances are minus logarithms of matching probabilities, so the margin is on the ratio of the two.
    """
    short = (positive - negative + margin).clamp_min(0)
    active = (short > 0).sum()
    return short.sum() / active.clamp_min(1), active


SYSTEMS = (System("pr-vipe", "Pr-VIPE", partial(PrVipe, config=PrVipeConfig(dropout=0.0)), pose_dim=16, view_dim=0),)
