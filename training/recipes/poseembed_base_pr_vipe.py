"""`poseembed_base` with Pr-VIPE's objective: what the objectives are worth at equal bodies, views, network and pairs.

Adagrad at a constant rate is made for the 1.28 G pairs of `pr_vipe`; in a small part of them it does not get far, and
dropout has nothing to prevent.
"""

from dataclasses import replace
from functools import partial

from training.objectives.pr_vipe import PrVipe, PrVipeConfig
from training.recipes import poseembed_base

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(PrVipe, config=PrVipeConfig(dropout=0.0)),
    network=replace(poseembed_base.RECIPE.network, pose_dim=16, view_dim=0),
)
