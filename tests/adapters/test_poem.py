"""The CSV files of google-research/poem."""

import csv
from pathlib import Path

import numpy as np
import pytest

from poseembed.adapters.poem import read_poem

# The order in which the documentation of poem's pr_vipe/infer.py lists them, which is also that of `JOINTS`.
NAMES = [
    "NOSE_TIP",
    "LEFT_SHOULDER",
    "RIGHT_SHOULDER",
    "LEFT_ELBOW",
    "RIGHT_ELBOW",
    "LEFT_WRIST",
    "RIGHT_WRIST",
    "LEFT_HIP",
    "RIGHT_HIP",
    "LEFT_KNEE",
    "RIGHT_KNEE",
    "LEFT_ANKLE",
    "RIGHT_ANKLE",
]
SIZE = {"image/width": ["1920", "640"], "image/height": ["1080", "480"]}


def columns() -> dict[str, list[str]]:
    """The 39 columns for two pictures: shares rise from joint to joint, and by 0.01 from x to y."""
    content: dict[str, list[str]] = {}
    for i, name in enumerate(NAMES):
        content[f"image/object/part/{name}/center/x"] = [str(0.05 * i), str(0.05 * i + 0.2)]
        content[f"image/object/part/{name}/center/y"] = [str(0.05 * i + 0.01), str(0.05 * i + 0.21)]
        content[f"image/object/part/{name}/score"] = [str(0.5 + i / 100), str(0.6 + i / 100)]
    return content


def save(content: dict[str, list[str]], folder: Path) -> Path:
    """Write a CSV file."""
    with (folder / "poem.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(content)
        writer.writerows(zip(*content.values(), strict=True))
    return folder / "poem.csv"


def shares() -> np.ndarray:
    """(2, 13, 2) coordinates as in the files."""
    return 0.05 * np.arange(13)[:, None] + [0, 0.01] + 0.2 * np.arange(2)[:, None, None]


def test_the_size_of_each_picture_brings_pixels_back(tmp_path: Path) -> None:
    poses = read_poem(save(SIZE | columns() | {"label": ["squat", "jump"]}, tmp_path))
    np.testing.assert_allclose(poses.keypoints, shares() * [[[1920, 1080]], [[640, 480]]], rtol=1e-6)
    np.testing.assert_allclose(poses.confidence, 0.5 + np.arange(13) / 100 + 0.1 * np.arange(2)[:, None], rtol=1e-6)
    assert poses.frame.tolist() == [0, 1] and poses.person.tolist() == [-1, -1]


def test_without_the_columns_the_size_is_given(tmp_path: Path) -> None:
    content = columns()
    content["image/object/part/LEFT_WRIST/center/x"][0] = ""
    poses = read_poem(str(save(content, tmp_path)), image_size=(1920, 1080))
    wanted = shares() * [1920, 1080]
    wanted[0, 5, 0] = np.nan
    np.testing.assert_allclose(poses.keypoints, wanted, rtol=1e-6)


def test_a_header_alone_is_no_poses(tmp_path: Path) -> None:
    assert len(read_poem(save({name: [] for name in SIZE | columns()}, tmp_path))) == 0


WIDTH_ONLY = {"image/width": ["1920", "640"]}


@pytest.mark.parametrize(
    "content, image_size, words",
    [
        (columns(), None, "has 0 of the columns image/width and image/height, and image_size is None"),
        (SIZE | columns(), (1920, 1080), r"has 2 of the columns .* image_size is \(1920, 1080\)"),
        (WIDTH_ONLY | columns(), None, "has 1 of the columns"),
        (WIDTH_ONLY | columns(), (1920, 1080), "has 1 of the columns"),
        (SIZE | {"image/height": ["1080", ""]} | columns(), None, "missing or not positive"),
        (columns(), (1920, 0), "missing or not positive"),
        (columns() | {"image/object/part/LEFT_KNEE/center/x": ["0.5", "512"]}, (640, 480), "of 512; .* like pixels"),
        (
            columns() | {"image/object/part/LEFT_KNEE/score": ["1", "high"]},
            (640, 480),
            "line 3: .*'high', not a number",
        ),
        (
            {name: values for name, values in columns().items() if "NOSE" not in name},
            (640, 480),
            "no column .*NOSE_TIP",
        ),
    ],
)
def test_other_files_are_refused_in_words(
    tmp_path: Path, content: dict[str, list[str]], image_size: tuple[float, float] | None, words: str
) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*poem.csv: .*{words}"):
        read_poem(save(content, tmp_path), image_size=image_size)
