"""Search among more than about a million pose vectors (`pip install "poseembed[search]"`)."""

from poseembed.index.pose_index import EXACT_UP_TO, NPROBE, OTHER_CAMERA, SAME_CAMERA, IndexHits, PoseIndex

__all__ = ["EXACT_UP_TO", "NPROBE", "OTHER_CAMERA", "SAME_CAMERA", "IndexHits", "PoseIndex"]
