"""How action recognition is measured; the tables that say so are commands of their own.

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
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints
from training.classifiers.fit import FitSettings, fit, predict
from training.datasets.actions import ntu_rgbd, nucla, penn_action
from training.datasets.actions.clips import ActionClips, replay, resample
from training.scene import virtual_clips
from training.scene.world import heading, turn, y_up_to_z_up

Build = Callable[[int, int], nn.Module]
"""Makes a classifier for a length of vectors and a number of classes, see `training.classifiers`."""

ALL_VIEWS = "all views"

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
    """

    name: str
    label: str
    clips: ActionClips
    frames: int
    settings: FitSettings
    lengthen: Callable[
        [Float[np.ndarray, "frames dim"], Int64[np.ndarray, " bounds"], int], Float[np.ndarray, "clips length dim"]
    ] = resample
    references: dict[str, Float[np.ndarray, "frames dim"]] = field(default_factory=dict)
    shots: np.ndarray | None = None
    usual_test_view: str | None = None

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


@dataclass(frozen=True)
class Split:
    """Clips to train and to test on.

    Attributes:
        name: What it trains on; tells it from all other splits of a data set.
        train: Indices of training clips.
        test: Indices of test clips.
    """

    name: str
    train: Int64[np.ndarray, " train"]
    test: Int64[np.ndarray, " test"]


def split(clips: ActionClips, name: str, train: np.ndarray, test: np.ndarray) -> Split:
    """Make a split of two masks over the clips.

    Raises:
        ValueError: If no test clip shows an action of the training clips.
    """
    if not np.isin(clips.labels[test], clips.labels[train]).any():
        raise ValueError(f"no test clip shows an action of the training clips ({name})")
    return Split(name, np.flatnonzero(train), np.flatnonzero(test))


def one_view(task: Task) -> list[Split]:
    """Single-shot: the training clips of one view, and the test clips of all views; a split for each view.

    Raises:
        ValueError: If the training clips of a view, or of all, have no action in common with the test clips.
    """
    clips, shots = task.clips, task.clips.views if task.shots is None else task.shots
    views = np.unique(shots[clips.train]).tolist()
    if not views:
        raise ValueError(f"no test clip shows an action of the training clips: none of {len(clips)} is to train on")
    return [split(clips, f"view {view}", clips.train & (shots == view), ~clips.train) for view in views]


def all_views(task: Task) -> Split:
    """Fully supervised: the training clips of all views, and the test clips of all views.

    Raises:
        ValueError: If they have no action in common.
    """
    return split(task.clips, ALL_VIEWS, task.clips.train, ~task.clips.train)


def left_out_views(task: Task) -> list[Split]:
    """Cross-view: all people seen by all cameras but one, and all people seen by that one; a split for each camera.

    Raises:
        ValueError: If what a camera saw has no action in common with what the others did.
    """
    clips = task.clips
    views = np.unique(clips.views).tolist()
    return [split(clips, f"all but view {view}", clips.views != view, clips.views == view) for view in views]


@dataclass(frozen=True)
class Result:
    """What one classifier got right.

    Attributes:
        split: Name of the clips that it was trained on.
        seed: Of its training.
        open: Share of all test clips that it named right.
        closed: The same among the test clips whose action was there to train on.
        by_test_view: The same as `open`, for the test clips of each view.
        train_accuracy: Share of the training clips named right at the end.
        seconds: Time that training took.
    """

    split: str
    seed: int
    open: float
    closed: float
    by_test_view: dict[str, float]
    train_accuracy: float
    seconds: float


def measure(
    task: Task,
    features: Float[Tensor, "clips frames dim"],
    build: Build,
    split: Split,
    *,
    seed: int,
    learning_rate: float,
    bfloat16: bool = False,
) -> Result:
    """Train and test one classifier.

    Args:
        task: The data.
        features: What the classifier reads of its clips.
        build: Makes the classifier.
        split: Which clips to train and to test on.
        seed: Of the training.
        learning_rate: The highest of the training.
        bfloat16: Whether to train with bfloat16 products, see `FitSettings`.

    Returns:
        Its result.
    """
    clips, labels = task.clips, torch.from_numpy(task.clips.labels)
    started = perf_counter()
    model = train(
        task,
        features[split.train],
        labels[split.train],
        build,
        seed=seed,
        learning_rate=learning_rate,
        bfloat16=bfloat16,
    )
    seconds = perf_counter() - started
    right = (predict(model, features[split.test]) == labels[split.test]).numpy()
    known = np.isin(clips.labels[split.test], clips.labels[split.train])
    test_views = clips.views[split.test]
    return Result(
        split=split.name,
        seed=seed,
        open=float(right.mean()),
        closed=float(right[known].mean()),
        by_test_view={str(view): float(right[test_views == view].mean()) for view in np.unique(test_views)},
        train_accuracy=float((predict(model, features[split.train]) == labels[split.train]).float().mean()),
        seconds=round(seconds, 3),
    )


def train(
    task: Task,
    features: Float[Tensor, "train frames dim"],
    labels: Int64[Tensor, " train"],
    build: Build,
    *,
    seed: int,
    learning_rate: float,
    bfloat16: bool = False,
) -> nn.Module:
    """Train a classifier of a task on some clips: for its number of epochs, and for `LEAST_STEPS` at least."""
    steps_an_epoch = -(-len(features) // task.settings.batch_size)
    epochs = max(task.settings.epochs, -(-LEAST_STEPS // steps_an_epoch))
    settings = replace(task.settings, epochs=epochs, learning_rate=learning_rate, bfloat16=bfloat16)
    return fit(
        lambda: build(features.shape[-1], len(task.clips.classes)), features, labels, seed=seed, settings=settings
    ).model


def raw_keypoints(clips: ActionClips) -> Float[np.ndarray, "frames 26"]:
    """Normalise keypoints as the encoder does, missing joints being 0."""
    points = torch.from_numpy(clips.keypoints)
    visible = ~points.isnan().any(-1)
    flat: np.ndarray = normalize_keypoints(points, visible).flatten(1).numpy()
    return flat


def pose_vectors(encoder: PoseEncoder, clips: ActionClips) -> Float[np.ndarray, "frames dim"]:
    """The encoder's pose vectors of all frames, zeros where a frame has no joint."""
    z_pose, _ = encoder.embed(clips.keypoints, skeleton="poseembed13")
    filled: np.ndarray = np.nan_to_num(z_pose, nan=0.0)
    return filled
