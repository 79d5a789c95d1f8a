"""Poses as a table of named columns, as files and data frames have them."""

from collections.abc import Mapping

import numpy as np

from poseembed.skeleton import JOINTS

TEXTS = ("video", "image", "made_by")
"""Columns of text."""

COORDINATES = tuple(f"{joint}_{axis}" for joint in JOINTS for axis in "xy")
SCORES = tuple(f"{joint}_score" for joint in JOINTS)


def named_columns(arrays: Mapping[str, np.ndarray], made_by: object | None) -> dict[str, np.ndarray]:
    """A column a number, in the order in which they are written; `video` and `made_by` only where they are known.

    Args:
        arrays: The arrays of `Poses`, by attribute.
        made_by: What made the vectors.
    """
    video, frame = arrays["video"], arrays["frame"]
    columns = {"video": video} if (video != "").any() else {}
    columns |= {"frame": frame, "time": arrays["time"], "person": arrays["person"], "image": arrays["image"]}
    for i, joint in enumerate(JOINTS):
        columns[f"{joint}_x"], columns[f"{joint}_y"] = arrays["keypoints"][:, i].T
        columns[f"{joint}_score"] = arrays["confidence"][:, i]
    for name in ("z_pose", "z_view"):
        if name in arrays:
            columns |= {f"{name}_{i}": values for i, values in enumerate(arrays[name].T)}
    return columns if made_by is None else columns | {"made_by": np.full(len(frame), str(made_by))}
