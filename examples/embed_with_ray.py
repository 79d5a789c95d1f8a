"""Embed Parquet files of keypoints with Ray Data, on all cores of a machine or of a cluster.

    pip install "ray[data]"
    python examples/embed_with_ray.py keypoints/ vectors/ --skeleton coco --keep id

Each row of the input has a column `keypoints`: the (x, y) of all joints in pixels, NaN or null where missing, as a
tensor, in nested lists or one after the other. The output has `z_pose`, `z_view`, `made_by` and the columns to keep, in
no order: keep one that names the rows. A worker that dies is started again, and does again what it had in hand.
"""

import argparse

import numpy as np
import ray
import torch

from poseembed import SKELETONS, PoseEncoder


def dense(column: np.ndarray) -> np.ndarray:
    """The numbers of nested lists, which Ray hands out as arrays of arrays; null becomes NaN."""
    if column.dtype != object:
        return column
    if len(column) and isinstance(column[0], np.ndarray):
        return np.stack([dense(row) for row in column])
    return column.astype(np.float64)


class Embed:
    """A worker: it loads the encoder once, and embeds batch after batch on the core that it has."""

    def __init__(self, weights: str | None, skeleton: str) -> None:
        torch.set_num_threads(1)
        self.encoder = PoseEncoder.from_pretrained(weights)
        self.skeleton = skeleton

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Vectors of a batch, beside its other columns."""
        points = dense(batch.pop("keypoints")).reshape(-1, SKELETONS[self.skeleton].num_joints, 2)
        z_pose, z_view = self.encoder.embed(points, skeleton=self.skeleton)
        return {**batch, "z_pose": z_pose, "z_view": z_view, "made_by": np.full(len(points), str(self.encoder.made_by))}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keypoints", help="Parquet file or folder, on a disk or in a store that every machine sees")
    parser.add_argument("vectors", help="folder to write Parquet files to")
    parser.add_argument("--skeleton", default="poseembed13", choices=list(SKELETONS))
    parser.add_argument("--weights", help="checkpoint: packaged name, folder or Hub id")
    parser.add_argument("--keep", nargs="*", default=[], metavar="COLUMN", help="of the input")
    options = parser.parse_args()
    ray.init(ignore_reinit_error=True)
    # Workers may take every core: what reads and writes asks for none, or each would wait for the other for ever.
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=int(ray.cluster_resources()["CPU"]))
    table = ray.data.read_parquet(options.keypoints, columns=["keypoints", *options.keep], num_cpus=0)
    given = (options.weights, options.skeleton)
    vectors = table.map_batches(Embed, batch_size=4096, compute=pool, num_cpus=1, fn_constructor_args=given)
    vectors.write_parquet(options.vectors, ray_remote_args={"num_cpus": 0})
