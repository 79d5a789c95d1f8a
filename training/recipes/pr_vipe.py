"""Pr-VIPE as published, as far as projected poses allow: complete poses, cameras two torsos away, 1.28 G pairs.

The official code embeds with a moving average of the weights (decay 0.9999); these are the weights themselves.
"""

from functools import partial

from poseembed.network import NetworkConfig
from training.objectives.pr_vipe import PrVipe, PrVipeConfig
from training.running.recipe import Recipe
from training.scene.cameras import CameraRange

RECIPE = Recipe(
    objective=partial(PrVipe, config=PrVipeConfig()),
    network=NetworkConfig(pose_dim=16, view_dim=0),
    cameras=CameraRange(distance=(2.0, 2.0)),
)
