"""Train an encoder on your own motion capture, from BVH or ASF/AMC files to vectors.

    python examples/train_on_your_mocap.py recordings/ runs/mine --hold-out 05

What is before the first _ in a file's name is who moved; one of them at least is held out, to see what the encoder
makes of people whom it has not learned from. A million pairs take some minutes on a CPU, to see that all is well; the
packaged weights saw thirty million. Each step is a command of `training/`, with more options there (--help), and an
interrupted training goes on where it was. To be run from a checkout, with `pip install -e . --group training`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from poseembed import PoseEncoder
from poseembed.search import search
from training import calibrate, decoder, train
from training.benchmarks import view_invariance
from training.datasets import mocap, prepare
from training.running.recipe import recipe_names
from training.scene.film import film, random_camera

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("recordings", help="folder of .bvh files, or of .amc files with their .asf")
parser.add_argument("out", type=Path, help="folder for all that comes of it")
parser.add_argument("--hold-out", nargs="+", required=True, metavar="SUBJECT", help="not to learn from")
parser.add_argument("--recipe", default="poseembed_base", choices=recipe_names(), help="settings (%(default)s)")
parser.add_argument("--pairs", default="1000000", metavar="N", help="views to learn from, by two (%(default)s)")
options = parser.parse_args()
data, weights = str(options.out / "mocap.npz"), str(options.out / "checkpoint")

if prepare.main([options.recordings, "--out", data, "--val-subjects", *options.hold_out]):
    sys.exit(1)  # it has said why
train.main([options.recipe, "--data", data, "--out", str(options.out), "--pairs", options.pairs])
calibrate.main([weights, "--data", data])  # what a cosine is worth: match_probability, and the score of align
decoder.main([weights, "--data", data, "--recipe", options.recipe, "--pairs", options.pairs])  # what differs, in align

# Now it is an encoder like the packaged ones, here and for the `poseembed` command (--weights FOLDER).
encoder = PoseEncoder.from_pretrained(weights)
clip = mocap.read(data).clips("val")[0]
joints = torch.from_numpy(clip.joints)
one, other = (film(joints, random_camera(number), fps=clip.fps).embed(encoder) for number in (0, 1))
_, found = search(one.z_pose, other.z_pose, top_k=1)
near = (abs(found[:, 0] - np.arange(len(found))) <= 3).mean()
print(f"{clip.name}, not learned from: {near:.0%} of its moments found again from another camera")
view_invariance.main(["--data", data, "--weights", weights, "--out", str(options.out / "view_invariance.png")])
print(f"{weights}: the encoder; {options.out / 'view_invariance.png'}: how it sees a walk around poses")
