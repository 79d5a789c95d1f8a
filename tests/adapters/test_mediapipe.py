"""`from_mediapipe`: results of the Tasks API and of the older solutions, of made-up landmarks and of a real model."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.mediapipe import from_mediapipe

_LANDMARKS = """nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear
mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky
right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle
right_ankle left_heel right_heel left_foot_index right_foot_index"""
LANDMARKS = _LANDMARKS.split()
SIZE = (640, 480)


def person(shift: float = 0.0, count: int = 33) -> list[Any]:
    """Landmarks, each at a place and with a visibility of its own; `presence` is 0, as the solutions leave it."""
    return [
        SimpleNamespace(x=shift + 0.02 * i, y=0.9 - 0.025 * i, z=-0.1, visibility=0.02 * i, presence=0.0)
        for i in range(count)
    ]


def wanted(shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and scores of `person(shift)`, joint by joint."""
    rows = np.array([LANDMARKS.index(joint) for joint in JOINTS])
    return np.stack([640 * (shift + 0.02 * rows), 480 * (0.9 - 0.025 * rows)], axis=-1), 0.02 * rows


def tasks(*people: list[Any]) -> Any:
    return SimpleNamespace(pose_landmarks=list(people), pose_world_landmarks=[], segmentation_masks=None)


def test_people_of_the_tasks_api_joint_by_joint() -> None:
    keypoints, confidence = from_mediapipe(tasks(person(), person(0.3)), SIZE)
    assert keypoints.shape == (2, 13, 2) and confidence.shape == (2, 13)
    assert keypoints.dtype == confidence.dtype == np.float32
    for row, shift in enumerate((0.0, 0.3)):
        points, scores = wanted(shift)
        np.testing.assert_allclose(keypoints[row], points, rtol=1e-6)
        np.testing.assert_allclose(confidence[row], scores, rtol=1e-6)


@pytest.mark.parametrize(
    "landmarks", [SimpleNamespace(landmark=person()), person()], ids=["mp.solutions", "HolisticLandmarker"]
)
def test_results_of_one_person(landmarks: Any) -> None:
    one = from_mediapipe(SimpleNamespace(pose_landmarks=landmarks), SIZE)
    for ours, tasks_ in zip(one, from_mediapipe(tasks(person()), SIZE), strict=True):
        np.testing.assert_array_equal(ours, tasks_)


@pytest.mark.parametrize("landmarks", [None, []], ids=["mp.solutions", "Tasks"])
def test_nobody(landmarks: Any) -> None:
    keypoints, confidence = from_mediapipe(SimpleNamespace(pose_landmarks=landmarks), SIZE)
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


def test_a_visibility_that_is_not_set_counts_as_one() -> None:
    landmarks = person()
    for mark in landmarks:
        mark.visibility = None
    assert (from_mediapipe(tasks(landmarks), SIZE).confidence == 1).all()


@pytest.mark.parametrize(
    "result",
    [
        SimpleNamespace(hand_landmarks=[person(count=21)], handedness=[]),
        SimpleNamespace(multi_face_landmarks=None),
        [person()],
        None,
    ],
    ids=["hands", "faces", "a part of a result", "None"],
)
def test_other_objects_are_refused(result: Any) -> None:
    with pytest.raises(TypeError, match="no pose_landmarks; pass the whole result of PoseLandmarker.detect()"):
        from_mediapipe(result, SIZE)


@pytest.mark.parametrize("count", [21, 25, 478])
def test_other_numbers_of_landmarks_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"got a person of {count} landmarks; MediaPipe's pose models give 33"):
        from_mediapipe(tasks(person(), person(count=count)), SIZE)


@pytest.mark.parametrize(
    "size",
    [(480, 640, 3), (1, 1), (0, 480), (-640, 480), (np.nan, 480), (np.inf, 480), 640, None, "640x480", ("640", "480")],
)
@pytest.mark.unchecked_types
def test_what_is_no_size_of_a_picture_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=r"wanted \(width, height\).*image.shape\[1::-1\]"):
        from_mediapipe(tasks(person()), size)


def test_names_are_those_of_the_package() -> None:
    vision = pytest.importorskip("mediapipe").tasks.vision
    assert [mark.name.lower() for mark in vision.PoseLandmark] == LANDMARKS


def test_what_a_real_model_finds() -> None:
    """A frame with two people, whose landmarks the package names, and one with nobody."""
    if "POSEEMBED_DATA" not in os.environ:
        pytest.skip("set POSEEMBED_DATA to a folder with media/street.avi and models/pose_landmarker_full.task")
    folder = Path(os.environ["POSEEMBED_DATA"])
    cv2, mp = pytest.importorskip("cv2"), pytest.importorskip("mediapipe")
    vision = mp.tasks.vision
    video = cv2.VideoCapture(str(folder / "media/street.avi"))
    for _ in range(101):
        _, frame = video.read()
    model = mp.tasks.BaseOptions(model_asset_path=str(folder / "models/pose_landmarker_full.task"))
    with vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(base_options=model, num_poses=4)
    ) as landmarker:
        found, nothing = (
            landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture)))
            for picture in (frame[..., ::-1], np.zeros_like(frame))
        )
    assert from_mediapipe(nothing, frame.shape[1::-1]).keypoints.shape == (0, 13, 2)
    keypoints, confidence = from_mediapipe(found, frame.shape[1::-1])
    assert keypoints.shape == (2, 13, 2)
    for points, scores, landmarks in zip(keypoints, confidence, found.pose_landmarks, strict=True):
        for joint, point, score in zip(JOINTS, points, scores, strict=True):
            mark = landmarks[vision.PoseLandmark[joint.upper()]]
            np.testing.assert_allclose(point, (mark.x * 1280, mark.y * 720), rtol=1e-6)
            assert score == np.float32(mark.visibility) and 0 <= score <= 1
        head, hips, feet = points[0, 1], points[7:9, 1].mean(), points[11:, 1].mean()
        assert head < hips < feet  # they stand upright, and y points down
