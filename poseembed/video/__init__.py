"""From a video or a camera to poses and their vectors (`pip install "poseembed[video]"`)."""

from poseembed.video.embedding import detect_video, embed_video, embed_video_to
from poseembed.video.many import VideoFolders, embed_videos_to
from poseembed.video.pieces import embed_pieces

__all__ = ["VideoFolders", "detect_video", "embed_pieces", "embed_video", "embed_video_to", "embed_videos_to"]
