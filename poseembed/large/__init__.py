"""Embed files that are larger than memory, and go on after an interruption."""

from poseembed.large.embedding import SHARD_ROWS, VectorFiles, embed_file

__all__ = ["SHARD_ROWS", "VectorFiles", "embed_file"]
