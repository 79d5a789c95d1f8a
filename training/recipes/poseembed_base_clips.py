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
    pairs=800_000,
    batch_size=192,
    optimizer=partial(AdamW, lr=2e-3, weight_decay=0.01, fused=True),
)
