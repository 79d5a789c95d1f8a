"""Embed keypoints where there is neither torch nor poseembed: numpy and onnxruntime alone.

    poseembed export pose.onnx
    python examples/embed_with_onnx.py pose.onnx keypoints.npy vectors.npy

keypoints.npy holds COCO keypoints in pixels, (poses, 17, 3): x, y, score. The first line is for the machine that has
poseembed; the second for any other that has `pip install numpy onnxruntime`.
"""

import argparse

import numpy as np
import onnxruntime

COCO = (
    0,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
)  # nose, shoulders, elbows, wrists, hips, knees, ankles: left first

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
for name, what in {"model": "exported encoder", "keypoints": "to embed, .npy", "vectors": "to write, .npy"}.items():
    parser.add_argument(name, help=what)
options = parser.parse_args()

session = onnxruntime.InferenceSession(options.model)
people = np.load(options.keypoints)[:, COCO]
points = np.where(people[..., 2:] < 0.3, np.nan, people[..., :2])  # NaN is a missing joint; 0 would be a coordinate
z_pose, z_view = session.run(["z_pose", "z_view"], {"keypoints": points.astype(np.float32)})

np.save(options.vectors, z_pose)
unit = z_pose / np.linalg.norm(z_pose, axis=1, keepdims=True)
print(f"{len(z_pose)} poses; cosines to the first: {(unit @ unit[0]).round(2)[:10]}")
