"""`poseembed_base` with a tenth of its operations: a network of 232 units a layer instead of 768."""

from dataclasses import replace

from training.recipes import poseembed_base

RECIPE = replace(poseembed_base.RECIPE, network=replace(poseembed_base.RECIPE.network, width=232), pairs=60_000_000)
