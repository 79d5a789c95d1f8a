"""Landmarks that people saved of MediaPipe, which has no files of its own: JSON and CSV as they are mostly written."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from poseembed.adapters.base import check_image_size
from poseembed.adapters.labels import joint_name, joint_places
from poseembed.adapters.people import Person, identity, people_to_poses
from poseembed.files.tables import load_csv, load_json, naming
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import NUM_JOINTS, SKELETONS

_MEDIAPIPE, _OURS = SKELETONS["mediapipe"], SKELETONS["poseembed13"]

_FRAME = ("frame", "frame_id", "frame_index", "frame_number", "frame_num", "frame_idx")
_PERSON = ("person", "person_id", "track_id", "pose_id")
_LANDMARK = ("landmark", "landmark_id", "landmark_index", "landmark_idx")
_PEOPLE = ("landmarks", "pose_landmarks", "poseLandmarks", "landmark")
_AXES = {"x": 0, "y": 1, "v": 2, "vis": 2, "visibility": 2}
_NUMBERED = re.compile(r"(?:(?:landmark|pose|point|kp)_?)?(?:(\d{1,3})_([a-z]+)|([a-z]+)_?(\d{1,3}))")
_NAMED = re.compile(r"(.+)_([a-z]+)")

_AROUND_THE_HIPS = 0.005
"""Metres that the middle of the hips is off (0, 0) at most in world landmarks, and more in a picture."""

_LARGEST = 10.0
"""Above that coordinates are pixels; landmarks outside the picture are shares beyond 1 too."""

Joints = Float[np.ndarray, "joints 3"]


def read_mediapipe(path: str | os.PathLike[str], *, image_size: tuple[float, float] | None = None) -> Poses:
    """Read pose landmarks out of a .json or .csv file.

    - JSON: one result or a list of them, a picture each, or an object with such a list as `frames`. A result has the
      people under `landmarks` (as JavaScript's `PoseLandmarkerResult`), `pose_landmarks` or `poseLandmarks`, or one
      person's `landmark` (as protobuf's JSON); null is nobody. A landmark has x, y and perhaps visibility. A person is
      a list of 33, or an object from their names to them.
    - CSV, a row a person in a picture: columns `x0`, `y0`, `v0`, ..., `x_0`, `landmark_0_x`, numbered from 0 or 1, 33
      of each; or called after the joints, `left_hip_x`, `LEFT_HIP_y`, `left_hip_visibility`.
    - CSV, a row a landmark: `frame`, `landmark_id` (0 to 32), `x`, `y` and perhaps `visibility`.

    `frame` is in a column or value of that name, or `frame_id`, `frame_index`, `frame_number`; without it each result
    or row is the next picture. `person` is `person_id`, `pose_id` or `track_id`. Visibility is the confidence, 1 where
    there is none. A row of zeros is a picture without anybody.

    Args:
        path: The file.
        image_size: (width, height) of the pictures in pixels, of which MediaPipe's landmarks are shares; not given for
            landmarks that were multiplied by it before they were saved. A JSON file's `width` and `height` are taken.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, its landmarks are shares and `image_size` is not given, or they are pixels
            and it is; or they are world landmarks, which are in no picture.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_mediapipe
        >>> person = [{"x": 0.5, "y": 0.25, "z": 0, "visibility": 0.9}] * 33
        >>> _ = Path("landmarks.json").write_text(json.dumps([{"landmarks": [person]}, {"landmarks": []}]))
        >>> poses = read_mediapipe("landmarks.json", image_size=(640, 480))
        >>> poses.frame.tolist(), poses.keypoints[0, 0].tolist()
        ([0, 1], [320.0, 120.0])
    """
    path = Path(path).expanduser()
    size = None if image_size is None else check_image_size(image_size)
    with naming(path):
        if path.suffix.lower() == ".csv":
            people = list(_in_table(load_csv(path, _is_ours)))
        else:
            content = load_json(path)
            if isinstance(content, dict) and {"width", "height"} <= content.keys():
                size = size or check_image_size((content["width"], content["height"]))
            people = list(_in_results(content))
        return people_to_poses(_in_pixels(people, size), _OURS)


def _in_pixels(people: list[Person], size: tuple[float, float] | None) -> list[Person]:
    """People whose joints are in pixels; whose visibilities are all 0, nobody."""
    found = [one.joints for one in people if one.joints is not None]
    points = np.stack(found)[..., :2] if found else np.empty((0, NUM_JOINTS, 2))
    farthest = np.abs(points[np.isfinite(points)]).max(initial=0)
    hips = points[:, [7, 8]].mean(1)
    if len(points) > 1 and farthest <= _LARGEST and (np.abs(hips) < _AROUND_THE_HIPS).all():
        raise ValueError(
            "the hips are at (0, 0) in all pictures, so these are world landmarks, in metres; save pose_landmarks, "
            "which are in the picture"
        )
    if farthest > _LARGEST and size is not None:
        raise ValueError(f"got a coordinate of {farthest:g}: these are pixels already, so leave image_size out")
    if len(points) and farthest <= _LARGEST and size is None:
        raise ValueError("its landmarks are shares of the picture's size: pass image_size=(width, height)")
    scale = np.array([*(size or (1, 1)), 1])
    return [one if one.joints is None else one._replace(joints=one.joints * scale) for one in people]


# JSON


def _in_results(content: object) -> Iterator[Person]:
    results = content.get("frames", content) if isinstance(content, dict) else content
    if not isinstance(results, list) or any(isinstance(one, dict) and "x" in one for one in results):
        results = [results]
    for place, result in enumerate(results):
        said = next((result[name] for name in _FRAME if name in result), place) if isinstance(result, dict) else place
        frame = identity(said, "frame")
        if frame < 0:
            raise ValueError(f"got frame {said!r:.40}; wanted the number of a picture, from 0")
        yield from _people_of(result, frame) or [Person(frame, "", None)]


def _people_of(result: object, frame: int) -> list[Person]:
    """The people in one result."""
    person = NOBODY
    if isinstance(result, dict):
        name = next((name for name in _PEOPLE if name in result), None)
        if name is None:
            raise ValueError(f"a result in it has {', '.join(result):.80}; wanted one of {', '.join(_PEOPLE)}")
        person = identity(next((result[name] for name in _PERSON if name in result), None), "person")
        result = result[name]
    if isinstance(result, dict) and "landmark" in result:
        result = result["landmark"]
    if result is None or result == []:
        return []
    several = result if isinstance(result, list) and all(isinstance(one, list) for one in result) else [result]
    return [Person(frame, "", _joints(one), person) for one in several]


def _joints(landmarks: object) -> Joints | None:
    """The 13 of a person's landmarks."""
    if isinstance(landmarks, dict):
        places = joint_places(landmarks, _OURS)
        if places is None:
            raise ValueError(f"a person in it has landmarks {', '.join(landmarks):.80}; wanted names of joints")
        joints = np.zeros((NUM_JOINTS, 3))
        for label, place in places.items():
            joints[place] = (0, 0, 0) if landmarks[label] is None else _landmark(landmarks[label])
        return joints if joints.any() else None
    if not isinstance(landmarks, list) or len(landmarks) != _MEDIAPIPE.num_joints:
        count = f"{len(landmarks)} landmarks" if isinstance(landmarks, list) else f"{landmarks!r:.40}"
        raise ValueError(f"a person in it is {count}; wanted MediaPipe's {_MEDIAPIPE.num_joints} pose landmarks")
    joints = _MEDIAPIPE.select(np.array([_landmark(one) for one in landmarks], dtype=np.float64))
    return joints if joints.any() else None


def _landmark(entry: object) -> tuple[float, float, float]:
    """x, y and visibility."""
    found: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    numbers = [found.get("x"), found.get("y"), found.get("visibility", 1.0)]
    numbers[2] = 1.0 if numbers[2] is None else numbers[2]
    if not all(type(number) in (int, float) and not abs(number) >= 2**53 for number in numbers):
        raise ValueError(f"got a landmark {entry!r:.60}; wanted an object with numbers x, y and perhaps visibility")
    x, y, visibility = numbers
    return x, y, visibility


# Tables


def _is_ours(name: str) -> bool:
    """Whether a column is read."""
    plain = name.strip().lower()
    return plain in (*_FRAME, *_PERSON, *_LANDMARK, *_AXES) or _of_landmark(plain) is not None


def _of_landmark(name: str) -> tuple[str, int] | None:
    """Of which landmark a column is, a number or a joint's name, and of which number of it."""
    if match := _NUMBERED.fullmatch(name.lower()):
        number, axis = (match[1], match[2]) if match[1] else (match[4], match[3])
        return (str(int(number)), _AXES[axis]) if axis in _AXES else None
    match = _NAMED.fullmatch(joint_name(name))
    return (match[1], _AXES[match[2]]) if match and match[2] in _AXES else None


def _in_table(columns: dict[str, np.ndarray]) -> Iterator[Person]:
    table = {name.lower(): values for name, values in columns.items()}
    if len(table) < len(columns):
        raise ValueError(f"two of its columns differ in capitals alone: {', '.join(columns):.120}")
    rows = len(next(iter(table.values()), ()))
    frames = _numbers(table, _FRAME, lambda: np.arange(rows))
    persons = _numbers(table, _PERSON, lambda: np.full(rows, NOBODY))
    if landmarks := [name for name in _LANDMARK if name in table]:
        yield from _in_long_table(table, frames, persons, table[landmarks[0]])
        return
    for row, joints in enumerate(_wide_joints(columns, rows)):
        seen = joints if np.nan_to_num(joints).any() else None
        yield Person(int(frames[row]), "", seen, int(persons[row]))


def _in_long_table(
    table: dict[str, np.ndarray], frames: np.ndarray, persons: np.ndarray, landmarks: np.ndarray
) -> Iterator[Person]:
    """People of rows of which each is a landmark."""
    if not {"x", "y"} <= table.keys() or not any(name in table for name in _FRAME):
        raise ValueError("it has a row a landmark, and not all of frame, x and y")
    if not ((landmarks >= 0) & (landmarks < _MEDIAPIPE.num_joints) & (landmarks == np.floor(landmarks))).all():
        raise ValueError(f"its landmarks are not numbered from 0 to {_MEDIAPIPE.num_joints - 1}")
    visibility = next((table[name] for name in ("visibility", "vis", "v") if name in table), np.ones(len(frames)))
    numbers = np.column_stack([table["x"], table["y"], visibility])
    keys, whose = np.unique(np.column_stack([frames, persons]), axis=0, return_inverse=True)
    people = np.tile([np.nan, np.nan, 0.0], (len(keys), _MEDIAPIPE.num_joints, 1))
    places = np.column_stack([whose.ravel(), landmarks.astype(np.int64)])
    if len(np.unique(places, axis=0)) < len(places):
        raise ValueError("a landmark is there twice in one frame; give each person of it a number as person_id")
    people[places[:, 0], places[:, 1]] = numbers
    for (frame, person), joints in zip(keys.tolist(), _MEDIAPIPE.select(people), strict=True):
        yield Person(frame, "", joints if np.nan_to_num(joints).any() else None, person)


def _wide_joints(columns: dict[str, np.ndarray], rows: int) -> Float[np.ndarray, "rows joints 3"]:
    """The 13 joints of rows of which each is a person."""
    of = {name: found for name in columns if (found := _of_landmark(name)) is not None}
    labels = {label for label, _ in of.values()}
    numbered = {label for label in labels if label.isdigit()}
    if numbered and len(numbered) != _MEDIAPIPE.num_joints:
        raise ValueError(
            f"it has columns of {len(numbered)} numbered landmarks; wanted MediaPipe's {_MEDIAPIPE.num_joints} of the "
            "pose, and none of the face or hands"
        )
    places = joint_places(numbered or labels, _MEDIAPIPE if numbered else _OURS)
    if not places:
        raise ValueError("it has no columns of landmarks: x0, y0, ..., landmark_0_x, ... or left_hip_x, ...")
    joints = np.zeros((rows, NUM_JOINTS, 3))
    joints[..., 2] = 1
    filled = np.zeros((NUM_JOINTS, 3), dtype=bool)
    for name, (label, axis) in of.items():
        if label in places:
            joints[:, places[label], axis] = columns[name]
            filled[places[label], axis] = True
    half = filled[:, :2].any(1) != filled[:, :2].all(1)
    if half.any():
        raise ValueError("a joint in it has a column for x or for y, and not for both")
    joints[:, ~filled[:, 0]] = (np.nan, np.nan, 0)
    empty = ~np.nan_to_num(joints[..., :2]).any((1, 2))  # nobody, written as zeros
    joints[empty] = 0
    return joints


def _numbers(table: dict[str, np.ndarray], names: tuple[str, ...], default: Callable[[], np.ndarray]) -> np.ndarray:
    """A column of whole numbers, by the first of the names that is there."""
    name = next((name for name in names if name in table), None)
    if name is None:
        return default()
    values = np.nan_to_num(table[name], nan=float(NOBODY)) if names is _PERSON else table[name]
    whole = (np.abs(values) < 2**53) & (values == np.floor(values)) & (values >= (NOBODY if names is _PERSON else 0))
    if not whole.all():
        raise ValueError(f"its column {name} has {values[~whole][0]:g}; wanted whole numbers")
    return values.astype(np.int64)
