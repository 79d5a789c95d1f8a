"""What a type checker makes of the main calls: numpy in, numpy out; torch in, torch out. mypy reads this file."""

import numpy as np
import torch
from typing_extensions import assert_type

from poseembed import ClipEmbedding, Embedding, PoseEncoder, Poses
from poseembed.index import PoseIndex
from poseembed.search import Hits, search


def test_embed(encoder: PoseEncoder, poses: np.ndarray) -> None:
    tensor = torch.from_numpy(poses)
    assert_type(encoder.embed(poses), Embedding[np.ndarray])
    assert_type(encoder.embed(poses, np.ones_like(poses[..., 0]), skeleton="poseembed13").z_pose, np.ndarray)
    assert_type(encoder.embed(tensor), Embedding[torch.Tensor])
    assert_type(encoder.embed(tensor, convert_to_tensor=True), Embedding[torch.Tensor])
    assert_type(encoder.embed(poses, convert_to_tensor=True).z_view, torch.Tensor)
    assert_type(encoder.forward(tensor), Embedding[torch.Tensor])
    z_pose, z_view = encoder.embed(poses)
    assert_type(z_pose, np.ndarray)
    assert_type(z_view, np.ndarray)
    assert isinstance(z_pose, np.ndarray) and isinstance(encoder.embed(tensor).z_pose, torch.Tensor)


def test_embed_clip(clip_encoder: PoseEncoder, poses: np.ndarray) -> None:
    assert_type(clip_encoder.embed_clip(poses, fps=30), ClipEmbedding[np.ndarray])
    assert_type(clip_encoder.embed_clip(torch.from_numpy(poses), times=np.arange(24)), ClipEmbedding[torch.Tensor])
    z_pose, _, filled = clip_encoder.embed_clip(poses, fps=30, fill_unseen=True)
    assert_type(z_pose, np.ndarray)
    assert_type(filled, np.ndarray)


def test_similarity(encoder: PoseEncoder, poses: np.ndarray) -> None:
    arrays, tensors = encoder.embed(poses).z_pose, encoder.embed(poses, convert_to_tensor=True).z_pose
    assert_type(encoder.similarity(arrays, arrays), np.ndarray)
    assert_type(encoder.similarity(tensors, tensors), torch.Tensor)
    assert_type(encoder.similarity_pairwise(arrays, arrays), np.ndarray)
    assert_type(encoder.similarity_pairwise(tensors, tensors), torch.Tensor)
    base = PoseEncoder.from_pretrained()
    arrays, tensors = base.embed(poses).z_pose, base.embed(poses, convert_to_tensor=True).z_pose
    assert_type(base.match_probability(arrays, arrays), np.ndarray)
    assert_type(base.match_probability(tensors, tensors), torch.Tensor)
    assert_type(base.match_probability_pairwise(arrays, arrays), np.ndarray)
    assert_type(base.match_probability_pairwise(tensors, tensors), torch.Tensor)


def test_search(encoder: PoseEncoder, poses: np.ndarray) -> None:
    people = Poses.from_arrays(poses).embed(encoder)
    arrays, tensors = encoder.embed(poses).z_pose, encoder.embed(torch.from_numpy(poses)).z_pose
    assert_type(search(arrays, arrays), Hits[np.ndarray])
    assert_type(search(people, people), Hits[np.ndarray])
    assert_type(search(arrays, people).indices, np.ndarray)
    assert_type(search(tensors, tensors), Hits[torch.Tensor])
    assert_type(search(tensors, tensors).similarities, torch.Tensor)
    assert_type(PoseIndex.build(people).query(people).metadata, dict[str, np.ndarray])
