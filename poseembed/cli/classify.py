"""`poseembed classify`: which action each clip shows."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.actions import ActionRecognizer
from poseembed.cli.shared import MIXED, ReadingCommand
from poseembed.encoder import PoseEncoder
from poseembed.files.tables import Columns


@dataclass(frozen=True, kw_only=True)
class Classify(ReadingCommand):
    """Options of `poseembed classify`; one of `examples` and `model` is given."""

    name = "classify"
    summary = "tell which action clips show"
    usage = (
        "clip.mp4 --examples actions/ --save recognizer/   (actions/squat/1.mp4, actions/jump/1.npz, ...)",
        "clips/*.npz --model recognizer/ --out actions.csv",
    )

    clip: list[Path]
    examples: Path | None
    model: Path | None
    save: Path | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the clips, what to learn from or the recognizer, where to keep it, and how to read."""
        parser.add_argument("clip", type=Path, nargs="+", help=MIXED)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--examples", type=Path, metavar="FOLDER", help="learn from a folder for each action")
        source.add_argument("--model", type=Path, metavar="FOLDER", help="a recognizer that was saved")
        parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was learned")
        super().add_arguments(parser)

    def run(self) -> None:
        """A row a clip: its action, and the probability of each."""
        self.check_out()
        encoder = self.encoder()
        recognizer = self._recognizer(encoder)
        if self.save is not None:
            recognizer.save(self.save)
        probabilities = recognizer.predict_proba([self.read(path, encoder) for path in self.clip])
        names = recognizer.classes_
        columns: Columns = {
            "file": np.array([str(path) for path in self.clip], dtype=np.str_),
            "action": names[probabilities.argmax(-1)] if len(probabilities) else np.array([], dtype=np.str_),
        }
        columns |= {f"p_{name}": values for name, values in zip(names, probabilities.T, strict=True)}
        self.give(columns)

    def _recognizer(self, encoder: PoseEncoder) -> ActionRecognizer:
        """The one that was saved, or one that learns from the examples now."""
        if self.model is not None:
            return ActionRecognizer.load(self.model)
        assert self.examples is not None  # the parser wants one of them
        paths = sorted(path for path in self.examples.glob("*/*") if path.is_file())
        if not paths:
            raise ValueError(f"{self.examples} holds no examples; wanted a folder for each action with clips in it")
        recognizer = ActionRecognizer(encoder=self.weights, show_progress_bar=True)
        return recognizer.fit([self.read(path, encoder) for path in paths], [path.parent.name for path in paths])
