"""Retrieval between real cameras: the pose, and the moment, that one camera saw, found among what another saw.

Every frame of one camera of a pair is a query, and all frames of the other camera are its gallery; then the other way
round. The pose is found if the NP-MPJPE of the two 3D poses is under `SAME_POSE`, the moment if the two frames lie
within `SAME_MOMENT` of each other. With a window, the similarity of two frames is the mean over what lies around both
at the same offsets, so that a movement is compared and not a moment; what nobody saw is left out of the mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from training.datasets.multiview import MultiviewRecording
from training.evaluation.clips import EmbedClip, FilmedClip
from training.evaluation.retrieval import SAME_POSE, same_pose
from training.scene.world import normalize_3d

SAME_MOMENT = 0.2
"""Seconds within which two frames show the same moment."""


@dataclass(frozen=True)
class MultiviewResult:
    """What one representation found between one pair of cameras, both ways, of all people.

    Attributes:
        recording: Its name.
        detector: What found the keypoints.
        cameras: The pair.
        representation: Its name.
        window: Seconds before and after a frame that count; 0 is the frame alone.
        queries: How many there were.
        pose: Share of them that found the pose.
        moment: Share of them that found the moment.
    """

    recording: str
    detector: str
    cameras: tuple[int, int]
    representation: str
    window: float
    queries: int
    pose: float
    moment: float


def measure(
    name: str,
    recording: MultiviewRecording,
    representations: Mapping[str, EmbedClip],
    windows: Sequence[float],
) -> list[MultiviewResult]:
    """Search between all pairs of cameras of a recording.

    Args:
        name: Of the recording.
        recording: What the cameras saw.
        representations: By name.
        windows: Seconds; 0 is single frames.
    """
    results = []
    people = range(recording.keypoints.shape[2])
    for pair, (first, second) in enumerate(recording.pairs.tolist()):
        truth = [ground_truth(recording, pair, person) for person in people]
        for label, embed in representations.items():
            seen = [
                [_represent(recording.keypoints[camera, :, person], recording.fps, embed) for camera in (first, second)]
                for person in people
            ]
            for window in windows:
                reach = round(window * recording.fps)
                found = [
                    first_hits(over_window(one @ other.T, reach), trusted, pose, moment)
                    for (one, other), (trusted, pose, moment) in zip(seen, truth, strict=True)
                ]
                hits = np.concatenate(found, axis=1)
                results.append(
                    MultiviewResult(
                        name, recording.detector, (first, second), label, window, hits.shape[1], *hits.mean(1).tolist()
                    )
                )
    return results


def over_window(similarity: Float[np.ndarray, "n m"], reach: int) -> Float[np.ndarray, "n m"]:
    """Mean similarity of what lies up to `reach` frames around both frames, at the same offsets; NaN is left out."""
    n, m = similarity.shape
    known = np.isfinite(similarity)
    filled = np.where(known, similarity, 0)
    total, count = np.zeros_like(filled), np.zeros_like(filled)
    for offset in range(-reach, reach + 1):
        to = tuple(slice(max(0, -offset), max(0, min(size, size - offset))) for size in (n, m))
        of = tuple(slice(max(0, offset), max(0, min(size, size + offset))) for size in (n, m))
        total[to] += filled[of]
        count[to] += known[of]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _represent(
    points: Float[np.ndarray, "frames 13 2"], fps: float, embed: EmbedClip
) -> Float[np.ndarray, "frames dim"]:
    """Unit vectors, so that products rank as distances do; NaN where nothing was seen."""
    visible = torch.from_numpy(~np.isnan(points).any(-1))
    vectors = embed(FilmedClip(torch.from_numpy(points), visible, np.arange(len(points)) / fps))
    unit: np.ndarray = torch.nn.functional.normalize(vectors, dim=-1).numpy()
    return np.where(visible.any(-1)[:, None], unit, np.nan)


def ground_truth(
    recording: MultiviewRecording, pair: int, person: int
) -> tuple[Bool[np.ndarray, " frames"], Bool[np.ndarray, "frames frames"], Bool[np.ndarray, "frames frames"]]:
    """Which frames can be judged, and which pairs of frames show the same pose, and the same moment."""
    trusted = recording.trusted(pair, person)
    joints = torch.from_numpy(recording.joints3d[pair, person][trusted])
    pose = np.zeros((len(trusted), len(trusted)), dtype=bool)
    pose[np.ix_(trusted, trusted)] = same_pose(normalize_3d(joints), limit=SAME_POSE).numpy()
    frames = np.arange(len(trusted))
    moment = np.abs(frames[:, None] - frames) <= SAME_MOMENT * recording.fps
    return trusted, pose, moment


def first_hits(
    similarity: Float[np.ndarray, "frames frames"],
    trusted: Bool[np.ndarray, " frames"],
    pose: Bool[np.ndarray, "frames frames"],
    moment: Bool[np.ndarray, "frames frames"],
) -> Bool[np.ndarray, "2 queries"]:
    """Whether each query found the pose, and the moment: the queries of one camera after those of the other."""
    hits = []
    for ranked in (similarity, similarity.T):
        queries = np.flatnonzero(trusted & np.isfinite(ranked).any(1))
        gallery = np.flatnonzero(trusted & np.isfinite(ranked).any(0))
        among = np.nan_to_num(ranked[np.ix_(queries, gallery)], nan=-np.inf)
        best = gallery[among.argmax(1)]
        hits.append(np.stack([pose[queries, best], moment[queries, best]]))
    return np.concatenate(hits, axis=1)
