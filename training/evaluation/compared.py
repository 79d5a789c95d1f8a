"""What the tables of retrieval compare: the systems of a comparison run, and any other checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from training.evaluation.systems import load_trained


@dataclass(frozen=True)
class Compared:
    """An encoder with the distance by which its vectors are compared.

    Attributes:
        label: In tables.
        encoder: Gives the vectors.
        distance: "cosine" or "euclidean".
    """

    label: str
    encoder: PoseEncoder
    distance: str

    def pose_vectors(
        self, points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]
    ) -> Float[Tensor, "poses dim"]:
        """Pose vectors whose Euclidean distance ranks as `distance` does."""
        return self._comparable(self.encoder.embed(points, visible.float()).z_pose)

    def view_vectors(
        self, points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]
    ) -> Float[Tensor, "poses dim"]:
        """View vectors, likewise."""
        return self._comparable(self.encoder.embed(points, visible.float()).z_view)

    def _comparable(self, vectors: Float[Tensor, "poses dim"]) -> Float[Tensor, "poses dim"]:
        return normalize(vectors, dim=-1) if self.distance == "cosine" else vectors


def load_compared(run: Path | None, systems: Sequence[str], weights: Sequence[str]) -> list[Compared]:
    """Load encoders: a run's by the distance that it chose on its val split, other checkpoints by cosine.

    Args:
        run: Folder of a comparison run, see `training.compare`; None for none.
        systems: Names of those of its systems that are wanted; all that are finished if empty.
        weights: Names or folders of other checkpoints, which keep them as labels.

    Raises:
        FileNotFoundError: If there is no such run, or no such checkpoint.
        ValueError: If a system is not among the finished ones, or there is no run to take it from; if a checkpoint is
            damaged.
        OSError: If a checkpoint cannot be had from the Hub.
    """
    if run is None and systems:
        raise ValueError(f"got systems {', '.join(systems)} but no run; add --run with a folder of training.compare")
    trained = {} if run is None else load_trained(run)
    if unknown := [name for name in systems if name not in trained]:
        raise ValueError(f"{', '.join(unknown)} not finished in {run}; it has {', '.join(trained)}")
    chosen = [trained[name] for name in systems or trained]
    return [Compared(system.system.label, system.encoder, system.distance) for system in chosen] + [
        Compared(name, PoseEncoder.from_pretrained(name), "cosine") for name in weights
    ]
