"""Label Studio's JSON exports: keypoints that people put into pictures."""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from poseembed.adapters.labels import arrange, joint_places
from poseembed.adapters.people import Person, list_of_objects, number_pictures, people_to_poses
from poseembed.files.tables import load_json, naming
from poseembed.poses import Poses
from poseembed.skeleton import SKELETONS, Skeleton, SkeletonName, get_skeleton
from poseembed.warned import warn_user

_UPLOADED = re.compile(r"(?<=/data/upload/)(.*/)?[0-9a-f]{8}-")
"""What Label Studio puts before the name of a picture that was uploaded."""

_POINT = "keypointlabels"

Points = dict[str, tuple[float, float]]


def read_label_studio(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton = "coco") -> Poses:
    """Read the keypoints of an export as JSON.

    Keypoints are known by their labels: the names of the joints, however they are spelled ("Left Shoulder"), where a
    head stands for a nose; or their numbers in `skeleton`, from 1 or 0. Their confidence is 1. Keypoints in one region
    (`parentID`), or related to one, are one person's. All others of a picture are one person's too, and may not have a
    label twice.

    `image` is the name of the picture, and `frame` its number, as the top of `poseembed.adapters` says. A picture that
    was annotated without keypoints is a row of NaN; one that was not annotated, or skipped, is left out. Where several
    people annotated a picture, the ground truth is taken, or else the first one, with a warning.

    Args:
        path: The file.
        skeleton: For keypoints without names, see `poseembed.SKELETONS`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, its labels are no joints, the people in a picture cannot be told apart, or a
            picture is there twice or was turned.

    Warns:
        UserWarning: If a picture has several annotations, of which none is the ground truth.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed import JOINTS
        >>> from poseembed.adapters import read_label_studio
        >>> size = {"original_width": 640, "original_height": 480, "image_rotation": 0, "type": "keypointlabels"}
        >>> result = [{**size, "value": {"x": 50, "y": 25, "keypointlabels": [joint]}} for joint in JOINTS]
        >>> task = {"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg"}, "annotations": [{"result": result}]}
        >>> _ = Path("export.json").write_text(json.dumps([task]))
        >>> poses = read_label_studio("export.json")
        >>> poses.image.tolist(), poses.keypoints[0, 0].tolist()
        (['a.jpg'], [320.0, 120.0])
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    content = load_json(path)
    with naming(path):
        tasks = list_of_objects([content] if isinstance(content, dict) else content, "tasks")
        annotated = [(task, result) for task in tasks if (result := _result(task)) is not None]
        names = [_picture(task) for task, _ in annotated]
        if len(set(names)) < len(names):
            raise ValueError(f"a picture is there twice: {max(names, key=names.count)!r:.80}")
        people = [_people(result, name) for (_, result), name in zip(annotated, names, strict=True)]
        labels = {label for in_picture in people for points in in_picture for label in points}
        places = joint_places(labels, source)
        if labels and not places:
            raise ValueError(
                f"its labels are {', '.join(sorted(labels)):.200}; wanted the names of joints, or their numbers in "
                "skeleton="
            )
        frames = number_pictures(names)
        return people_to_poses(
            [
                Person(frames[name], name, arrange(points, places or {}))
                for name, in_picture in zip(names, people, strict=True)
                for points in in_picture or [{}]
            ],
            SKELETONS["poseembed13"],
        )


def _result(task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What was drawn into a picture; None if it was not annotated."""
    given = task.get("annotations", task.get("completions"))  # as it was called before version 1
    if given is None:
        raise ValueError("a task in it has no annotations; export as JSON, not as JSON-MIN")
    done = [one for one in list_of_objects(given, "annotations") if not one.get("was_cancelled")]
    if not done:
        return None
    agreed = [one for one in done if one.get("ground_truth")]
    if len(done) > 1 and not agreed:
        warn_user(
            f"task {task.get('id')} has {len(done)} annotations, of which the first is taken; mark one as ground truth"
        )
    return list_of_objects((agreed or done)[0].get("result"), "results")


def _picture(task: dict[str, Any]) -> str:
    """Name of the picture of a task: the last part of its address."""
    data = task.get("data")
    texts = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    address = data.get("image") if isinstance(data, dict) else None
    if not isinstance(address, str):
        address = texts[0] if texts else None
    if not address:
        raise ValueError(f"task {task.get('id')!r:.40} in it does not say which picture it is of")
    return PurePosixPath(_UPLOADED.sub("", unquote(address))).name or address


def _people(result: list[dict[str, Any]], picture: str) -> list[Points]:
    """The labelled points of each person in a picture, in pixels."""
    regions = {one.get("id") for one in result if isinstance(one.get("id"), str) and one.get("type") != _POINT}
    owner: dict[object, object] = {}
    for one in result:
        ends = [one.get("from_id"), one.get("to_id")] if one.get("type") == "relation" else []
        for end, other in zip(ends, reversed(ends), strict=True):
            if isinstance(end, str) and isinstance(other, str) and other in regions:
                owner[end] = other
    people: dict[object, Points] = {}
    for one in result:
        if one.get("type") != _POINT:
            continue
        label, point = _point(one)
        parent, own = one.get("parentID"), one.get("id")
        whose = parent if isinstance(parent, str) else owner.get(own) if isinstance(own, str) else None
        points = people.setdefault(whose, {})
        if label in points:
            raise ValueError(
                f"the picture {picture!r:.80} has two points {label!r:.40}, and they are in no region that tells "
                "people apart; draw a box around each person, and put the points into it or relate them to it"
            )
        points[label] = point
    return list(people.values())


def _point(entry: dict[str, Any]) -> tuple[str, tuple[float, float]]:
    """Label of a keypoint and its place in pixels."""
    value = entry.get("value")
    found = value if isinstance(value, dict) else {}
    labels = found.get(_POINT)
    numbers: list[Any] = [found.get("x"), found.get("y"), entry.get("original_width"), entry.get("original_height")]
    if not isinstance(labels, list) or len(labels) != 1 or not isinstance(labels[0], str):
        raise ValueError(f"a keypoint in it has the labels {labels!r:.60}; wanted one text")
    if not all(type(number) in (int, float) and abs(number) < 2**53 for number in numbers):
        raise ValueError(
            f"a keypoint {labels[0]!r:.40} has x, y, original_width, original_height {numbers}; wanted numbers"
        )
    if entry.get("image_rotation"):
        raise ValueError(f"a picture in it was turned by {entry['image_rotation']!r:.10} degrees; turn it back first")
    x, y, width, height = numbers
    return labels[0], (x / 100 * width, y / 100 * height)
