"""Film clips of motion capture with virtual cameras, which write the keypoints that they see.

    python examples/film_mocap.py mocap_hdm05.npz HDM_bd_squat1Reps_002=one.npz HDM_bd_squat1Reps_002=another.npz

Each clip has a camera of its own: it stands somewhere around the body, up to 30° above or below, and is tilted by up to
30°. Motion capture comes from `python -m training.datasets.prepare`. To be run from a checkout, with `pip install -e .`
"""

import argparse
from difflib import get_close_matches
from pathlib import Path

import torch

from poseembed import write_poses
from training.datasets import mocap
from training.scene.film import film, random_camera

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("mocap", type=Path, help="motion capture, .npz")
parser.add_argument("film", nargs="+", metavar="CLIP=FILE", help="a clip's name and where to write: .npz, .csv, ...")
parser.add_argument("--camera", type=int, default=0, metavar="N", help="of the first; the others have the next ones")
parser.add_argument("--frames", type=int, nargs=2, metavar=("START", "STOP"), help="this part of the clips only")
options = parser.parse_args()

data = mocap.read(options.mocap)
for camera, order in enumerate(options.film, start=options.camera):
    clip, equals, file = order.partition("=")
    found = next((recorded for recorded in data if recorded.name == clip), None)
    if not equals or found is None:
        similar = get_close_matches(clip, data.clip.tolist()) or data.clip[:3].tolist()
        parser.error(f"wanted CLIP=FILE, the clip one of the {len(data)} in {options.mocap}: {', '.join(similar)}")
    joints = found.joints[slice(*options.frames or (None,))]
    if not len(joints):
        parser.error(f"{clip} has no frame from {options.frames[0]} to {options.frames[1]}")
    write_poses(film(torch.from_numpy(joints), random_camera(camera), fps=found.fps), file)
    print(f"{file}: {len(joints)} frames of {clip}, camera {camera}")
