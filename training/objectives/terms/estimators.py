"""Estimators and bounds of mutual information over a batch, section 3 of the paper.

Row i of one tensor and row i of the other belong together; every other row of the batch is a negative. Losses
are minimised: the smaller a JSD loss, the larger the estimated information; CLUB is an upper bound as it stands.
Only InfoNCE, whose bound grows with the number of negatives, takes those of other processes too.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus

from training.objectives.terms.gathered import gather


def jsd_loss(local: Float[Tensor, "batch d"], matching: Float[Tensor, "batch d"]) -> Float[Tensor, ""]:
    """Jensen-Shannon estimate of the information between two batches, with dot products as scores (Eq. 4).

    The mean softplus of the scores of rows that do not belong together, plus the mean softplus of minus the
    scores of those that do, less 2 log 2: 0 when all scores are 0.

    Raises:
        ValueError: For fewer than two rows, which leave no negative.
    """
    size = _check_pairs(local, matching)
    scores = _scores(local, matching)
    diagonal = scores.diagonal()
    # softplus(-u) = softplus(u) - u
    positive = (softplus(diagonal) - diagonal).mean()
    negative = (softplus(scores).sum() - softplus(diagonal).sum()) / (size * (size - 1))
    return negative + positive - 2 * math.log(2)


def info_nce_loss(
    anchor: Float[Tensor, "batch d"], positive: Float[Tensor, "batch d"], *, temperature: float = 1.0
) -> Float[Tensor, ""]:
    """InfoNCE estimate of the information between two batches, with dot products as scores, both ways round.

    The cross-entropy of finding each row's partner among all rows of the other batch, those of other processes of the
    run included. log(rows) minus it bounds the information from below (van den Oord et al., 2018).

    Raises:
        ValueError: For fewer than two rows, which leave no negative.
    """
    size = _check_pairs(anchor, positive)
    both, first = gather(torch.cat([anchor, positive], dim=1))
    anchors, positives = both.chunk(2, dim=1)
    partner = torch.arange(first, first + size, device=both.device)
    to_positives = cross_entropy(_scores(anchor, positives) / temperature, partner)
    to_anchors = cross_entropy(_scores(positive, anchors) / temperature, partner)
    return (to_positives + to_anchors) / 2


def unit_info_nce_loss(
    anchor: Float[Tensor, "batch d"], positive: Float[Tensor, "batch d"], *, temperature: float = 0.05
) -> Float[Tensor, ""]:
    """`info_nce_loss` of the vectors at unit length: the scores are cosines, sharpened by the temperature."""
    return info_nce_loss(normalize(anchor, dim=-1), normalize(positive, dim=-1), temperature=temperature)


def log_likelihood(
    mean: Float[Tensor, "batch d"], log_variance: Float[Tensor, "batch d"], value: Float[Tensor, "batch d"]
) -> Float[Tensor, ""]:
    """Mean over the batch and the dimensions of a diagonal Gaussian's log density, without its constant."""
    return (-(mean - value).square() * torch.exp(-log_variance) / 2 - log_variance / 2).mean()


def club_bound(
    mean: Float[Tensor, "batch d"], log_variance: Float[Tensor, "batch d"], value: Float[Tensor, "batch d"]
) -> Float[Tensor, ""]:
    """Upper bound of the information between x and y from q(y | x), cut off at 0 (CLUB, Eq. 7).

    The mean log density of the y that belongs to each x, less that of all the others. The mean over all pairs
    needs only the batch's first two moments of y, so nothing here is larger than (batch, d). As in the official
    code densities are averaged over the dimensions, which makes this 1/d of the textbook's bound.

    Raises:
        ValueError: For fewer than two rows, which leave no negative.
    """
    size = _check_pairs(mean, value)
    precision = torch.exp(-log_variance)
    own = -(mean - value).square() * precision / 2
    # E_j (m_i - y_j)^2 = m_i^2 - 2 m_i E[y] + E[y^2]; about E[y], so that no large squares cancel
    centre = value.mean(0)
    spread = (value - centre).square().mean(0)
    everyone = -((mean - centre).square() + spread) * precision / 2
    others = (everyone * size - own) / (size - 1)  # log_variance / 2 is the same in both and cancels
    return (own - others).mean().clamp_min(0)


def kl_from_unit(mean: Float[Tensor, "batch d"], deviation: Float[Tensor, "batch d"]) -> Float[Tensor, ""]:
    """Divergence of diagonal Gaussians from the unit Gaussian: summed over dimensions, mean over the batch."""
    return ((deviation.square() + mean.square() - 1) / 2 - deviation.log()).sum(-1).mean()


def gradient_penalty(scores: Float[Tensor, "batch 1"], inputs: Float[Tensor, "batch d"]) -> Float[Tensor, ""]:
    """Mean over the batch of the squared length of the scores' gradient (R1 on real, R2 on generated inputs).

    Args:
        scores: A discriminator's logits of `inputs`, row by row.
        inputs: What they were computed from; must require gradients.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), inputs, create_graph=True)
    return gradient.square().sum(-1).mean()


def _scores(rows: Float[Tensor, "n d"], columns: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """All dot products, in the precision of the vectors: autocast would round them to bfloat16."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows @ columns.T


def _check_pairs(first: Tensor, second: Tensor) -> int:
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ValueError(
            f"got shapes {tuple(first.shape)} and {tuple(second.shape)}; wanted two equal (batch, d) with batch >= 2"
        )
    return len(first)
