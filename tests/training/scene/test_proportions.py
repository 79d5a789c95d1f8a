"""People's proportions, against the survey that they come from."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from training.scene.proportions import CORRELATION, DEVIATION, MEASURED, draw_people


def test_people_vary_as_far_and_together_as_it_says() -> None:
    torch.manual_seed(0)
    drawn = draw_people(200_000, device=torch.device("cpu"))
    assert drawn.shape == (200_000, len(MEASURED))
    np.testing.assert_allclose(drawn.mean(0), np.zeros(7), atol=1e-3)
    np.testing.assert_allclose(drawn.std(0), DEVIATION, rtol=0.01)
    np.testing.assert_allclose(torch.corrcoef(drawn.T), CORRELATION, atol=0.01)


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of the survey")
def test_the_numbers_are_those_of_the_survey() -> None:
    with np.load(Path(os.environ["POSEEMBED_DATA"]) / "body_lengths_ansur2.npz") as survey:
        called = {"neck": "neck_head", "shin": "shank"}
        shares = np.log([survey[called.get(name, name)] / survey["trunk"] for name in MEASURED])
    np.testing.assert_allclose(shares.std(1), DEVIATION, atol=0.001)
    np.testing.assert_allclose(np.corrcoef(shares), CORRELATION, atol=0.006)
