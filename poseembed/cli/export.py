"""`poseembed export`: a checkpoint in, an ONNX file out that runs without torch."""

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from poseembed.checkpoint import DEFAULT_CHECKPOINT
from poseembed.cli.arguments import add_skeleton, expand_one
from poseembed.cli.outputs import check_file
from poseembed.cli.shared import POSE_FILES, Command
from poseembed.encoder import PoseEncoder
from poseembed.files.poses import read_poses
from poseembed.onnx.export import PRECISIONS, Precision, check_clip_precision, check_precision
from poseembed.skeleton import SkeletonName


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Options of `poseembed export`."""

    name = "export"
    summary = "write an encoder as an ONNX file, which runs without torch"
    usage = (
        "pose.onnx",
        "clips.onnx --clips",
        "pose.onnx --weights poseembed-small --precision int8 --calibration keypoints.npy --skeleton coco",
    )

    output: Path
    weights: str | None
    clips: bool
    precision: Precision
    calibration: Path | None
    skeleton: SkeletonName

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the file, the checkpoint and the precision."""
        parser.add_argument("output", type=Path, help=".onnx")
        parser.add_argument(
            "--weights", metavar="NAME", help=f"checkpoint: packaged name, folder or Hub id ({DEFAULT_CHECKPOINT})"
        )
        parser.add_argument(
            "--clips",
            action="store_true",
            help="with the clip encoder: of clips of 30 frames a second, each frame by those around it",
        )
        parser.add_argument(
            "--precision", choices=list(PRECISIONS), default="float32", help="of the weights (%(default)s)"
        )
        parser.add_argument(
            "--calibration",
            type=Path,
            metavar="FILE",
            help=f"for int8: some hundreds of poses such as will be embedded, {POSE_FILES}",
        )
        add_skeleton(parser)

    def run(self) -> str:
        """Export, try, write."""
        check_file(self.output, [".onnx"])
        check_precision(self.precision, self.calibration is not None)
        if self.clips:
            check_clip_precision(self.precision)
        poses = None if self.calibration is None else read_poses(expand_one(self.calibration), skeleton=self.skeleton)
        encoder = PoseEncoder.from_pretrained(self.weights)
        if self.clips:
            encoder.export_clip_onnx(self.output, precision=self.precision)
        else:
            encoder.export_onnx(self.output, precision=self.precision, calibration=poses)
        return f"wrote {self.output}: {self.output.expanduser().stat().st_size / 1e6:.1f} MB, {self.precision}"
