"""What the tables of retrieval compare: the systems of a comparison run, and any other checkpoints."""

import argparse
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from training.evaluation.results_document import RESULTS
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that the tables of retrieval share: `--run`, `--weights`, `--out` and `--results`."""
    parser.add_argument("--run", type=Path, metavar="RUN", help="folder that training.compare wrote")
    parser.add_argument("--weights", nargs="+", default=[], metavar="NAME_OR_FOLDER", help="other checkpoints")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results, .json")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="document to put the table into")


def check_files(parser: argparse.ArgumentParser, *files: Path) -> None:
    """Let the parser refuse files to write that cannot be written, before anything is measured."""
    for file in files:
        if not file.parent.is_dir():
            parser.error(f"no such folder: {file.parent}")
        if file.is_dir():
            parser.error(f"{file} is a folder; name a file in it")


def command(module: str, options: Mapping[str, Sequence[str | Path]]) -> str:
    """The command line that makes a table again, with the names of files and folders instead of their paths.

    Args:
        module: What to run.
        options: Values by option; one without values is left out.
    """
    words = ["python", "-m", module]
    for option, values in options.items():
        if values:
            words += [option, *(value.name if isinstance(value, Path) else value for value in values)]
    return shlex.join(words)
