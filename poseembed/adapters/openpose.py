"""OpenPose's JSON files, as `--write_json` writes them: one a frame or picture."""

import os
import re
from pathlib import Path

import numpy as np

from poseembed.adapters.coco import Person, natural_order, people_to_poses, triplets
from poseembed.files.tables import load_json, naming
from poseembed.poses import NOBODY, Poses
from poseembed.skeleton import get_skeleton

_ENDING = "_keypoints.json"
_VIDEO_FRAME = re.compile(r"(.*)_(\d{12})")
_SKELETONS = {skeleton.num_joints: skeleton for skeleton in map(get_skeleton, ("openpose_coco", "openpose_body25"))}


def read_openpose(path: str | os.PathLike[str]) -> Poses:
    """Read the folder that OpenPose wrote for a video or for a folder of pictures, or one file of it.

    Files of a video are called `<video>_<twelve digits>_keypoints.json`: `frame` is that number. Files of pictures
    are called `<picture>_keypoints.json`: `frame` counts them in the order of their names. `image` is the name
    without `_keypoints.json`. A file without people is a row of NaN. `person` is OpenPose's person_id, if it tracked.

    The skeleton follows from the number of joints: 18 is COCO, 25 is BODY_25. (The experimental BODY_25B has 25 in
    another order, which no file tells: do not use it.) OpenPose writes a joint that it did not find as 0, 0, 0.

    Raises:
        FileNotFoundError: If there is no such file or folder, or the folder has no such files.
        ValueError: If the folder mixes videos, a file is not OpenPose's, or has another number of joints, or the
            coordinates are not in pixels (`--keypoint_scale 3` and `4`).

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
    files = sorted(path.glob(f"*{_ENDING}"), key=lambda file: natural_order(file.name)) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"the folder {path} has no files *{_ENDING}, as OpenPose writes with --write_json")
    names = [file.name.removesuffix(_ENDING) for file in files]
    matches = [_VIDEO_FRAME.fullmatch(name) for name in names]
    videos = sorted({match[1] if match else "" for match in matches})
    if len(videos) > 1 and any(matches):
        raise ValueError(
            f"the folder {path} mixes videos, or a video with pictures: {', '.join(map(repr, videos))}; give each its "
            "own folder"
        )
    people = []
    for i, (file, name, match) in enumerate(zip(files, names, matches, strict=True)):
        people += _people_in(file, int(match[2]) if match else i, name)
    with naming(path):
        counts = {len(person.joints) for person in people if person.joints is not None} or {25}
        if len(counts) > 1:
            raise ValueError("some of its people have 18 joints and some 25; give each model's files their own folder")
        poses = people_to_poses(people, _SKELETONS[counts.pop()])
        points = poses.keypoints[~np.isnan(poses.keypoints).any(-1)]
        if len(points) > 2 and (np.abs(points) <= 1).all():
            raise ValueError(
                "all coordinates are between -1 and 1, so OpenPose ran with --keypoint_scale 3 or 4, which loses the "
                "shape of the picture; run it with --keypoint_scale 0, its default"
            )
    return poses


def _people_in(file: Path, frame: int, name: str) -> list[Person]:
    """The people in one file, or the one entry that says there are none."""
    content = load_json(file)
    with naming(file):
        if not isinstance(content, dict) or not isinstance(content.get("people"), list):
            raise ValueError("it has no list of people, as OpenPose writes with --write_json")
        people = []
        for entry in content["people"]:
            if "pose_keypoints_2d" not in entry:
                raise ValueError("somebody in it has no pose_keypoints_2d; OpenPose writes that since version 1.3")
            joints = triplets(entry["pose_keypoints_2d"])
            if len(joints) not in _SKELETONS:
                raise ValueError(
                    f"somebody in it has {len(joints)} joints; wanted 18 (COCO) or 25 (BODY_25), see --model_pose"
                )
            identity = entry.get("person_id", [NOBODY])
            people.append(Person(frame, name, joints, identity[0] if identity else NOBODY))
    return people or [Person(frame, name, None)]
