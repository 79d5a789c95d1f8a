"""The data sets of action recognition, and how classifiers are trained on each.

`training.benchmarks.single_shot`, `supervised`, `limited_supervision` and `ablation` differ in the clips that they
train on, and are alike in everything else: each frame is represented by itself, frames without a joint become zeros,
clips are brought to one length, and a classifier is trained from scratch for a fixed number of epochs. Features are not
standardised, as in the official code: batch normalisation follows the first convolution, so their scale and offset
cancel there.

The number of epochs was chosen on training clips alone: with a part of them held out (a quarter of Penn Action's, two
of N-UCLA's five subjects, one of HDM05's three actors) accuracy on raw keypoints no longer rose with more of them, and
the others were all learned.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from training.classifiers.fit import FitSettings
from training.datasets.actions import ntu_rgbd, nucla, penn_action
from training.datasets.actions.clips import ActionClips, replay, resample
from training.scene import virtual_clips
from training.scene.world import heading, turn, y_up_to_z_up

LEAST_STEPS = 240
"""Steps of a training whatever the number of its clips; Penn Action's view with the fewest clips has as many."""


@dataclass(frozen=True)
class Task:
    """A data set and how to train on it; the same for all systems.

    Attributes:
        name: In file names and on command lines.
        label: In tables.
        clips: The data.
        frames: Length that the clips are brought to.
        settings: How to train; the learning rate is each system's own.
        lengthen: Brings clips to one length.
        references: What else was measured of each frame, by label, to compare with.
        shots: Single-shot trains on the clips of one of these, an array of strings (clips,); None is `clips.views`.
        usual_test_view: The camera that the cross-view protocol leaves out for testing; None if there is no such.
        least_steps: Of a training, whatever the number of its clips.
    """

    name: str
    label: str
    clips: ActionClips
    frames: int
    settings: FitSettings
    lengthen: Callable[
        [Float[np.ndarray, "frames dim"], Int64[np.ndarray, " bounds"], int], Float[np.ndarray, "clips length dim"]
    ] = resample
    references: dict[str, Float[np.ndarray, "frames _dim"]] = field(default_factory=dict)
    shots: np.ndarray | None = None
    usual_test_view: str | None = None
    least_steps: int = LEAST_STEPS

    def features(self, frames: Float[np.ndarray, "frames dim"]) -> Float[Tensor, "clips length dim"]:
        """Vectors of all frames, as a classifier reads them."""
        return torch.from_numpy(self.lengthen(frames, self.clips.offsets, self.frames))

    @cached_property
    def fingerprint(self) -> str:
        """Tells these clips, labels and parts from others."""
        clips = self.clips
        return digest([clips.keypoints, clips.offsets, clips.labels, clips.views, clips.train])


def digest(arrays: Iterable[np.ndarray]) -> str:
    """16 characters that tell these arrays from others."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()[:16]


def penn_action_task(path: Path, frames: int | None = None) -> Task:
    """Penn Action, its clips with 332 frames as in the CV-MIM paper (half of them have at most 57)."""
    return Task("penn-action", "Penn Action", penn_action.read(path), frames or 332, FitSettings(epochs=15))


def nucla_task(path: Path, frames: int | None = None) -> Task:
    """N-UCLA, its clips with 100 frames: 95 % of them have no more (half of them at most 31).

    Its sensors measured depth too, so there are two references: the 3D joints centred on the hips, and also turned
    about the vertical so that the body faces one way, as a camera-independent system would.
    """
    joints = torch.from_numpy(nucla.read_body_centred(path))
    placed = y_up_to_z_up(joints)
    facing = turn(placed, -heading(placed)[:, None])
    references = {"3D joints, centred": joints, "3D joints, centred and facing": facing}
    return Task(
        "nucla",
        "N-UCLA",
        nucla.read(path),
        frames or 100,
        FitSettings(epochs=20),
        references={name: points.flatten(1).nan_to_num(0).numpy() for name, points in references.items()},
        usual_test_view="3",
    )


def hdm05_task(path: Path, frames: int | None = None) -> Task:
    """HDM05 filmed by four virtual cameras, its clips with 100 frames (half of them have at most 52)."""
    return Task("hdm05", "HDM05", virtual_clips.read(path), frames or 100, FitSettings(epochs=30))


def ntu_task(path: Path, frames: int | None = None) -> Task:
    """NTU RGB+D 60 as the CV-MIM paper splits it, its clips replayed to 300 frames.

    Single-shot trains on what one camera saw of one replication. The number of epochs was not searched.
    """
    ntu = ntu_rgbd.read(path)
    shots = np.empty(len(ntu.clips), dtype="<U4")
    for (camera, replication), chosen in ntu.single_shot().items():
        shots[chosen] = f"C{camera}R{replication}"
    return Task(
        "ntu-rgbd",
        "NTU RGB+D",
        ntu.clips,
        frames or ntu_rgbd.FRAMES,
        FitSettings(epochs=15),
        lengthen=replay,
        shots=shots,
        usual_test_view="1",
    )
