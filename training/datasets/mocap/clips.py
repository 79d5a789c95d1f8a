"""One motion-capture file to one clip of the 13 joints: which frames to trust, resampling, who moved."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float64

from poseembed.skeleton import HIPS, SHOULDERS
from training.datasets.formats.amc import FPS as AMC_FPS
from training.datasets.formats.amc import read_amc
from training.datasets.formats.bvh import read_bvh
from training.datasets.formats.motion import from_z_up
from training.datasets.mocap.joints import NOSE_AHEAD, body_joints, check_metres, guess_unit, torso_forward

MAX_SPEED = 10.0
"""Metres a second, as seen from the middle of the hips: what moves faster is taken for a tracking error."""

ERROR_MARGIN = 0.1
"""Seconds before and after a tracking error that are not to be trusted either."""

SUBJECT = r"(?:HDM_)?([^_]+)"
"""Finds the subject in a clip's name: `02` in 02_01, `bd` in HDM_bd_walk2StepsLstart_001_120."""

_FLAT = 1e-4
"""Square metres: shoulders, or hips, that span less than this with the spine say no more which way is forward."""

_WHOLE_RATIO = 0.005  # so near to a whole number of frames, every n-th is taken as it is

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        name: As its data set calls it; the file's name, without suffix.
        subject: Who moved.
        source: Where the clip comes from.
        fps: Frames per second.
        joints: Metres from the middle of the hips, y up, right-handed; joint 0 is the centre of the head.
        nose: 10 cm in front of the centre of the head, same frame.
        ok: False near a tracking error.
        action: What is done; empty where nobody says.
        split: "train", "val" or "eval".
    """

    name: str
    subject: str
    source: str
    fps: float
    joints: Float[np.ndarray, "frames 13 3"]
    nose: Float[np.ndarray, "frames 3"]
    ok: Bool[np.ndarray, " frames"]
    action: str = ""
    split: str = "train"

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.joints)


@dataclass(frozen=True)
class Settings:
    """How to read a recording.

    Attributes:
        fps: Frames per second wanted; see `resample`.
        amc_fps: Frames per second of AMC files, which do not say.
        unit_metres: Metres in the files' unit; None guesses BVH's by the length of the legs and takes ASF's word.
        up: The axis that points up in the files, "y" or "z".
        skip_frames: Frames to drop at the start, such as the T-pose of some conversions.
        max_speed: Metres a second; see `trusted`.
        subject: Regular expression whose first group is the subject, matched from the start of the clip's name.
        source: Where the clips come from; None takes the name of each file's folder.
    """

    fps: float = 30.0
    amc_fps: float = AMC_FPS
    unit_metres: float | None = None
    up: str = "y"
    skip_frames: int = 0
    max_speed: float = MAX_SPEED
    subject: str = SUBJECT
    source: str | None = None


def read_clip(motion: Path, skeleton: Path | None, settings: Settings) -> Clip:
    """Read one BVH file, or one AMC file and its ASF skeleton, as the 13 joints.

    Returns:
        The clip in float16, without an action and of the split "train": the files say nothing of these.

    Raises:
        ValueError: If the file is broken or has no frame after `skip_frames`, or if its joints or unit are unknown.
        OSError: If it cannot be read.
    """
    unit = settings.unit_metres
    if skeleton is None:
        recording = read_bvh(motion)
    else:
        recording = read_amc(skeleton, motion, metres_per_unit=unit, fps=settings.amc_fps)
    try:
        if skeleton is not None:
            if unit is None:
                check_metres(recording)
            unit = 1.0  # what read_amc returns is in metres
        elif unit is None:
            unit = guess_unit(recording)
        joints, nose = body_joints(from_z_up(recording) if settings.up == "z" else recording, unit)
    except ValueError as error:  # these two know the skeleton, not the file
        raise ValueError(f"{motion}: {error}") from error
    joints, nose = joints[settings.skip_frames :], nose[settings.skip_frames :]
    if not len(joints):
        raise ValueError(f"{motion} has {len(recording.positions)} frames, and {settings.skip_frames} are skipped")
    if np.median(joints[:, 0, 1]) < 0:
        _log.warning("%s: the head is mostly below the hips; does another axis point up? (--up)", motion)
    ok = trusted(joints, recording.fps, settings.max_speed) & np.isfinite(nose).all(-1)
    times, fps = resampled_times(len(joints), recording.fps, settings.fps)
    before, after = np.floor(times).astype(int), np.ceil(times).astype(int)
    return Clip(
        name=motion.stem,
        subject=subject_of(motion.stem, settings.subject),
        source=motion.resolve().parent.name if settings.source is None else settings.source,
        fps=fps,
        joints=_interpolate(joints, times).astype(np.float16),
        nose=_interpolate(nose, times).astype(np.float16),
        ok=ok[before] & ok[after],
    )


def clip_of_points(
    points: Float[np.ndarray, "frames 13 3"],
    *,
    name: str,
    subject: str,
    source: str,
    fps: float,
    action: str,
    split: str,
) -> Clip:
    """Take the 13 joints of a data set that gives points and no skeleton which could turn a head.

    Args:
        points: Metres, y up, right-handed, in any place; joint 0 is the centre of the head.
        name: See `Clip`.
        subject: See `Clip`.
        source: See `Clip`.
        fps: See `Clip`.
        action: See `Clip`.
        split: See `Clip`.

    Returns:
        The clip in float32. The nose is where `torso_forward` looks; `ok` is False where a point is not finite, near a
        tracking error (see `trusted`), and where shoulders or hips do not say which way is forward.
    """
    joints = points.astype(np.float64)
    joints -= joints[:, list(HIPS)].mean(1, keepdims=True)
    nose = joints[:, 0] + NOSE_AHEAD * torso_forward(joints)
    spine = joints[:, list(SHOULDERS)].mean(1)
    ok = np.isfinite(nose).all(-1) & np.isfinite(joints).all((1, 2)) & trusted(joints, fps)
    for left, right in (SHOULDERS, HIPS):
        ok &= np.linalg.norm(np.cross(joints[:, left] - joints[:, right], spine), axis=-1) > _FLAT
    return Clip(
        name=name,
        subject=subject,
        source=source,
        fps=fps,
        joints=joints.astype(np.float32),
        nose=nose.astype(np.float32),
        ok=ok,
        action=action,
        split=split,
    )


def trusted(
    joints: Float64[np.ndarray, "frames 13 3"], fps: float, max_speed: float = MAX_SPEED
) -> Bool[np.ndarray, " frames"]:
    """Tell the frames that are not near a tracking error.

    An error is a step from one frame to the next in which a joint (metres, from the middle of the hips) is faster than
    `max_speed` (metres a second). Both its frames are out, and those within `ERROR_MARGIN` of them.
    """
    steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(-1, initial=0.0)
    errors = np.flatnonzero(steps * fps > max_speed)
    reach = round(ERROR_MARGIN * fps)
    change = np.zeros(len(joints) + 1, dtype=int)
    np.add.at(change, np.maximum(errors - reach, 0), 1)
    np.add.at(change, np.minimum(errors + 2 + reach, len(joints)), -1)
    fine: np.ndarray = change[:-1].cumsum() == 0
    return fine


def resampled_times(frames: int, fps: float, wanted: float) -> tuple[Float64[np.ndarray, " resampled"], float]:
    """Tell which moments of a recording to keep, counted in its frames, and the frames per second that this makes.

    Where `fps` is a multiple of `wanted`, to 0.5 %, every n-th frame as it is (so 119.88 becomes 29.97, not 30);
    otherwise moments between frames, from the first frame up to the last.
    """
    ratio = fps / wanted
    whole = round(ratio)
    if whole and abs(ratio - whole) <= _WHOLE_RATIO * whole:
        return np.arange(0, frames, whole, dtype=np.float64), fps / whole
    count = int(np.floor((frames - 1) / ratio + 1e-9)) + 1
    return np.minimum(np.arange(count) * ratio, frames - 1), wanted


def subject_of(clip: str, pattern: str = SUBJECT) -> str:
    """Find the subject in a clip's name; zeros in front of a number go (`02` and `2` are one person).

    Raises:
        ValueError: If the pattern is not found or has no group.
    """
    found = re.match(pattern, clip)
    if not found or not found.groups() or not found[1]:
        raise ValueError(f"no subject in {clip!r} by the pattern {pattern!r}; its first group should be the subject")
    return plain_number(found[1])


def plain_number(text: str) -> str:
    """Take the zeros off the front of a number; any other text stays as it is."""
    return str(int(text)) if text.isdecimal() else text


def _interpolate(
    points: Float64[np.ndarray, "frames *rest"], times: Float64[np.ndarray, " resampled"]
) -> Float64[np.ndarray, "resampled *rest"]:
    """Points at moments between frames, on the straight line from one frame to the next."""
    before = np.floor(times).astype(int)
    after = np.ceil(times).astype(int)
    share = (times - before).reshape(-1, *[1] * (points.ndim - 1))
    mixed: np.ndarray = points[before] * (1 - share) + points[after] * share
    return mixed
