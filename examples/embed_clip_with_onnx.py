"""Embed the frames of a clip, each by those around it, where there is neither torch nor poseembed.

    poseembed export clips.onnx --clips
    python examples/embed_clip_with_onnx.py clips.onnx keypoints.npy vectors.npy --fps 25

keypoints.npy holds COCO keypoints of one person in pixels, (frames, 17, 3): x, y, score. The first line is for the
machine that has poseembed; the second for any other that has `pip install numpy onnxruntime`.
"""

import argparse

import numpy as np
import onnxruntime

COCO = [0, *range(5, 17)]  # nose, shoulders, elbows, wrists, hips, knees, ankles: left first
STEPS = 30  # a second, in which the exported encoder reads

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, what in {"model": "exported encoder", "keypoints": "to embed, .npy", "vectors": "to write, .npy"}.items():
    parser.add_argument(name, help=what)
parser.add_argument("--fps", type=float, default=STEPS, help="frames per second (default: %(default)s)")
options = parser.parse_args()

person = np.load(options.keypoints)[:, COCO]
points = np.where(person[..., 2:] < 0.3, np.nan, person[..., :2])  # NaN is a missing joint; 0 would be a coordinate
step = np.round(np.arange(len(points)) / options.fps * STEPS).astype(int)  # where each frame stands
clip = np.full((1, step[-1] + 1, 13, 2), np.nan, dtype=np.float32)  # and NaN where none does
clip[0, step] = points
session = onnxruntime.InferenceSession(options.model)
z_pose, z_view, filled = session.run(["z_pose", "z_view", "filled"], {"keypoints": clip})

np.save(options.vectors, z_pose[0, step])
print(f"{len(points)} frames, {filled[0, step].sum()} without anybody filled in from those around")
