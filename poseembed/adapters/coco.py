"""COCO's JSON files: people annotated in pictures, and people that a detector found in them."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from poseembed.adapters.labels import joint_name
from poseembed.adapters.people import (
    Person,
    identity,
    list_of_objects,
    number_pictures,
    people_to_poses,
    picture_name,
    triplets,
)
from poseembed.files.tables import load_json, naming
from poseembed.poses import Poses
from poseembed.skeleton import JOINTS, Skeleton, SkeletonName, get_skeleton


def read_coco(path: str | os.PathLike[str], *, skeleton: SkeletonName | Skeleton = "coco") -> Poses:
    """Read COCO annotations (an object with images and annotations) or COCO results (a list of detections).

    - In annotations the third number of a keypoint is a flag: 0 is not labelled (missing, even where coordinates
      are given), 1 is labelled but hidden, 2 is visible; both 1 and 2 get confidence 1. `frame` is the place in the
      file's list of images. Crowds and people without a labelled joint are skipped; an image that has no other is a
      row of NaN. A category with other keypoints (a ball's) is left out beside one that has the skeleton's.
    - In results it is a score; 0 is missing, and what lies outside 0 to 1 is brought to its end. `image` is the id of
      the picture, and `frame` its number, so that a picture without people shows as a gap; ids that are no numbers
      are counted in their order.

    `person` is `track_id`, which trackers and PoseTrack write.

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
        ([139, 139, 285], ['139', '139', '285'])
    """
    path = Path(path).expanduser()
    source = get_skeleton(skeleton)
    content = load_json(path)
    with naming(path):
        if isinstance(content, dict) and "annotations" in content:
            return people_to_poses(list(annotated_people(content, source)), source)
        return people_to_poses(_detected_people(detections(content)), source)


def annotated_people(content: dict[str, Any], source: Skeleton) -> Iterator[Person]:
    """The people of a file of annotations, picture by picture; those of categories with other keypoints are left out.

    Raises:
        ValueError: If the file lists no images or one twice, an annotation is of another one, its keypoints are not
            flagged, or no category has the keypoints of the skeleton.
    """
    images = content.get("images")
    if not isinstance(images, list) or not all(isinstance(image, dict) and "id" in image for image in images):
        raise ValueError("it has annotations, but no list of images with their ids")
    names = [picture_name(image["id"]) for image in images]
    people: dict[str, list[Person]] = {name: [] for name in names}
    if len(people) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(f"its image {twice} is listed twice; give each picture an id of its own")
    entries = list_of_objects(content["annotations"], "annotations")
    annotations = [annotation for annotation in entries if "keypoints" in annotation]
    if entries and not annotations:
        raise ValueError("its annotations have no keypoints; those of COCO are in person_keypoints_*.json")
    others = _other_categories(content.get("categories") or [], source)
    places = {name: (frame, str(images[frame].get("file_name", name))) for frame, name in enumerate(names)}
    for annotation in annotations:
        if str(annotation.get("category_id")) in others:
            continue
        name = picture_name(annotation.get("image_id"))
        if name not in people:
            raise ValueError(f"it has an annotation of image {name}, which is not in its images")
        joints = triplets(annotation["keypoints"])
        if joints is None:
            continue
        if not np.isin(joints[:, 2], (0, 1, 2)).all():
            raise ValueError(f"got {joints[:, 2].max():g} as the flag of an annotated keypoint; wanted 0, 1 or 2")
        if joints[:, 2].any() and not annotation.get("iscrowd"):
            joints[:, 2] = joints[:, 2] > 0
            people[name].append(Person(*places[name], joints, identity(annotation.get("track_id"), "track_id")))
    for name in names:
        yield from people[name] or [Person(*places[name], None)]


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
    names = [picture_name(entry["image_id"]) for entry in entries]
    frames = number_pictures(names)
    people = [
        Person(frames[name], name, triplets(entry["keypoints"]), identity(entry.get("track_id"), "track_id"))
        for name, entry in zip(names, entries, strict=True)
    ]
    found = [person.joints[:, 2].any() for person in people if person.joints is not None]
    if found and not any(found):
        raise ValueError("all keypoints have score 0, so there is no telling which of them were found")
    return people


def _other_categories(categories: object, source: Skeleton) -> set[str]:
    """Ids of the categories whose keypoints are not the skeleton's, if those of another category are.

    Raises:
        ValueError: If COCO's are wanted and the named keypoints of all categories are others.
    """
    ids: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for category in list_of_objects(categories, "categories"):
        if category.get("keypoints"):
            ids[_fits(category["keypoints"], source)].append(category)
    if ids[False] and not ids[True] and source.name == "coco":
        category = ids[False][0]
        listed = ", ".join(map(str, category["keypoints"])) if isinstance(category["keypoints"], list) else "no list"
        raise ValueError(
            f"the keypoints of its category {category.get('name')!r} are {listed:.400}: not COCO's, or in another "
            "order; pass the skeleton that they are of"
        )
    return {str(category.get("id")) for category in ids[False]} if ids[True] else set()


def _fits(names: object, source: Skeleton) -> bool:
    """Whether a category's keypoints are the skeleton's: as many, and for COCO's by name, however it is spelled."""
    if not isinstance(names, list) or len(names) != source.num_joints:
        return False
    if source.name != "coco":
        return True
    return tuple(joint_name(str(names[i])) for i in source.indices) == JOINTS
