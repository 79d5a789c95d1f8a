"""Count the repetitions of an exercise, from any side and without a template.

    python examples/count_repetitions.py squats.mp4 --picture squats.png

A file of poses can stand in for the video. Needs `pip install "poseembed[video,align,plot]"`.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from poseembed import PoseEncoder, load_embedded
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.plot import draw_skeleton
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
    # Where the signal is highest in a repetition, the movement has got furthest.
    turns = [start + repetitions.signal[start : end + 1].argmax() for start, end in repetitions.boundaries]
    figure = plt.figure(figsize=(8, 4.5), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(2, 2.5))
    shown = sorted({0, *turns[:7]})
    axes = above.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
    for ax, row in zip(axes, shown, strict=True):
        draw_skeleton(ax, track.keypoints[row], track.confidence[row])
        ax.set_title(f"{seconds[row]:.1f} s", fontsize="medium")
        ax.axis("off")
    curve = below.subplots()
    curve.plot(seconds, repetitions.signal, color="black")
    for number, (start, end) in enumerate(repetitions.boundaries, start=1):
        curve.axvspan(seconds[start], seconds[end], color="tab:green", alpha=0.2)
        curve.annotate(str(number), (seconds[turns[number - 1]], repetitions.signal.min()), ha="center")
    curve.set(xlabel="seconds", ylabel="movement")
    figure.savefig(options.picture, dpi=100)
