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
        MatchCalibration(*((1.0, value) for value in values))
    assert MatchCalibration((0.0,), (0.0,), (-3.0,)).c == (-3,)


def test_even_odds_unless_told_otherwise() -> None:
    calibration, cosine = MatchCalibration((2.0,), (0.5,), (0.3,)), torch.linspace(-1, 1, 5)
    torch.testing.assert_close(calibration.probability(cosine), calibration.probability(cosine, prior=0.5))


def test_probability_is_the_formula_of_beta_calibration() -> None:
    calibration = MatchCalibration((3.0, 2.0), (0.5, 0.0, 1.0), (-0.5,))
    cosine, certainty = torch.tensor([-0.9, 0.3, 0.8, 0.99]).double(), torch.tensor([0.2, 0.5, 0.8, 1.0]).double()
    s = (1 + cosine) / 2
    a, b, c = 3 * certainty + 2 * certainty**2, 0.5 * certainty + certainty**3, -0.5 * certainty
    odds = s**a / (1 - s) ** b * c.exp()
    for prior in (0.5, 0.01, 0.9):
        with_prior = odds * prior / (1 - prior)
        torch.testing.assert_close(
            calibration.probability(cosine, certainty, prior), with_prior / (1 + with_prior), rtol=1e-9, atol=0
        )
    sure = torch.ones_like(cosine)
    torch.testing.assert_close(calibration.probability(cosine), calibration.probability(cosine, sure))


@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_where_nothing_is_known_any_cosine_is_worth_the_prior(prior: float) -> None:
    calibration = MatchCalibration((30.0, 5.0), (1.0, 2.0), (4.0, -1.0))
    cosine = torch.linspace(-1, 1, 9)
    chances = calibration.probability(cosine, torch.zeros(9), prior)
    torch.testing.assert_close(chances, torch.full((9,), prior))


@pytest.mark.parametrize("a, b", [((3.0,), (1.5,)), ((0,), (1,)), ((1,), (0,)), ((0,), (0,)), ((1e6,), (1e6, 1e6))])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_probability_rises_with_the_cosine_and_is_finite_at_its_ends(
    a: tuple[float, ...], b: tuple[float, ...], dtype: torch.dtype
) -> None:
    calibration = MatchCalibration(a, b, (0.0,))
    for certainty in (0.1, 1.0):
        chances = calibration.probability(
            torch.linspace(-1, 1, 401, dtype=dtype), torch.full((401,), certainty, dtype=dtype)
        )
        assert chances.isfinite().all() and (chances.diff() >= 0).all()
    ends = torch.tensor([-1.0, 1.0])
    beyond = calibration.probability(ends * 1.000001)  # cosines that were rounded
    torch.testing.assert_close(beyond, calibration.probability(ends), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "cosine, prior, words",
    [
        (1.2, 0.5, "got values outside -1 to 1; wanted cosines"),
        (float("-inf"), 0.5, "got values outside -1 to 1"),
        (0.0, 0.0, "got prior=0.0; it is a share of pairs, more than 0 and less than 1"),
        (0.0, 1.0, "got prior=1"),
        (0.0, float("nan"), "got prior=nan"),
    ],
)
def test_what_is_no_cosine_or_prior_is_refused(cosine: float, prior: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MatchCalibration((1.0,), (1.0,), (0.0,)).probability(torch.tensor([cosine]), prior=prior)
