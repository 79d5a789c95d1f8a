"""Compare two performances, filmed from wherever: how alike they are, which is slower, and what differs.

    python examples/compare_performances.py mine.mp4 coach.mp4 --picture comparison.png

The picture shows the second performance as the first one's camera would see it. Files of poses can stand in for the
videos. Needs `pip install "poseembed[video,align,plot]"`.
"""

import argparse
from pathlib import Path

import numpy as np

from poseembed import PoseEncoder, load_embedded
from poseembed.align import align
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.plot import plot_alignment

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("first", type=Path, help=f"a video, or poses: {', '.join(POSE_SUFFIXES)}")
parser.add_argument("second", type=Path, help="the same")
parser.add_argument(
    "--open-ends", type=float, default=0.0, metavar="SHARE", help="of each that may have no counterpart at its ends"
)
parser.add_argument("--worst", type=int, default=3, metavar="N", help="joints to name (%(default)s)")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of the comparison")
options = parser.parse_args()
encoder = PoseEncoder.from_pretrained()
first, second = (load_embedded(path, encoder, show_progress_bar=True) for path in (options.first, options.second))
alignment = align(first, second, encoder, open_ends=options.open_ends)
print(f"{alignment.verdict}: score {alignment.score:.2f}, likeness {alignment.likeness:.2f}")
print(f"the second takes {np.median(alignment.speed):.2f} times as long, in the median")
print(f"least alike {alignment.first.time[alignment.rows[alignment.similarity.argmin(), 0]]:.1f} s into the first")

# In 3D, so that no camera comes between; a difference that the two pictures cannot tell is none.
for joint, distance in list(alignment.different_joints().items())[: options.worst]:
    print(f"{joint.replace('_', ' ')}: {distance:.2f} torso lengths apart where it differs")
if not alignment.different_joints():
    print("no joint differs by more than the pictures leave open")

if options.picture:
    names = (options.first.stem, options.second.stem)
    plot_alignment(alignment, names=names).savefig(options.picture, dpi=100)
