"""OpenPose's JSON files, one a frame or picture, by OpenPose (`--write_json`) or by tools that write its layout."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from poseembed.adapters.people import (
    Person,
    identity,
    list_of_objects,
    natural_order,
    number_pictures,
    people_to_poses,
    triplets,
)
from poseembed.files.tables import load_json, naming
from poseembed.files.values import visible
from poseembed.poses import Poses
from poseembed.skeleton import SKELETONS, Skeleton, SkeletonName, get_skeleton

_ENDING = "_keypoints.json"
_VIDEO_FRAME = re.compile(r"(.*)_\d{12}")
_BY_COUNT = ("openpose_coco", "openpose_body25", "coco", "halpe26", "coco_wholebody", "halpe136")
_SKELETONS = {SKELETONS[name].num_joints: SKELETONS[name] for name in _BY_COUNT}

_MIDDLES = ((1, 2, 5), (8, 9, 12))
"""In BODY_25 the neck lies between the shoulders and the middle of the hips between the hips."""

_LARGEST_CANVAS = 1_000_000
"""Pixels that no picture is wide or high."""

_OFF_THE_MIDDLE = 0.12
"""A share of the person's size that BODY_25's are never off the middle in half of all people."""


class _Picture(NamedTuple):
    """One picture of a file.

    Attributes:
        file: Where it is from.
        name: Name of the picture.
        content: The object that lists its people.
    """

    file: Path
    name: str
    content: Any


def read_openpose(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton | None = None) -> Poses:
    """Read the folder that OpenPose wrote for a video or for a folder of pictures, or one file of it.

    Files are called `<picture>_keypoints.json`, those of a video `<video>_<twelve digits>_keypoints.json`. Pose2Sim,
    Sports2D and AlphaPose (`--format open`, folder sep-json) write the same without `_keypoints`: in a folder without
    such files all .json files are read. ControlNet and DWPose in ComfyUI write one file with a list of pictures.
    Where the names differ in one number alone `frame` is that number, else the pictures are counted in the order of
    their names. `image` is the name without the ending. A picture without people is a row of NaN, and people without
    keypoints (a hand only) are left out. `person` is OpenPose's person_id, if it tracked.

    OpenPose writes a joint that it did not find as 0, 0, 0.

    Args:
        path: The folder or file.
        skeleton: Skeleton of its keypoints, see `poseembed.SKELETONS`. None goes by the number of joints: 18 is
            OpenPose's COCO, 25 BODY_25, 17 COCO, 26 Halpe, 133 COCO-WholeBody, 136 Halpe's full body. The experimental
            BODY_25B has 25 too: "openpose_body25b".

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder has no such files.
        ValueError: If the folder mixes videos, a file is not in OpenPose's layout, or has another number of joints, or
            the coordinates are not in pixels (`--keypoint_scale 3` and `4`), or 25 joints are no BODY_25.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_openpose
        >>> people = {"people": [{"pose_keypoints_2d": [200.0, 100.0, 0.9] * 25}]}
        >>> for frame in range(3):
        ...     _ = Path(f"match_{frame:012}_keypoints.json").write_text(json.dumps(people))
        >>> poses = read_openpose(".")
        >>> poses.frame.tolist(), poses.keypoints.shape
        ([0, 1, 2], (3, 13, 2))
    """
    path = Path(path).expanduser()
    wanted = None if skeleton is None else get_skeleton(skeleton)
    pictures = [picture for file in _files(path) for picture in _pictures_in(file)]
    frames = number_pictures(picture.name for picture in pictures)
    if len(frames) < len(pictures):
        raise ValueError(f"{path} has two files of one name; give each video its own folder")
    people = [person for picture in pictures for person in _people_in(picture, frames[picture.name], wanted)]
    with naming(path):
        joints = [person.joints for person in people if person.joints is not None]
        counts = sorted({len(one) for one in joints}) or [25]
        if len(counts) > 1:
            raise ValueError(
                f"some of its people have {counts[0]} joints and some {counts[1]}; give each model's files their own "
                "folder"
            )
        poses = people_to_poses(people, wanted or _SKELETONS[counts[0]])
        if wanted is None and counts == [25]:
            _check_body25(joints)
        points = poses.keypoints[~np.isnan(poses.keypoints).any(-1)]
        if len(points) > 2 and (np.abs(points) <= 1).all():
            raise ValueError(
                "all coordinates are between -1 and 1, so OpenPose ran with --keypoint_scale 3 or 4, which loses the "
                "shape of the picture; run it with --keypoint_scale 0, its default"
            )
    return poses


def _files(path: Path) -> list[Path]:
    """The files to read, in the order that people count in."""
    if not path.is_dir():
        return [path]
    files = visible(path.glob(f"*{_ENDING}")) or visible(path.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"the folder {path} has no files *{_ENDING}, as OpenPose writes with --write_json")
    matches = [_VIDEO_FRAME.fullmatch(_name(file)) for file in files]
    videos = sorted({match[1] if match else "" for match in matches})
    if len(videos) > 1 and any(matches):
        raise ValueError(
            f"the folder {path} mixes videos, or a video with pictures: {', '.join(map(repr, videos))}; give each its "
            "own folder"
        )
    return sorted(files, key=lambda file: (natural_order(file.name), file.name))


def _name(file: Path) -> str:
    """Name of the picture that a file is of."""
    return file.name.removesuffix(_ENDING).removesuffix(".json")


def _pictures_in(file: Path) -> Iterator[_Picture]:
    """The pictures that a file holds: one in OpenPose's own, several in a list."""
    content = load_json(file)
    if not isinstance(content, list) or not content:
        yield _Picture(file, _name(file), content)
        return
    for place, one in enumerate(content):
        yield _Picture(file, f"{_name(file)}_{place}", one)


def _people_in(picture: _Picture, frame: int, wanted: Skeleton | None) -> list[Person]:
    """The people in one picture, or the one entry that says there are none."""
    content = picture.content
    with naming(picture.file):
        if not isinstance(content, dict) or not isinstance(content.get("people"), list):
            raise ValueError("it has no list of people, as OpenPose writes with --write_json")
        people = []
        for entry in list_of_objects(content["people"], "people"):
            if "pose_keypoints_2d" not in entry:
                raise ValueError("somebody in it has no pose_keypoints_2d; OpenPose writes that since version 1.3")
            joints = triplets(entry["pose_keypoints_2d"])
            if joints is None:
                continue
            if wanted is None and len(joints) not in _SKELETONS:
                raise ValueError(
                    f"somebody in it has {len(joints)} joints; wanted 18 (COCO) or 25 (BODY_25), see --model_pose, or "
                    "17, 26, 133 or 136 as other tools write; for others pass skeleton="
                )
            joints = _in_pixels(joints, content)
            people.append(Person(frame, picture.name, joints, identity(entry.get("person_id"), "person_id")))
    return people or [Person(frame, picture.name, None)]


def _in_pixels(joints: Float[np.ndarray, "joints 3"], content: dict[str, Any]) -> Float[np.ndarray, "joints 3"]:
    """Joints in pixels, where ControlNet wrote shares of a canvas beside its size."""
    width, height = content.get("canvas_width"), content.get("canvas_height")
    if not isinstance(width, int | float) or not isinstance(height, int | float) or (joints[:, :2] > 1).any():
        return joints
    if not (1 < width < _LARGEST_CANVAS and 1 < height < _LARGEST_CANVAS):
        return joints
    return joints * np.array([width, height, 1])


def _check_body25(people: list[np.ndarray]) -> None:
    """Refuse BODY_25B's 25 joints: where BODY_25 has the middles of shoulders and hips, it has eyes and arms.

    Raises:
        ValueError: If in half of the people whose shoulders and hips are all there, a middle is elsewhere.
    """
    known = list({joint for joints in _MIDDLES for joint in joints})
    bodies = [body for body in people if (body[known, 2] > 0).all()]
    off: list[float] = []
    for body in bodies:
        points = body[body[:, 2] > 0, :2]
        size = np.linalg.norm(np.ptp(points, axis=0))
        middles = [np.linalg.norm(body[at, :2] - body[[left, right], :2].mean(0)) for at, left, right in _MIDDLES]
        off.append(float(max(middles) / size) if size else 0.0)
    if off and np.median(off) > _OFF_THE_MIDDLE:
        raise ValueError(
            "its 25 joints are not in BODY_25's order: the neck (1) is not between the shoulders (2, 5), or the middle "
            "of the hips (8) not between the hips (9, 12). If OpenPose ran with BODY_25B, pass "
            'skeleton="openpose_body25b"; else make sure of the order, and pass skeleton="openpose_body25" to read '
            "them as they are"
        )
