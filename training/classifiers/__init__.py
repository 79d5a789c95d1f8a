"""Action classifiers, and how the benchmarks train them: for a fixed number of epochs, on clips of one length.

A module of this package that defines `CLASSIFIER` (see `training.classifiers.base`) is one of the classifiers that the
tables compare; adding another is adding its file.
"""

import importlib
import pkgutil

from training.classifiers.base import Classifier


def classifiers() -> dict[str, Classifier]:
    """All classifiers, each under its module's name with "-" for "_": "convnet", "hcn", "res-tcn", "st-gcn"."""
    found: dict[str, Classifier] = {}
    for module in pkgutil.iter_modules(__path__):
        classifier = getattr(importlib.import_module(f"{__name__}.{module.name}"), "CLASSIFIER", None)
        if classifier is not None:
            found[module.name.replace("_", "-")] = classifier
    return found
