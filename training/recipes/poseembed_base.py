"""What `weights/poseembed-base` was trained with; `training/EXPERIMENTS.md` has what was measured of each setting.

Bodies differ as people do, and both views of a pair show the pose on two that differ: what is left to have in common is
the pose. They may lie, fall or stand on their hands under level cameras, so that a vector can know which way is down;
three in ten pairs are filmed by cameras that nobody held upright, where it cannot.
"""

import math
from functools import partial

from torch.optim import AdamW

from poseembed.network import NetworkConfig
from training.objectives.privileged import Privileged, PrivilegedConfig
from training.running.recipe import Recipe
from training.scene.bodies import Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector

RECIPE = Recipe(
    objective=partial(Privileged, config=PrivilegedConfig()),
    network=NetworkConfig(mask_input=True, width=768),
    pairs=21_000_000,
    batch_size=512,
    variation=Variation(
        mirror=0.5,
        recombine=0.1,
        proportions=1.0,
        shape=0.05,
        joints=0.05,
        people=0.5,
        bend=0.05,
        tilt=0.3,
        rare=1.5,
    ),
    cameras=CameraRange(elevation=(-math.pi / 3, math.pi / 6), distance=(2.5, 12.0), aside=0.35, rolled=0.3),
    detector=Detector(noise=0.08, bad=0.02, swapped=0.01, sides=0.02, occluded=0.5, joints=0.4, limb=0.4, cropped=0.2),
    optimizer=partial(AdamW, lr=4e-3, weight_decay=0.01, fused=True),
    warmup=0.02,
    cooldown=0.9,
)
