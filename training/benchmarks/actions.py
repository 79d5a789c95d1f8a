"""Action recognition across views: a temporal ConvNet on raw 2D keypoints, and on the pose vectors of checkpoints.

`python -m training.benchmarks.actions --penn-action FILE --nucla FILE --weights NAME_OR_FOLDER --out results.json`

- **Single-shot**: train on the training clips that were seen from one view, test on the test clips of all views; one
  classifier a view, and the average over those. Training clips are those of Penn Action's official split, and of
  N-UCLA's subjects 1-5; the others are test clips.
- **Supervised**: train on the training clips of all views.
- **Open** counts all test clips. Penn Action has views whose training clips miss some of the actions, so no
  classifier can get all of those right; **closed** counts the test clips whose action was there to train on.

N-UCLA's sensors measured depth too, so there the classifier is also trained on the 3D joints themselves: centred on
the hips, and also turned about the vertical so that the body faces one way, as a camera-independent system would.

Everything is done alike for all representations: each frame is encoded by itself, frames without a joint become
zeros, clips are resampled to one length (`training.datasets.actions.resample`), and the classifier of
`poseembed.actions.convnet` is trained for a fixed number of epochs. Features are not standardised, as in the
official code: batch normalisation follows the first convolution, so their scale and offset cancel there.

The number of epochs was chosen on training clips alone: with a part of them held out (a quarter of Penn Action's, two
of N-UCLA's five subjects) accuracy on raw keypoints no longer rose with more of them, and the others were all learned.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from tqdm import tqdm

from poseembed import PoseEncoder
from poseembed.actions.convnet import ConvNet
from poseembed.keypoints import normalize_keypoints
from training.benchmarks.report import write_json
from training.bodies import heading
from training.cameras import turn, y_up_to_z_up
from training.classifiers.fit import FitSettings, fit, predict
from training.datasets import nucla, penn_action
from training.datasets.actions import ActionClips, resample

Representation = Callable[[ActionClips], Float[np.ndarray, "frames dim"]]

ALL_VIEWS = "all"


@dataclass(frozen=True)
class Task:
    """A data set and how to train on it; the same for all representations.

    Attributes:
        clips: The data.
        frames: Length that the clips are brought to.
        settings: How to train.
        references: What else was measured of each frame, by name, to compare with.
    """

    clips: ActionClips
    frames: int
    settings: FitSettings
    references: dict[str, Float[np.ndarray, "frames dim"]] = field(default_factory=dict)


def penn_action_task(path: Path) -> Task:
    """Penn Action, its clips with 332 frames as in the CV-MIM paper (half of them have at most 57)."""
    return Task(penn_action.read(path), frames=332, settings=FitSettings(epochs=15))


def nucla_task(path: Path) -> Task:
    """N-UCLA, its clips with 100 frames: 95 % of them have no more (half of them at most 31)."""
    joints = torch.from_numpy(nucla.read_body_centred(path))
    placed = y_up_to_z_up(joints)
    facing = turn(placed, -heading(placed)[:, None])
    references = {"3D joints, centred": joints, "3D joints, centred and facing": facing}
    return Task(
        nucla.read(path),
        frames=100,
        settings=FitSettings(epochs=20),
        references={name: points.flatten(1).nan_to_num(0).numpy() for name, points in references.items()},
    )


@dataclass(frozen=True)
class Split:
    """Clips to train and to test on.

    Attributes:
        trained_on: The view of the training clips, or `ALL_VIEWS`.
        train: Indices of training clips.
        test: Indices of test clips.
    """

    trained_on: str
    train: Int64[np.ndarray, " train"]
    test: Int64[np.ndarray, " test"]


@dataclass(frozen=True)
class Result:
    """What one classifier got right.

    Attributes:
        data: Data set.
        representation: What the classifier read.
        trained_on: The view of its training clips, or `ALL_VIEWS`.
        seed: Of its training.
        open: Share of all test clips that it named right.
        closed: The same among the test clips whose action was there to train on.
        by_test_view: The same as `open`, for the test clips of each view.
        train_loss: Mean cross-entropy in the last epoch.
        train_accuracy: Share of the training clips named right at the end.
    """

    data: str
    representation: str
    trained_on: str
    seed: int
    open: float
    closed: float
    by_test_view: dict[str, float]
    train_loss: float
    train_accuracy: float


def raw_keypoints(clips: ActionClips) -> Float[np.ndarray, "frames 26"]:
    """Normalise keypoints as the encoder does, missing joints being 0."""
    points = torch.from_numpy(clips.keypoints)
    visible = ~points.isnan().any(-1)
    flat: np.ndarray = normalize_keypoints(points, visible).flatten(1).numpy()
    return flat


def pose_vectors(encoder: PoseEncoder) -> Representation:
    """Make a representation of an encoder: its pose vectors, zeros where a frame has no joint."""

    def represent(clips: ActionClips) -> Float[np.ndarray, "frames dim"]:
        z_pose, _ = encoder.embed(clips.keypoints, skeleton="poseembed13")
        filled: np.ndarray = np.nan_to_num(z_pose, nan=0.0)
        return filled

    return represent


def splits(clips: ActionClips) -> list[Split]:
    """One split for each view (single-shot), and one that trains on all of them (supervised).

    Raises:
        ValueError: If the training clips of a view have no action in common with the test clips, or there are no
            training clips at all.
    """
    train, test = np.flatnonzero(clips.train), np.flatnonzero(~clips.train)
    views = np.unique(clips.views[train])
    parts = [Split(str(view), train[clips.views[train] == view], test) for view in views]
    parts.append(Split(ALL_VIEWS, train, test))
    for part in parts:
        if not np.isin(clips.labels[part.train], clips.labels[test]).any():
            raise ValueError(f"no test clip shows an action of the training clips (view: {part.trained_on})")
    return parts


def run(tasks: dict[str, Task], representations: dict[str, Representation], *, seeds: int) -> Iterator[Result]:
    """Train and test all classifiers.

    Args:
        tasks: Data sets by name.
        representations: What to compare, by name.
        seeds: How often to train each classifier.

    Yields:
        Results, as soon as each is there.

    Raises:
        ValueError: If a data set cannot be split, see `splits`.
    """
    for data, task in tasks.items():
        vectors = {name: represent(task.clips) for name, represent in representations.items()} | task.references
        for name, frames in vectors.items():
            features = torch.from_numpy(resample(frames, task.clips.offsets, task.frames))
            for split in splits(task.clips):
                for seed in range(seeds):
                    yield Result(data, name, split.trained_on, seed, **_measure(task, features, split, seed))


def _measure(task: Task, features: Float[Tensor, "clips frames dim"], split: Split, seed: int) -> dict[str, Any]:
    """Train and test one classifier."""
    clips, labels = task.clips, torch.from_numpy(task.clips.labels)
    train_features, train_labels = features[split.train], labels[split.train]
    fitted = fit(
        lambda: ConvNet(features.shape[-1], len(clips.classes)),
        train_features,
        train_labels,
        seed=seed,
        settings=task.settings,
    )
    right = (predict(fitted.model, features[split.test]) == labels[split.test]).numpy()
    known = np.isin(clips.labels[split.test], clips.labels[split.train])
    test_views = clips.views[split.test]
    return {
        "open": float(right.mean()),
        "closed": float(right[known].mean()),
        "by_test_view": {str(view): float(right[test_views == view].mean()) for view in np.unique(test_views)},
        "train_loss": fitted.losses[-1],
        "train_accuracy": float((predict(fitted.model, train_features) == train_labels).float().mean()),
    }


def table(results: Sequence[Result]) -> str:
    """Lay results out as text: per cent, means over seeds; the averages with their standard deviation over seeds."""
    lines = []
    for data in dict.fromkeys(result.data for result in results):
        of_data = [result for result in results if result.data == data]
        columns = list(dict.fromkeys(result.trained_on for result in of_data))
        views = [column for column in columns if column != ALL_VIEWS]
        names = list(dict.fromkeys(result.representation for result in of_data))
        width = max(len(name) for name in names)
        heads = "".join(f"{view:>8}" for view in views)
        lines += ["", f"{data}: top-1 by the view trained on, tested on all views"]
        lines += [f"{'':{width}} {'':8}{heads}{'average':>14}{'supervised':>14}"]
        for name in names:
            for kind in ("open", "closed"):
                score = _scores(of_data, name, kind)
                cells = "".join(f"{100 * score[view].mean():8.1f}" for view in views)
                average = np.mean([score[view] for view in views], axis=0)
                lines.append(f"{name:{width}}  {kind:7}{cells}{_cell(average)}{_cell(score[ALL_VIEWS])}")
    return "\n".join(lines[1:])


def _scores(results: Sequence[Result], representation: str, kind: str) -> dict[str, Float[np.ndarray, " seeds"]]:
    """Accuracies in the order of seeds, for each view trained on."""
    scores: dict[str, list[float]] = {}
    for result in results:
        if result.representation == representation:
            scores.setdefault(result.trained_on, []).append(getattr(result, kind))
    return {view: np.array(values) for view, values in scores.items()}


def _cell(scores: Float[np.ndarray, " seeds"]) -> str:
    """Mean and sample standard deviation, in per cent."""
    deviation = scores.std(ddof=1) if len(scores) > 1 else 0.0
    return f"{100 * scores.mean():7.1f} ± {100 * deviation:4.1f}"


def _report(tasks: dict[str, Task], results: Sequence[Result]) -> dict[str, Any]:
    """What goes into the JSON file."""
    return {
        "tasks": {
            name: {"clips": len(task.clips), "frames": task.frames, **asdict(task.settings)}
            for name, task in tasks.items()
        },
        "results": [asdict(result) for result in results],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `python -m training.benchmarks.actions`."""
    summary = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m training.benchmarks.actions", description=summary)
    parser.add_argument("--penn-action", type=Path, metavar="FILE", help="Penn Action, .npz")
    parser.add_argument("--nucla", type=Path, metavar="FILE", help="N-UCLA, .npz")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="NAME_OR_FOLDER", help="checkpoint; may be repeated"
    )
    parser.add_argument("--seeds", type=int, default=3, help="trainings a classifier (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    if not options.out.parent.is_dir():
        parser.error(f"no such folder: {options.out.parent}")
    tasks = {}
    if options.penn_action:
        tasks["Penn Action"] = penn_action_task(options.penn_action)
    if options.nucla:
        tasks["N-UCLA"] = nucla_task(options.nucla)
    if not tasks:
        parser.error("give --penn-action, --nucla or both")
    representations: dict[str, Representation] = {"raw 2D keypoints": raw_keypoints}
    for weights in options.weights:
        representations[f"z_pose {weights}"] = pose_vectors(PoseEncoder.from_pretrained(weights))
    trainings = options.seeds * sum(
        len(splits(task.clips)) * (len(representations) + len(task.references)) for task in tasks.values()
    )
    trained = run(tasks, representations, seeds=options.seeds)
    results = list(tqdm(trained, total=trainings, unit="classifier"))
    write_json(options.out, _report(tasks, results))
    print(table(results))


if __name__ == "__main__":
    main()
