"""The clip encoder of `poseembed-small`: as wide as that of `poseembed-base`."""

from dataclasses import replace
from functools import partial

from training.objectives.context import Context, ContextConfig
from training.recipes import poseembed_base_clips, poseembed_small

RECIPE = replace(
    poseembed_base_clips.RECIPE,
    objective=partial(Context, config=ContextConfig(encoder="poseembed-small")),
    network=poseembed_small.RECIPE.network,
    pairs=400_000,
)
