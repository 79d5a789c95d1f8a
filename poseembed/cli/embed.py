"""`poseembed embed`: keypoints in, poses with vectors out."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poseembed.adapters import read_alphapose, read_coco, read_openpose, read_poem
from poseembed.cli.shared import POSE_FILES, EncoderCommand, add_skeleton, check_output
from poseembed.files.poses import POSE_SUFFIXES, read_poses, write_poses
from poseembed.keypoints import MIN_CONFIDENCE
from poseembed.poses import Poses

READERS: dict[str, Callable[[Path], Poses]] = {
    "openpose": read_openpose,
    "coco": read_coco,
    "alphapose": read_alphapose,
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

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add files, their format, the skeleton, the threshold and the encoder."""
        parser.add_argument("input", type=Path, help=f"keypoints: {POSE_FILES}; or what --format says")
        parser.add_argument("output", type=Path, help=f"poses with vectors: {POSE_FILES} (.npy: z_pose alone)")
        parser.add_argument("--format", choices=list(READERS), help="whose files the input is (default: by its suffix)")
        add_skeleton(parser)
        parser.add_argument(
            "--min-confidence",
            type=float,
            default=MIN_CONFIDENCE,
            help="least score of a joint (%(default)s)",
        )
        super().add_arguments(parser)

    def run(self) -> None:
        """Read, embed, write."""
        check_output(self.output, POSE_SUFFIXES)
        encoder = self.encoder()
        if self.format is None:
            poses = read_poses(self.input, skeleton=self.skeleton)
        else:
            poses = READERS[self.format](self.input)
        poses = poses.embed(encoder, min_confidence=self.min_confidence, show_progress_bar=True)
        write_poses(poses, self.output)
