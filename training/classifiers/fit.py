"""Training a classifier on a tensor of clips, for a number of epochs that is fixed beforehand."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from poseembed.actions.convnet import ConvNet
from poseembed.actions.temporal_convnet import settle_batch_norm, warmup_then_cosine
from poseembed.devices import multiplies_bfloat16
from training.classifiers.base import Penalised

_PREDICT_BATCH = 256


@dataclass(frozen=True)
class FitSettings:
    """How to train; the same for every representation that is compared.

    Adam and its learning rate of 5e-3 are the official code's (google-research/poem), which keeps the rate constant,
    trains for up to a million steps and reports the best checkpoint on the test set besides the last one. Here only
    the last one counts, so the rate rises over the first `warmup` of all steps and then falls to 0 along a cosine:
    what the last step leaves is then settled instead of a draw from a noisy walk.

    Attributes:
        epochs: Times each clip is seen.
        batch_size: Clips a step, at most; the batches of an epoch are as equal as can be.
        learning_rate: The highest rate of Adam.
        warmup: Share of the steps over which the rate rises to it.
        bfloat16: Whether to train with bfloat16 products where the device has them, weights staying in float32.
            That halves the time of a large network; the small ConvNet gains little.
    """

    epochs: int
    batch_size: int = 16
    learning_rate: float = 5e-3
    warmup: float = 0.1
    bfloat16: bool = False


@dataclass(frozen=True)
class Fitted:
    """A trained classifier.

    Attributes:
        model: In eval mode.
        losses: Mean cross-entropy over the training clips in each epoch, with dropout, as it was trained on; without
            any penalty.
    """

    model: nn.Module
    losses: tuple[float, ...]


def fit(
    build: Callable[[], nn.Module],
    features: Float[Tensor, "clips frames dim"],
    labels: Int64[Tensor, " clips"],
    *,
    seed: int,
    settings: FitSettings,
) -> Fitted:
    """Train a classifier from scratch.

    The seed settles initial weights, order of the clips and dropout: on a CPU with a given number of threads two
    runs end with the same weights. The global random state is left as it was.

    Args:
        build: Makes the untrained classifier, which maps features to logits (clips, classes). One that is `Penalised`
            has its penalty added to the cross-entropy.
        features: Sequences to train on.
        labels: Their classes.
        seed: Any whole number.
        settings: How to train.

    Returns:
        The classifier after the last step.

    Raises:
        ValueError: If there are no clips, or not one label a clip.
    """
    if len(features) == 0 or len(features) != len(labels):
        raise ValueError(f"got {len(features)} clips and {len(labels)} labels; wanted one label a clip, and some clips")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build().train()
        bfloat16 = settings.bfloat16 and multiplies_bfloat16(features.device)
        batches = -(-len(features) // settings.batch_size)
        optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
        steps = batches * settings.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, settings.warmup))
        losses = []
        for _ in range(settings.epochs):
            total = 0.0
            for batch in torch.randperm(len(features)).tensor_split(batches):
                with torch.autocast(features.device.type, torch.bfloat16, enabled=bfloat16):
                    logits = model(features[batch])
                loss = F.cross_entropy(logits.float(), labels[batch])
                optimizer.zero_grad()
                torch.autograd.backward(loss + model.penalty() if isinstance(model, Penalised) else loss)
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(batch)
            losses.append(total / len(features))
        # Without dropout, as they will be used: what nine units of ST-GCN add up has other means with it. ConvNet does
        # as well either way, and keeps the way in which its published results were measured.
        settle_batch_norm(model, features.tensor_split(batches), dropout=isinstance(model, ConvNet))
    return Fitted(model.eval(), tuple(losses))


def _rate(step: int, steps: int, warmup: float) -> float:
    """Share of the highest learning rate at a step, rising for that share of the steps."""
    return warmup_then_cosine(step, steps, max(1, round(warmup * steps)))


@torch.no_grad()
def predict(model: nn.Module, features: Float[Tensor, "clips frames dim"]) -> Int64[Tensor, " clips"]:
    """Name the most likely class of each clip.

    Args:
        model: A classifier in eval mode.
        features: Sequences; none is a valid number of them.

    Returns:
        Indices of classes.
    """
    batches = features.tensor_split(-(-len(features) // _PREDICT_BATCH) or 1)
    return torch.cat([model(batch).argmax(-1) for batch in batches])
