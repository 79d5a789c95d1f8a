"""`ActionRecognizer`: which action a sequence of pose vectors shows."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes
from typing_extensions import Self

from poseembed.actions.nearest import Exemplars, NearestSequence
from poseembed.actions.sequences import Sequences, check_sequences
from poseembed.actions.temporal_convnet import TemporalConvNet, TrainedConvNet
from poseembed.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from poseembed.files.atomic import replacing
from poseembed.files.records import RecordKind
from poseembed.origin import MadeBy

ENOUGH_CLIPS = 50
"""Clips a class, on average, from which a recognizer that may choose trains a ConvNet: not because it is more often
right (`training/benchmarks/few_shot.py`: with few clips the nearest sequence is, with hundreds either may be), but
because the nearest sequence compares with every clip that it knows."""

_RECORD = RecordKind(
    name="the config of an action recognizer",
    folder="wanted a folder that ActionRecognizer.save wrote",
    version=1,
    remedy="copy it again",
)

_METHODS: dict[str, type[NearestSequence] | type[TemporalConvNet]] = {
    "nearest_sequence": NearestSequence,
    "temporal_convnet": TemporalConvNet,
}


class NotFittedError(ValueError, AttributeError):
    """A recognizer was used before `fit`; of the same kinds as scikit-learn's error of that name.

    Examples:
        >>> from poseembed.actions import ActionRecognizer
        >>> ActionRecognizer().predict([np.zeros((40, 32))])
        Traceback (most recent call last):
            ...
        poseembed.actions.recognizer.NotFittedError: this ActionRecognizer has learned nothing yet; ...
    """


class ActionRecognizer:
    """Tells actions apart on sequences of `z_pose`, from one clip a class to thousands.

    It follows scikit-learn, without needing it: `clone`, `cross_val_score` and `GridSearchCV` take it. A clip shows
    one action, from start to end. It is a (frames, dim) array or tensor of pose vectors, or `Poses` after `embed`,
    of any length; rows with NaN are frames in which nobody was seen, and are filled from their neighbours.

    Args:
        method: `NearestSequence(...)` or `TemporalConvNet(...)`. None chooses in `fit`: the ConvNet from an average
            of `ENOUGH_CLIPS` clips a class, the nearest sequence below.
        seed: Of the training.
        device: Where the ConvNet is; the CPU if None.
        show_progress_bar: Show one, on stderr, in training and prediction.
        encoder: Name of the checkpoint that made the vectors, kept in the saved files for whoever loads them.

    Attributes:
        classes_: The classes, sorted; columns of `predict_proba`.
        n_features_in_: Length of the vectors.
        classifier_: What `fit` made.
        made_by_: What made the vectors of `fit`, if they came in `Poses`; those of another space are then refused.

    Examples:
        >>> from poseembed.actions import ActionRecognizer
        >>> rng = np.random.default_rng(0)
        >>> squats, waves = ([rng.normal(mean, 1, size=(40, 32)) for _ in range(3)] for mean in (1, -1))
        >>> recognizer = ActionRecognizer().fit([*squats[:2], *waves[:2]], ["squat", "squat", "wave", "wave"])
        >>> recognizer.predict([squats[2], waves[2]]).tolist()
        ['squat', 'wave']
        >>> recognizer.classes_.tolist(), recognizer.predict_proba([squats[2]]).round(2).tolist()
        (['squat', 'wave'], [[1.0, 0.0]])
    """

    classes_: np.ndarray
    n_features_in_: int
    classifier_: Exemplars | TrainedConvNet
    made_by_: MadeBy | None
    _estimator_type = "classifier"  # scikit-learn before 1.6

    def __init__(
        self,
        method: NearestSequence | TemporalConvNet | None = None,
        *,
        seed: int = 0,
        device: str | torch.device | None = None,
        show_progress_bar: bool = False,
        encoder: str | None = None,
    ) -> None:
        self.method = method
        self.seed = seed
        self.device = device
        self.show_progress_bar = show_progress_bar
        self.encoder = encoder

    def fit(self, sequences: Sequences, labels: ArrayLike) -> Self:
        """Learn from clips.

        Args:
            sequences: One (frames, dim) array or tensor a clip, or `Poses`.
            labels: (clips,) strings or whole numbers.

        Raises:
            TypeError: If `method`, a sequence or a label is of another kind.
            ValueError: If a sequence is unusable (`check_sequences`), there is not one label a clip, or one class only.
        """
        if not isinstance(self.method, NearestSequence | TemporalConvNet | None):
            raise TypeError(f"got method={self.method!r}; wanted NearestSequence(), TemporalConvNet() or None")
        clips, made_by = check_sequences(sequences)
        names = _check_labels(labels, len(clips))
        classes, indices = np.unique(names, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"got {len(clips)} clips of {len(classes)} class; there must be two classes to tell apart")
        method = self.method
        if method is None:
            method = TemporalConvNet() if len(clips) >= ENOUGH_CLIPS * len(classes) else NearestSequence()
        self.classifier_ = method.fit(
            clips,
            indices.astype(np.int64),
            seed=self.seed,
            device=self.device,
            show_progress_bar=self.show_progress_bar,
        )
        self.classes_, self.n_features_in_, self.made_by_ = classes, clips[0].shape[1], made_by
        return self

    def predict_proba(self, sequences: Sequences) -> Float[np.ndarray, "clips classes"]:
        """Probabilities of `classes_`; how they come about, the two methods say.

        Raises:
            NotFittedError: Before `fit`.
            TypeError: If a sequence is of another kind.
            ValueError: If one is unusable (`check_sequences`), or its vectors are not as long as those of `fit`, or of
                another space.
            ImportError: If the nearest sequence is used without `poseembed[align]`.
        """
        self._check_fitted()
        clips, _ = check_sequences(sequences, self.n_features_in_, self.made_by_)
        if not clips:
            return np.empty((0, len(self.classes_)))
        return self.classifier_.predict_proba(clips, show_progress_bar=self.show_progress_bar)

    def predict(self, sequences: Sequences) -> np.ndarray:
        """The most probable class of each clip, (clips,); raises what `predict_proba` raises."""
        best: np.ndarray = self.predict_proba(sequences).argmax(-1)
        return self.classes_[best]

    def score(self, sequences: Sequences, labels: ArrayLike) -> float:
        """Share of the clips that are named right.

        Raises:
            ValueError: As `predict`; if there is not one label a clip, or no clip.
        """
        named = self.predict(sequences)
        wanted = _check_labels(labels, len(named))
        if not len(named):
            raise ValueError("got no clips; there is nothing to score")
        return float((named == wanted).mean())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, as `load` reads them.

        Raises:
            NotFittedError: Before `fit`.
        """
        self._check_fitted()
        settings = self.classifier_.settings
        content = {
            "method": next(name for name, kind in _METHODS.items() if isinstance(settings, kind)),
            "settings": asdict(settings),
            "classes": self.classes_.tolist(),
            "dim": self.n_features_in_,
            "seed": self.seed,
            "encoder": self.encoder,
            "made_by": None if self.made_by_ is None else str(self.made_by_),
        }
        path = Path(os.path.expanduser(folder))
        path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as files:  # both are complete before the first takes its place
            weights, config = (files.enter_context(replacing(path / name)) for name in (WEIGHTS_FILE, CONFIG_FILE))
            weights.write(safetensors_bytes(self.classifier_.tensors(), metadata={"format": "pt"}))
            config.write(_RECORD.text(content).encode())

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        device: str | torch.device | None = None,
        show_progress_bar: bool = False,
    ) -> Self:
        """Read what `save` wrote; `method` is then the one that was used.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If one is damaged, is not a recognizer's, or needs a newer library.

        Examples:
            >>> from poseembed.actions import ActionRecognizer
            >>> clips = [np.ones((40, 32)), -np.ones((30, 32))]
            >>> ActionRecognizer().fit(clips, ["squat", "wave"]).save("recognizer")
            >>> ActionRecognizer.load("recognizer").predict(clips).tolist()
            ['squat', 'wave']
        """
        path = Path(os.path.expanduser(folder))
        record = _RECORD.read(path / CONFIG_FILE)
        _RECORD.need(path / WEIGHTS_FILE)
        name, settings = record.get("method", str), record.get("settings", dict)
        if name not in _METHODS:
            raise ValueError(f"{record.path} has the unknown method {name!r}; known are: {', '.join(_METHODS)}")
        try:
            method = _METHODS[name](**settings)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{record.path} does not describe a {_METHODS[name].__name__}: {error}") from error
        said = record.find("made_by", str)
        made_by = None if said is None else MadeBy.from_text(said)
        classes, dim = np.array(record.get("classes", list)), record.get("dim", int)
        recognizer = cls(
            method,
            seed=record.get("seed", int),
            device=device,
            show_progress_bar=show_progress_bar,
            encoder=record.find("encoder", str),
        )
        try:  # copies, never the file mapped into memory: it may be replaced while the recognizer lives
            tensors = {name: tensor.clone() for name, tensor in load_file(path / WEIGHTS_FILE).items()}
        except SafetensorError as error:
            raise ValueError(f"{path / WEIGHTS_FILE} is damaged or cut short ({error}); copy it again") from error
        try:
            recognizer.classifier_ = method.restore(tensors, dim, len(classes), device)
        except ValueError as error:
            raise ValueError(f"{path / WEIGHTS_FILE} does not fit its {CONFIG_FILE}: {error}") from error
        recognizer.classes_, recognizer.n_features_in_, recognizer.made_by_ = classes, dim, made_by
        return recognizer

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The constructor's arguments, by name; `deep` is scikit-learn's, and makes no difference."""
        names = ("method", "seed", "device", "show_progress_bar", "encoder")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: object) -> Self:
        """Change the constructor's arguments; they count from the next `fit` on.

        Raises:
            ValueError: If there is no such argument.
        """
        known = self.get_params()
        if unknown := sorted(params.keys() - known.keys()):
            raise ValueError(f"no such parameter: {', '.join(unknown)}; there are: {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return f"ActionRecognizer({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, Tags, TargetTags  # only scikit-learn asks

        tags = Tags(estimator_type="classifier", target_tags=TargetTags(required=True))
        tags.classifier_tags = ClassifierTags()
        return tags

    def _check_fitted(self) -> None:
        if not hasattr(self, "classifier_"):
            raise NotFittedError("this ActionRecognizer has learned nothing yet; call fit or load first")


def _check_labels(labels: ArrayLike, clips: int) -> np.ndarray:
    """Labels as an array of strings or whole numbers."""
    given: Sequence[Any] = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)  # type: ignore[arg-type]
    array = np.asarray(given if len(given) else [], dtype=None if len(given) else np.int64)
    if array.ndim != 1 or len(array) != clips:
        raise ValueError(f"got {clips} sequences and labels of shape {array.shape}; wanted one label a sequence")
    mixed = array.dtype.kind == "U" and not all(isinstance(label, str) for label in given)
    if array.dtype.kind not in "biuU" or mixed:
        raise TypeError("labels must be all strings or all whole numbers; convert them, with str say")
    return array
