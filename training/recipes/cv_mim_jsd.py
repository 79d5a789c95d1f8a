"""`cv_mim` with the official code's estimator of the cross-view information: what the estimator alone is worth."""

from dataclasses import replace
from functools import partial

from training.objectives.cv_mim import CvMim, CvMimConfig
from training.recipes import cv_mim

RECIPE = replace(cv_mim.RECIPE, objective=partial(CvMim, config=CvMimConfig(dropout=0.0)))
