"""Distances between 3D poses that do not depend on where the body stands, turns or how large it is; angles."""

import torch
from jaxtyping import Float
from torch import Tensor

from training.scene.world import normalize_3d


def procrustes_align(
    target: Float[Tensor, "*batch n 3"], source: Float[Tensor, "*batch n 3"]
) -> Float[Tensor, "*batch n 3"]:
    """Rotate, scale and move `source` onto `target`; never reflect it.

    Orthogonal Procrustes by singular values, with the sign of the last one turned where the best map would be a
    reflection. A set of points that are all one point keeps its place on the target's mean.
    """
    target_mean, source_mean = target.mean(-2, keepdim=True), source.mean(-2, keepdim=True)
    target, source = target - target_mean, source - source_mean
    tiny = torch.finfo(target.dtype).tiny
    target_size = target.flatten(-2).norm(dim=-1)[..., None, None]
    source_size = source.flatten(-2).norm(dim=-1)[..., None, None].clamp_min(tiny)
    u, s, vh = torch.linalg.svd((target / target_size.clamp_min(tiny)).mT @ (source / source_size))
    sign = torch.ones_like(s)
    sign[..., -1] = torch.linalg.det(u @ vh).sign()
    rotation = vh.mT @ (sign.unsqueeze(-1) * u.mT)
    scale = (s * sign).sum(-1)[..., None, None] * target_size / source_size
    return scale * source @ rotation + target_mean


def mpjpe(first: Float[Tensor, "*batch n d"], second: Float[Tensor, "*batch n d"]) -> Float[Tensor, "*batch"]:
    """Mean per-joint position error: the mean distance of corresponding joints."""
    return (first - second).norm(dim=-1).mean(-1)


def pa_mpjpe(target: Float[Tensor, "*batch n 3"], source: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch"]:
    """Procrustes-aligned MPJPE in the target's unit, so not symmetric."""
    return mpjpe(procrustes_align(target, source), target)


def np_mpjpe(target: Float[Tensor, "*batch 13 3"], source: Float[Tensor, "*batch 13 3"]) -> Float[Tensor, "*batch"]:
    """PA-MPJPE of normalised poses: torso lengths. Below 0.1, Pr-VIPE and we call two poses the same."""
    return pa_mpjpe(normalize_3d(target), normalize_3d(source))


def degrees_of_chord(chord: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Angle between two unit vectors so far apart; unlike their cosine, the distance tells small angles too."""
    return torch.rad2deg(2 * torch.asin((chord / 2).clamp_max(1)))
