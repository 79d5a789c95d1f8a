"""AlphaPose's result files, and the annotations of its data set Halpe."""

import os
import re
from pathlib import Path
from typing import Any

from poseembed.adapters.coco import (
    Person,
    annotated_people,
    detections,
    natural_order,
    people_to_poses,
    triplets,
)
from poseembed.files.tables import load_json, naming
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import Skeleton, get_skeleton

JOINT_COUNTS = (17, 26, 68, 133, 136)
"""Joints of AlphaPose's models: COCO, Halpe's body, Halpe without face, COCO-WholeBody, Halpe. All begin like COCO."""

_VIDEO_FRAME = re.compile(r"(0|[1-9]\d*)\.jpg")


def read_alphapose(path: str | os.PathLike[str]) -> Poses:
    """Read `alphapose-results.json`, or a file of Halpe annotations.

    The skeleton follows from the number of joints: 17, 26, 68, 133 or 136. AlphaPose calls the frames of a video
    0.jpg, 1.jpg, ...; then `frame` is that number, else the pictures are counted in the order of their names.
    Pictures without people are not in its results, so there are no rows of them. `person` is the identity that
    tracking gave (`idx`), if it ran. Scores above 1, which its COCO models give, become 1.

    Halpe annotations are laid out like COCO's, and read as `read_coco` reads those.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, say one written with `--format`, or has another number of joints.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from poseembed.adapters import read_alphapose
        >>> person = {"image_id": "7.jpg", "keypoints": [200.0, 100.0, 0.9] * 26, "score": 1.2, "idx": 3}
        >>> _ = Path("alphapose-results.json").write_text(json.dumps([person]))
        >>> poses = read_alphapose("alphapose-results.json")
        >>> poses.frame.tolist(), poses.person.tolist(), poses.keypoints.shape
        ([7], [3], (1, 13, 2))
    """
    path = Path(path).expanduser()
    content = load_json(path)
    with naming(path):
        if isinstance(content, dict) and "annotations" in content:
            people = list(annotated_people(content))
        elif isinstance(content, dict):
            raise ValueError("it is no list of people; write AlphaPose's results without --format cmu or open")
        else:
            people = _detected_people(detections(content))
        counts = {len(person.joints) for person in people if person.joints is not None} or {JOINT_COUNTS[0]}
        if len(counts) > 1 or not counts.issubset(JOINT_COUNTS):
            raise ValueError(
                f"its people have {' and '.join(map(str, sorted(counts)))} joints; wanted one of "
                f"{', '.join(map(str, JOINT_COUNTS))} for all"
            )
        coco = get_skeleton("coco")
        return people_to_poses(people, Skeleton("alphapose", counts.pop(), coco.indices, coco.description))


def _detected_people(entries: list[dict[str, Any]]) -> list[Person]:
    """The people of a file of results."""
    names = sorted({str(entry["image_id"]) for entry in entries}, key=natural_order)
    is_video = all(_VIDEO_FRAME.fullmatch(name) for name in names)
    frames = {name: int(name.removesuffix(".jpg")) if is_video else place for place, name in enumerate(names)}
    people = []
    for entry in entries:
        name, identity = str(entry["image_id"]), entry.get("idx")
        if not isinstance(identity, int | float):  # without tracking, a list of the boxes that went into this person
            identity = NOBODY
        people.append(Person(frames[name], name, triplets(entry["keypoints"]), identity))
    return people
