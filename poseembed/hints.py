"""Which door is the right one for what somebody brought to the wrong one: the last half of an error message.

Things are known by their class's name and module, so that nothing has to be imported to recognise them.
"""

import os
from collections.abc import Mapping, Sequence

from poseembed.skeleton import SKELETONS, Skeleton

_BY_CLASS = {
    ("poseembed", "Poses"): "a table of poses embeds itself: poses.embed(encoder)",
    ("poseembed", "Keypoints"): "unpack what an adapter returns: encoder.embed(*keypoints)",
    ("poseembed", "Embedding"): "take one of its two arrays: embedding.z_pose or embedding.z_view",
}
_BY_PACKAGE = {
    "mediapipe": "pass it through poseembed.adapters: encoder.embed(*from_mediapipe(result, (width, height)))",
    "ultralytics": "pass it through poseembed.adapters: encoder.embed(*from_ultralytics(results[0]))",
    "supervision": "pass it through poseembed.adapters: encoder.embed(*from_supervision(key_points))",
    "mmpose": "pass it through poseembed.adapters: encoder.embed(*from_mmpose(result))",
    "mmengine": "pass it through poseembed.adapters: encoder.embed(*from_mmpose(result))",
    "pandas": "pass numbers: table.to_numpy(), brought to (rows, joints, 2) by reshape",
    "polars": "pass numbers: table.to_numpy(), brought to (rows, joints, 2) by reshape",
    "tensorflow": "pass tensor.numpy()",
    "jax": "pass numpy.asarray(array)",
    "jaxlib": "pass numpy.asarray(array)",
}


def door_for(thing: object) -> str:
    """What to do with something that is neither an array nor a tensor."""
    kind = type(thing)
    package = kind.__module__.partition(".")[0]
    if (package, kind.__name__) in _BY_CLASS:
        return _BY_CLASS[package, kind.__name__]
    if package in _BY_PACKAGE:
        return _BY_PACKAGE[package]
    if isinstance(thing, str | os.PathLike):
        return "read a file first: poseembed.read_poses(path).embed(encoder)"
    if isinstance(thing, Mapping):
        if "predictions" in thing:
            return _BY_PACKAGE["mmpose"]
        return "take the array of keypoints out of the dict"
    if isinstance(thing, Sequence) and not isinstance(thing, bytes) and len(thing):
        return _door_for_several(thing)
    if thing is None:
        return "nobody in a picture is an array of shape (0, joints, 2)"
    return "try numpy.asarray"


def _door_for_several(things: Sequence[object]) -> str:
    """What to do with a list or tuple that is not empty."""
    first = things[0]
    package = type(first).__module__.partition(".")[0]
    if package in _BY_PACKAGE:
        return _BY_PACKAGE[package]
    if isinstance(first, Mapping):
        if "image_id" in first:
            return "results in COCO's form are read from their file: poseembed.adapters.read_coco(path).embed(encoder)"
        if "keypoints" in first:
            return "pass it through poseembed.adapters: encoder.embed(*from_transformers(people))"
        return "take the arrays of keypoints out of the dicts, and join them by numpy.stack"
    if hasattr(first, "shape"):
        return (
            "join the arrays: numpy.stack (torch.stack) where each is a pose, numpy.concatenate where each is several"
        )
    return "numpy.asarray makes an array of nested lists"


def way_to_shape(shape: tuple[int, ...], skeleton: Skeleton) -> str:
    """How keypoints of another shape become (..., joints, 2), after a semicolon; nothing if there is no telling."""
    counts = [skeleton.num_joints, *sorted({other.num_joints for other in SKELETONS.values()})]
    last = shape[-1] if shape else 0
    before = shape[-2] if len(shape) > 1 else 0
    if last in (3, 4) and before:
        which = "third" if last == 3 else "fourth"
        return f"; if the {which} is a score, pass keypoints[..., :2] and confidence=keypoints[..., {last - 1}]"
    for joints in counts:
        if before in (2, 3) and last == joints:
            return "; if the last axis is the joints, pass keypoints.swapaxes(-1, -2)" + ("[..., :2]" * (before == 3))
    for joints in counts:
        named = "" if joints == skeleton.num_joints else f", with the skeleton= that has {joints} joints"
        if last == 2 * joints:
            return f"; if x and y take turns along it, pass keypoints.reshape(-1, {joints}, 2){named}"
        if last == 3 * joints:
            return (
                f"; if x, y and a score take turns along it, make it keypoints.reshape(-1, {joints}, 3) and pass "
                f"[..., :2] of it and confidence= its [..., 2]{named}"
            )
    return ""
