"""`PoseEncoder`: what comes out for what goes in."""

import pickle
import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poseembed import SKELETONS, Embedding, MadeBy, PoseEncoder, Poses, list_pretrained, mirror
from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.keypoints import normalize_keypoints
from poseembed.network import Encoder, NetworkConfig, network_input

from .conftest import STANDING

LEFT_WRIST, HIPS, SHOULDERS = 5, [7, 8], [1, 2]


def close(ours: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    """Two embeddings agree, each vector to a share of its length."""
    for one, other in zip(ours, wanted, strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert one.shape == other.shape
        distance, length = np.linalg.norm(one - other, axis=-1), np.linalg.norm(other, axis=-1)
        assert (distance <= tolerance * length).all(), (distance / length).max()


# Kinds and shapes


def test_vectors_are_those_of_the_network(encoder: PoseEncoder, poses: np.ndarray) -> None:
    points, visible = torch.from_numpy(poses), torch.ones(24, 13, dtype=torch.bool)
    inputs = network_input(normalize_keypoints(points, visible), visible, encoder.config.network)
    with torch.no_grad():
        close(encoder.embed(poses), encoder.network(inputs))


def test_numpy_in_numpy_out_and_torch_in_torch_out(encoder: PoseEncoder, poses: np.ndarray) -> None:
    arrays, tensors = encoder.embed(poses), encoder.embed(torch.from_numpy(poses))
    assert isinstance(arrays, Embedding) and isinstance(tensors, Embedding)
    for array, tensor, length in zip(arrays, tensors, (encoder.pose_dim, encoder.view_dim), strict=True):
        assert isinstance(array, np.ndarray) and array.dtype == np.float32 and array.shape == (24, length)
        assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float32 and tensor.device.type == "cpu"
        np.testing.assert_array_equal(array, tensor)


def test_convert_to_tensor(encoder: PoseEncoder, poses: np.ndarray) -> None:
    for points in (poses, torch.from_numpy(poses)):
        vectors = encoder.embed(points, convert_to_tensor=True)
        assert all(isinstance(vector, torch.Tensor) and vector.device == encoder.device for vector in vectors)
        np.testing.assert_array_equal(vectors.z_pose, encoder.embed(poses).z_pose)


@pytest.mark.parametrize("leading", [(), (1,), (24,), (4, 6), (2, 3, 4), (1, 1, 24, 1)])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_leading_axes_are_kept(encoder: PoseEncoder, poses: np.ndarray, leading: tuple[int, ...], kind: Any) -> None:
    some = poses[: int(np.prod(leading))]
    confidence = np.random.default_rng(0).random((len(some), 13))
    given = kind(some.reshape(*leading, 13, 2)), kind(confidence.reshape(*leading, 13))
    vectors, wanted = encoder.embed(*given), encoder.embed(some, confidence)
    assert tuple(vectors.z_pose.shape) == (*leading, encoder.pose_dim)
    assert tuple(vectors.z_view.shape) == (*leading, encoder.view_dim)
    close([np.asarray(vector).reshape(len(some), -1) for vector in vectors], wanted)


@pytest.mark.parametrize("leading", [(), (24,), (4, 6), (0,), (5, 0)])
def test_a_network_without_a_view_vector_gives_empty_ones(
    tmp_path: Path, poses: np.ndarray, leading: tuple[int, ...]
) -> None:
    network = Encoder(NetworkConfig(width=16, pose_dim=5, view_dim=0), batch_norm=False).eval()
    PoseEncoder(Checkpoint(CheckpointConfig(network.config), network)).save_pretrained(tmp_path)
    encoder = PoseEncoder.from_pretrained(tmp_path)
    assert encoder.view_dim == 0
    some = poses[: int(np.prod(leading))].reshape(*leading, 13, 2)
    for points in (some, torch.from_numpy(some)):
        for vectors in (encoder.embed(points, batch_size=10), encoder(torch.from_numpy(some))):
            assert tuple(vectors.z_pose.shape) == (*leading, 5) and tuple(vectors.z_view.shape) == (*leading, 0)


@pytest.mark.parametrize("leading", [(0,), (0, 5), (5, 0), (2, 0, 3)])
@pytest.mark.parametrize("kind", [np.zeros, torch.zeros], ids=["numpy", "torch"])
def test_an_empty_batch_gives_an_empty_batch(encoder: PoseEncoder, leading: tuple[int, ...], kind: Any) -> None:
    for vectors in (
        encoder.embed(kind((*leading, 17, 2)), kind((*leading, 17)), skeleton="coco"),
        encoder(torch.zeros(*leading, 13, 2)),
    ):
        assert [tuple(vector.shape) for vector in vectors] == [(*leading, 32), (*leading, 32)]
    assert isinstance(encoder.embed(kind((*leading, 13, 2))).z_pose, type(kind(1)))


@pytest.mark.parametrize(
    "dtype, tolerance",
    [(np.float64, 1e-5), (np.longdouble, 1e-5), (">f4", 1e-5), (">f8", 1e-5), (np.float16, 0.1), (np.int64, 0.1)],
    ids=str,
)
def test_number_types(encoder: PoseEncoder, poses: np.ndarray, dtype: Any, tolerance: float) -> None:
    converted = poses.astype(dtype)
    vectors = encoder.embed(converted, np.ones((24, 13), dtype))
    assert vectors.z_pose.dtype == vectors.z_view.dtype == np.float32
    close(vectors, encoder.embed(converted.astype(np.float32)))
    close(vectors, encoder.embed(poses), tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int16], ids=str)
def test_tensor_types(encoder: PoseEncoder, poses: np.ndarray, dtype: torch.dtype) -> None:
    converted = torch.from_numpy(poses).to(dtype)
    vectors = encoder.embed(converted, torch.ones(24, 13, dtype=dtype))
    assert vectors.z_pose.dtype == torch.float32
    close(vectors, encoder.embed(converted.float()))


def test_memory_layout_does_not_matter(encoder: PoseEncoder, poses: np.ndarray) -> None:
    wanted = encoder.embed(poses)
    locked = poses.copy()
    locked.flags.writeable = False
    for array in (np.asfortranarray(poses), np.repeat(poses, 2, axis=1)[:, ::2], poses[::-1].copy()[::-1], locked):
        close(encoder.embed(array), wanted)
    close(encoder.embed(torch.from_numpy(poses).mT.contiguous().mT), wanted)


def test_inputs_are_left_as_they_are(encoder: PoseEncoder, poses: np.ndarray) -> None:
    confidence = np.full((24, 13), 0.1, np.float32)
    before = poses.copy()
    encoder.embed(poses, confidence)
    np.testing.assert_array_equal(poses, before)
    assert (confidence == np.float32(0.1)).all()


@pytest.mark.parametrize("precision, tolerance", [("float64", 1e-5), ("float16", 2e-2), ("bfloat16", 0.1)])
def test_other_precisions(plain_folder: Path, poses: np.ndarray, precision: str, tolerance: float) -> None:
    exact = PoseEncoder.from_pretrained(plain_folder)
    encoder = PoseEncoder.from_pretrained(plain_folder, precision=precision)
    far = poses + 5000  # half types hold no such pixels
    far[0] = np.nan
    vectors = encoder.embed(far)
    assert vectors.z_pose.dtype == np.float32 and np.isnan(vectors.z_pose[0]).all()
    wide = torch.float64 if precision == "float64" else torch.float32
    assert encoder.embed(torch.from_numpy(far)).z_view.dtype == wide
    close([vector[1:] for vector in vectors], [vector[1:] for vector in exact.embed(far)], tolerance)


@pytest.mark.parametrize("name", list_pretrained())
def test_bfloat16_is_as_near_as_promised_and_does_not_depend_on_the_batch(name: str) -> None:
    body = STANDING + 0.1 * np.random.default_rng(0).normal(size=(500, *STANDING.shape))
    poses = 300 + 150 * body[..., :2]
    exact, encoder = (PoseEncoder.from_pretrained(name, precision=kind) for kind in ("float32", "bfloat16"))
    wanted, found = exact.embed(poses).z_pose, encoder.embed(poses).z_pose
    assert exact.similarity_pairwise(wanted, found).min() > 0.999
    assert (np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max() < 0.04
    for size in (1, 7):
        np.testing.assert_allclose(encoder.embed(poses[:20], batch_size=size).z_pose, found[:20], rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
    ids=str,
)
def test_the_processor_chooses_the_precision(
    plain_folder: Path, known: dict[str, bool], wanted: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert PoseEncoder.from_pretrained(plain_folder, precision="auto").dtype == wanted
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as it was before torch told
    assert PoseEncoder.from_pretrained(plain_folder, precision="auto").dtype == torch.float32
    assert PoseEncoder.from_pretrained(plain_folder).dtype == torch.float32


# A vector depends on its own pose alone


@pytest.mark.parametrize("batch_size", [1, 5, 23, 24, 25, 8192])
def test_batch_size_does_not_matter(encoder: PoseEncoder, poses: np.ndarray, batch_size: int) -> None:
    close(encoder.embed(poses, batch_size=batch_size), encoder.embed(poses))


def test_neither_neighbours_nor_position_matter(encoder: PoseEncoder, poses: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(24)
    wanted = encoder.embed(poses)
    close(encoder.embed(poses[order]), [vectors[order] for vectors in wanted])
    poses[1:] = np.nan
    close([vectors[0] for vectors in encoder.embed(poses)], [vectors[0] for vectors in wanted])


@pytest.mark.filterwarnings("ignore:coordinates that all lie in 0 to 1")  # these were divided by one length
@pytest.mark.parametrize("factor, shift", [(1, (-640, 2000)), (3.1, (0, 0)), (1 / 1920, (0, 0)), (1e25, (0, 0))])
@pytest.mark.parametrize("missing", [[], HIPS, SHOULDERS], ids=str)
def test_neither_place_nor_size_matter(
    encoder: PoseEncoder, poses: np.ndarray, factor: float, shift: tuple[float, float], missing: list[int]
) -> None:
    poses = poses.astype(np.float64)  # the shift itself must not round
    poses[:, missing] = np.nan
    close(encoder.embed(poses * factor + shift), encoder.embed(poses))


def test_different_poses_get_different_vectors(encoder: PoseEncoder, poses: np.ndarray) -> None:
    for vectors in (encoder.embed(poses).z_pose, encoder.embed(poses).z_view):
        assert len(np.unique(vectors.round(3), axis=0)) == 24
    assert np.abs(encoder.embed(mirror(poses)).z_pose - encoder.embed(poses).z_pose).max() > 0.1


# Missing joints


@pytest.mark.parametrize("missing", [[0], [LEFT_WRIST], HIPS, SHOULDERS, HIPS + SHOULDERS, list(range(12))], ids=str)
def test_nan_and_low_confidence_are_the_same(encoder: PoseEncoder, poses: np.ndarray, missing: list[int]) -> None:
    confidence = np.ones((24, 13), np.float32)
    confidence[:, missing] = 0.29
    by_nan = poses.copy()
    by_nan[:, missing] = np.nan
    half_nan = poses.copy()
    half_nan[:, missing, 1] = np.nan
    scores_nan = np.where(confidence < 1, np.nan, confidence)
    wanted = encoder.embed(by_nan)
    assert all(np.isfinite(vectors).all() for vectors in wanted)
    for vectors in (encoder.embed(poses, confidence), encoder.embed(half_nan), encoder.embed(poses, scores_nan)):
        np.testing.assert_array_equal(vectors, wanted)
    with torch.no_grad():
        close(encoder(torch.from_numpy(poses), torch.from_numpy(confidence == 1)), wanted)


def test_zero_is_a_coordinate(encoder: PoseEncoder, poses: np.ndarray) -> None:
    wanted = encoder.embed(poses)
    at_zero = poses - poses[:, [LEFT_WRIST]]
    assert (at_zero[:, LEFT_WRIST] == 0).all()
    close(encoder.embed(at_zero), wanted, 1e-4)
    at_zero[:, LEFT_WRIST] = np.nan
    assert np.abs(encoder.embed(at_zero).z_pose - wanted.z_pose).max() > 0.01


def test_the_threshold_can_be_moved(encoder: PoseEncoder, poses: np.ndarray) -> None:
    confidence = np.full((24, 13), 0.5)
    confidence[:, LEFT_WRIST] = 0.2
    without = poses.copy()
    without[:, LEFT_WRIST] = np.nan
    np.testing.assert_array_equal(encoder.embed(poses, confidence), encoder.embed(without))
    np.testing.assert_array_equal(encoder.embed(poses, confidence, min_confidence=0.2), encoder.embed(poses))
    assert np.isnan(encoder.embed(poses, confidence, min_confidence=0.51)).all()


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_a_pose_without_joints_gives_a_nan_row_and_only_that(
    encoder: PoseEncoder, poses: np.ndarray, kind: Any
) -> None:
    confidence = np.ones((24, 13))
    wanted = encoder.embed(poses)
    poses[3], confidence[20] = np.nan, 0
    rest = np.delete(np.arange(24), [3, 20])
    for vectors, exact in zip(encoder.embed(kind(poses), kind(confidence)), wanted, strict=True):
        missing = np.isnan(np.asarray(vectors))
        assert np.flatnonzero(missing.any(-1)).tolist() == [3, 20]
        assert missing[[3, 20]].all()
        np.testing.assert_allclose(vectors[rest], exact[rest], rtol=1e-4, atol=1e-5)


def test_joints_the_encoder_does_not_read_do_not_count(encoder: PoseEncoder, poses: np.ndarray) -> None:
    coco = np.full((24, 17, 2), np.nan, np.float32)
    coco[:, :5] = poses[:, :5]
    confidence = np.ones((24, 17))
    confidence[:, 0] = 0  # the nose; eyes and ears are still there
    assert np.isnan(encoder.embed(coco, confidence, skeleton="coco").z_pose).all()


@pytest.mark.filterwarnings("ignore::poseembed.KeypointsWarning")  # for these are anything
@given(
    hnp.arrays(np.float32, (3, 13, 2), elements=st.floats(width=32, allow_infinity=False)),
    hnp.arrays(np.float32, (3, 13), elements=st.floats(width=32)),
)
def test_no_vector_is_half_finite(plain_folder: Path, points: np.ndarray, confidence: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained(plain_folder)
    somebody = (~np.isnan(points).any(-1) & (confidence >= 0.3)).any(-1)
    for vectors in encoder.embed(points, confidence):
        assert np.isfinite(vectors[somebody]).all()
        assert np.isnan(vectors[~somebody]).all()


# Skeletons


@pytest.mark.parametrize("name", SKELETONS)
def test_every_skeleton_reaches_the_same_vector(encoder: PoseEncoder, poses: np.ndarray, name: str) -> None:
    skeleton = SKELETONS[name]
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1000, (24, skeleton.num_joints, 2)).astype(np.float32)
    scores = rng.random((24, skeleton.num_joints))
    our_scores = rng.random((24, 13))
    points[:, skeleton.indices], scores[:, skeleton.indices] = poses, our_scores
    np.testing.assert_array_equal(encoder.embed(points, scores, skeleton=name), encoder.embed(poses, our_scores))


# Refusals


@pytest.mark.unchecked_types
@pytest.mark.parametrize(
    "shape, options, words",
    [
        ((4, 17, 2), {}, "got 17 joints, but skeleton='poseembed13' has 13; for 17 joints pass skeleton='coco' or"),
        ((4, 13, 2), {"skeleton": "coco"}, "got 13 joints, but skeleton='coco' has 17"),
        ((4, 13, 3), {}, "if the third is a score, pass keypoints[..., :2] and confidence=keypoints[..., 2]"),
        ((26,), {}, "got shape (26,); wanted (..., joints, 2) points (x, y)"),
        ((4, 13, 2), {"skeleton": "coco-17"}, "unknown skeleton 'coco-17'; known are: poseembed13, coco,"),
        ((4, 13, 2), {"batch_size": 0}, "got batch_size=0; it must be at least 1"),
        ((4, 13, 2), {"batch_size": -1}, "got batch_size=-1"),
        (
            (4, 13, 2),
            {"confidence": np.ones((4, 1))},
            "got confidence of shape (4, 1) with keypoints of shape (4, 13, 2)",
        ),
        ((0, 13, 2), {"confidence": np.ones(13)}, "wanted one score a joint, (0, 13)"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    encoder: PoseEncoder, shape: tuple[int, ...], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        encoder.embed(np.zeros(shape), **options)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([[0.0, 0.0]] * 13,), "keypoints must be a numpy array or a torch tensor, got list; numpy.asarray makes"),
        ((None,), "keypoints must be a numpy array or a torch tensor, got NoneType"),
        ((np.zeros((13, 2)), [1.0] * 13), "confidence must be a numpy array or a torch tensor, got list"),
        ((np.zeros((13, 2)), np.ones(13, bool)), "confidence must hold real numbers, got dtype bool"),
        ((np.zeros((13, 2), complex),), "keypoints must hold real numbers, got dtype complex128"),
        ((np.full((13, 2), None),), "keypoints must hold real numbers, got dtype object"),
        ((np.ma.masked_less(np.zeros((13, 2)), 1),), "keypoints is a masked array"),
    ],
)
@pytest.mark.unchecked_types
def test_types_that_do_not_fit_are_refused(encoder: PoseEncoder, arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        encoder.embed(*arguments)


def test_infinite_coordinates_are_refused(encoder: PoseEncoder, poses: np.ndarray) -> None:
    poses[-1, -1, -1] = np.inf
    with pytest.raises(ValueError, match="infinite coordinates"):
        encoder.embed(poses)


# Similarity


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_similarity_is_the_cosine(encoder: PoseEncoder, poses: np.ndarray, kind: Any) -> None:
    vectors = encoder.embed(poses).z_pose
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    a, b = kind(vectors[:10]), kind(vectors[10:])
    every = encoder.similarity(a, b)
    assert type(every) is type(a)
    np.testing.assert_allclose(every, unit[:10] @ unit[10:].T, rtol=1e-4, atol=1e-6)
    pairwise = encoder.similarity_pairwise(a, b[:10])
    assert type(pairwise) is type(a)
    np.testing.assert_allclose(pairwise, np.diagonal(every), rtol=1e-4, atol=1e-6)
    nested = encoder.similarity_pairwise(a.reshape(2, 5, 32), b[:10].reshape(2, 5, 32))
    np.testing.assert_allclose(nested, np.asarray(pairwise).reshape(2, 5), rtol=1e-5, atol=1e-6)


def test_similarity_ignores_length_and_stays_within_one(encoder: PoseEncoder) -> None:
    vectors = np.random.default_rng(4).normal(size=(500, 32)).astype(np.float32)
    for other, wanted in ((vectors * 7.3, 1), (vectors * -0.01, -1)):
        same = encoder.similarity_pairwise(vectors, other)
        np.testing.assert_allclose(same, wanted, rtol=1e-6)
        assert np.abs(same).max() <= 1 and np.abs(encoder.similarity(vectors, other)).max() <= 1


def test_similarity_takes_single_and_no_vectors(encoder: PoseEncoder, poses: np.ndarray) -> None:
    vectors = encoder.embed(poses).z_pose
    assert encoder.similarity(vectors[0], vectors).shape == (1, 24)
    assert encoder.similarity(vectors, vectors[0]).shape == (24, 1)
    assert encoder.similarity(vectors[:0], vectors).shape == (0, 24)
    assert encoder.similarity_pairwise(vectors[0], vectors[0]).shape == ()
    assert encoder.similarity_pairwise(vectors[:0], vectors[:0]).shape == (0,)


def test_similarity_to_a_nan_vector_is_nan(encoder: PoseEncoder, poses: np.ndarray) -> None:
    poses[2] = np.nan
    vectors = encoder.embed(poses).z_pose
    missing = np.isnan(encoder.similarity(vectors, vectors))
    assert missing[2].all() and missing[:, 2].all() and missing.sum() == 2 * 24 - 1
    assert np.flatnonzero(np.isnan(encoder.similarity_pairwise(vectors, vectors))).tolist() == [2]


def test_similarity_takes_poses(encoder: PoseEncoder, poses: np.ndarray) -> None:
    table = Poses.from_arrays(poses).embed(encoder)
    vectors = table.z_pose
    np.testing.assert_array_equal(encoder.similarity(table, table[:3]), encoder.similarity(vectors, vectors[:3]))
    np.testing.assert_array_equal(encoder.similarity(vectors, table), encoder.similarity(vectors, vectors))
    np.testing.assert_allclose(encoder.similarity_pairwise(table, vectors), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="a: these Poses have no vectors yet"):
        encoder.similarity(Poses.from_arrays(poses), table)
    strange = replace(table, made_by=MadeBy("0" * 16, "0" * 16))
    for compare in (encoder.similarity, encoder.similarity_pairwise):
        with pytest.raises(ValueError, match="vectors of two spaces cannot be compared"):
            compare(table, strange)


def test_similarity_takes_every_real_array(encoder: PoseEncoder, poses: np.ndarray) -> None:
    vectors = encoder.embed(poses).z_pose
    wanted = encoder.similarity(vectors, vectors)
    locked = vectors.copy()
    locked.flags.writeable = False
    for other in (locked, vectors.astype(float), vectors.astype(">f4"), vectors[::-1].copy()[::-1]):
        np.testing.assert_allclose(encoder.similarity(vectors, other), wanted, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(encoder.similarity_pairwise(other, vectors), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "a, b, error, words",
    [
        (np.zeros((3, 31)), np.zeros((3, 31)), ValueError, "got shape (3, 31); wanted pose vectors, (..., 32)"),
        (np.zeros((3, 32)), np.zeros(3), ValueError, "got shape (3,)"),
        (np.zeros(()), np.zeros(()), ValueError, "got shape ()"),
        (np.zeros((3, 32)), torch.zeros(3, 32), TypeError, "got ndarray and Tensor; pass two arrays or two tensors"),
        ([[0.0] * 32], [[0.0] * 32], TypeError, "got list"),
        (Embedding(np.zeros(32), np.zeros(32)), np.zeros(32), TypeError, "got Embedding"),
    ],
    ids=["length", "second", "scalar", "mixed", "lists", "both vectors"],
)
@pytest.mark.unchecked_types
def test_similarity_refuses_what_are_no_pose_vectors(
    encoder: PoseEncoder, a: Any, b: Any, error: type[Exception], words: str
) -> None:
    for function in (encoder.similarity, encoder.similarity_pairwise):
        with pytest.raises(error, match=re.escape(words)):
            function(a, b)


def test_similarity_shapes_that_do_not_fit(encoder: PoseEncoder) -> None:
    with pytest.raises(ValueError, match=re.escape("got shapes (2, 3, 32) and (4, 32); wanted (n, 32) and (m, 32)")):
        encoder.similarity(np.zeros((2, 3, 32)), np.zeros((4, 32)))
    with pytest.raises(ValueError, match=r"got shapes .* for all against all use similarity\(\)"):
        encoder.similarity_pairwise(np.zeros((3, 32)), np.zeros((4, 32)))


# Probability of a match


@pytest.fixture
def calibrated(encoder: PoseEncoder) -> PoseEncoder:
    """An encoder that knows how sure it is, and what its cosines are then worth."""
    network = Encoder(replace(encoder.config.network, certainty=True), batch_norm=False).eval()
    network.load_state_dict(encoder.network.state_dict(), strict=False)
    layer = network.certainty
    assert layer is not None
    weight = torch.randn(layer.weight.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        layer.weight.copy_(weight / 20)
        layer.bias.zero_()
    calibration = MatchCalibration(a=(3.0, 1.0), b=(1.5,), c=(-0.5, 0.2))
    config = replace(encoder.config, network=network.config, calibration=calibration)
    return PoseEncoder(Checkpoint(config, network))


def test_lengths_say_how_sure_and_directions_stay(
    encoder: PoseEncoder, calibrated: PoseEncoder, poses: np.ndarray
) -> None:
    poses[0], poses[1, 1:] = np.nan, np.nan
    (plain, view), (sure, same_view) = encoder.embed(poses), calibrated.embed(poses)
    length = np.linalg.norm(sure, axis=-1)
    assert np.isnan(length[0]) and (length[1:] >= 0.01).all() and (length[1:] <= 1).all() and np.ptp(length[1:]) > 0.05
    np.testing.assert_allclose(encoder.similarity_pairwise(plain, sure)[1:], 1, atol=1e-5)
    np.testing.assert_array_equal(view, same_view)
    with torch.no_grad():
        points, visible = torch.from_numpy(poses[1:]), ~torch.from_numpy(poses[1:]).isnan().any(-1)
        layer = calibrated.network.certainty
        assert layer is not None
        features = calibrated.network.features(calibrated.network.layout(normalize_keypoints(points, visible), visible))
        wanted = 0.01 + 0.99 * torch.sigmoid(features @ layer.weight[0] + layer.bias)
    np.testing.assert_allclose(length[1:], wanted, rtol=1e-4)


def test_probability_is_that_of_cosine_and_lengths(calibrated: PoseEncoder, poses: np.ndarray) -> None:
    z_pose = calibrated.embed(poses).z_pose
    first, second = z_pose[:10], z_pose[4:]
    calibration = calibrated.config.calibration
    assert calibration is not None
    certainty = np.outer(np.linalg.norm(first, axis=-1), np.linalg.norm(second, axis=-1))
    cosine = calibrated.similarity(first, second)
    for prior in (0.5, 0.01):
        wanted = calibration.probability(torch.from_numpy(cosine), torch.from_numpy(certainty), prior)
        every = calibrated.match_probability(first, second, prior=prior)
        assert every.shape == (10, 20)
        np.testing.assert_allclose(every, wanted, rtol=1e-5)
        pairwise = calibrated.match_probability_pairwise(first, second[:10], prior=prior)
        np.testing.assert_allclose(pairwise, np.diagonal(every), rtol=1e-4)
    np.testing.assert_array_equal(
        calibrated.match_probability(first, second), calibrated.match_probability(first, second, prior=0.5)
    )


@pytest.mark.parametrize("prior", [0.5, 0.001])
def test_two_that_nothing_is_known_of_match_as_often_as_any(calibrated: PoseEncoder, prior: float) -> None:
    calibrated.config = replace(calibrated.config, calibration=MatchCalibration((15.0,), (0.5,), (4.0,)))
    nothing = 0.01 * np.eye(32)
    for chances in (
        calibrated.match_probability(nothing, nothing, prior=prior),
        calibrated.match_probability_pairwise(nothing, nothing, prior=prior),
    ):
        np.testing.assert_allclose(chances, prior, rtol=0.01)


@pytest.mark.parametrize("shape", [(), (1,), (4, 6), (2, 3, 4), (0,), (3, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probability_keeps_shape_and_kind(calibrated: PoseEncoder, shape: tuple[int, ...], dtype: type) -> None:
    first, second = np.random.default_rng(0).uniform(-0.1, 0.1, (2, *shape, 32)).astype(dtype)
    array = calibrated.match_probability_pairwise(first, second)
    tensor = calibrated.match_probability_pairwise(torch.from_numpy(first), torch.from_numpy(second))
    assert isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype
    assert isinstance(tensor, torch.Tensor) and tensor.shape == shape and tensor.dtype == torch.from_numpy(first).dtype
    np.testing.assert_array_equal(array, tensor)


def test_probability_of_poses_without_joints_is_not_known(calibrated: PoseEncoder, poses: np.ndarray) -> None:
    poses[2] = np.nan
    people = Poses.from_arrays(poses).embed(calibrated)
    every = calibrated.match_probability(people, people)
    missing = np.isnan(every)
    assert missing[2].all() and missing[:, 2].all() and missing.sum() == 2 * 24 - 1
    assert (every[~missing] >= 0).all() and (every[~missing] <= 1).all()
    np.testing.assert_array_equal(np.isnan(calibrated.match_probability_pairwise(people, people)), np.arange(24) == 2)


def test_probability_is_differentiable(calibrated: PoseEncoder, poses: np.ndarray) -> None:
    points = torch.from_numpy(poses).requires_grad_()
    z_pose = calibrated(points).z_pose
    (gradient,) = torch.autograd.grad(calibrated.match_probability(z_pose, z_pose.flip(0)).sum(), points)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_probability_without_calibration_says_how_to_get_one(encoder: PoseEncoder) -> None:
    for ask in (encoder.match_probability, encoder.match_probability_pairwise):
        with pytest.raises(ValueError, match="this checkpoint has no calibration.*python -m training.calibrate FOLDER"):
            ask(np.zeros((3, 32)), np.zeros((3, 32)))


def test_vectors_whose_lengths_say_something_else_are_refused(
    encoder: PoseEncoder, calibrated: PoseEncoder, poses: np.ndarray
) -> None:
    """Made before the checkpoint was calibrated, say."""
    longer = 2 * encoder.embed(poses).z_pose / np.linalg.norm(encoder.embed(poses).z_pose, axis=-1, keepdims=True)
    with pytest.raises(ValueError, match="got pose vectors of length 2; those of this checkpoint say by their length"):
        calibrated.match_probability(longer, longer)
    assert np.diagonal(calibrated.match_probability(longer / 2, longer / 2)).min() > 0.9, "as sure as can be"


@pytest.mark.parametrize("dtype, tolerance", [(torch.float16, 0.02), (torch.bfloat16, 0.1)], ids=str)
def test_half_types_keep_the_certainty(
    calibrated: PoseEncoder, poses: np.ndarray, dtype: torch.dtype, tolerance: float
) -> None:
    poses[1, 1:] = np.nan
    wanted = np.linalg.norm(calibrated.embed(poses).z_pose, axis=-1)
    np.testing.assert_allclose(
        np.linalg.norm(deepcopy(calibrated).to(dtype).embed(poses).z_pose, axis=-1), wanted, rtol=tolerance
    )


@pytest.mark.parametrize(
    "vectors, options, error, words",
    [
        ([[0.5] * 32], {}, TypeError, "got list"),
        (np.zeros((2, 31)), {}, ValueError, "got shape (2, 31); wanted pose vectors, (..., 32)"),
        (np.zeros((3, 32)), {"prior": 0.0}, ValueError, "got prior=0.0; it is a share of pairs"),
        (np.zeros((3, 32)), {"prior": 1}, ValueError, "got prior=1"),
    ],
    ids=["list", "short", "never", "always"],
)
@pytest.mark.unchecked_types
def test_probability_refuses_what_are_no_vectors_or_prior(
    calibrated: PoseEncoder, vectors: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    for ask in (calibrated.match_probability, calibrated.match_probability_pairwise):
        with pytest.raises(error, match=re.escape(words)):
            ask(vectors, vectors, **options)


# As a torch module


@pytest.mark.parametrize("leading", [(), (24,), (4, 6)])
def test_forward_agrees_with_embed(encoder: PoseEncoder, poses: np.ndarray, leading: tuple[int, ...]) -> None:
    points = torch.from_numpy(poses[: int(np.prod(leading))].reshape(*leading, 13, 2))
    vectors = encoder(points)
    assert isinstance(vectors, Embedding)
    close([vector.detach() for vector in vectors], encoder.embed(points))


@pytest.mark.parametrize("missing", [[], [0], HIPS, SHOULDERS, HIPS + SHOULDERS, list(range(12))], ids=str)
def test_forward_is_differentiable_whatever_is_missing(
    encoder: PoseEncoder, poses: np.ndarray, missing: list[int]
) -> None:
    points = torch.from_numpy(poses)
    points[8] = 3.0  # all joints on one point
    points[:, missing] = torch.nan
    points[7] = torch.nan  # nobody
    points.requires_grad_()
    z_pose, z_view = encoder(points)
    (z_pose.nansum() + z_view.nansum()).backward()
    assert points.grad is not None and points.grad.isfinite().all()
    assert (points.grad[:, missing] == 0).all() and (points.grad[7] == 0).all()
    assert (points.grad != 0).any() or len(missing) == 12  # a lone joint has no size and no place
    for parameter in encoder.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


def test_gradient_is_the_derivative(encoder: PoseEncoder, poses: np.ndarray) -> None:
    points = torch.from_numpy(poses[:2]).double().requires_grad_()
    visible = torch.ones(2, 13, dtype=torch.bool)
    visible[1, HIPS] = False
    assert torch.autograd.gradcheck(lambda p: tuple(encoder.double()(p, visible)), points)


def test_vectors_can_train_what_is_put_on_top(encoder: PoseEncoder, poses: np.ndarray) -> None:
    head = torch.nn.Linear(encoder.pose_dim, 3)
    vectors = encoder.embed(poses, convert_to_tensor=True).z_pose
    assert not vectors.requires_grad
    head(vectors).square().sum().backward()
    assert head.weight.grad is not None and head.weight.grad.isfinite().all()


def test_moving_the_encoder_leaves_it_trainable(encoder: PoseEncoder, poses: np.ndarray) -> None:
    wanted = encoder.embed(poses, device="cpu")
    encoder.double()
    close(encoder.embed(poses, device=torch.device("cpu")), wanted)
    encoder(torch.from_numpy(poses)).z_pose.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_embedding_elsewhere_leaves_the_encoder_where_it_is(encoder: PoseEncoder, poses: np.ndarray) -> None:
    """The device "meta" computes shapes alone, and is there on every machine."""
    wanted = encoder.embed(poses)
    vectors = encoder.embed(poses, device="meta", convert_to_tensor=True)
    assert vectors.z_pose.device.type == vectors.z_view.device.type == "meta"
    assert vectors.z_pose.shape == wanted.z_pose.shape
    assert {value.device.type for value in encoder.state_dict().values()} == {"cpu"}
    np.testing.assert_array_equal(encoder.embed(poses), wanted)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_vectors_come_back_to_the_keypoints(encoder: PoseEncoder, poses: np.ndarray, kind: Any) -> None:
    vectors = encoder.embed(kind(poses), device=torch.device("cpu", 0))
    assert type(vectors.z_pose) is type(vectors.z_view) is type(kind(poses))
    close(vectors, encoder.embed(poses))
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data"):  # it tries to
        encoder.embed(kind(poses), device="meta")


def test_embedding_where_the_encoder_is_copies_nothing(
    encoder: PoseEncoder, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise AssertionError("copied")

    monkeypatch.setattr("copy.deepcopy", fail)
    encoder.embed(poses, device="cpu")
    with pytest.raises(AssertionError, match="copied"):
        encoder.embed(poses, device="meta", convert_to_tensor=True)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.* is deprecated:DeprecationWarning")
def test_what_cannot_be_scripted_says_what_can_be_done(encoder: PoseEncoder) -> None:
    with pytest.raises(
        TypeError, match=r"cannot compile a PoseEncoder, .*torch.jit.trace\(encoder, .keypoints,..*can$"
    ):
        torch.jit.script(encoder)
    with pytest.raises(TypeError, match="cannot compile a PoseEncoder"):
        torch.jit.script(torch.nn.Sequential(encoder))


@pytest.mark.parametrize(
    "copy", [deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))], ids=["deep", "pickle"]
)
def test_copies_are_independent_and_equal(encoder: PoseEncoder, poses: np.ndarray, copy: Any) -> None:
    wanted = encoder.embed(poses)
    other = copy(encoder)
    assert (other.config, other.card) == (encoder.config, encoder.card)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(other.embed(poses), wanted)


@pytest.mark.parametrize("wanted", [False, True])
def test_progress_goes_to_stderr_only_when_asked(
    encoder: PoseEncoder, poses: np.ndarray, capsys: pytest.CaptureFixture[str], wanted: bool
) -> None:
    encoder.embed(poses, batch_size=5, show_progress_bar=wanted)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("24/24" in err) if wanted else (err == "")


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "cuda:", 1.5, "xpu:7"])
@pytest.mark.unchecked_types
def test_a_device_that_is_not_there_is_refused(
    encoder: PoseEncoder, plain_folder: Path, poses: np.ndarray, device: Any
) -> None:
    refused = re.escape(f"device {device!r} is not to be had; there are: cpu")
    with pytest.raises(ValueError, match=refused):
        encoder.embed(poses, device=device)
    with pytest.raises(ValueError, match=refused):
        PoseEncoder.from_pretrained(plain_folder, device=device)


@pytest.mark.skipif(torch.backends.cuda.is_built(), reason="this torch was compiled with CUDA")
def test_a_torch_without_cuda_says_so(encoder: PoseEncoder, poses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="there are: cpu.*Torch not compiled with CUDA enabled"):
        encoder.embed(poses, device="cuda")


@pytest.mark.parametrize("precision", ["float8", "", "torch.float32", "int8"])
def test_a_precision_that_is_not_known_is_refused(plain_folder: Path, precision: str) -> None:
    with pytest.raises(ValueError, match="got precision=.*wanted one of auto, float32, bfloat16"):
        PoseEncoder.from_pretrained(plain_folder, precision=precision)


@pytest.mark.parametrize("size", [2.5, "8", None, float("nan"), torch.tensor(2.5)])
@pytest.mark.unchecked_types
def test_a_batch_size_that_is_no_whole_number_is_refused(encoder: PoseEncoder, poses: np.ndarray, size: Any) -> None:
    with pytest.raises(TypeError, match="batch_size=.*whole number"):
        encoder.embed(poses, batch_size=size)


@pytest.mark.parametrize("size", [np.int64(5), torch.tensor(5)])
@pytest.mark.unchecked_types
def test_whole_numbers_of_other_kinds_are_batch_sizes(encoder: PoseEncoder, poses: np.ndarray, size: Any) -> None:
    np.testing.assert_array_equal(encoder.embed(poses, batch_size=size), encoder.embed(poses, batch_size=5))


@pytest.mark.parametrize("least", [float("nan"), 30, -0.1, float("inf")])
def test_min_confidence_is_a_share(encoder: PoseEncoder, poses: np.ndarray, least: float) -> None:
    with pytest.raises(ValueError, match="min_confidence=.*from 0 to 1"):
        encoder.embed(poses, np.ones((24, 13)), min_confidence=least)


@pytest.mark.parametrize("least", ["0.3", None, [0.3], 0.3j])
@pytest.mark.unchecked_types
def test_min_confidence_is_a_number(encoder: PoseEncoder, poses: np.ndarray, least: Any) -> None:
    with pytest.raises(TypeError, match="min_confidence=.*wanted a number"):
        encoder.embed(poses, min_confidence=least)


@pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz:UserWarning")
def test_a_dynamically_quantised_encoder_embeds(encoder: PoseEncoder, poses: np.ndarray) -> None:
    quantised = torch.ao.quantization.quantize_dynamic(encoder, {torch.nn.Linear}, dtype=torch.qint8)
    assert (quantised.device, quantised.dtype) == (encoder.device, torch.float32)
    assert (encoder.similarity_pairwise(quantised.embed(poses).z_pose, encoder.embed(poses).z_pose) > 0.9).all()
    with pytest.raises(ValueError, match="a quantised network has no fingerprint"):
        _ = quantised.made_by
