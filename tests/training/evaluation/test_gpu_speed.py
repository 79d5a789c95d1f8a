"""What is measured on a GPU, tried on a processor; and once for all on a GPU, where there is one."""

from pathlib import Path

import pytest
import torch

from training.evaluation.gpu_speed import encoders_on


def test_a_row_for_each_place_and_batch(plain_folder: Path) -> None:
    settings = {"poses": 40, "batches": (10, 40), "square": 32, "compiled": False}
    limit, *rows = encoders_on(torch.device("cpu"), [str(plain_folder)], **settings)
    assert limit.part == "cpu" and limit.unit == "Gflop/s" and limit.value > 0
    places = ("on it", "in the host's memory")
    wanted = [f"40 poses {where}, {batch} at once" for batch in (10, 40) for where in places]
    assert [row.what.partition(", ")[2] for row in rows] == wanted
    assert all(row.value > 0 and row.share is not None and 0 < row.share < 1 for row in rows)


@pytest.mark.gpu
def test_a_gpu_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    """From an array on the GPU, in the largest batch: the rest is printed, to be looked at."""
    rows = list(encoders_on(torch.device("cuda"), ["poseembed-base", "poseembed-small"]))
    with capsys.disabled():
        for row in rows:
            print(f"{row.part}: {row.what}: {row.value:,.0f} {row.unit}, {100 * (row.share or 0):.0f} % of the limit")
    best = max(row.share or 0 for row in rows if "poseembed-base" in row.what and "on it" in row.what)
    assert best >= 0.25
