"""Motion capture as action clips: each performance filmed by four virtual cameras that stand still around it.

Made for HDM05 as `training.datasets.prepare` writes it (five actors, eleven actions; Müller et al., 2007), which has no
pictures: its joints are projected. The cameras stand in front of the person, behind, and at either side, as the person
faces when the clip starts; they look at the hips and follow them, because the motion capture is centred on those.
"""

from math import pi, radians
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from training.datasets import mocap
from training.datasets.actions.clips import ActionClips
from training.scene.cameras import Camera
from training.scene.world import heading, to_world

TRAIN_ACTORS = ("bd", "bk", "dg")
"""Actors to train on, the first three by name; the other two (mm, tr) are there to test on."""

VIEWS = {"front": 0.0, "left": -pi / 2, "back": pi, "right": pi / 2}
"""Side of the person that a camera stands at, and how far a person who faces the camera turns for it, radians."""

ELEVATION = radians(-10)
"""The cameras stand a little above the hips, as on a tripod."""

DISTANCE = 8.0
"""From the cameras to the hips, torso lengths; about four metres."""


def read(path: str | PathLike[str]) -> ActionClips:
    """Film every performance of a file.

    Args:
        path: HDM05, the `.npz` file that `python -m training.datasets.prepare` writes.

    Returns:
        Clips in multiples of the focal length, those of one camera after those of another; joint 0 is the centre of
        the head; the joints of a frame near a tracking error are NaN. Views are named as in `VIEWS`, and subjects
        numbered in the order of their names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or has not both actors to train on and others.
    """
    data = mocap.read(Path(path))
    actors, subjects = np.unique(data.subject.astype(str), return_inverse=True)
    train = np.isin(data.subject, TRAIN_ACTORS)
    if not train.any() or train.all():
        raise ValueError(
            f"{path} has the actors {', '.join(actors)}; wanted HDM05, with some of {', '.join(TRAIN_ACTORS)} "
            "to train on and others to test on"
        )
    classes, labels = np.unique(data.action.astype(str), return_inverse=True)
    lengths = np.diff(data.offsets)
    # The row of each clip's first well-tracked frame; of its first one, where there is none.
    starts = data.offsets[:-1] + np.array([clip.ok.argmax() for clip in data])
    bodies = to_world(torch.from_numpy(data.joints))
    start = heading(bodies[torch.from_numpy(starts)]).repeat_interleave(torch.from_numpy(lengths))
    keypoints = np.concatenate([_film(bodies, start, turned) for turned in VIEWS.values()])
    keypoints[np.tile(~data.ok, len(VIEWS))] = np.nan
    return ActionClips(
        keypoints=keypoints,
        offsets=np.concatenate([[0], np.cumsum(np.tile(lengths, len(VIEWS)))]).astype(np.int64),
        labels=np.tile(labels, len(VIEWS)).astype(np.int64),
        classes=tuple(classes.tolist()),
        views=np.repeat(list(VIEWS), len(labels)),
        train=np.tile(train, len(VIEWS)),
        subjects=np.tile(subjects, len(VIEWS)).astype(np.int64),
    )


def _film(
    bodies: Float[Tensor, "frames 13 3"], start: Float[Tensor, " frames"], turned: float
) -> Float32[np.ndarray, "frames 13 2"]:
    """What a camera sees of bodies that faced `start` (radians from x towards y) when their clip began."""
    azimuth = pi - start + turned  # a body that faces along -x looks into the camera
    level = torch.zeros_like(azimuth)
    camera = Camera(azimuth, level + ELEVATION, level, level + DISTANCE)
    picture: np.ndarray = camera.look(bodies).numpy()
    return picture
