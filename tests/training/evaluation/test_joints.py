"""What is said of joints, on comparisons whose outcome is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder, checkpoint
from poseembed.decoder import Decoder, DecoderConfig
from training.datasets import multiview
from training.datasets.mocap import Clip
from training.evaluation.alignment import BADLY, Performance
from training.evaluation.joints import (
    MARGIN,
    REFERENCES,
    UNMARKED,
    choose_line,
    deviations_in_recording,
    deviations_of_one,
    repetitions,
)

from ..datasets.test_multiview import save
from .test_reliability import moving

LEFT_WRIST = 5


@pytest.fixture
def with_decoder(masked_folder: Path) -> PoseEncoder:
    """A random network with a random decoder."""
    saved = checkpoint.read(masked_folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        decoder = Decoder(saved.config.network, DecoderConfig(16)).eval()
    return PoseEncoder(saved.fitted(decoder))


def squat(seed: int, wrist: float = 0.0, frames: int = 20) -> np.ndarray:
    """(frames, 13, 3) metres, y up: bodies of one person that wander, the left wrist higher or not."""
    rng = np.random.default_rng(0)
    start = rng.normal(scale=0.2, size=(13, 3))
    start[1:3] += [0, 0.6, 0]
    start[7:9] -= start[7:9].mean(0)
    noise = np.random.default_rng(seed).normal(scale=0.002, size=(frames, 13, 3))
    joints = start + noise + 0.01 * np.arange(frames)[:, None, None] * rng.normal(size=(13, 3))
    joints[:, LEFT_WRIST] += [0, wrist, 0]
    return joints.astype(np.float32)


def clip(name: str, subject: str, action: str, joints: np.ndarray) -> Clip:
    ok = np.ones(len(joints), dtype=bool)
    return Clip(name, subject, "made up", 30.0, joints, joints[:, 0], ok, action, "val")


def test_the_line_is_over_nearly_all_of_every_group() -> None:
    low, high = np.linspace(0, 1, 101), np.linspace(1, 2, 101)
    wanted = MARGIN * (1 + UNMARKED)
    assert choose_line([low.tolist(), high.tolist()]) == choose_line([high.tolist()]) == pytest.approx(wanted, abs=0.01)
    assert choose_line([high.tolist()]) >= wanted


def test_the_deviations_of_one_performance_are_the_largest_of_each_pair(with_decoder: PoseEncoder) -> None:
    clips = [Performance(torch.from_numpy(squat(1)), "squat", 30.0)]
    found = list(deviations_of_one(clips, with_decoder, {"one": None, "other": None}, pairs=2, seed=4))
    assert len(found) == 4 and found[0] == found[1] != found[2] and min(found) > 0
    with_decoder.decoder = None
    with pytest.raises(ValueError, match="no decoder"):
        next(deviations_of_one(clips, with_decoder, {"one": None}, pairs=1, seed=0))


def test_what_real_cameras_saw_is_one_performance_too(with_decoder: PoseEncoder, tmp_path: Path) -> None:
    recording = multiview.read(save(tmp_path, moving()))
    assert len(recording.pairs) == 1 and recording.keypoints.shape[2] == 1
    (found,) = deviations_in_recording(recording, with_decoder)
    assert found > 0
    both = np.stack([recording.keypoints[recording.pairs[0, 0]]] * 2)  # the same pictures on either side
    (none,) = deviations_in_recording(replace(recording, keypoints=both), with_decoder)
    assert none == 0


def test_what_is_done_badly_is_off_where_it_is(with_decoder: PoseEncoder) -> None:
    clips = [
        clip(f"{subject}{seed}{action}", subject, action, squat(seed, wrist))
        for subject, seed in (("a", 1), ("a", 2), ("b", 3))
        for action, wrist in (("squat", 0.0), ("squat" + BADLY, 0.3))
    ]
    found = list(repetitions(clips, ["squat"], with_decoder, pairs=2, seed=0))
    kinds = [(who, badly) for who in REFERENCES for badly in (False, True) for _ in range(2)]
    assert [(result.reference, result.badly) for result in found] == kinds
    for result in found:
        assert result.exercise == "squat" and result.marked.shape == (13,)
        assert np.delete(result.off, LEFT_WRIST).max() < 0.15
        assert (result.off[LEFT_WRIST] > 0.3) == result.badly
    with pytest.raises(ValueError, match="no repetition of 'lunge' and of 'lunge' by the same person to compare"):
        next(repetitions(clips, ["lunge"], with_decoder, pairs=1, seed=0))
