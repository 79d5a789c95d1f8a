"""What `weights/poseembed-base` was trained with; `training/EXPERIMENTS.md` has what was measured of each setting."""

from functools import partial

from torch.optim import AdamW

from poseembed.network import NetworkConfig
from training.objectives.privileged import Privileged, PrivilegedConfig
from training.running.recipe import Recipe
from training.scene.bodies import Variation
from training.scene.detector import Detector

RECIPE = Recipe(
    objective=partial(Privileged, config=PrivilegedConfig()),
    network=NetworkConfig(mask_input=True, width=768),
    pairs=30_000_000,
    batch_size=512,
    variation=Variation(mirror=0.5, recombine=0.1, shape=0.1, joints=0.05, bend=0.05, tilt=0.1),
    detector=Detector(noise=0.08, bad=0.02, swapped=0.01, occluded=0.5, joints=0.4, limb=0.4, cropped=0.2),
    optimizer=partial(AdamW, lr=4e-3, weight_decay=0.01, fused=True),
    warmup=0.02,
    cooldown=0.9,
)
