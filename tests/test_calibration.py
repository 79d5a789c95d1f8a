"""The prior of a search; how probabilities are fitted is tested with `training/calibrate.py`."""

import pytest

from poseembed.calibration import search_prior


@pytest.mark.parametrize(
    "rows, prior",
    [([40], 1 / 40), ([40, 60], 2 / 100), ([1, 1], 0.5), ([1], 0.5), ([40, 0], 1 / 40), ([], 0.5), ([0], 0.5)],
    ids=str,
)
def test_each_recording_shows_the_pose_once(rows: list[int], prior: float) -> None:
    assert search_prior(iter(rows)) == prior
