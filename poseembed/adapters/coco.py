"""COCO's JSON files: people annotated in pictures, and people that a detector found in them."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from poseembed.files.tables import load_json, naming
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import JOINTS, NUM_JOINTS, Skeleton, get_skeleton


class Person(NamedTuple):
    """A person in a picture, or a picture without anybody.

    Attributes:
        frame: Number of the picture.
        image: Name of the picture.
        joints: (joints, 3) numbers x, y and score, 0 is missing; None is nobody.
        person: Identity over time, as the file has it.
    """

    frame: int
    image: str
    joints: Float[np.ndarray, "joints 3"] | None
    person: float = NOBODY


def read_coco(path: str | os.PathLike[str], *, skeleton: str = "coco") -> Poses:
    """Read COCO annotations (an object with images and annotations) or COCO results (a list of detections).

    - In annotations the third number of a keypoint is a flag: 0 is not labelled (missing, even where coordinates
      are given), 1 is labelled but hidden, 2 is visible; both 1 and 2 get confidence 1. `frame` is the place in the
      file's list of images. Crowds and people without a labelled joint are skipped; an image that has no other is a
      row of NaN.
    - In results it is a score; 0 is missing, and what lies outside 0 to 1 is brought to its end. `frame` counts the
      pictures that have detections, in the order of their ids, and `image` is the id.

    Args:
        path: The file.
        skeleton: Skeleton of its keypoints, see `poseembed.SKELETONS`. Halpe's 136 joints are for `read_alphapose`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, the joints are not those of the skeleton, or the third numbers of
            annotations are no flags.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_coco
        >>> detections = [{"image_id": image, "keypoints": [200.0, 100.0, 0.9] * 17} for image in (139, 139, 285)]
        >>> _ = Path("keypoints_results.json").write_text(json.dumps(detections))
        >>> poses = read_coco("keypoints_results.json")
        >>> poses.frame.tolist(), poses.image.tolist()
        ([0, 0, 1], ['139', '139', '285'])
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    content = load_json(path)
    with naming(path):
        if isinstance(content, dict) and "annotations" in content:
            if source.name == "coco":
                _check_names(content.get("categories", []))
            return people_to_poses(list(annotated_people(content)), source)
        return people_to_poses(_detected_people(detections(content)), source)


def annotated_people(content: dict[str, Any]) -> Iterator[Person]:
    """The people of a file of annotations, picture by picture.

    Raises:
        ValueError: If the file lists no images, an annotation is of another one, or its keypoints are not flagged.
    """
    images = content.get("images")
    if not isinstance(images, list) or not all("id" in image for image in images):
        raise ValueError("it has annotations, but no list of images with their ids")
    people: dict[Any, list[np.ndarray]] = {image["id"]: [] for image in images}
    annotations = [annotation for annotation in content["annotations"] if "keypoints" in annotation]
    if content["annotations"] and not annotations:
        raise ValueError("its annotations have no keypoints; those of COCO are in person_keypoints_*.json")
    for annotation in annotations:
        if annotation.get("image_id") not in people:
            raise ValueError(f"it has an annotation of image {annotation.get('image_id')}, which is not in its images")
        joints = triplets(annotation["keypoints"])
        if not np.isin(joints[:, 2], (0, 1, 2)).all():
            raise ValueError(f"got {joints[:, 2].max():g} as the flag of an annotated keypoint; wanted 0, 1 or 2")
        if joints[:, 2].any() and not annotation.get("iscrowd"):
            people[annotation["image_id"]].append(joints)
    for frame, image in enumerate(images):
        name = str(image.get("file_name", image["id"]))
        yield from [Person(frame, name, joints) for joints in people[image["id"]]] or [Person(frame, name, None)]


def people_to_poses(people: Sequence[Person], source: Skeleton) -> Poses:
    """Poses of people, in the order of their pictures; a score of 0 is a missing joint, and none is above 1.

    Raises:
        ValueError: If somebody's joints are not those of the skeleton.
    """
    people = sorted(people, key=lambda person: person.frame)
    joints = np.full((len(people), NUM_JOINTS, 3), (np.nan, np.nan, 0))
    for row, person in enumerate(people):
        if person.joints is not None:
            joints[row] = source.select(person.joints)
    scores = np.nan_to_num(joints[..., 2]).clip(0, 1)
    return Poses.from_arrays(
        np.where(scores[..., None] > 0, joints[..., :2], np.nan),
        scores,
        frame=[person.frame for person in people],
        person=[person.person for person in people],
        image=[person.image for person in people],
    )


def triplets(numbers: object) -> Float[np.ndarray, "joints 3"]:
    """A flat list of x, y, score, x, y, score, ... as an array.

    Raises:
        ValueError: If it is not such a list.
    """
    if not (
        isinstance(numbers, list)
        and numbers
        and len(numbers) % 3 == 0
        and all(isinstance(number, int | float) for number in numbers)
    ):
        raise ValueError(f"got keypoints {numbers!r:.60}; wanted a flat list of numbers x, y, score for each joint")
    return np.array(numbers, dtype=np.float64).reshape(-1, 3)


def natural_order(name: object) -> list[tuple[int, str]]:
    """Key to sort names by, in which 10.jpg comes after 9.jpg."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(name))]


def detections(content: object) -> list[dict[str, Any]]:
    """The entries of a list of detections.

    Raises:
        ValueError: If the content is something else.
    """
    entries: list[Any] = content if isinstance(content, list) else [content]
    if any(isinstance(entry, dict) and "joints_vis" in entry for entry in entries):
        raise ValueError("it looks like MPII annotations; pass their joints as an array, with skeleton='mpii'")
    if not all(isinstance(entry, dict) and {"image_id", "keypoints"} <= entry.keys() for entry in entries):
        raise ValueError("wanted an object with images and annotations, or a list of image_id and keypoints")
    return entries


def _detected_people(entries: list[dict[str, Any]]) -> list[Person]:
    """The people of a file of results."""
    order = sorted({entry["image_id"] for entry in entries}, key=natural_order)
    frames = {image: frame for frame, image in enumerate(order)}
    people = [
        Person(frames[entry["image_id"]], str(entry["image_id"]), triplets(entry["keypoints"])) for entry in entries
    ]
    if people and not any(person.joints[:, 2].any() for person in people if person.joints is not None):
        raise ValueError("all keypoints have score 0, so there is no telling which of them were found")
    return people


def _check_names(categories: list[dict[str, Any]]) -> None:
    """Refuse categories whose keypoints are named, and not as COCO orders them."""
    coco = get_skeleton("coco")
    for category in categories:
        names = category.get("keypoints")
        if names and (len(names) != coco.num_joints or tuple(names[i] for i in coco.indices) != JOINTS):
            raise ValueError(
                f"the keypoints of its category {category.get('name')!r} are {', '.join(map(str, names))}: not "
                "COCO's, or in another order; pass the skeleton that they are of"
            )
