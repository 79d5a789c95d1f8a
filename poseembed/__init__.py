"""View-invariant embeddings of 2D human poses.

from poseembed import PoseEncoder
encoder = PoseEncoder.from_pretrained()
z_pose, z_view = encoder.embed(keypoints, skeleton="coco")
"""

from poseembed import forks
from poseembed._version import __version__
from poseembed.body import Body
from poseembed.checkpoint import list_pretrained
from poseembed.clip_embedding import ClipEmbedding
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import read_poses, write_poses
from poseembed.loading import load_embedded
from poseembed.origin import MadeBy
from poseembed.plausibility import KeypointsWarning
from poseembed.pose_embedding import Embedding
from poseembed.poses import Poses
from poseembed.skeleton import BONES, JOINTS, SKELETONS, Skeleton, SkeletonName, mirror

__all__ = [
    "BONES",
    "JOINTS",
    "SKELETONS",
    "Body",
    "ClipEmbedding",
    "Embedding",
    "KeypointsWarning",
    "MadeBy",
    "PoseEncoder",
    "Poses",
    "Skeleton",
    "SkeletonName",
    "__version__",
    "list_pretrained",
    "load_embedded",
    "mirror",
    "read_poses",
    "write_poses",
]

forks.work_on_one_thread()
