"""`poseembed embed`: keypoints in, poses with vectors out."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseembed.adapters import read_alphapose, read_coco, read_mmpose, read_openpose, read_poem
from poseembed.cli.arguments import add_context, add_skeleton, expand_one, share
from poseembed.cli.outputs import check_file, counted
from poseembed.cli.shared import POSE_FILES, EncoderCommand
from poseembed.files.poses import POSE_SUFFIXES, read_poses, write_poses
from poseembed.keypoints import MIN_CONFIDENCE
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
    )

    input: Path
    output: Path
    format: str | None
    skeleton: str
    min_confidence: float
    context: float | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add files, their format, the skeleton, the threshold and the encoder."""
        parser.add_argument(
            "input", type=Path, help=f"keypoints: {POSE_FILES}; the folder of a long video; or what --format says"
        )
        parser.add_argument("output", type=Path, help=f"poses with vectors: {POSE_FILES} (.npy: z_pose alone)")
        parser.add_argument("--format", choices=list(READERS), help="whose files the input is (default: by its suffix)")
        add_skeleton(parser)
        parser.add_argument(
            "--min-confidence",
            type=share(float("inf")),
            default=MIN_CONFIDENCE,
            metavar="SCORE",
            help="least score of a joint (%(default)s)",
        )
        add_context(parser)
        super().add_arguments(parser)

    def run(self) -> str:
        """Read, embed, write."""
        check_file(self.output, POSE_SUFFIXES)
        path, encoder = expand_one(self.input), self.encoder()
        if self.format is not None:
            poses = READERS[self.format](path)
        elif path.is_dir():
            poses = Poses.concatenate(map(read_poses, shards(path)))
        else:
            poses = read_poses(path, skeleton=self.skeleton)
        poses = poses.embed(encoder, context=self.context, min_confidence=self.min_confidence, show_progress_bar=True)
        write_poses(poses, self.output)
        return f"wrote {self.output}: {embedded(poses)}"


def embedded(poses: Poses) -> str:
    """How many poses there are, in how many of them nothing is seen, and whether they were seen in context."""
    assert poses.z_pose is not None
    empty = int(np.isnan(poses.z_pose).any(-1).sum())
    in_context = poses.made_by is not None and poses.made_by.clip is not None
    return (
        counted(len(poses), "pose")
        + (f", {empty:,} without anybody" if empty else "")
        + (", with what comes before and after them" if in_context else "")
    )
