"""Pictures as vectors that are compared by distance."""

from pathlib import Path

import torch
from torch.testing import assert_close

from poseembed import PoseEncoder
from training.evaluation.representations import joint_distances, means, pose_vectors, raw_keypoints


def test_hand_made_embeddings_ignore_place_and_size() -> None:
    points = torch.randn(5, 13, 2, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(5, 13, dtype=torch.bool)
    for embed, size in ((raw_keypoints, 26), (joint_distances, 78)):
        vectors = embed(points, visible)
        assert vectors.shape == (5, size)
        assert_close(embed(100 * points + 7, visible), vectors, atol=1e-4, rtol=1e-4)


def test_joint_distances_ignore_mirroring_but_not_the_pose() -> None:
    points = torch.randn(2, 13, 2, generator=torch.Generator().manual_seed(0))
    visible = torch.ones(2, 13, dtype=torch.bool)
    distances = joint_distances(points, visible)
    assert_close(joint_distances(points * torch.tensor([-1.0, 1]), visible), distances)
    assert not torch.allclose(distances[0], distances[1], atol=0.1)


def test_pose_vectors_are_the_encoders_as_they_are_or_of_length_one(masked_folder: Path) -> None:
    encoder = PoseEncoder.from_pretrained(masked_folder)
    points = torch.randn(5, 13, 2, generator=torch.Generator().manual_seed(0))
    everything = torch.ones(5, 13, dtype=torch.bool)
    vectors = means(encoder)(points, everything)
    assert_close(vectors, encoder.embed(points).z_pose)
    assert_close(pose_vectors(encoder)(points, everything), vectors / vectors.norm(dim=-1, keepdim=True))
