"""Action recognition from a few clips: the class of the clips that are most alike, by dynamic time warping."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor
from tqdm import tqdm

from poseembed.actions.sequences import resample
from poseembed.bounds import MAX_COUNT, MAX_FRAMES, check_whole
from poseembed.warping import import_dtw

Clips = Sequence[Float32[np.ndarray, "_frames dim"]]


@dataclass(frozen=True)
class NearestSequence:
    """Compare clips whole: nothing is trained, and one clip a class is enough. Needs `poseembed[align]`.

    How alike two clips of n and m frames are is 1 - D / (n + m), where D is the least sum of 2 (1 - cosine) of pose
    vectors along a warping path (dynamic time warping, Sakoe and Chiba, 1978). For clips that are equally long and in
    step that is their mean cosine. How fast somebody moves matters little. Naming a clip takes about a tenth of a
    millisecond for each clip that is known: a second for 10,000, of which a ConvNet learns in fifteen.

    The score of a class is the mean over its `neighbors` clips that are most alike, so many clips of a class give it
    no advantage. Probabilities are softmax(score / temperature).

    Attributes:
        neighbors: Clips of each class that count; all of them where a class has fewer.
        max_frames: Longer clips are thinned out evenly to this many frames, which bounds the cost.
        temperature: The larger, the more alike the probabilities.

    Examples:
        >>> from poseembed.actions import ActionRecognizer, NearestSequence
        >>> rng = np.random.default_rng(0)
        >>> squat, wave = rng.normal(size=(40, 32)), rng.normal(size=(30, 32))  # yours: a clip's z_pose
        >>> recognizer = ActionRecognizer(NearestSequence(neighbors=1)).fit([squat, wave], ["squat", "wave"])
        >>> recognizer.predict([squat[::2]]).tolist()  # at twice the speed
        ['squat']
    """

    neighbors: int = 3
    max_frames: int = 64
    temperature: float = 0.05

    def __post_init__(self) -> None:
        """Refuse impossible settings.

        Raises:
            TypeError: If one is not a number, or `neighbors` or `max_frames` not an int.
            ValueError: If one is not more than 0, or `max_frames` over `MAX_FRAMES`, or `temperature` infinite.
        """
        check_whole("neighbors", self.neighbors, 1, MAX_COUNT)
        check_whole("max_frames", self.max_frames, 1, MAX_FRAMES)
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"got {self}; temperature must be more than 0, and finite")

    def fit(
        self,
        clips: Clips,
        labels: Int64[np.ndarray, " clips"],
        *,
        seed: int,
        device: str | torch.device | None,
        show_progress_bar: bool,
    ) -> "Exemplars":
        """Keep the clips. Nothing here is random, slow, or done on a GPU."""
        return Exemplars(self, [self.thin(clip) for clip in clips], labels)

    def restore(
        self, tensors: dict[str, Tensor], dim: int, num_classes: int, device: str | torch.device | None
    ) -> "Exemplars":
        """The classifier that gave `tensors`.

        Raises:
            ValueError: If they are not those of clips of so many classes and such vectors.
        """
        if tensors.keys() != {"frames", "lengths", "labels"}:
            raise ValueError(f"got tensors {sorted(tensors)}; wanted frames, labels, lengths")
        types = {name: tensor.dtype for name, tensor in tensors.items()}
        if types != {"frames": torch.float32, "lengths": torch.int64, "labels": torch.int64}:
            raise ValueError(f"got tensors of types {types}; wanted frames of float32, the others of int64")
        frames, lengths, labels = (tensors[name].numpy() for name in ("frames", "lengths", "labels"))
        fits = lengths.ndim == 1 and lengths.shape == labels.shape and frames.ndim == 2
        # One by one before their sum: numbers near 2^63 can add up to anything.
        fits = fits and bool(((lengths >= 1) & (lengths <= len(frames))).all())
        if not fits or frames.shape != (lengths.sum(), dim):
            raise ValueError(f"frames {frames.shape}, lengths {lengths.shape} and labels {labels.shape} do not fit")
        if set(labels.tolist()) != set(range(num_classes)) or not np.isfinite(frames).all():
            raise ValueError("a class has no clip, a label has no class, or a vector is not finite")
        return Exemplars(self, np.split(frames, np.cumsum(lengths)[:-1]), labels)

    def thin(self, clip: Float32[np.ndarray, "frames dim"]) -> Float32[np.ndarray, "fewer dim"]:
        """The clip, with no more than `max_frames` frames."""
        return clip if len(clip) <= self.max_frames else resample(clip, self.max_frames)


@dataclass(frozen=True, eq=False)
class Exemplars:
    """What `NearestSequence.fit` makes: clips to compare with.

    Attributes:
        settings: How to compare.
        clips: The clips, thinned.
        labels: Class of each; every class has one.
    """

    settings: NearestSequence
    clips: Clips
    labels: Int64[np.ndarray, " clips"]

    def predict_proba(self, clips: Clips, *, show_progress_bar: bool) -> Float64[np.ndarray, "clips classes"]:
        """Probabilities of the classes.

        Raises:
            ImportError: If dtaidistance is not installed.
        """
        scores = self.scores(clips, show_progress_bar=show_progress_bar)
        probabilities: np.ndarray = torch.from_numpy(scores / self.settings.temperature).softmax(-1).numpy()
        return probabilities

    def scores(self, clips: Clips, *, show_progress_bar: bool = False) -> Float64[np.ndarray, "clips classes"]:
        """How alike clips are to the classes, 1 at most.

        Raises:
            ImportError: If dtaidistance is not installed.
        """
        alike = self.alike(clips, show_progress_bar=show_progress_bar)
        return class_scores(alike, self.labels, self.settings.neighbors)

    def alike(self, clips: Clips, *, show_progress_bar: bool = False) -> Float64[np.ndarray, "clips exemplars"]:
        """How alike clips are to each of these, 1 at most.

        Raises:
            ImportError: If dtaidistance is not installed.
        """
        _, dtw_ndim = import_dtw()
        exemplars = [_unit(clip) for clip in self.clips]
        alike = np.empty((len(clips), len(exemplars)))
        for row, clip in enumerate(tqdm(clips, desc="compare", unit="clip", disable=not show_progress_bar)):
            query = _unit(self.settings.thin(clip))
            distances = [dtw_ndim.distance_fast(query, other) for other in exemplars]
            alike[row] = 1 - np.square(distances) / [len(query) + len(other) for other in exemplars]
        return alike

    def tensors(self) -> dict[str, Tensor]:
        """What to save."""
        lengths = np.array([len(clip) for clip in self.clips])
        arrays = {"frames": np.concatenate(self.clips), "lengths": lengths, "labels": self.labels}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def class_scores(
    alike: Float64[np.ndarray, "clips exemplars"], labels: Int64[np.ndarray, " exemplars"], neighbors: int
) -> Float64[np.ndarray, "clips classes"]:
    """Score of each class: the mean over its exemplars that are most alike."""
    of_class = (alike[:, labels == label] for label in range(labels.max() + 1))
    return np.stack([np.sort(part, axis=1)[:, -neighbors:].mean(1) for part in of_class], axis=1)


def _unit(clip: Float32[np.ndarray, "frames dim"]) -> Float64[np.ndarray, "frames dim"]:
    """Vectors of length 1 (a zero vector stays one), in the layout that dtaidistance's C code reads."""
    vectors: np.ndarray = torch.nn.functional.normalize(torch.from_numpy(clip).double(), dim=-1).contiguous().numpy()
    return vectors
