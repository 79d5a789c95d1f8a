"""`poseembed embed`: keypoints in, poses with vectors out."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from poseembed.adapters import (
    read_alphapose,
    read_coco,
    read_cvat,
    read_label_studio,
    read_mediapipe,
    read_mmpose,
    read_openpose,
    read_poem,
    read_yolo,
)
from poseembed.cli.arguments import add_context, add_skeleton, expand_one, share, size
from poseembed.cli.outputs import check_file, check_folder, counted
from poseembed.cli.shared import FOLDERS, POSE_FILES, EncoderCommand
from poseembed.files.poses import POSE_SUFFIXES, read_poses, write_poses
from poseembed.keypoints import MIN_CONFIDENCE, MIN_JOINTS
from poseembed.large import embed_file
from poseembed.loading import read_folder
from poseembed.poses import Poses
from poseembed.skeleton import SkeletonName


class SizedReader(Protocol):
    """Reads files whose coordinates may be shares of the picture's size."""

    def __call__(self, path: Path, *, image_size: tuple[float, float] | None) -> Poses:
        """The poses of a file."""


READERS: dict[str, Callable[[Path], Poses]] = {
    "openpose": read_openpose,
    "coco": read_coco,
    "alphapose": read_alphapose,
    "mmpose": read_mmpose,
    "cvat": read_cvat,
    "label-studio": read_label_studio,
}
"""Files of other programs, by what `--format` calls them."""

SIZED_READERS: dict[str, SizedReader] = {"yolo": read_yolo, "mediapipe": read_mediapipe, "poem": read_poem}
"""Those that may need the size of the pictures."""


@dataclass(frozen=True, kw_only=True)
class Embed(EncoderCommand):
    """Options of `poseembed embed`."""

    name = "embed"
    summary = "embed a file of keypoints"
    usage = (
        "keypoints.npy vectors.npy --skeleton coco",
        "keypoints.csv poses.parquet",
        "openpose_json/ poses.npz --format openpose",
        "labels/ poses.npz --format yolo --image-size 1920x1080",
        "large.npy vectors/   (a folder: a part at a time; the same command goes on after an interruption)",
    )

    input: Path
    output: Path
    format: str | None
    image_size: tuple[float, float] | None
    skeleton: SkeletonName
    min_confidence: float
    context: float | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add files, their format, the skeleton, the threshold and the encoder."""
        parser.add_argument("input", type=Path, help=f"keypoints: {POSE_FILES}; {FOLDERS}; or what --format says")
        parser.add_argument(
            "output", type=Path, help=f"poses with vectors: {POSE_FILES} (.npy: z_pose alone); or a folder"
        )
        known = [*READERS, *SIZED_READERS]
        parser.add_argument("--format", choices=known, help="whose files the input is (default: by its suffix)")
        parser.add_argument(
            "--image-size", type=size, metavar="WxH", help="size of the pictures, where files have shares of it"
        )
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
        """Read, embed, write; into a folder, where the output has no suffix, a part at a time."""
        if not self.output.suffix:
            return self._to_folder()
        check_file(self.output, POSE_SUFFIXES)
        if self.image_size is not None and self.format not in SIZED_READERS:
            raise ValueError(f"--image-size is for --format {', '.join(SIZED_READERS)}, whose files have shares of it")
        path, encoder = expand_one(self.input), self.encoder()
        if self.format in SIZED_READERS:
            poses = SIZED_READERS[self.format](path, image_size=self.image_size)
        elif self.format is not None:
            poses = READERS[self.format](path)
        elif path.is_dir():
            poses = Poses.concatenate(read_folder(path, self.skeleton))
        else:
            poses = read_poses(path, skeleton=self.skeleton)
        poses = poses.embed(encoder, context=self.context, min_confidence=self.min_confidence, show_progress_bar=True)
        write_poses(poses, self.output)
        return f"wrote {self.output}: {embedded(poses, self.min_confidence)}"

    def _to_folder(self) -> str:
        for_files = {"--format": self.format, "--image-size": self.image_size, "--context": self.context or None}
        for option in (name for name, value in for_files.items() if value is not None):
            raise ValueError(f"{option} is for an output that is one file, and {self.output} would be a folder")
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


def embedded(poses: Poses, min_confidence: float = MIN_CONFIDENCE) -> str:
    """How many poses there are, how many of them have no vector and why, and whether they were seen in context."""
    assert poses.z_pose is not None
    without = np.isnan(poses.z_pose).any(-1)
    few = int((without & poses.sparse(min_confidence=min_confidence)).sum())
    empty = int(without.sum()) - few
    texts = [counted(len(poses), "pose")]
    if empty:
        texts.append(f"{empty:,} without anybody")
    if few:
        texts.append(f"{few:,} with fewer than {MIN_JOINTS} joints, which have no vectors")
    if poses.made_by is not None and poses.made_by.clip is not None:
        texts.append("with what comes before and after them")
    return ", ".join(texts)
