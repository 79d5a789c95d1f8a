"""Which action a sequence of pose vectors shows."""

from poseembed.actions.nearest import NearestSequence
from poseembed.actions.recognizer import ENOUGH_CLIPS, ActionRecognizer, NotFittedError
from poseembed.actions.temporal_convnet import TemporalConvNet

__all__ = ["ENOUGH_CLIPS", "ActionRecognizer", "NearestSequence", "NotFittedError", "TemporalConvNet"]
