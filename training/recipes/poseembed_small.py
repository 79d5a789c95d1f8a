"""A tenth of the operations of `poseembed-base`, which teaches it: 232 units a layer instead of 768.

Small batches: no view needs others to be told from, and more steps are worth more here.
"""

from dataclasses import replace
from functools import partial

from torch.optim import AdamW

from training.objectives.distilled import Distilled, DistilledConfig
from training.recipes import poseembed_base

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(Distilled, config=DistilledConfig()),
    network=replace(poseembed_base.RECIPE.network, width=232),
    pairs=8_000_000,
    batch_size=256,
    detector=replace(poseembed_base.RECIPE.detector, occluded=0.6),
    optimizer=partial(AdamW, lr=5e-3, weight_decay=0.01, fused=True),
)
