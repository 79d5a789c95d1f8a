"""`ActionRecognizer`: which action a sequence of pose vectors shows."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from typing_extensions import Self

from poseembed.actions.labels import check_labels, check_outlier_label, read_classes
from poseembed.actions.nearest import Exemplars, NearestSequence
from poseembed.actions.outliers import Familiar
from poseembed.actions.sequences import Sequences, check_sequences
from poseembed.actions.temporal_convnet import TemporalConvNet, TrainedConvNet
from poseembed.bounds import MAX_DIM, check_whole
from poseembed.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from poseembed.files import bundle, tensors
from poseembed.files.records import SUMS, RecordKind
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

_FAMILIAR = "familiar."
"""Before the names of the tensors by which outliers are told."""

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
        outlier_label: What `predict` calls a clip that is unlike all that was learned, a text or a whole number as the
            labels are; all its probabilities are then 0. If None each clip gets one of the classes. It needs
            `poseembed[align]`, whatever the method. How many clips are called so, rightly and wrongly, is in the
            results.

    Attributes:
        classes_: The classes, sorted; columns of `predict_proba`.
        n_features_in_: Length of the vectors.
        classifier_: What `fit` made.
        familiar_: What tells outliers, if `outlier_label` was given to `fit`; else None.
        made_by_: What made the vectors of `fit`, if they came in `Poses`; those of another space are then refused.

    Examples:
        >>> from poseembed.actions import ActionRecognizer
        >>> rng = np.random.default_rng(0)
        >>> squats, waves = ([rng.normal(mean, 0.5, size=(40, 32)) for _ in range(3)] for mean in (1, -1))
        >>> recognizer = ActionRecognizer().fit([*squats[:2], *waves[:2]], ["squat", "squat", "wave", "wave"])
        >>> recognizer.predict([squats[2], waves[2]]).tolist()
        ['squat', 'wave']
        >>> recognizer.classes_.tolist(), recognizer.predict_proba([squats[2]]).round(2).tolist()
        (['squat', 'wave'], [[1.0, 0.0]])
        >>> careful = ActionRecognizer(outlier_label="something else")
        >>> careful.fit([*squats[:2], *waves[:2]], ["squat", "squat", "wave", "wave"])
        ActionRecognizer(...outlier_label='something else')
        >>> careful.predict([squats[2], rng.normal(0, 1, size=(40, 32))]).tolist()
        ['squat', 'something else']
    """

    classes_: np.ndarray
    n_features_in_: int
    classifier_: Exemplars | TrainedConvNet
    familiar_: Familiar | None
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
        outlier_label: str | int | None = None,
    ) -> None:
        self.method = method
        self.seed = seed
        self.device = device
        self.show_progress_bar = show_progress_bar
        self.encoder = encoder
        self.outlier_label = outlier_label

    def fit(self, sequences: Sequences, labels: ArrayLike) -> Self:
        """Learn from clips.

        Args:
            sequences: One (frames, dim) array or tensor a clip, or `Poses`.
            labels: (clips,) strings or whole numbers.

        Raises:
            TypeError: If `method`, a sequence or a label is of another kind.
            ValueError: If a sequence is unusable (`check_sequences`), there is not one label a clip, one class only, or
                `outlier_label` is one of them.
            ImportError: If `outlier_label` is given without `poseembed[align]`.
        """
        if not isinstance(self.method, NearestSequence | TemporalConvNet | None):
            raise TypeError(f"got method={self.method!r}; wanted NearestSequence(), TemporalConvNet() or None")
        clips, made_by = check_sequences(sequences)
        names = check_labels(labels, len(clips))
        classes, indices = np.unique(names, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"got {len(clips)} clips of {len(classes)} class; there must be two classes to tell apart")
        check_outlier_label(self.outlier_label, classes)
        method = self.method
        if method is None:
            method = TemporalConvNet() if len(clips) >= ENOUGH_CLIPS * len(classes) else NearestSequence()
        of_clips = indices.astype(np.int64)
        # Before the training, which may be long: it is this that may lack a package.
        familiar = None if self.outlier_label is None else Familiar.learn(clips, of_clips, self.outlier_label)
        self.classifier_ = method.fit(
            clips, of_clips, seed=self.seed, device=self.device, show_progress_bar=self.show_progress_bar
        )
        self.familiar_ = familiar
        self.classes_, self.n_features_in_, self.made_by_ = classes, clips[0].shape[1], made_by
        return self

    def predict_proba(self, sequences: Sequences) -> Float[np.ndarray, "clips classes"]:
        """Probabilities of `classes_`, all 0 for an outlier; how they come about, the two methods say.

        Raises:
            NotFittedError: Before `fit`.
            TypeError: If a sequence is of another kind.
            ValueError: If one is unusable (`check_sequences`), or its vectors are not as long as those of `fit`, or of
                another space.
            ImportError: If the nearest sequence is used, or outliers are told, without `poseembed[align]`.
        """
        self._check_fitted()
        clips, _ = check_sequences(sequences, self.n_features_in_, self.made_by_)
        if not clips:
            return np.empty((0, len(self.classes_)))
        probabilities: np.ndarray = self.classifier_.predict_proba(clips, show_progress_bar=self.show_progress_bar)
        if self.familiar_ is not None:
            probabilities = probabilities * self.familiar_.knows(clips)[:, None]
        return probabilities

    def predict(self, sequences: Sequences) -> np.ndarray:
        """The most probable class of each clip, (clips,), or `outlier_label`; raises what `predict_proba` raises."""
        return self.named(self.predict_proba(sequences))

    def named(self, probabilities: Float[np.ndarray, "clips classes"]) -> np.ndarray:
        """What `predict` says of clips with these probabilities, as `predict_proba` gives them: (clips,)."""
        self._check_fitted()
        best: np.ndarray = self.classes_[probabilities.argmax(-1)]
        if self.familiar_ is None:
            return best
        return np.where(probabilities.any(-1), best, np.array(self.familiar_.label))

    def score(self, sequences: Sequences, labels: ArrayLike) -> float:
        """Share of the clips that are named right.

        Raises:
            ValueError: As `predict`; if there is not one label a clip, or no clip.
        """
        named = self.predict(sequences)
        wanted = check_labels(labels, len(named))
        if not len(named):
            raise ValueError("got no clips; there is nothing to score")
        return float((named == wanted).mean())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, as `load` reads them: both or, if it is interrupted, neither.

        Raises:
            NotFittedError: Before `fit`.
            ValueError: If a weight is not finite.
            OSError: If a file cannot be written, because the disk is full say.
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
        parts = self.classifier_.tensors()
        if self.familiar_ is not None:
            content |= {"outlier_label": self.familiar_.label, "threshold": self.familiar_.threshold}
            parts |= {_FAMILIAR + name: tensor for name, tensor in self.familiar_.exemplars.tensors().items()}
        weights = tensors.encode(parts)
        bundle.write(
            Path(os.path.expanduser(folder)) / CONFIG_FILE,
            lambda sums: _RECORD.text(content | {SUMS: sums}),
            {WEIGHTS_FILE: lambda file: file.write(weights)},
        )

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
        path = Path(os.path.expanduser(folder)) / CONFIG_FILE
        return bundle.read(path, lambda: cls._load(path, device, show_progress_bar))

    @classmethod
    def _load(cls, path: Path, device: str | torch.device | None, show_progress_bar: bool) -> Self:
        record = _RECORD.read(path)
        weights = path.with_name(WEIGHTS_FILE)
        name, settings = record.get("method", str), record.get("settings", dict)
        if name not in _METHODS:
            raise ValueError(f"{path} has the unknown method {name!r:.40}; known are: {', '.join(_METHODS)}")
        try:
            method = _METHODS[name](**settings)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} does not describe a {_METHODS[name].__name__}: {error}") from error
        said, dim = record.find("made_by", str), record.get("dim", int)
        try:
            made_by = None if said is None else MadeBy.from_text(said)
            check_whole("dim", dim, 1, MAX_DIM)
            classes = read_classes(record)
            outlier_label = record.content.get("outlier_label")
            check_outlier_label(outlier_label, classes)
            threshold = None if outlier_label is None else record.get("threshold", float)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} does not describe a recognizer: {error}; {_RECORD.remedy}") from error
        recognizer = cls(
            method,
            seed=record.get("seed", int),
            device=device,
            show_progress_bar=show_progress_bar,
            encoder=record.find("encoder", str),
            outlier_label=outlier_label,
        )
        found = tensors.read(bundle.find(weights, record.sums().get(WEIGHTS_FILE), _RECORD), _RECORD.remedy)
        try:
            familiar = {
                name.removeprefix(_FAMILIAR): found.pop(name) for name in [*found] if name.startswith(_FAMILIAR)
            }
            recognizer.classifier_ = method.restore(found, dim, len(classes), device)
            recognizer.familiar_ = None
            if outlier_label is not None and threshold is not None:
                recognizer.familiar_ = Familiar.restore(familiar, dim, len(classes), threshold, outlier_label)
            elif familiar:
                raise ValueError("it tells outliers, which have no label")
        except ValueError as error:
            raise ValueError(f"{weights} does not fit its {CONFIG_FILE}: {error}") from error
        recognizer.classes_, recognizer.n_features_in_, recognizer.made_by_ = classes, dim, made_by
        return recognizer

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """The constructor's arguments, by name; `deep` is scikit-learn's, and makes no difference."""
        names = ("method", "seed", "device", "show_progress_bar", "encoder", "outlier_label")
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
