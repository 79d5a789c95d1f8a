"""What MMPose's inferencers yield, and the files of predictions that they and the demos leave."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from poseembed.adapters.base import Keypoints, pick_joints, to_array
from poseembed.adapters.people import (
    Person,
    identity,
    list_of_objects,
    number_pictures,
    people_to_poses,
)
from poseembed.files.tables import load_json, naming
from poseembed.files.values import visible
from poseembed.poses import Poses
from poseembed.skeleton import Skeleton, SkeletonName, get_skeleton


def from_mmpose(result: object, *, skeleton: SkeletonName | Skeleton = "coco") -> Keypoints:
    """The people in one picture, as `MMPoseInferencer` yields them.

    A top-down model whose detector found nobody takes the whole picture for a person, whose scores tell.

    Args:
        result: `next(inferencer(image))`, or one element of its "predictions": a list of people, each a dictionary
            with "keypoints" (joints, 2) and "keypoint_scores" (joints,). For the JSON files that `pred_out_dir=`
            leaves there is `read_mmpose`.
        skeleton: Name of the model's skeleton: "coco" for 'human' and 'body', "halpe26" for 'body26',
            "coco_wholebody" for 'wholebody', "h36m" for models of Human3.6M (which have 17 joints too).

    Raises:
        TypeError: If it is something else, such as the generator that a call of the inferencer returns.
        ValueError: If it holds several pictures, or the number of joints is not that of the skeleton, or the points
            are 3D.

    Examples:
        >>> from poseembed.adapters import from_mmpose
        >>> person = {"keypoints": [[200.0, 100.0]] * 17, "keypoint_scores": [0.9] * 17}
        >>> keypoints, confidence = from_mmpose({"predictions": [[person, person]]})  # next(inferencer(image))
        >>> keypoints.shape, confidence.shape
        ((2, 13, 2), (2, 13))
    """
    source = get_skeleton(skeleton)
    people = _people(result)
    points = to_array([person["keypoints"] for person in people], "keypoints")
    confidence = to_array([person["keypoint_scores"] for person in people], "keypoint_scores")
    return pick_joints(points, confidence, source)


def _people(result: object) -> list[Mapping[str, Any]]:
    """The people of one picture."""
    people = result
    if isinstance(result, Mapping) and "predictions" in result:
        pictures = result["predictions"]
        if len(pictures) != 1:
            raise ValueError(
                f"got the predictions of {len(pictures)} pictures; pass one at a time: "
                '[from_mmpose(people) for people in result["predictions"]]'
            )
        people = pictures[0]
    if not isinstance(people, list) or not all(
        isinstance(person, Mapping) and {"keypoints", "keypoint_scores"} <= person.keys() for person in people
    ):
        raise TypeError(
            f"got {type(people).__name__}; pass next(inferencer(image)), called without return_datasamples=True, "
            'whose "predictions" list the people as dictionaries with "keypoints" and "keypoint_scores"'
        )
    return people


def read_mmpose(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton = "coco") -> Poses:
    """Read what MMPose wrote of a video or of pictures: a JSON file, or a folder of them.

    These are the files of the inferencers (`pred_out_dir=`) and of the demos (`--save-predictions`). A video's holds
    frames, each with its `frame_id`, which becomes `frame`; one without anybody is a row of NaN. A picture's holds
    people, and is called after the picture: where such names differ in one number alone it is `frame`, else the
    pictures are counted in the order of their names. `person` is `track_id`, if something tracked.

    Args:
        path: The file, or a folder of files of pictures.
        skeleton: Name of the model's skeleton, as for `from_mmpose`.

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder has no JSON files.
        ValueError: If a file is no such file, the number of joints is not that of the skeleton, the points are 3D, or
            a folder holds files of videos.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_mmpose
        >>> person = {"keypoints": [[200.0, 100.0]] * 17, "keypoint_scores": [0.9] * 17}
        >>> frames = [{"frame_id": 0, "instances": [person]}, {"frame_id": 1, "instances": []}]
        >>> _ = Path("match.json").write_text(json.dumps(frames))
        >>> read_mmpose("match.json").frame.tolist()
        [0, 1]
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    files = visible(sorted(path.glob("*.json"))) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"the folder {path} has no JSON files, as MMPose writes with pred_out_dir=")
    numbers = number_pictures(file.stem for file in files)
    people: list[Person] = []
    for file in files:
        content = load_json(file)
        with naming(file):
            people += _people_of_file(content, file.stem, numbers[file.stem], alone=len(files) == 1)
    with naming(path):
        return people_to_poses(people, source)


def _people_of_file(content: object, name: str, number: int, *, alone: bool) -> list[Person]:
    """The people of a picture, or those of all frames of a video, whose file is the only one."""
    if isinstance(content, dict) and "instance_info" in content:  # of a demo
        content = content["instance_info"]
    entries = list_of_objects(content, "predictions")
    if not any("frame_id" in entry for entry in entries):
        return _people_of_picture(entries, number, name)
    if not alone:
        raise ValueError("it is of a video; read the files of videos one by one")
    people: list[Person] = []
    for entry in entries:
        frame = identity(entry.get("frame_id"), "frame_id")
        if frame < 0:
            raise ValueError(f"got frame_id {entry.get('frame_id')!r:.40}; wanted the number of the frame, from 0")
        people += _people_of_picture(list_of_objects(entry.get("instances"), "instances"), frame, f"{name}_{frame}")
    return people


def _people_of_picture(entries: list[dict[str, Any]], frame: int, name: str) -> list[Person]:
    people = [Person(frame, name, _joints(entry), identity(entry.get("track_id"), "track_id")) for entry in entries]
    return people or [Person(frame, name, None)]


def _joints(entry: dict[str, Any]) -> Float[np.ndarray, "joints 3"] | None:
    """Points and scores of somebody; None if there are none."""
    if not {"keypoints", "keypoint_scores"} <= entry.keys():
        raise ValueError('somebody in it has no "keypoints" and "keypoint_scores", as MMPose writes them')
    if not entry["keypoints"]:
        return None
    try:
        points, scores = to_array(entry["keypoints"], "keypoints"), to_array(entry["keypoint_scores"], "scores")
    except TypeError as error:
        raise ValueError(str(error)) from error
    if points.ndim != 2 or points.shape[1] != 2 or scores.shape != points.shape[:1]:
        raise ValueError(
            f"somebody in it has keypoints of shape {points.shape} and scores of {scores.shape}; wanted (joints, 2) "
            "and (joints,): 2D, in pixels"
        )
    return np.concatenate([points, scores[:, None]], axis=1)
