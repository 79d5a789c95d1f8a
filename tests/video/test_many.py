"""Many videos at once: `embed_videos_to`."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from poseembed import PoseEncoder, load_embedded, processes
from poseembed.video import embed_video_to, embed_videos_to
from poseembed.video.landmarker import find_model


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[Path, partial[object]]:
    """What would be done in other processes."""
    asked: dict[Path, partial[object]] = {}

    def run(tasks: Mapping[Path, partial[object]], jobs: int, report: Callable[[], object]) -> dict[Path, str]:
        assert jobs == 3
        asked.update(tasks)
        report()
        return {Path("b.avi"): "is damaged"}

    monkeypatch.setattr(processes, "run", run)
    monkeypatch.setattr("poseembed.video.many.find_model", lambda model: Path("found.task"))
    return asked


def test_each_video_has_a_folder_of_its_name(
    tasks: dict[Path, partial[object]], encoder: PoseEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = embed_videos_to(["x/a.mp4", "b.avi"], tmp_path, encoder, jobs=3, num_poses=2, stop=9, show_progress_bar=True)
    assert done.folders == {Path("x/a.mp4"): tmp_path / "a.mp4"} and done.errors == {Path("b.avi"): "is damaged"}
    task = tasks[Path("x/a.mp4")]
    assert task.func is embed_video_to and task.args == (Path("x/a.mp4"), tmp_path / "a.mp4")
    assert task.keywords["encoder"] is encoder and task.keywords["landmarker"] == Path("found.task")
    assert (task.keywords["num_poses"], task.keywords["stop"], task.keywords["context"]) == (2, 9, 0.0)
    assert "1/2" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "videos, settings, words",
    [
        (["x/a.mp4", "y/a.mp4"], {}, "two videos are called a.mp4"),
        (["a.mp4"], {"jobs": 0}, "got jobs=0"),
        (["a.mp4"], {"every": 0}, "got every=0"),
        (["a.mp4"], {"shard_frames": 0}, "got shard_frames=0"),
        (["a.mp4"], {"context": 0.2}, "no clip encoder"),
    ],
)
def test_what_is_wrong_with_all_is_refused_first(
    tasks: dict[Path, partial[object]],
    encoder: PoseEncoder,
    tmp_path: Path,
    videos: list[str],
    settings: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(ValueError, match=words):
        embed_videos_to(videos, tmp_path, encoder, **settings)
    assert not tasks


@pytest.mark.slow
@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name media/ and models/")
def test_processes_write_what_one_writes(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    data, encoder = Path(os.environ["POSEEMBED_DATA"]), PoseEncoder.from_pretrained("poseembed-small")
    model = find_model(data / "models/pose_landmarker_full.task")
    videos, damaged = [data / "media/balance_cam1.mp4", data / "media/street.avi"], tmp_path / "damaged.mp4"
    damaged.write_bytes(b"nothing")
    done = embed_videos_to([*videos, damaged], tmp_path / "all", encoder, jobs=2, landmarker=model, stop=4)
    assert list(done.errors) == [damaged] and "gives no picture" in done.errors[damaged]
    for video in videos:
        (alone,) = embed_video_to(video, tmp_path / "alone" / video.name, encoder, landmarker=model, stop=4)
        assert alone.read_bytes() == (done.folders[video] / alone.name).read_bytes()
    read = load_embedded(tmp_path / "all", encoder)
    assert list(read.videos) == ["balance_cam1.mp4", "street.avi"] and read.made_by == encoder.made_by
