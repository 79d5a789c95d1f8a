"""The systems of the action-recognition tables: what is read of each frame, and the classifier that reads it.

- `training.classifiers`, each supervised on raw 2D keypoints, normalised as for the encoders;
- the pose vectors of every finished system of a comparison run, and of other checkpoints, frozen, with the temporal
  ConvNet, as in the CV-MIM paper; of a checkpoint with a clip encoder those of single frames and those with context;
- what else a data set measured (`Task.references`), with the same ConvNet.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from poseembed import PoseEncoder
from poseembed.clips import REACH
from poseembed.keypoints import normalize_keypoints
from training.classifiers import classifiers
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.fits import Build
from training.evaluation.recognition.tasks import Task
from training.evaluation.systems import load_trained

CONVNET = "convnet"
"""The classifier that reads pose vectors, see `training.classifiers.classifiers`."""


@dataclass(frozen=True)
class ActionSystem:
    """A representation and a classifier.

    Attributes:
        name: In file names and on command lines.
        label: In tables.
        represent: Gives the vectors of all frames of a task.
        build: Makes the classifier.
        bfloat16: Whether it is trained with bfloat16 products where the device has them: the classifiers that are
            many times as slow as the ConvNet are.
        fingerprint: Tells the representation from others of the same name; empty if it has no weights.
        pairs: Pairs of views that its encoder was trained on, if it has one and its checkpoint says so.
    """

    name: str
    label: str
    represent: Callable[[Task], Float[np.ndarray, "frames dim"]]
    build: Build
    bfloat16: bool = False
    fingerprint: str = ""
    pairs: int | None = None


def clip_keypoints(clips: ActionClips) -> Float[np.ndarray, "frames 26"]:
    """Normalise keypoints as the encoder does, missing joints being 0."""
    points = torch.from_numpy(clips.keypoints)
    visible = ~points.isnan().any(-1)
    flat: np.ndarray = normalize_keypoints(points, visible).flatten(1).numpy()
    return flat


def clip_vectors(encoder: PoseEncoder, clips: ActionClips, *, context: float = 0.0) -> Float[np.ndarray, "frames dim"]:
    """The encoder's pose vectors of all frames, with so many seconds around them, zeros where a frame has no joint."""
    z_pose = encoder.embed_clip(clips.keypoints, times=clips.times, context=context).z_pose
    filled: np.ndarray = np.nan_to_num(z_pose, nan=0.0)
    return filled


def supervised_systems() -> list[ActionSystem]:
    """The classifiers that read keypoints."""
    return [
        ActionSystem(
            name,
            f"{classifier.name} on 2D keypoints",
            lambda task: clip_keypoints(task.clips),
            classifier.build,
            bfloat16=name != CONVNET,
        )
        for name, classifier in classifiers().items()
    ]


def encoder_system(name: str, label: str, encoder: PoseEncoder, *, context: float = 0.0) -> ActionSystem:
    """The frozen pose vectors of an encoder, with so many seconds around each frame, and the ConvNet."""
    pairs = encoder.config.training.get("pairs")
    return ActionSystem(
        name,
        label,
        lambda task: clip_vectors(encoder, task.clips, context=context),
        classifiers()[CONVNET].build,
        fingerprint=str(encoder.clip_made_by) if context else encoder.fingerprint,
        pairs=pairs if isinstance(pairs, int) else None,
    )


def reference_systems(task: Task) -> list[ActionSystem]:
    """What else the data set measured of each frame, and the ConvNet."""
    return [
        ActionSystem(
            re.sub(r"\W+", "-", label).lower(), label, partial(_reference, label=label), classifiers()[CONVNET].build
        )
        for label in task.references
    ]


def _reference(task: Task, label: str) -> Float[np.ndarray, "frames dim"]:
    return task.references[label]


def load_systems(run: Path | None, weights: Sequence[str]) -> list[ActionSystem]:
    """The systems that do not depend on the data set: classifiers, those of a run, and other checkpoints.

    Args:
        run: A folder of `python -m training.compare`; None for none.
        weights: Names or folders of checkpoints. Such a system is called "weights-" and the (folder's) name, so that
            the shipped `cv-mim` is not taken for that of the run; "-context" follows for its vectors with context.

    Raises:
        FileNotFoundError: If there is no such run or checkpoint, or no system of the run is finished.
        ValueError: If a checkpoint is damaged, or two systems would have one name.
    """
    trained = load_trained(run) if run else {}
    found = supervised_systems()
    found += [encoder_system(name, one.system.label, one.encoder) for name, one in trained.items()]
    for name in weights:
        short, encoder = Path(name).name, PoseEncoder.from_pretrained(name)
        found.append(encoder_system(f"weights-{short}", f"`{short}` weights", encoder))
        if encoder.clip is not None:
            label = f"`{short}` weights, with context"
            found.append(encoder_system(f"weights-{short}-context", label, encoder, context=REACH))
    names = [system.name for system in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two systems are called {', '.join(twice)}; their results could not be told apart")
    return found
