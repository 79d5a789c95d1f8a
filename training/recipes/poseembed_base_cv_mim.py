"""`poseembed_base` with CV-MIM's objective: what the objectives are worth at equal bodies, views, network and pairs.

As in `cv_mim`, the cross-view information is estimated by InfoNCE, and there is no dropout.
"""

from dataclasses import replace

from training.recipes import cv_mim, poseembed_base

RECIPE = replace(poseembed_base.RECIPE, objective=cv_mim.RECIPE.objective)
