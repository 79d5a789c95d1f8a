"""`poseembed info`: what is installed, or what a checkpoint says of itself."""

from argparse import ArgumentParser
from dataclasses import dataclass

from poseembed._version import __version__
from poseembed.checkpoint import DEFAULT_CHECKPOINT, list_pretrained
from poseembed.cli.shared import Command
from poseembed.encoder import PoseEncoder
from poseembed.skeleton import SKELETONS


@dataclass(frozen=True, kw_only=True)
class Info(Command):
    """Options of `poseembed info`."""

    name = "info"
    summary = "say what is installed, or what a checkpoint is"
    usage = ("", "poseembed-base")

    checkpoint: str | None

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the checkpoint."""
        parser.add_argument("checkpoint", nargs="?", help="packaged name, folder or Hugging Face Hub id")

    def run(self) -> str:
        """Print it."""
        if self.checkpoint is None:
            print(f"poseembed {__version__}")
            print(f"packaged checkpoints: {', '.join(list_pretrained())} (default: {DEFAULT_CHECKPOINT})")
            print(f"skeletons: {', '.join(SKELETONS)}")
            return ""
        encoder = PoseEncoder.from_pretrained(self.checkpoint)
        config, network = encoder.config, encoder.config.network
        print(f"z_pose {encoder.pose_dim}, z_view {encoder.view_dim} numbers")
        parameters = sum(value.numel() for value in encoder.network.parameters())
        print(f"network: {network.blocks} blocks, {network.width} wide, {parameters / 1e6:.2f} million parameters")
        print(f"knows missing joints: {'yes' if network.mask_input else 'no'}")
        parts = {
            "match probability": config.calibration,
            "decoder": config.decoder,
            "clip encoder": config.clip,
        }
        print("; ".join(f"{name}: {'no' if part is None else 'yes'}" for name, part in parts.items()))
        made_by = encoder.made_by
        print(f"fingerprint: {made_by.fingerprint}")
        print(f"space: {made_by.space} (its vectors can be compared with those of any checkpoint of this space)")
        print(f"licence: {config.license}")
        for key, value in config.training.items():
            print(f"training, {key}: {value}")
        return ""
