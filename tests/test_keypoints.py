"""Normalising poses: the official numbers, what is missing, what is degenerate, and what is refused."""

import re
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from poseembed.keypoints import check_keypoints, normalize_keypoints, to_tensor, visible_joints
from poseembed.skeleton import get_skeleton

NOSE, SHOULDERS, HIPS = 0, [1, 2], [7, 8]
LIMBS = [3, 4, 5, 6, 9, 10, 11, 12]

# Reference case A8, here as (x, y): left half of a symmetric body, the nose first, and what it becomes.
A8_LEFT = [(50, 10), (60, 25), (65, 40), (66, 55), (57, 55), (58, 75), (58, 95)]
A8_NORMALIZED = [
    (0, -0.65251664),
    (0.14500370, -0.43501109),
    (0.21750555, -0.21750555),
    (0.23200592, 0),
    (0.10150259, 0),
    (0.11600296, 0.29000740),
    (0.11600296, 0.58001479),
]


def symmetric(left: list[Any], axis: float) -> Tensor:
    """A 13-joint pose from its nose and left half."""
    joints = [left[0]]
    for x, y in left[1:]:
        joints += [(x, y), (2 * axis - x, y)]
    return torch.tensor(joints, dtype=torch.float32)


def mask(missing: list[int]) -> Tensor:
    """A mask without the joints given."""
    visible = torch.ones(13, dtype=torch.bool)
    visible[missing] = False
    return visible


def by_hand(points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The documented rules for one pose, step by step."""
    points = np.asarray(points, np.float64)
    seen, shoulders, hips = (points[group][visible[group]] for group in (list(range(13)), SHOULDERS, HIPS))
    if not len(seen):
        return np.zeros((13, 2))
    centre = next(group for group in (hips, shoulders, seen) if len(group)).mean(axis=0)
    torso = [np.linalg.norm(a - b) for a, b in combinations([*shoulders, *hips], 2)]
    diagonal = np.linalg.norm(np.ptp(seen, axis=0))
    scale = max([*torso, diagonal * (1 / 10 if len(shoulders) and len(hips) else 1 / 3)])
    normalized = 0.5 * (points - centre) / scale if scale else np.zeros((13, 2))
    return np.where(visible[:, None], normalized, 0)


def test_official_numbers() -> None:
    normalized = normalize_keypoints(symmetric(A8_LEFT, axis=50), mask([]))
    torch.testing.assert_close(normalized, symmetric(A8_NORMALIZED, axis=0), rtol=1e-5, atol=1e-7)


def test_complete_poses_follow_the_official_formula(poses: np.ndarray) -> None:
    pairs = np.stack([poses[:, a] - poses[:, b] for a, b in ((1, 2), (1, 7), (1, 8), (2, 7), (2, 8), (7, 8))])
    scale = np.linalg.norm(pairs, axis=-1).max(axis=0)[:, None, None]
    wanted = 0.5 * (poses - poses[:, HIPS].mean(axis=1, keepdims=True)) / scale
    normalized = normalize_keypoints(torch.from_numpy(poses), torch.ones(len(poses), 13, dtype=torch.bool))
    np.testing.assert_allclose(normalized, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "missing, centre",
    [
        ([], HIPS),
        ([7], [8]),
        ([8], [7]),
        (HIPS, SHOULDERS),
        ([*HIPS, 1], [2]),
        (HIPS + SHOULDERS, [NOSE, *LIMBS]),
        (list(range(12)), [12]),
    ],
)
def test_centre_of_what_is_visible(poses: np.ndarray, missing: list[int], centre: list[int]) -> None:
    normalized = normalize_keypoints(torch.from_numpy(poses), mask(missing).expand(len(poses), 13))
    torch.testing.assert_close(normalized[:, centre].mean(1), torch.zeros(len(poses), 2), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "missing, scale",
    [
        ([], np.hypot(17, 30)),  # from a shoulder to the hip across
        ([1], np.hypot(17, 30)),
        ([1, 8], np.hypot(17, 30)),
        ([1, 7], np.hypot(3, 30)),  # from a shoulder to the hip below
        ([1, 7, 8], np.hypot(32, 85) / 3),  # nothing measures the torso
        (HIPS, np.hypot(32, 85) / 3),
        (SHOULDERS, np.hypot(32, 85) / 3),
        ([*LIMBS, *SHOULDERS], np.hypot(14, 45) / 3),
        ([*LIMBS, *SHOULDERS, NOSE], 14),  # hips alone
    ],
)
def test_scale_of_what_is_visible(missing: list[int], scale: float) -> None:
    pose, visible = symmetric(A8_LEFT, axis=50), mask(missing)
    normalized = normalize_keypoints(pose, visible)[visible]
    stretch = (normalized[-1] - normalized[0]).norm() / (pose[visible][-1] - pose[visible][0]).norm()
    assert 0.5 / stretch.item() == pytest.approx(scale, rel=1e-5)


def test_a_short_torso_gives_way_to_a_tenth_of_the_diagonal() -> None:
    pose = symmetric(A8_LEFT, axis=50)
    pose[SHOULDERS + HIPS] = torch.tensor([50.0, 25])
    normalized = normalize_keypoints(pose, mask([]))
    torch.testing.assert_close(normalized[NOSE], torch.tensor([0, -0.5 * 15 / (np.hypot(32, 85) / 10)]).float())


def test_any_pattern_of_missing_joints_follows_the_documented_rules(poses: np.ndarray) -> None:
    rng = np.random.default_rng(5)
    points = np.tile(poses, (20, 1, 1))
    visible = rng.random((len(points), 13)) < rng.uniform(0, 1, (len(points), 1))
    points[~visible] = rng.choice([0, np.nan, 1e9], np.count_nonzero(~visible))[:, None]  # must not be read
    wanted = np.stack([by_hand(*pose) for pose in zip(points, visible, strict=True)])
    normalized = normalize_keypoints(torch.from_numpy(points), torch.from_numpy(visible))
    np.testing.assert_allclose(normalized, wanted, rtol=1e-4, atol=1e-5)
    assert normalized.shape == (len(points), 13, 2) and normalized.dtype == torch.float32


@pytest.mark.parametrize("place", [0.0, 5.0, -1e30, 1e-30])
@pytest.mark.parametrize("missing", [[], HIPS, list(range(12)), list(range(13))], ids=str)
def test_all_joints_on_one_point_give_zeros(place: float, missing: list[int]) -> None:
    assert (normalize_keypoints(torch.full((13, 2), place), mask(missing)) == 0).all()


def test_a_collinear_torso_is_an_ordinary_pose() -> None:
    points = torch.zeros(13, 2)
    points[:, 1] = torch.arange(13) * 10.0
    along = (torch.arange(13) - 7.5) / 14  # hips at 7 and 8; shoulder 1 to hip 8 are 7 apart
    torch.testing.assert_close(normalize_keypoints(points, mask([])), torch.stack([torch.zeros(13), along], dim=-1))


@pytest.mark.parametrize("missing", [[], [7], HIPS, SHOULDERS, HIPS + SHOULDERS], ids=str)
@pytest.mark.parametrize("factor, shift", [(3.7, 0), (1, -700), (1e-3, 0.3), (1e30, 0), (1e-30, 0), (1e-36, 0)])
def test_position_and_size_do_not_matter(poses: np.ndarray, missing: list[int], factor: float, shift: float) -> None:
    points, visible = torch.from_numpy(poses), mask(missing).expand(len(poses), 13)
    normalized = normalize_keypoints(points, visible)
    torch.testing.assert_close(normalize_keypoints(points * factor + shift, visible), normalized, rtol=1e-4, atol=1e-4)


def test_leading_axes_are_kept(poses: np.ndarray) -> None:
    points = torch.from_numpy(poses)
    flat = normalize_keypoints(points, torch.ones(24, 13, dtype=torch.bool))
    nested = normalize_keypoints(points.reshape(2, 3, 4, 13, 2), torch.ones(2, 3, 4, 13, dtype=torch.bool))
    torch.testing.assert_close(nested.reshape(24, 13, 2), flat)
    torch.testing.assert_close(normalize_keypoints(points[5], mask([])), flat[5])
    assert normalize_keypoints(points[:0], torch.ones(0, 13, dtype=torch.bool)).shape == (0, 13, 2)


finite_points = hnp.arrays(np.float32, (13, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
masks = hnp.arrays(np.bool_, 13)
LARGEST, TINIEST = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal


@given(finite_points, masks)
@example(np.stack([np.linspace(-1, 1, 13), np.linspace(1, -1, 13)], 1).astype(np.float32) * LARGEST, np.ones(13, bool))
@example(np.full((13, 2), LARGEST, np.float32), np.ones(13, bool))
@example(TINIEST * np.arange(26, dtype=np.float32).reshape(13, 2), np.ones(13, bool))
def test_every_finite_input_gives_small_finite_numbers(points: np.ndarray, visible: np.ndarray) -> None:
    normalized = normalize_keypoints(torch.from_numpy(points), torch.from_numpy(visible)).numpy()
    assert np.isfinite(normalized).all() and np.abs(normalized).max() <= 5.0001
    assert (normalized[~visible] == 0).all()


@given(finite_points, masks, hnp.arrays(np.float32, (13, 2)))
def test_what_stands_at_missing_joints_is_not_read(points: np.ndarray, visible: np.ndarray, junk: np.ndarray) -> None:
    other = np.where(visible[:, None], points, junk)
    first, second = (normalize_keypoints(torch.from_numpy(p), torch.from_numpy(visible)) for p in (points, other))
    np.testing.assert_array_equal(first, second)


PATTERNS = [[], [NOSE], [7], HIPS, SHOULDERS, HIPS + SHOULDERS, [*SHOULDERS, *LIMBS]]


@pytest.mark.parametrize("missing", PATTERNS, ids=str)
def test_gradient_is_the_derivative(poses: np.ndarray, missing: list[int]) -> None:
    points = torch.from_numpy(poses[:2]).double().requires_grad_()
    visible = mask(missing).expand(2, 13)
    assert torch.autograd.gradcheck(lambda p: normalize_keypoints(p, visible), points)


@pytest.mark.parametrize("missing", [*PATTERNS, list(range(12)), list(range(13))], ids=str)
@pytest.mark.parametrize("size", [1e30, 1e-30, 1.0, 0.0])
def test_gradient_is_finite_and_zero_at_missing_joints(poses: np.ndarray, missing: list[int], size: float) -> None:
    points = torch.from_numpy(poses) * size
    points[:, missing] = torch.nan
    points.requires_grad_()
    weights = torch.linspace(-1, 2, 26).reshape(13, 2)
    (normalize_keypoints(points, mask(missing).expand(len(poses), 13)) * weights).sum().backward()
    assert points.grad is not None and points.grad.isfinite().all()
    assert (points.grad[:, missing] == 0).all()


@pytest.mark.parametrize(
    "given, dtype",
    [
        (np.zeros((13, 2), np.float16), torch.float32),
        (np.zeros((13, 2), ">f4"), torch.float32),
        (np.zeros((13, 2), np.uint8), torch.float32),
        (np.zeros((13, 2), ">i8"), torch.float32),
        (np.zeros((13, 2), np.longdouble), torch.float64),
        (np.zeros((13, 2), ">f8"), torch.float64),
        (torch.zeros(13, 2, dtype=torch.float16), torch.float32),
        (torch.zeros(13, 2, dtype=torch.bfloat16), torch.float32),
        (torch.zeros(13, 2, dtype=torch.int64), torch.float32),
        (torch.zeros(13, 2, dtype=torch.float64), torch.float64),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_every_real_type_becomes_float32_or_float64(given: Any, dtype: torch.dtype) -> None:
    assert check_keypoints(given, get_skeleton("poseembed13")).dtype == dtype


@pytest.mark.parametrize(
    "given, words",
    [
        ([[0.0, 0.0]] * 13, "keypoints must be a numpy array or a torch tensor, got list; numpy.asarray makes"),
        (None, "got NoneType"),
        (np.zeros((13, 2), complex), "keypoints must hold real numbers, got dtype complex128"),
        (np.zeros((13, 2), bool), "got dtype bool"),
        (np.full((13, 2), "1"), "got dtype <U1"),
        (np.full((13, 2), None), "got dtype object"),
        (torch.zeros(13, 2, dtype=torch.bool), "got dtype torch.bool"),
        (torch.zeros(13, 2, dtype=torch.complex64), "got dtype torch.complex64"),
        (np.ma.masked_less(np.zeros((13, 2)), 1), "keypoints is a masked array.*filled"),
    ],
    ids=str,
)
@pytest.mark.unchecked_types
def test_what_is_not_real_numbers_is_refused(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        check_keypoints(given, get_skeleton("poseembed13"))


@pytest.mark.parametrize(
    "shape, words",
    [
        ((), "wanted (..., joints, 2) points (x, y)"),
        ((2,), "got shape (2,); wanted (..., joints, 2) points (x, y)"),
        ((13,), "got shape (13,)"),
        ((4, 13), "got shape (4, 13)"),
        ((5, 13, 3), "pass keypoints[..., :2] and confidence=keypoints[..., 2]"),
        ((5, 13, 4), "got shape (5, 13, 4); wanted (..., joints, 2) points (x, y)"),
        ((5, 17, 2), "got 17 joints, but skeleton='poseembed13' has 13; for 17 joints pass skeleton='coco'"),
        ((0, 2), "got 0 joints"),
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["numpy", "torch"])
def test_wrong_shapes_are_refused(make: Any, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        check_keypoints(make(shape), get_skeleton("poseembed13"))


def test_a_score_beside_the_coordinates_is_shown_the_way_out() -> None:
    wanted = "wanted (..., joints, 2) points (x, y)"
    way_out = "; if the third is a score, pass keypoints[..., :2] and confidence=keypoints[..., 2]"
    said = {}
    for shape in ((13, 3), (5, 13, 3), (13, 4), (3,)):
        with pytest.raises(ValueError) as raised:
            check_keypoints(np.zeros(shape), get_skeleton("poseembed13"))
        said[shape] = str(raised.value)
    assert said == {
        (13, 3): f"got shape (13, 3); {wanted}{way_out}",
        (5, 13, 3): f"got shape (5, 13, 3); {wanted}{way_out}",
        (13, 4): f"got shape (13, 4); {wanted}{way_out.replace('third', 'fourth').replace(', 2]', ', 3]')}",
        (3,): f"got shape (3,); {wanted}",
    }


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_coordinates_are_refused(poses: np.ndarray, value: float) -> None:
    poses[3, 4, 1] = value
    with pytest.raises(ValueError, match="infinite coordinates; a missing joint is NaN"):
        check_keypoints(poses, get_skeleton("poseembed13"))


@pytest.mark.parametrize("scores", [np.float32, np.float64, torch.float32, torch.float64], ids=str)
def test_a_joint_is_there_from_the_threshold_on(scores: Any) -> None:
    points = torch.zeros(5, 2)
    points[4, 1] = torch.nan
    values = [0.3, 0.29, 1.0, np.nan, 1.0]
    confidence = torch.tensor(values, dtype=scores) if isinstance(scores, torch.dtype) else np.array(values, scores)
    assert visible_joints(points, confidence, 0.3).tolist() == [True, False, True, False, False]


def test_without_confidence_only_nan_is_missing() -> None:
    points = torch.tensor([[0.0, 0.0], [torch.nan, 1], [1, torch.nan], [-5, 1e30]])
    assert visible_joints(points, None, 0.3).tolist() == [True, False, False, True]


@pytest.mark.parametrize("shape", [(13,), (4, 13, 1), (4, 12), (1, 13), (13, 4), ()], ids=str)
def test_confidence_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape("wanted one score a joint, (4, 13)")):
        visible_joints(torch.zeros(4, 13, 2), np.zeros(shape), 0.3)


def test_confidence_must_be_numbers() -> None:
    with pytest.raises(TypeError, match="confidence must hold real numbers, got dtype bool"):
        visible_joints(torch.zeros(13, 2), np.ones(13, bool), 0.3)


def test_arrays_that_torch_cannot_take_are_copied(poses: np.ndarray) -> None:
    wanted = torch.from_numpy(poses.copy())
    locked = poses.copy()
    locked.flags.writeable = False
    for name, array in {
        "read-only": locked,
        "reversed": poses[::-1].copy()[::-1],
        "strided": np.repeat(poses, 2, axis=-1)[..., ::2],
        "Fortran": np.asfortranarray(poses),
        "foreign": poses.astype(">f4"),
    }.items():
        assert torch.equal(to_tensor(array, name), wanted), name


@pytest.mark.filterwarnings("ignore:.*(prototype|Sparse|beta|quantiz):UserWarning")
@pytest.mark.parametrize(
    "change, way_out",
    [
        (lambda points: points.to_sparse(), "pass keypoints.to_dense()"),
        (lambda points: points[0].to_sparse_csr(), "pass keypoints.to_dense()"),
        (lambda points: points.to_mkldnn(), "pass keypoints.to_dense()"),
        (lambda points: torch.quantize_per_tensor(points, 1.0, 0, torch.qint32), "pass keypoints.dequantize()"),
        (lambda points: torch.nested.nested_tensor([points, points]), "pass its parts one by one"),
        (lambda points: torch.nested.nested_tensor([points] * 2, layout=torch.jagged), "pass its parts one by one"),
        (lambda points: points.to("meta"), "holds no numbers"),
        (lambda points: points.to(torch.complex64), "real numbers"),
    ],
)
def test_tensors_of_other_kinds_are_refused_with_the_way_out(change: Any, way_out: str) -> None:
    with pytest.raises(TypeError, match=re.escape(way_out)):
        to_tensor(change(torch.zeros(4, 13, 2)), "keypoints")
