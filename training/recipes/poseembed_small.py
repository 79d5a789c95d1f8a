"""A tenth of the operations of `poseembed-base`, which teaches it: 232 units a layer instead of 768.

Half the batch of `poseembed_base`: no view needs others to be told from, and more steps are worth more here.
"""

from dataclasses import replace
from functools import partial

from training.objectives.distilled import Distilled, DistilledConfig
from training.recipes import poseembed_base

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(Distilled, config=DistilledConfig()),
    network=replace(poseembed_base.RECIPE.network, width=232),
    pairs=30_000_000,
    batch_size=1024,
)
