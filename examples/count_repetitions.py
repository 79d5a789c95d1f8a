"""Count the repetitions of an exercise, from any side and without a template.

    python examples/count_repetitions.py squats.mp4 --picture squats.png

A file of poses can stand in for the video. Needs `pip install "poseembed[video,align,plot]"`.
"""

import argparse
from pathlib import Path

from poseembed import PoseEncoder, load_embedded
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.plot import plot_repetitions
from poseembed.repetitions import MIN_SWING, count_repetitions

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("video", type=Path, help=f"a video, or poses: {', '.join(POSE_SUFFIXES)}")
parser.add_argument("--min-swing", type=float, default=MIN_SWING, help="less is no movement (%(default)s)")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of what was counted")
options = parser.parse_args()

poses = load_embedded(options.video, PoseEncoder.from_pretrained(), show_progress_bar=True)
track = poses.track()  # whoever is seen longest
seconds = track.time if track.timed else track.frame / 30
repetitions = count_repetitions(track, min_swing=options.min_swing)
print(f"{repetitions.count} repetitions, one in {repetitions.period:.2f} s")
for (start, end), similarity in zip(repetitions.boundaries, repetitions.similarity, strict=True):
    print(f"{seconds[start]:6.2f} s to {seconds[end]:6.2f} s, {similarity:.2f} like the typical one")

if options.picture:
    plot_repetitions(track, repetitions).savefig(options.picture, dpi=100)
