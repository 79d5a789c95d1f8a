"""Find a pose in a folder of videos, whatever side the cameras see it from.

    python examples/find_pose.py query.mp4 videos/ --frame 40 --picture found.png

Detecting people is the slow part, so it is done once a video: its poses are kept in videos/poses/. Files of poses count
as videos. `poseembed.search` and `poseembed.index` search in millions. Needs `pip install "poseembed[video,plot]"`.
"""

import argparse
from pathlib import Path

import numpy as np

from poseembed import PoseEncoder, Poses, load_embedded, write_poses
from poseembed.calibration import search_prior
from poseembed.files.poses import POSE_SUFFIXES
from poseembed.plot import plot_neighbours

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("query", type=Path, help="video or file of poses that shows the pose")
parser.add_argument("folder", type=Path, help="where to search")
parser.add_argument("--frame", type=int, default=0, metavar="N", help="frame N of the query shows it (%(default)s)")
parser.add_argument("--person", type=int, metavar="P", help="person P shows it, where there are several")
parser.add_argument("--top", type=int, default=7, metavar="K", help="how many moments to find (%(default)s)")
parser.add_argument("--apart", type=int, default=30, metavar="N", help="frames between two of them (%(default)s)")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of what was found")
options, encoder = parser.parse_args(), PoseEncoder.from_pretrained()


def load(path: Path) -> Poses:
    """Embedded poses of a video or of a file of poses; frames without anybody are left out."""
    kept = path if path.suffix.lower() in POSE_SUFFIXES else path.parent / "poses" / f"{path.name}.npz"
    if not kept.exists() or kept.stat().st_mtime < path.stat().st_mtime:
        kept.parent.mkdir(exist_ok=True)
        write_poses(load_embedded(path, encoder, show_progress_bar=True), kept)
    poses = load_embedded(kept, encoder)
    return poses.select(np.isfinite(poses.z_pose).all(-1))


query = load(options.query)
query = query.select((query.frame == options.frame) & ((query.person == options.person) | (options.person is None)))
if not len(query):
    parser.error(f"{options.query} does not show such a person in frame {options.frame}")
videos, found = {f: load(f) for f in sorted(options.folder.glob("[!.]*.*")) if not f.samefile(options.query)}, []
for file, poses in videos.items():
    similarity, best = encoder.similarity(query.z_pose[0], poses.z_pose)[0], []
    for row in np.argsort(-similarity):  # the frames around a hit are like it: the best of them stands for all
        if len(best) < options.top and (abs(poses.frame[best] - poses.frame[row]) >= options.apart).all():
            best.append(row)
            found.append((similarity[row], f"{file.name} at {poses.frame[row]}", poses.select([row])))
if not found:
    parser.error(f"{options.folder} shows nobody to compare with")
values, names, neighbours = zip(*sorted(found, key=lambda hit: -hit[0])[: options.top], strict=True)
prior = search_prior(map(len, videos.values()))
chances = encoder.match_probability(query.z_pose[0], np.concatenate([hit.z_pose for hit in neighbours]), prior=prior)[0]
for similarity, chance, name in zip(values, chances, names, strict=True):
    print(f"{similarity:.2f}  match {chance:.0%}  {name}")
if options.picture:
    figure = plot_neighbours(query.select([0]), neighbours, np.array(values), probabilities=chances, labels=names)
    figure.savefig(options.picture, dpi=100)
