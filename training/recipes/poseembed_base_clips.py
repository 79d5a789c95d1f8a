"""The clip encoder of `poseembed-base`: the bodies, cameras and detector of its frames, in videos."""

from dataclasses import replace
from functools import partial

from torch.optim import AdamW

from training.objectives.context import Context, ContextConfig
from training.recipes import poseembed_base
from training.scene.filmed import Film

RECIPE = replace(
    poseembed_base.RECIPE,
    objective=partial(Context, config=ContextConfig()),
    film=Film(),
    pairs=10_000_000,
    batch_size=1024,
    optimizer=partial(AdamW, lr=3e-3, weight_decay=0.01, fused=True),
)
