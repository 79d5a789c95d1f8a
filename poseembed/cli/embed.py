"""`poseembed embed`: keypoints in, poses with vectors out."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.adapters import read_alphapose, read_coco, read_mmpose, read_openpose, read_poem
from poseembed.cli.arguments import add_skeleton, expand_one, share
from poseembed.cli.outputs import check_file, check_folder, counted
from poseembed.cli.shared import POSE_FILES, EncoderCommand
from poseembed.files.poses import POSE_SUFFIXES, read_poses, write_poses
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.large import embed_file
from poseembed.loading import shards
from poseembed.poses import Poses

READERS: dict[str, Callable[[Path], Poses]] = {
    "openpose": read_openpose,
    "coco": read_coco,
    "alphapose": read_alphapose,
    "mmpose": read_mmpose,
    "poem": read_poem,
}
"""Files of other programs, by what `--format` calls them."""


@dataclass(frozen=True, kw_only=True)
class Embed(EncoderCommand):
    """Options of `poseembed embed`."""

    name = "embed"
    summary = "embed a file of keypoints"
    usage = (
        "keypoints.npy vectors.npy --skeleton coco",
        "keypoints.csv poses.parquet",
        "openpose_json/ poses.npz --format openpose",
        "large.npy vectors/   (a folder: a part at a time; the same command goes on after an interruption)",
    )

    input: Path
    output: Path
    format: str | None
    skeleton: str
    min_confidence: float

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add files, their format, the skeleton, the threshold and the encoder."""
        parser.add_argument(
            "input", type=Path, help=f"keypoints: {POSE_FILES}; the folder of a long video; or what --format says"
        )
        parser.add_argument(
            "output", type=Path, help=f"poses with vectors: {POSE_FILES} (.npy: z_pose alone); or a folder"
        )
        parser.add_argument("--format", choices=list(READERS), help="whose files the input is (default: by its suffix)")
        add_skeleton(parser)
        parser.add_argument(
            "--min-confidence",
            type=share(float("inf")),
            default=MIN_CONFIDENCE,
            metavar="SCORE",
            help="least score of a joint (%(default)s)",
        )
        super().add_arguments(parser)

    def run(self) -> str:
        """Read, embed, write; into a folder, where the output has no suffix, a part at a time."""
        if not self.output.suffix:
            return self._to_folder()
        check_file(self.output, POSE_SUFFIXES)
        path, encoder = expand_one(self.input), self.encoder()
        if self.format is not None:
            poses = READERS[self.format](path)
        elif path.is_dir():
            poses = Poses.concatenate(map(read_poses, shards(path)))
        else:
            poses = read_poses(path, skeleton=self.skeleton)
        poses = poses.embed(encoder, min_confidence=self.min_confidence, show_progress_bar=True)
        write_poses(poses, self.output)
        return f"wrote {self.output}: {embedded(poses)}"

    def _to_folder(self) -> str:
        if self.format is not None:
            raise ValueError(f"--format is for an output that is one file, and {self.output} would be a folder")
        check_folder(self.output)
        files = embed_file(
            expand_one(self.input),
            self.output,
            self.encoder(),
            skeleton=self.skeleton,
            min_confidence=self.min_confidence,
            show_progress_bar=True,
        )
        return f"wrote {self.output}: {counted(len(files.z_pose), 'file')} of z_pose, as many of z_view"


def embedded(poses: Poses) -> str:
    """How many poses there are, and in how many of them nothing is seen."""
    assert poses.z_pose is not None
    empty = int(np.isnan(poses.z_pose).any(-1).sum())
    return counted(len(poses), "pose") + (f", {empty:,} without anybody" if empty else "")
