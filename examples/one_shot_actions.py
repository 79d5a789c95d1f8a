"""Tell your own actions apart, from one clip of each.

    python examples/one_shot_actions.py mine/ clip1.mp4 clip2.mp4 --picture actions.png

`mine/` holds a clip of each action under its name: mine/squat.mp4, mine/kick.mp4, ... Each clip shows one action from
start to end. Files of poses can stand in for the videos. Needs `pip install "poseembed[video,plot]"`.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from poseembed import PoseEncoder, load_embedded
from poseembed.actions import ActionRecognizer
from poseembed.files.poses import POSE_SUFFIXES

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("actions", type=Path, help="folder with a clip of each action; the file's name is the action's")
parser.add_argument("clips", type=Path, nargs="+", help=f"videos, or poses: {', '.join(POSE_SUFFIXES)}")
parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was learned")
parser.add_argument("--picture", type=Path, metavar="FILE", help="picture of the probabilities")
options = parser.parse_args()
encoder = PoseEncoder.from_pretrained()

examples = sorted(options.actions.glob("[!.]*.*"))
if len(examples) < 2:
    parser.error(f"{options.actions} has {len(examples)} clips; wanted one of each action, two at least")
learned = [load_embedded(path, encoder, show_progress_bar=True) for path in examples]
recognizer = ActionRecognizer().fit(learned, [path.stem for path in examples])
if options.save:
    recognizer.save(options.save)  # ActionRecognizer.load reads it

asked = [load_embedded(path, encoder, show_progress_bar=True) for path in options.clips]
probabilities = recognizer.predict_proba(asked)
for path, chances in zip(options.clips, probabilities, strict=True):
    print(f"{path.name}: {recognizer.classes_[chances.argmax()]} ({chances.max():.0%})")

if options.picture:
    rows, columns = probabilities.shape
    figure = plt.figure(figsize=(2.5 + 0.9 * columns, 1.6 + 0.35 * rows), layout="constrained")
    ax = figure.subplots()
    ax.imshow(probabilities, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(columns), recognizer.classes_, rotation=30, ha="right")
    ax.set_yticks(range(rows), [path.stem for path in options.clips])
    for (row, column), chance in np.ndenumerate(probabilities):
        ax.text(column, row, f"{chance:.0%}", ha="center", va="center", color="white" if chance > 0.6 else "black")
    ax.set(xlabel="action", ylabel="clip")
    figure.savefig(options.picture, dpi=100)
