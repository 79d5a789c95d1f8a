"""The clip encoder of `poseembed-base`: the bodies, cameras and detector of its frames, in videos."""

from dataclasses import replace
from functools import partial

from torch.optim import AdamW

from training.objectives.context import Context, ContextConfig
from training.recipes import poseembed_base
from training.scene.lasting import Film

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(Context, config=ContextConfig()),
    detector=replace(poseembed_base.RECIPE.detector, occluded=0.6),
    film=Film(),
    pairs=1_200_000,
    batch_size=64,
    optimizer=partial(AdamW, lr=3e-3, weight_decay=0.01, fused=True),
)
