"""For the examples in the docstrings of `poseembed/`: where they run, and the files that they speak of."""

import os
from pathlib import Path

import numpy as np
import pytest

DATA = os.environ.get("POSEEMBED_DATA")
VIDEO, LANDMARKER = "street.avi", "pose_landmarker_full.task"


@pytest.fixture(autouse=True)
def example(request: pytest.FixtureRequest) -> None:
    """Run an example as whoever copies it does: of all names only `np` is there, and none of its module's."""
    if isinstance(request.node, pytest.DoctestItem):
        globs = request.node.dtest.globs
        globs.clear()
        globs["np"] = np
        request.getfixturevalue("example_folder")


@pytest.fixture
def example_folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to run in, empty but for the videos that the example reads."""
    monkeypatch.chdir(tmp_path)
    text = request.node.dtest.docstring
    if "clip.avi" in text:
        write_clip(tmp_path / "clip.avi")
    if "to_pandas" in text:
        pytest.importorskip("pandas")
    if "_onnx(" in text:
        from tests.exporting import skip_unless_able

        skip_unless_able()
    if VIDEO in text or LANDMARKER in text:
        pytest.importorskip("mediapipe")
        if not DATA:
            pytest.skip(f"set POSEEMBED_DATA to a folder with media/{VIDEO} and models/{LANDMARKER} to run it")
        (tmp_path / VIDEO).symlink_to(Path(DATA) / "media" / VIDEO)
        (tmp_path / LANDMARKER).symlink_to(Path(DATA) / "models" / LANDMARKER)


def write_clip(path: Path) -> None:
    """Ten frames, 25 a second."""
    cv2 = pytest.importorskip("cv2")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for number in range(10):
        writer.write(np.full((48, 64, 3), 20 * number, dtype=np.uint8))
    writer.release()
