"""What an exported encoder loses against torch, and what it gains: on real recordings, at several sizes of a batch.

The pose vectors of everything that the cameras saw are compared with torch's by their cosines, and the search of
`training.evaluation.multiview` for single frames says what that means for retrieval. The speed is that of `embed`, from
an array of keypoints to one of vectors: the fastest of several goes, for other work on the machine only ever slows.
Motion capture is searched in virtual views too (`training.evaluation.retrieval`), of pictures as they come: `DAMAGED`.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from poseembed import PoseEncoder, Poses
from poseembed.onnx.export import check_able
from training.datasets.multiview import MultiviewRecording
from training.evaluation.alignment import DETECTOR
from training.evaluation.clips import frame_by_frame
from training.evaluation.conditions import DAMAGED
from training.evaluation.multiview import measure
from training.evaluation.representations import pose_vectors
from training.evaluation.retrieval import GALLERY, Trial, hit_rates, make_trial
from training.scene.bodies import Bodies
from training.scene.cameras import CameraRange
from training.scene.views import ViewSampler

BATCHES = (1, 256, 4096)
"""Poses a call whose speed is measured."""

CALIBRATION = 1024
"""Bodies whose two views the ranges of eight bits are taken from."""

TRIALS = 3
"""Draws of poses and cameras of each motion capture."""

TORCH = "torch"
"""Precision of the encoder that was not exported."""


@dataclass(frozen=True)
class ExportResult:
    """One encoder in one precision.

    Attributes:
        checkpoint: Its name.
        precision: Of the exported file, or `TORCH`.
        megabytes: Of the file; 0 for torch.
        cosine: Mean cosine of the pose vectors with torch's.
        least: The smallest of them.
        pose: Share of the frames that find their pose first in another camera, mean of the recordings.
        hits: Share of the queries that find theirs first in virtual views of motion capture, by its name.
        rates: Poses a second by the size of a batch.
    """

    checkpoint: str
    precision: str
    megabytes: float
    cosine: float
    least: float
    pose: float
    hits: dict[str, float]
    rates: dict[int, float]


def can_export() -> bool:
    """Whether what exporting takes is installed."""
    try:
        check_able()
    except ImportError:
        return False
    return True


def calibration_views(bodies: Bodies, *, seed: int) -> Poses:
    """What two cameras and a detector see of recorded bodies; seeds torch's global random state."""
    torch.manual_seed(seed)
    batch = ViewSampler(bodies, CameraRange(), DETECTOR).sample(CALIBRATION)
    points = torch.where(batch.visible[..., None], batch.points, torch.nan).flatten(0, 1)
    return Poses.from_arrays(points.numpy())


def run(
    checkpoint: str,
    files: Mapping[str, Path],
    recordings: Mapping[str, MultiviewRecording],
    searched: Mapping[str, Float[np.ndarray, "_frames 13 3"]],
    *,
    size: int = GALLERY,
    batches: Sequence[int] = BATCHES,
    seconds: float = 1.0,
) -> Iterator[ExportResult]:
    """Measure a checkpoint in torch, and each of its files; yields results as soon as each is there.

    Args:
        checkpoint: Packaged name, folder or Hub id.
        files: Exported files, by precision.
        recordings: By name.
        searched: Poses of motion capture, by name.
        size: Of these in a trial, of which there are `TRIALS`.
        batches: Sizes of a batch whose speed is measured.
        seconds: To measure each of them for.
    """
    seen = np.concatenate([recording.keypoints.reshape(-1, 13, 2) for recording in recordings.values()])
    seen = seen[~np.isnan(seen).all((1, 2))].astype(np.float32)
    trials = {
        name: [make_trial(poses, DAMAGED, seed=seed, size=size) for seed in range(TRIALS)]
        for name, poses in searched.items()
    }
    exact = PoseEncoder.from_pretrained(checkpoint)
    wanted = exact.embed(seen).z_pose
    for precision, file in {TORCH: None, **files}.items():
        encoder = exact
        if file is not None:
            encoder = PoseEncoder.from_pretrained(checkpoint, backend="onnx", file_name=str(file))
        cosines = exact.similarity_pairwise(encoder.embed(seen).z_pose, wanted)
        yield ExportResult(
            checkpoint,
            precision,
            0.0 if file is None else file.stat().st_size / 1e6,
            float(cosines.mean()),
            float(cosines.min()),
            float(np.mean([_found(name, recording, encoder) for name, recording in recordings.items()])),
            {name: _hit(of_name, encoder) for name, of_name in trials.items()},
            {count: _rate(encoder, np.resize(seen, (count, 13, 2)), seconds) for count in batches},
        )


def _found(name: str, recording: MultiviewRecording, encoder: PoseEncoder) -> float:
    """Share of the frames that find their pose, mean of the pairs of cameras."""
    results = measure(name, recording, {"z_pose": frame_by_frame(pose_vectors(encoder))}, [0.0])
    return float(np.mean([result.pose for result in results]))


def _hit(trials: Sequence[Trial], encoder: PoseEncoder) -> float:
    """Share of the queries that find their pose first, mean of the trials."""
    return float(np.mean([hit_rates(trial, pose_vectors(encoder))[1] for trial in trials]))


def _rate(encoder: PoseEncoder, points: Float[np.ndarray, "poses 13 2"], seconds: float) -> float:
    """Poses a second, of the fastest call."""
    fastest, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        encoder.embed(points)
        fastest = min(fastest, time.perf_counter() - start)
    return len(points) / fastest
