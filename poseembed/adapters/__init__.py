"""Keypoints out of whatever a pose detector gives; nothing here imports a detector.

`from_...` takes the result object of one picture and returns `Keypoints`, for `encoder.embed(*keypoints)`. `read_...`
takes files of many pictures and returns `poseembed.Poses`.
"""

from poseembed.adapters.alphapose import read_alphapose
from poseembed.adapters.base import Keypoints
from poseembed.adapters.coco import read_coco
from poseembed.adapters.mediapipe import from_mediapipe
from poseembed.adapters.mmpose import from_mmpose
from poseembed.adapters.openpose import read_openpose
from poseembed.adapters.poem import read_poem
from poseembed.adapters.rtmlib import from_rtmlib
from poseembed.adapters.supervision import from_supervision
from poseembed.adapters.transformers import from_transformers
from poseembed.adapters.ultralytics import from_ultralytics

__all__ = [
    "Keypoints",
    "from_mediapipe",
    "from_mmpose",
    "from_rtmlib",
    "from_supervision",
    "from_transformers",
    "from_ultralytics",
    "read_alphapose",
    "read_coco",
    "read_openpose",
    "read_poem",
]
