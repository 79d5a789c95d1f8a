"""Rows of poses to vectors: with context for those who can be followed over time, frame by frame for the others."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int64

from poseembed.clips import REACH, Reach, end_to_end
from poseembed.keypoints import few_joints
from poseembed.origin import MadeBy
from poseembed.warned import warn_user


@runtime_checkable
class Embeds(Protocol):
    """What turns keypoints into vectors, as `PoseEncoder` does: who only reads poses need not load one."""

    @property
    def made_by(self) -> MadeBy:
        """What its vectors say of their origin."""

    @property
    def clip_made_by(self) -> MadeBy | None:
        """What its vectors with context say of their origin; None if it has no clip encoder."""

    def embed(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray,
        *,
        min_confidence: float,
        batch_size: int,
        show_progress_bar: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of (n, 13, 2) keypoints and (n, 13) scores: (n, pose_dim) and (n, view_dim)."""

    def embed_clip(
        self,
        keypoints: np.ndarray,
        confidence: np.ndarray,
        *,
        times: np.ndarray,
        context: float,
        look_ahead: float | None,
        wanted: np.ndarray | None,
        min_confidence: float,
        batch_size: int,
        show_progress_bar: bool,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of the wanted frames of a clip, by what comes before and after; and which of them were filled."""


def reach_of(encoder: Embeds, context: float | None, look_ahead: float | None) -> Reach:
    """What is read around a frame: all that a clip encoder reads, if there is one and nobody says otherwise.

    Raises:
        TypeError, ValueError: As `Reach.of` does; and a ValueError for a context without a clip encoder.
    """
    reach = Reach.of(REACH if context is None else context, look_ahead)
    if encoder.clip_made_by is not None:
        return reach
    if context is not None and reach != Reach(0, 0):
        raise ValueError(
            f"got context={context:g}, and this checkpoint has no clip encoder, so it takes each frame by itself; "
            "leave it out, or load one that has"
        )
    return Reach(0, 0)


def embed_rows(
    encoder: Embeds,
    keypoints: Float[np.ndarray, "n 13 2"],
    confidence: Float[np.ndarray, "n 13"],
    video: np.ndarray,
    person: Int64[np.ndarray, " n"],
    time: Float[np.ndarray, " n"],
    *,
    context: float | None,
    look_ahead: float | None,
    min_joints: int,
    min_confidence: float,
    wanted: Bool[np.ndarray, " n"] | None = None,
    **settings: Any,
) -> tuple[np.ndarray, np.ndarray, MadeBy]:
    """Vectors of rows, and what made them; what the arguments are says `Poses.embed`.

    If only some rows are wanted, those of the others mean nothing.

    Raises:
        TypeError, ValueError: As `Poses.embed` does.
    """
    reach, few = reach_of(encoder, context, look_ahead), few_joints(keypoints, confidence, min_joints, min_confidence)
    made_by, track, followed = encoder.clip_made_by, tracks(video, person), np.zeros(len(time), dtype=bool)
    if reach != Reach(0, 0):
        followed = can_be_followed(track, person, time)
    if made_by is None or not followed.any():
        if context is not None and reach != Reach(0, 0) and np.isfinite(keypoints).any():
            raise ValueError(
                f"got context={context:g}, and nobody can be followed over time here; give each row its person and its "
                "time in seconds, rising (Poses.from_arrays), or leave context= out"
            )
        z_pose, z_view = encoder.embed(keypoints, confidence, min_confidence=min_confidence, **settings)
        z_pose[few], z_view[few] = np.nan, np.nan
        return z_pose, z_view, encoder.made_by
    rows, times = in_tracks(track, time, followed)
    z_pose, z_view, _ = encoder.embed_clip(
        keypoints[rows],
        confidence[rows],
        times=times,
        context=REACH if context is None else context,
        look_ahead=look_ahead,
        wanted=None if wanted is None else wanted[rows],
        min_confidence=min_confidence,
        **settings,
    )
    back = np.argsort(rows)
    z_pose, z_view = z_pose[back], z_view[back]
    z_pose[few], z_view[few] = np.nan, np.nan
    return z_pose, z_view, made_by


def tracks(video: np.ndarray, person: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Number of the track of each row, one for each person of each video; -1 where the person is not known.

    Args:
        video: (n,) names of the videos, each of whose rows stand together.
        person: Whose row it is; negative is not known.
    """
    changes = np.zeros(len(person), dtype=np.int64)
    changes[1:] = video[1:] != video[:-1]
    people, number = np.unique(person, return_inverse=True)
    return np.where(person < 0, -1, changes.cumsum() * len(people) + number)


def in_tracks(
    track: Int64[np.ndarray, " n"], time: Float[np.ndarray, " n"], followed: Bool[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Bring the rows of each track together, as one clip; every other row is a clip of its own.

    Args:
        track: Number of each row's track, see `tracks`.
        time: Seconds, rising from row to row of those who are followed.
        followed: Rows of people who are.

    Returns:
        Numbers of the rows in their new order, and times that rise throughout, the clips far apart.
    """
    rows = np.argsort(np.where(followed, track, -1), kind="stable")
    whose, known = track[rows], followed[rows]
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = ~(known[1:] & known[:-1] & (whose[1:] == whose[:-1]))
    return rows, end_to_end(np.where(known, time[rows], 0.0), begins)


def can_be_followed(
    track: Int64[np.ndarray, " n"], person: Int64[np.ndarray, " n"], time: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Which rows are of tracks all of whose times are known, and rise from row to row.

    Args:
        track: Number of each row's track, see `tracks`.
        person: Whose track it is.
        time: Seconds; NaN is not known.

    Warns:
        UserWarning: If the times of one of them are known, and do not rise.
    """
    order = np.argsort(track, kind="stable")
    whose, since = track[order], np.diff(time[order])
    unknown = np.unique(track[np.isnan(time)])
    stays = whose[1:][(np.diff(whose) == 0) & (since <= 0)]
    falling = np.setdiff1d(stays[stays >= 0], unknown)
    if len(falling):
        who = person[track == falling[0]][0]
        others = f" (and of {len(falling) - 1} others)" if len(falling) > 1 else ""
        warn_user(
            f"the time of person {who}{others} does not rise from row to row, as where two rows show one person "
            "in one frame: each frame of theirs is embedded by itself"
        )
    return (track >= 0) & ~np.isin(track, np.concatenate([unknown, falling]))
