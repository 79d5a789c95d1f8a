"""From a video to rows of poses: `detect_video`, `embed_video` and `embed_video_to`."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typing_extensions import Self

from poseembed import PoseEncoder, Poses
from poseembed.adapters.base import Keypoints
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.files.poses import read_poses, write_poses
from poseembed.video import detect_video, embed_video, embed_video_to, embedding
from poseembed.video.capture import Frame, Video
from poseembed.video.landmarker import Landmarker

from ..limits import HANGS

cv2 = pytest.importorskip("cv2")

FRAMES, RATE = 40, 25
needs_data = pytest.mark.skipif(
    "POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of media/ and models/"
)


class FakeLandmarker(Landmarker):
    """Sees people who walk apart; like the real one, a frame's result depends on the frames before.

    In every fifth frame it sees nobody, and in frames whose number divides by 3 it gives the people in reverse.
    """

    opened = 0

    def __init__(self, model: Path, num_poses: int) -> None:
        assert model.is_file()
        type(self).opened += 1
        self.num_poses = num_poses
        self.seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        type(self).opened -= 1

    def detect(self, frame: Frame) -> Keypoints:
        self.seen += 1
        if frame.number % 5 == 4:
            return Keypoints(np.empty((0, 13, 2), np.float32), np.empty((0, 13), np.float32))
        body = np.random.default_rng(3).random((13, 2)) * (20, 60)
        start = [(100 * person + frame.number, 30 + self.seen / 8) for person in range(self.num_poses)]
        keypoints = np.stack([body + place for place in start]).astype(np.float32)
        confidence = np.full((self.num_poses, 13), 0.9, np.float32)
        return Keypoints(*((keypoints[::-1], confidence) if frame.number % 3 == 0 else (keypoints, confidence)))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of 40 frames, 25 a second."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (32, 24))
    for number in range(FRAMES):
        writer.write(np.full((24, 32, 3), 5 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that looks like a model, with a landmarker that takes it."""
    monkeypatch.setattr(embedding, "Landmarker", FakeLandmarker)
    monkeypatch.setattr(FakeLandmarker, "opened", 0)
    path = tmp_path / "model.task"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("pose_detector.tflite", "pose_landmarks_detector.tflite"):
            file.writestr(name, b"weights")
    return path


@pytest.fixture
def tiny(plain_folder: Path) -> PoseEncoder:
    """A small random encoder."""
    return PoseEncoder.from_pretrained(plain_folder)


def assert_same(ours: Poses, wanted: Poses) -> None:
    """All columns agree to the last bit."""
    for column in fields(Poses):
        np.testing.assert_array_equal(getattr(ours, column.name), getattr(wanted, column.name), err_msg=column.name)


def without_vectors(poses: Poses) -> Poses:
    return replace(poses, z_pose=None, z_view=None, made_by=None)


def assert_close(ours: Poses, wanted: Poses) -> None:
    """The vectors agree."""
    assert ours.made_by == wanted.made_by and ours.z_pose is not None and ours.z_view is not None
    np.testing.assert_allclose(ours.z_pose, wanted.z_pose, atol=2e-5, rtol=1e-4)
    np.testing.assert_allclose(ours.z_view, wanted.z_view, atol=2e-5, rtol=1e-4)


# In memory


def test_rows_are_people_in_frames(clip: Path, model: Path) -> None:
    poses = Poses.concatenate(detect_video(clip, landmarker=model, num_poses=2))
    nobody = np.arange(FRAMES) % 5 == 4
    np.testing.assert_array_equal(poses.frame, np.repeat(np.arange(FRAMES), np.where(nobody, 1, 2)))
    np.testing.assert_allclose(poses.time, poses.frame / RATE, atol=1e-6)
    missing = nobody[poses.frame]
    assert np.isnan(poses.keypoints[missing]).all() and (poses.confidence[missing] == 0).all()
    assert (poses.person[missing] == -1).all()
    assert not np.isnan(poses.keypoints[~missing]).any() and (poses.confidence[~missing] > 0.8).all()


def test_people_keep_their_numbers(clip: Path, model: Path) -> None:
    poses = Poses.concatenate(detect_video(clip, landmarker=model, num_poses=3))
    assert sorted(poses.people) == [0, 1, 2]
    for person in poses.people:
        rows = poses.person == person
        place = poses.keypoints[rows, 0, 0] - poses.frame[rows]
        np.testing.assert_allclose(place, place[0], atol=1e-3)


def test_a_piece_has_no_more_frames_than_asked_for(clip: Path, model: Path) -> None:
    pieces = list(detect_video(clip, landmarker=model, num_poses=2, chunk_frames=16))
    assert [len(np.unique(piece.frame)) for piece in pieces] == [16, 16, 8]
    assert_same(Poses.concatenate(pieces), Poses.concatenate(detect_video(clip, landmarker=model, num_poses=2)))


def test_pieces_come_while_the_video_is_read_and_stopping_closes_it(clip: Path, model: Path) -> None:
    pieces = detect_video(clip, landmarker=model, chunk_frames=1)
    assert [piece.frame.tolist() for piece in islice(pieces, 3)] == [[0], [1], [2]]
    assert FakeLandmarker.opened == 1
    del pieces
    assert FakeLandmarker.opened == 0


def test_a_part_of_the_frames(clip: Path, model: Path) -> None:
    poses = Poses.concatenate(detect_video(clip, landmarker=model, start=3, stop=30, every=7))
    assert poses.frame.tolist() == [3, 10, 17, 24]
    np.testing.assert_allclose(poses.time, poses.frame / RATE, atol=1e-6)


def test_embedding_is_that_of_the_encoder(clip: Path, model: Path, tiny: PoseEncoder) -> None:
    poses = embed_video(clip, tiny, landmarker=model, num_poses=2)
    wanted = Poses.concatenate(detect_video(clip, landmarker=model, num_poses=2)).embed(tiny)
    assert_same(poses, wanted)
    assert poses.z_pose is not None
    np.testing.assert_array_equal(np.isnan(poses.z_pose).all(-1), poses.person == -1)


def test_frames_are_embedded_in_context_where_that_is_asked_for(
    clip: Path, model: Path, clip_encoder: PoseEncoder
) -> None:
    found = Poses.concatenate(detect_video(clip, landmarker=model, num_poses=2))
    poses = embed_video(clip, clip_encoder, landmarker=model, num_poses=2, context=None)
    assert_same(poses, found.embed(clip_encoder, context=None))
    assert poses.made_by == clip_encoder.clip_made_by
    alone = embed_video(clip, clip_encoder, landmarker=model, num_poses=2)
    assert_same(alone, found.embed(clip_encoder, context=0))
    assert alone.made_by == clip_encoder.made_by
    live = embed_video(clip, clip_encoder, landmarker=model, num_poses=2, context=None, look_ahead=0.1)
    assert_same(live, found.embed(clip_encoder, context=None, look_ahead=0.1))
    np.testing.assert_array_equal(np.isnan(poses.z_pose).all(-1), poses.person == -1)


def test_a_context_without_a_clip_encoder_is_refused_before_the_work(
    clip: Path, model: Path, tiny: PoseEncoder, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="got context=0.4, and this checkpoint has no clip encoder"):
        embed_video(clip, tiny, landmarker=model, context=0.4)
    with pytest.raises(ValueError, match="got context=0.4, and this checkpoint has no clip encoder"):
        embed_video_to(clip, tmp_path / "out", tiny, landmarker=model, context=0.4)
    assert FakeLandmarker.opened == 0 and not (tmp_path / "out").exists()


def test_the_packaged_encoder_is_the_default(clip: Path, model: Path) -> None:
    poses = embed_video(clip, landmarker=model, stop=4)
    assert_same(poses, embed_video(clip, PoseEncoder.from_pretrained(), landmarker=model, stop=4))


def test_progress_is_shown_when_asked(clip: Path, model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    list(detect_video(clip, landmarker=model))
    assert capfd.readouterr().err == ""
    list(detect_video(clip, landmarker=model, start=5, every=2, show_progress_bar=True))
    assert "18/18" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_poses": 0}, "num_poses=0; it must be at least 1"),
        ({"every": 0}, "every=0; it must be at least 1"),
        ({"start": -1}, "start=-1; it must be at least 0"),
        ({"start": 5, "stop": 5}, "start=5 and stop=5; stop must be larger"),
        ({"chunk_frames": 0}, "chunk_frames=0"),
    ],
)
def test_numbers_out_of_range_are_refused_at_the_call(
    clip: Path, model: Path, arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        detect_video(clip, landmarker=model, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "function",
    [detect_video, embed_video, lambda source, landmarker: embed_video_to(source, ".", landmarker=landmarker)],
)
def test_a_bad_video_is_refused_before_the_model_is_looked_for(tmp_path: Path, function: Callable[..., Any]) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(ValueError, match="empty.mp4 is empty"):
        function(tmp_path / "empty.mp4", landmarker=tmp_path / "missing.task")
    with pytest.raises(FileNotFoundError, match="there is no video"):
        function(tmp_path / "missing.mp4", landmarker=tmp_path / "missing.task")


def test_a_bad_model_is_refused_at_the_call(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no model"):
        detect_video(clip, landmarker=tmp_path / "missing.task")


def test_a_camera_needs_an_end() -> None:
    with pytest.raises(ValueError, match="a camera has no end: pass stop="):
        embed_video(0)


def test_a_stream_needs_an_end(monkeypatch: pytest.MonkeyPatch, clip: Path, model: Path) -> None:
    class Endless(Video):
        def __init__(self, source: str) -> None:
            super().__init__(clip)
            self.name, self.is_live, self.num_frames = source, True, 0

    monkeypatch.setattr(embedding, "Video", Endless)
    with pytest.raises(ValueError, match="rtsp://a has no end: pass stop="):
        embed_video("rtsp://a", landmarker=model)
    assert len(embed_video("rtsp://a", landmarker=model, stop=4)) == 4
    with pytest.raises(ValueError, match="got an address; .* download it first"):
        embed_video_to("rtsp://a", "folder", landmarker=model)


def test_concatenating_nothing_gives_nothing() -> None:
    assert len(Poses.concatenate([])) == 0


def test_concatenating_refuses_vectors_for_some(poses: np.ndarray, tiny: PoseEncoder) -> None:
    plain = Poses.from_arrays(poses)
    later = Poses.from_arrays(poses, frame=np.arange(24, 48))
    with pytest.raises(ValueError, match="some of the poses have z_pose and others have none"):
        Poses.concatenate([plain, later.embed(tiny)])


# To a folder


def interrupt_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let so many shards be written, and then be interrupted."""
    calls = iter(range(100))

    def interrupted(poses: Poses, path: Path) -> None:
        if next(calls) == count:
            raise KeyboardInterrupt
        write_poses(poses, path)

    monkeypatch.setattr(embedding, "write_poses", interrupted)


@pytest.mark.parametrize("arguments", [{}, {"start": 3, "every": 2}, {"stop": 24}], ids=str)
@pytest.mark.parametrize("done", [0, 1, 2])
@pytest.mark.parametrize("folder", ["plain_folder", "clip_folder"])
def test_an_interrupted_run_ends_as_one_that_was_not(
    clip: Path,
    model: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    arguments: dict[str, int],
    done: int,
    folder: str,
) -> None:
    tiny = PoseEncoder.from_pretrained(request.getfixturevalue(folder))
    settings: dict[str, Any] = {"landmarker": model, "num_poses": 2, "shard_frames": 8, **arguments}
    whole = embed_video_to(clip, tmp_path / "whole", tiny, **settings)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, done)
        embed_video_to(clip, tmp_path / "parts", tiny, **settings)
    assert len(list((tmp_path / "parts").glob("*.npz"))) == done
    parts = embed_video_to(clip, tmp_path / "parts", tiny, **settings)
    assert len(whole) == (3 if arguments else 5)
    assert [(part.name, part.read_bytes()) for part in parts] == [(file.name, file.read_bytes()) for file in whole]
    poses = Poses.concatenate(read_poses(part) for part in parts)
    looked_at = range(arguments.get("start", 0), arguments.get("stop", FRAMES), arguments.get("every", 1))
    assert np.unique(poses.frame).tolist() == list(looked_at)
    assert sorted(poses.people) == [0, 1]
    assert_close(poses, Poses.concatenate(map(without_vectors, map(read_poses, parts))).embed(tiny))


def test_finished_work_is_not_done_again(clip: Path, model: Path, tiny: PoseEncoder, tmp_path: Path) -> None:
    files = embed_video_to(clip, tmp_path / "out", tiny, landmarker=model, shard_frames=15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "Landmarker", None)
        assert embed_video_to(clip, tmp_path / "out", tiny, landmarker=model, shard_frames=15) == files


@pytest.mark.parametrize("change", [{"context": 0.0}, {"context": 0.2}, {"look_ahead": 0.1}])
def test_a_folder_of_work_with_another_context_is_refused(
    clip: Path, model: Path, clip_encoder: PoseEncoder, tmp_path: Path, change: dict[str, float]
) -> None:
    arguments: dict[str, Any] = {"landmarker": model, "stop": 30, "shard_frames": 10}
    files = embed_video_to(clip, tmp_path / "out", clip_encoder, **arguments, context=None)
    with pytest.raises(ValueError, match="holds the work of a call with another (clip, )?slots_(before|after)"):
        embed_video_to(clip, tmp_path / "out", clip_encoder, **arguments, **{"context": None, **change})
    assert embed_video_to(clip, tmp_path / "out", clip_encoder, **arguments, context=1.0) == files


@pytest.mark.parametrize("change", ["video", "model", "encoder", "num_poses", "every", "start", "stop", "shard_frames"])
def test_a_folder_of_other_work_is_refused(
    clip: Path, model: Path, tiny: PoseEncoder, masked_folder: Path, tmp_path: Path, change: str
) -> None:
    arguments: dict[str, Any] = {"encoder": tiny, "landmarker": model, "stop": 30, "shard_frames": 10}
    embed_video_to(clip, tmp_path / "out", **arguments)
    if change in ("video", "model"):
        path = {"video": clip, "model": model}[change]
        path.write_bytes(path.read_bytes() + b"\0")
    else:
        other = {"encoder": PoseEncoder.from_pretrained(masked_folder), "num_poses": 2, "every": 3, "start": 1}
        arguments[change] = {**other, "stop": 31, "shard_frames": 11}[change]
    with pytest.raises(ValueError, match=f"holds the work of a call with another {change};"):
        embed_video_to(clip, tmp_path / "out", **arguments)


@pytest.mark.parametrize(
    "record, words",
    [
        ('{"poseembed": "0.1.0"}', "video.json is not the record of an embedded video: it has no format_version"),
        ("{", "video.json is not JSON"),
    ],
    ids=["of another version", "damaged"],
)
def test_a_folder_whose_record_cannot_be_read_is_refused(
    clip: Path, model: Path, tiny: PoseEncoder, tmp_path: Path, record: str, words: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "video.json").write_text(record)
    with pytest.raises(ValueError, match=f"{words}.*; pass another folder"):
        embed_video_to(clip, tmp_path / "out", tiny, landmarker=model)


def test_vectors_of_another_decoder_are_the_same_work(
    clip: Path, model: Path, tiny: PoseEncoder, tmp_path: Path
) -> None:
    """What made the vectors is the network; a decoder that is fitted later changes nothing."""
    files = embed_video_to(clip, tmp_path / "out", tiny, landmarker=model, shard_frames=15)
    tiny.decoder = Decoder(tiny.config.network, DecoderConfig())
    assert embed_video_to(clip, tmp_path / "out", tiny, landmarker=model, shard_frames=15) == files


def test_a_folder_with_something_else_is_refused(clip: Path, model: Path, tiny: PoseEncoder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not empty, and not the work of embed_video_to"):
        embed_video_to(clip, tmp_path, tiny, landmarker=model)


@pytest.mark.unchecked_types
def test_a_camera_goes_to_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got 0; wanted the path of a video"):
        embed_video_to(0, tmp_path)  # type: ignore[arg-type]


# The real thing


@pytest.mark.slow
def test_importing_the_library_loads_no_video_package() -> None:
    code = "import sys, poseembed, poseembed.video; print({'cv2', 'mediapipe', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HANGS)
    assert done.stdout.strip() == "set()"


@pytest.fixture(scope="module")
def street() -> tuple[Path, Path]:
    """A street with several people, and a model."""
    pytest.importorskip("mediapipe")
    data = Path(os.environ["POSEEMBED_DATA"])
    return data / "media/street.avi", data / "models/pose_landmarker_full.task"


@needs_data
def test_a_person_in_the_street(street: tuple[Path, Path]) -> None:
    poses = embed_video(street[0], landmarker=street[1], start=1, stop=50, every=4)
    assert poses.frame.tolist() == list(range(1, 50, 4))
    np.testing.assert_allclose(poses.time, poses.frame / 50, atol=1e-6)
    assert poses.people == (0,) and (poses.person == 0).mean() > 0.9
    nose, ankles = poses.keypoints[:, 0], poses.keypoints[:, 11:]
    assert ((nose > (550, 50)) & (nose < (850, 300))).all()  # she stands left of the middle
    assert (ankles[..., 1].mean(1) - nose[:, 1] > 200).all()  # on her feet
    assert np.median(poses.confidence) > 0.7
    assert poses.z_pose is not None and np.isfinite(poses.z_pose[poses.person == 0]).all()


@needs_data
@pytest.mark.slow
def test_people_in_the_street(street: tuple[Path, Path], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"landmarker": street[1], "num_poses": 4, "start": 100, "stop": 116, "shard_frames": 10}
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_after(patch, 1)
        embed_video_to(street[0], tmp_path / "parts", **settings)
    parts = embed_video_to(street[0], tmp_path / "parts", **settings)
    whole = embed_video_to(street[0], tmp_path / "whole", **settings)
    poses = Poses.concatenate(read_poses(file) for file in whole)
    assert_same(Poses.concatenate(read_poses(file) for file in parts), poses)
    assert len(poses.people) >= 2
    first, second = (poses.track(person) for person in poses.people[:2])
    assert len(first) == 16 and len(second) >= 8
    assert np.abs(np.nanmean(first.keypoints[:, 0, 0]) - np.nanmean(second.keypoints[:, 0, 0])) > 200
