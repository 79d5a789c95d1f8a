"""Embed the people in a video, write them to a file, and draw some of them.

    python examples/video_to_embeddings.py squats.mp4 squats.csv --picture squats.png

Finding people needs `pip install "poseembed[video,plot]"`. A file of poses can stand in for the video.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from poseembed import PoseEncoder, read_poses, write_poses
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.plot import draw_skeleton
from poseembed.video import embed_video

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video", type=Path, help=f"a video, or poses: {', '.join(POSE_SUFFIXES)}")
parser.add_argument("out", type=Path, help="poses with vectors: .csv, .parquet, .json or .npz; .npy: z_pose alone")
parser.add_argument("--people", type=int, default=1, metavar="N", help="find up to N in a frame (%(default)s)")
parser.add_argument("--every", type=int, default=1, metavar="N", help="look at each N-th frame (%(default)s)")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of some frames")
options = parser.parse_args()

encoder = PoseEncoder.from_pretrained()
if options.video.suffix.lower() in POSE_SUFFIXES:
    poses = read_poses(options.video).embed(encoder)
else:
    settings = {"num_poses": options.people, "every": options.every}
    poses = embed_video(options.video, encoder, **settings, show_progress_bar=True)
write_poses(poses, options.out)

# A frame without anybody is a row, too: NaN, so that the frames of the video are all there.
somebody = np.isfinite(poses.z_pose).all(-1)
print(f"{options.out}: {len(np.unique(poses.frame))} frames, {somebody.sum()} poses of {len(poses.people)} people")

if options.picture:
    frames = np.unique(poses.frame[somebody])
    if not len(frames):
        parser.error(f"{options.video} shows nobody, so there is nothing to draw")
    shown = np.unique(frames[np.linspace(0, len(frames) - 1, 6).round().astype(int)])
    figure = plt.figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey=True).flat
    for ax, frame in zip(axes, shown, strict=False):
        for row in np.flatnonzero(poses.frame == frame):
            draw_skeleton(ax, poses.keypoints[row], poses.confidence[row], linewidth=1.5)
        ax.set(title=f"frame {frame}", xticks=[], yticks=[])
    figure.savefig(options.picture, dpi=100)
    print(f"{options.picture}: {len(shown)} frames")
