"""Motion capture: what was recorded of bodies in 3D, and the readers of the data sets that hold it."""

from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import Clip
from training.datasets.mocap.reading import by_name, read, read_poses, read_runs

__all__ = ["Clip", "MotionCapture", "by_name", "from_clips", "read", "read_poses", "read_runs"]
