"""Embed two real people as MediaPipe saw them: `python examples/quickstart.py`.

`people.json` holds the 33 landmarks of two portraits, as (x, y) pixels and visibility. Neither picture shows the
whole body: joints with a visibility under 0.3 count as missing.
"""

import json
from pathlib import Path

import numpy as np

from poseembed import JOINTS, SKELETONS, PoseEncoder

people = json.loads((Path(__file__).parent / "people.json").read_text(encoding="utf-8"))
landmarks = np.array([person["landmarks"] for person in people])  # (2 people, 33 landmarks, x y visibility)
keypoints, confidence = landmarks[..., :2], landmarks[..., 2]

encoder = PoseEncoder.from_pretrained()
z_pose, z_view = encoder.embed(keypoints, confidence, skeleton="mediapipe")

print(f"z_pose {z_pose.shape}, z_view {z_view.shape}, {z_pose.dtype}")
for person, scores in zip(people, SKELETONS["mediapipe"].select(confidence, axis=-1), strict=True):
    missing = [joint for joint, score in zip(JOINTS, scores, strict=True) if score < 0.3]
    print(f"{person['name']}: without {', '.join(missing)}")
print(f"cosine of the two poses: {encoder.similarity(z_pose[0], z_pose[1]).item():.2f}")

# Where the person stands and how large makes no difference.
moved, _ = encoder.embed(0.5 * keypoints + [400, 30], confidence, skeleton="mediapipe")
print(f"moved and half as large: {np.diagonal(encoder.similarity(z_pose, moved)).round(4)}")
