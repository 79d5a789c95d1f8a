"""Finding MediaPipe's model, and what its landmarker gives."""

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from poseembed.video import landmarker
from poseembed.video.capture import Frame
from poseembed.video.landmarker import MODEL_SHA256, MODEL_URL, MODEL_VARIABLE, Landmarker, find_model

PARTS = ("pose_detector.tflite", "pose_landmarks_detector.tflite")


def bundle(path: Path, names: tuple[str, ...] = PARTS) -> Path:
    """Write a file that looks like a model."""
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"weights" * 100)
    return path


class Server(HTTPServer):
    """A server on this machine that sends `content`, the first `sent` bytes of it, and counts."""

    content, sent, requests = b"", 1 << 30, 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.sent])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the model goes in an empty cache, with no model named in the environment."""
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "poseembed" / "pose_landmarker_full.task"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Stands for the model's owner."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.content = bundle(tmp_path / "official.task").read_bytes()
        address = f"http://127.0.0.1:{server.server_address[1]}/pose_landmarker_full.task"
        monkeypatch.setattr(landmarker, "MODEL_URL", address)
        monkeypatch.setattr(landmarker, "MODEL_SHA256", hashlib.sha256(server.content).hexdigest())
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_official_file_is_pinned() -> None:
    assert MODEL_URL.startswith("https://") and "/float16/1/" in MODEL_URL  # not "latest", which moves
    assert len(bytes.fromhex(MODEL_SHA256)) == 32


def test_what_is_passed_goes_before_the_environment(
    tmp_path: Path, cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed, named = bundle(tmp_path / "passed.task"), bundle(tmp_path / "named.task")
    monkeypatch.setenv(MODEL_VARIABLE, str(named))
    assert find_model(passed) == find_model(str(passed)) == passed
    assert find_model() == named
    assert not cached.exists()


def test_a_download_happens_once(server: Server, cached: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert find_model() == cached
    assert cached.read_bytes() == server.content
    assert "100%" in capfd.readouterr().err
    assert find_model() == cached
    assert server.requests == 1


def test_a_damaged_copy_is_downloaded_again(server: Server, cached: Path) -> None:
    cached.parent.mkdir(parents=True)
    cached.write_bytes(server.content[:-1] + b"x")
    assert find_model().read_bytes() == server.content


@pytest.mark.parametrize("fault", ["other content", "half of it", "no server"])
def test_a_download_that_fails_says_what_to_do(
    server: Server, cached: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "other content":
        server.content = b"<html>please log in</html>"
    elif fault == "half of it":
        server.sent = len(server.content) // 2
    else:
        monkeypatch.setattr(landmarker, "MODEL_URL", "http://127.0.0.1:9/pose_landmarker_full.task")
    with pytest.raises(OSError, match=f"could not download .*--landmarker.*{MODEL_VARIABLE}.*{cached}"):
        find_model()
    assert not cached.exists() and not list(cached.parent.iterdir())


def test_without_a_cache_variable_it_is_in_the_home_folder(
    server: Server, cached: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_model() == tmp_path / ".cache" / "poseembed" / "pose_landmarker_full.task"


@pytest.mark.parametrize("from_environment", [False, True])
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("missing.task", FileNotFoundError, "there is no model .*--landmarker.*POSEEMBED_LANDMARKER"),
        ("folder.task", FileNotFoundError, "there is no model"),
        ("text.task", ValueError, "is not a .task bundle"),
        ("hand.task", ValueError, "is not a pose landmarker: it holds hand_detector.tflite"),
        ("damaged.task", ValueError, "is damaged: pose_detector.tflite"),
    ],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path,
    cached: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[Exception],
    message: str,
    from_environment: bool,
) -> None:
    (tmp_path / "folder.task").mkdir()
    (tmp_path / "text.task").write_text("version https://git-lfs.github.com/spec/v1")
    bundle(tmp_path / "hand.task", ("hand_detector.tflite",))
    good = bundle(tmp_path / "damaged.task").read_bytes()
    (tmp_path / "damaged.task").write_bytes(good.replace(b"weights", b"weighty", 1))
    if from_environment:
        monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / name))
    with pytest.raises(error, match=message) as caught:
        find_model(None if from_environment else tmp_path / name)
    assert ("from the environment variable" in str(caught.value)) == from_environment


def test_without_mediapipe_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ImportError, match='MediaPipe 1.0 or later: pip install "mediapipe>='):
        Landmarker(bundle(tmp_path / "a.task"), 1)


def test_without_mediapipe_nothing_is_downloaded(server: Server, cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landmarker, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="needs MediaPipe"):
        find_model()
    assert not cached.exists()


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of models/")
def test_frames_at_one_time_are_frames_all_the_same() -> None:
    pytest.importorskip("mediapipe")
    model = Path(os.environ["POSEEMBED_DATA"]) / "models/pose_landmarker_full.task"
    empty = np.zeros((120, 160, 3), np.uint8)
    with Landmarker(model, num_poses=2) as landmarker:
        for time in (0.0, 0.0, 0.0004, 0.0, 5.0):  # MediaPipe itself refuses a time that does not rise
            keypoints, confidence = landmarker.detect(Frame(0, time, empty))
            assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)
