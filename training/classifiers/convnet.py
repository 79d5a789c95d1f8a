"""The temporal ConvNet of the CV-MIM paper, which `poseembed.actions` has too."""

from poseembed.actions.convnet import ConvNet
from training.classifiers.base import Classifier

CLASSIFIER = Classifier("ConvNet", ConvNet)
