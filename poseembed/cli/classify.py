"""`poseembed classify`: which action each clip shows."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.actions import ActionRecognizer
from poseembed.cli.arguments import add_skeleton, expand
from poseembed.cli.outputs import check_folder, counted
from poseembed.cli.shared import MIXED, ReadingCommand, track
from poseembed.encoder import PoseEncoder
from poseembed.files.tables import Columns
from poseembed.poses import Poses
from poseembed.skeleton import SkeletonName


@dataclass(frozen=True, kw_only=True)
class Classify(ReadingCommand):
    """Options of `poseembed classify`; one of `examples` and `model` is given."""

    name = "classify"
    summary = "tell which action clips show"
    usage = (
        "clip.mp4 --examples actions/ --save recognizer/   (actions/squat/1.mp4, actions/jump/1.npz, ...)",
        "clips/*.npz --model recognizer/ --out actions.csv",
        "clips/*.npz --examples actions/ --unknown other   (for clips unlike all examples)",
    )
    whose = "what person P of the clips does (default: whoever is seen longest)"

    clip: list[Path]
    examples: Path | None
    model: Path | None
    save: Path | None
    unknown: str | None
    example_skeleton: SkeletonName | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the clips, what to learn from or the recognizer, where to keep it, and how to read."""
        parser.add_argument("clip", type=Path, nargs="+", help=MIXED)
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--examples", type=Path, metavar="FOLDER", help="learn from a folder for each action")
        source.add_argument("--model", type=Path, metavar="FOLDER", help="a recognizer that was saved")
        parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep what was learned")
        parser.add_argument(
            "--unknown", metavar="NAME", help="call clips unlike all --examples so, not after an action"
        )
        super().add_arguments(parser)
        add_skeleton(parser, "--example-skeleton", " in --examples, if another")

    def run(self) -> str:
        """A row a clip, of which a library has one a video: its action, and the probability of each."""
        self.check_out()
        if self.unknown is not None and self.model is not None:
            raise ValueError("--unknown is for --examples; a recognizer that was saved with it has its name for them")
        if self.save is not None:
            check_folder(self.save)
        paths, encoder = expand(self.clip), self.encoder()
        recognizer = self._recognizer(encoder)
        if self.save is not None:
            recognizer.save(self.save)
        files, clips = zip(*((path, clip) for path in paths for clip in self._clips(path, encoder)), strict=True)
        probabilities = recognizer.predict_proba(clips)
        names = recognizer.classes_
        videos = np.array([clip.video[0] for clip in clips], dtype=np.str_)
        columns: Columns = {
            "file": np.array([str(path) for path in files], dtype=np.str_),
            **({"video": videos} if (videos != "").any() else {}),
            "action": recognizer.named(probabilities),
        }
        columns |= {f"p_{name}": values for name, values in zip(names, probabilities.T, strict=True)}
        saved = "" if self.save is None else f", and the recognizer in {self.save}"
        told = f"{counted(len(clips), 'clip')} of {counted(sum(map(len, clips)), 'pose')}"
        return f"{self.give(columns)}{told}, {len(names)} actions known{saved}"

    def _clips(self, path: Path, encoder: PoseEncoder) -> list[Poses]:
        """The person in each video of a file."""
        poses = self.read(path, encoder)
        videos = list(poses.by_video().values()) or [poses]  # who asks of no rows at all is told why not
        return [video if self.person is None else track(video, self.person, path) for video in videos]

    def _recognizer(self, encoder: PoseEncoder) -> ActionRecognizer:
        """The one that was saved, or one that learns from the examples now."""
        if self.model is not None:
            return ActionRecognizer.load(self.model)
        assert self.examples is not None  # the parser wants one of them
        paths = sorted(self.examples.expanduser().glob("[!.]*/[!.]*"))
        if not paths:
            raise ValueError(f"{self.examples} holds no examples; wanted a folder for each action with clips in it")
        recognizer = ActionRecognizer(encoder=self.weights, show_progress_bar=True, outlier_label=self.unknown)
        examples = [self.read(path, encoder, self.example_skeleton) for path in paths]
        return recognizer.fit(examples, [path.parent.name for path in paths])
