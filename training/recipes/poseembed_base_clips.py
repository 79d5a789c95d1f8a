"""The clip encoder of `poseembed-base`: the bodies, cameras and detector of its frames, in videos."""

from dataclasses import replace
from functools import partial

from training.objectives.context import Context, ContextConfig
from training.recipes import poseembed_base
from training.scene.filmed import Film

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(Context, config=ContextConfig()),
    film=Film(),
    pairs=30_000_000,
)
