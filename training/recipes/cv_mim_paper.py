"""The paper to the letter, as far as projected poses allow: complete poses, cameras two torsos away, 1.28 G pairs."""

from functools import partial

from training.objectives.cv_mim import CvMim, CvMimConfig
from training.running.recipe import Recipe
from training.scene.cameras import CameraRange

RECIPE = Recipe(objective=partial(CvMim, config=CvMimConfig()), cameras=CameraRange(distance=(2.0, 2.0)))
