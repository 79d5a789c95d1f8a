"""Hide a limb for half a second, and look for the moments in another camera: by a frame, and by what is around it.

    python examples/hidden_limb.py cam1.npz cam2.npz --joints left_knee left_ankle --frame 40 --picture clips.png

The files are what `poseembed video` writes of two cameras that ran at the same time, so the right answer is known.
Needs `pip install "poseembed[video,plot]"`.
"""

import argparse
from pathlib import Path

import numpy as np

from poseembed import JOINTS, PoseEncoder, Poses, read_poses
from poseembed.movements import find_movement
from poseembed.plot import plot_neighbours
from poseembed.video.capture import Video

HIDDEN, AROUND, NEAR = 0.25, 0.4, 0.2  # seconds before and after: hidden, compared, and near enough to be right
WAYS = ("one frame", "with neighbours", "the movement")
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("poses", nargs=2, type=Path, help="one person in two cameras; in the first the limb is hidden")
parser.add_argument("--joints", nargs="+", choices=JOINTS, default=["left_elbow", "left_wrist"], metavar="JOINT")
parser.add_argument("--frame", type=int, default=0, metavar="N", help="row to draw (%(default)s)")
parser.add_argument("--videos", nargs=2, type=Path, metavar="VIDEO", help="to draw on")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of what was found for it")
options, encoder = parser.parse_args(), PoseEncoder.from_pretrained()
first, second = map(read_poses, options.poses)
alone, clip = second.embed(encoder), second.embed(encoder, context=None)


def hide(row: int) -> Poses:
    """The first camera's poses, without the limb around a row."""
    points, near = first.keypoints.copy(), abs(first.time - first.time[row]) <= HIDDEN
    points[np.ix_(near, [JOINTS.index(joint) for joint in options.joints])] = np.nan
    return Poses.from_arrays(points, first.confidence, person=first.person, time=first.time)


def find(poses: Poses, row: int) -> list[float]:
    """When the second camera sees what the first one sees in a row, in each of the ways."""
    single, read = poses.embed(encoder), poses.embed(encoder, context=None)
    best = [np.nanargmax(encoder.similarity(q[row], g)) for q, g in ((single, alone), (read, clip))]
    around = single.select(abs(poses.time - poses.time[row]) <= AROUND)
    hit, (start, end) = find_movement(around, alone, top_k=1)[0], around.time[[0, -1]]
    return [*second.time[best], hit.start + (hit.end - hit.start) * (poses.time[row] - start) / (end - start)]


seen = np.flatnonzero(np.isfinite(first.embed(encoder).z_pose).all(-1))
found = np.array([find(hide(row), row) for row in seen])
for way, right in zip(WAYS, (abs(found - first.time[seen, None]) <= NEAR).sum(0), strict=True):
    print(f"{way}: {right} of {len(seen)} moments found within {NEAR} s")
if options.picture:
    rows = [at := options.frame, *(abs(second.time - time).argmin() for time in (first.time[at], *find(hide(at), at)))]
    shown, images = [second.select([row]) for row in rows[1:]], [None]
    if options.videos:
        images = [next(Video(options.videos[i > 0]).frames(row)).image for i, row in enumerate(rows)]
    figure = plot_neighbours(hide(at).select([at]), shown, query_image=images[0], images=images[1:] or None)
    for ax, title in zip(figure.axes[1:], ("the right moment", *WAYS), strict=True):
        ax.set_title(title, fontsize="medium")
    figure.savefig(options.picture, dpi=100)
