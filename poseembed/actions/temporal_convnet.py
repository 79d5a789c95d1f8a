"""Action recognition from many clips: the temporal ConvNet, trained with early stopping."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from tqdm import tqdm

from poseembed.actions.convnet import ConvNet
from poseembed.actions.sequences import resample

Clips = Sequence[Float32[np.ndarray, "_frames dim"]]

LEAST_FRAMES = 16
"""Below that, so little time is left after the strides that a batch of two has nothing to normalise over."""

_CHECKS = 20  # times that the held-out clips are looked at in a whole training
_BATCH = 256  # clips that are scored at once


@dataclass(frozen=True)
class TemporalConvNet:
    """Train the temporal `ConvNet` on clips that are brought to one length by repeating or skipping frames.

    Adam, whose rate rises over the first tenth of the steps and then falls along a cosine. Of every class
    `held_out` of the clips (rounded down) are not trained on: the weights that name most of them right are kept, the
    later ones of equals, and training stops after `patience` checks that found fewer right. Where that is fewer clips
    than there are classes, all clips are trained on, for all the steps. Classes are not weighted: the probabilities
    know how common each was among the clips.

    Attributes:
        frames: Length that clips are brought to.
        steps: Batches to train on, at most.
        batch_size: Clips a step, at most; the batches of one pass are as equal as can be.
        learning_rate: The highest rate.
        held_out: Share of the clips of a class that decides when to stop; 0 is none.
        patience: Checks in a row, of up to 20 in all, after which training stops if all were worse than the best.

    Examples:
        >>> from poseembed.actions import ActionRecognizer, TemporalConvNet
        >>> rng = np.random.default_rng(0)
        >>> clips = [rng.normal(mean, 1, size=(40, 32)) for mean in [1, -1] * 4]  # yours: the z_pose of each
        >>> recognizer = ActionRecognizer(TemporalConvNet(frames=16, steps=10)).fit(clips, ["squat", "wave"] * 4)
        >>> recognizer.predict(clips[:2]).tolist()
        ['squat', 'wave']
    """

    frames: int = 64
    steps: int = 1000
    batch_size: int = 16
    learning_rate: float = 5e-3
    held_out: float = 0.1
    patience: int = 10

    def __post_init__(self) -> None:
        """Refuse impossible settings.

        Raises:
            ValueError: If one is out of its range.
        """
        least = {"frames": LEAST_FRAMES, "steps": 1, "batch_size": 2, "patience": 1}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"got {name}={getattr(self, name)}; it must be at least {smallest}")
        if not self.learning_rate > 0 or not 0 <= self.held_out <= 0.5:
            raise ValueError(f"got {self}; learning_rate must be more than 0, and held_out from 0 to 0.5")

    def fit(
        self,
        clips: Clips,
        labels: Int64[np.ndarray, " clips"],
        *,
        seed: int,
        device: str | torch.device | None,
        show_progress_bar: bool,
    ) -> "TrainedConvNet":
        """Train from scratch; on a CPU with a given number of threads a seed always gives the same weights."""
        place = torch.device(device or "cpu")
        features, targets = self.features(clips).to(place), torch.from_numpy(labels).to(place)
        kept, held_out = self._split(labels, seed)
        with _seeded(seed, place):
            model = ConvNet(features.shape[-1], int(labels.max()) + 1).to(place)
            data, unseen = ((features[part], targets[part]) for part in (kept, held_out))
            steps = self._train(model, data, unseen, show_progress_bar=show_progress_bar)
        return TrainedConvNet(self, model.eval(), steps)

    def restore(
        self, tensors: dict[str, Tensor], dim: int, num_classes: int, device: str | torch.device | None
    ) -> "TrainedConvNet":
        """The classifier that gave `tensors`.

        Raises:
            ValueError: If they are not those of such a network.
        """
        with torch.device("meta"):  # draws no random numbers
            model = ConvNet(dim, num_classes)
        try:
            model.load_state_dict(tensors, strict=True, assign=True)
        except RuntimeError as error:  # names what is missing, too much, or of another shape
            raise ValueError(str(error)) from error
        return TrainedConvNet(self, model.float().to(device or "cpu").eval())

    def features(self, clips: Clips) -> Float32[Tensor, "clips frames dim"]:
        """The clips, at one length."""
        return torch.from_numpy(np.stack([resample(clip, self.frames) for clip in clips]))

    def _split(self, labels: Int64[np.ndarray, " clips"], seed: int) -> tuple[Tensor, Tensor]:
        """Indices of the clips to train on, and of those held out."""
        order = np.random.default_rng(seed).permutation(len(labels))
        parts = [order[labels[order] == label] for label in np.unique(labels)]
        held_out = np.concatenate([part[: int(self.held_out * len(part))] for part in parts])
        if len(held_out) < len(parts):
            held_out = held_out[:0]
        return torch.from_numpy(np.setdiff1d(order, held_out)), torch.from_numpy(held_out)

    def _train(
        self,
        model: nn.Module,
        data: tuple[Tensor, Tensor],
        held_out: tuple[Tensor, Tensor],
        *,
        show_progress_bar: bool,
    ) -> int:
        """Train a network in place; returns the number of steps behind its weights."""
        features, labels = data
        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warmup_then_cosine(step, self.steps, max(1, self.steps // 10))
        )
        batches = _batches(len(features), self.batch_size)
        whole = features.tensor_split(-(-len(features) // _BATCH))
        passes = -(-len(features) // self.batch_size)
        every = max(passes, -(-self.steps // _CHECKS))  # a check costs about a third of a pass
        best, best_step, weights, checks_since = math.inf, self.steps, None, 0
        with tqdm(total=self.steps, desc="train", unit="step", disable=not show_progress_bar) as progress:
            for step in range(1, self.steps + 1):
                model.train()
                batch = next(batches).to(features.device)
                loss = F.cross_entropy(model(features[batch]), labels[batch])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
                progress.update()
                if not len(held_out[0]) or (step % every and step < self.steps):
                    continue
                settle_batch_norm(model, whole)
                now = float((_logits(model.eval(), held_out[0]).argmax(-1) != held_out[1]).float().mean())
                progress.set_postfix(held_out_errors=f"{now:.1%}")
                checks_since += 1
                if now <= best:  # the later of two: its learning rate was lower
                    best, best_step, checks_since = now, step, 0
                    weights = {name: value.clone() for name, value in model.state_dict().items()}
                if checks_since == self.patience:
                    break
        if weights is None:
            settle_batch_norm(model, whole)
        else:
            model.load_state_dict(weights)
        return best_step


@dataclass(frozen=True, eq=False)
class TrainedConvNet:
    """What `TemporalConvNet.fit` makes.

    Attributes:
        settings: How it was trained.
        model: In eval mode.
        steps: Steps behind its weights; None for one that was loaded.
    """

    settings: TemporalConvNet
    model: ConvNet
    steps: int | None = None

    def predict_proba(self, clips: Clips, *, show_progress_bar: bool) -> Float[np.ndarray, "clips classes"]:
        """Probabilities of the classes."""
        device = self.model.logits.weight.device
        rows = []
        starts = range(0, len(clips), _BATCH)
        for start in tqdm(starts, desc="classify", unit="batch", disable=not show_progress_bar):
            features = self.settings.features(clips[start : start + _BATCH]).to(device)
            rows.append(_logits(self.model, features).cpu().double().softmax(-1).numpy())
        return np.concatenate(rows)

    def tensors(self) -> dict[str, Tensor]:
        """What to save."""
        return {name: value.cpu().contiguous() for name, value in self.model.state_dict().items()}


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers of a seed; afterwards the global random state of the CPU and of CUDA is as it was."""
    on_cpu = device.type == "cpu"
    gpus = range(torch.cuda.device_count()) if device.type == "cuda" else ()
    with torch.random.fork_rng(devices=gpus):
        (torch.default_generator.manual_seed if on_cpu else torch.manual_seed)(seed)
        yield


def _batches(clips: int, size: int) -> Iterator[Int64[Tensor, " batch"]]:
    """Indices of clips in random order, pass after pass, without end."""
    while True:
        yield from torch.randperm(clips).tensor_split(-(-clips // size))


def warmup_then_cosine(step: int, steps: int, rising: int) -> float:
    """Share of the highest learning rate at a step: up along a line for `rising` steps, then down along a cosine."""
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@torch.no_grad()
def _logits(model: nn.Module, features: Float[Tensor, "clips frames dim"]) -> Float[Tensor, "clips classes"]:
    return torch.cat([model(batch) for batch in features.split(_BATCH)])


@torch.no_grad()
def settle_batch_norm(
    model: nn.Module, batches: Iterable[Float[Tensor, "_clips frames dim"]], *, dropout: bool = True
) -> None:
    """Measure the mean and variance that batch normalisation uses in eval mode over all training clips.

    The running averages it keeps in training move by 1 % a step, so after some hundred steps they still remember
    the untrained network. Long training makes them right; measuring them anew for the finished weights does so too.
    The model is left in train mode.

    Args:
        model: With finished weights.
        batches: All training clips.
        dropout: Whether to measure with dropout, as the running averages do. Where its noise goes through a ReLU into
            a batch normalisation, that one's mean is then not what it will be without dropout.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # an average over all that comes
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train(dropout)
    for batch in batches:
        model(batch)
    model.train()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
