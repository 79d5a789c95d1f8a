"""What a calibration may be, and the prior of a search; how one is fitted is tested with `training/calibrate.py`."""

import pytest
import torch

from poseembed.calibration import MatchCalibration, search_prior


@pytest.mark.parametrize(
    "rows, prior",
    [([40], 1 / 40), ([40, 60], 2 / 100), ([1, 1], 0.5), ([1], 0.5), ([40, 0], 1 / 40), ([], 0.5), ([0], 0.5)],
    ids=str,
)
def test_each_recording_shows_the_pose_once(rows: list[int], prior: float) -> None:
    assert search_prior(iter(rows)) == prior


@pytest.mark.parametrize("values", [(-0.1, 1.0, 0.0), (1.0, -0.1, 0.0), (float("nan"), 1.0, 0.0), (1.0, 1.0, -2e6)])
def test_what_could_make_the_likelier_less_probable_is_no_calibration(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be from"):
        MatchCalibration(*values)
    assert MatchCalibration(0.0, 0.0, -3.0).c == -3


def test_even_odds_unless_told_otherwise() -> None:
    calibration, cosine = MatchCalibration(2.0, 0.5, 0.3), torch.linspace(-1, 1, 5)
    torch.testing.assert_close(calibration.probability(cosine), calibration.probability(cosine, prior=0.5))
