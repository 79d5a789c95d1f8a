"""`Video`: which frames come out of which file, how they stand and when they are."""

import contextlib
import struct
import sys
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from poseembed.video.capture import Video, is_address

cv2 = pytest.importorskip("cv2")

HEIGHT, WIDTH, RATE = 48, 64, 10
MATRIX_UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
MATRIX_TURNED = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, HEIGHT << 16, 0, 1 << 30)  # a quarter, clockwise
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


def picture(number: int) -> np.ndarray:
    """A BGR picture, as bright as its number is high (from 0 again at 30), with a red corner at the top left."""
    image = np.full((HEIGHT, WIDTH, 3), 8 * (number % 30), np.uint8)
    image[:16, :16] = (0, 0, 255)
    return image


def write(path: Path, count: int = 20) -> Path:
    """Write a small video with as many pictures."""
    code = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), RATE, (WIDTH, HEIGHT))
    for number in range(count):
        writer.write(picture(number))
    writer.release()
    return path


def with_box(content: bytes, kind: bytes, body: bytes) -> bytes:
    """MP4 content with another body in its boxes of a kind. (The pictures come first, so they do not move.)"""
    boxes, at = b"", 0
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        inner = content[at + 8 : at + size]
        if name == kind:
            inner = body
        elif name in CONTAINERS:
            inner = with_box(inner, kind, body)
        boxes += struct.pack(">I4s", len(inner) + 8, name) + inner
        at += size
    return boxes


def turn(content: bytes) -> bytes:
    """MP4 content with a rotation tag in its track header."""
    at = content.index(MATRIX_UPRIGHT, content.index(b"tkhd"))
    return content[:at] + MATRIX_TURNED + content[at + len(MATRIX_TURNED) :]


def numbers_seen(frames: list) -> list[int]:
    """Numbers that the pictures themselves show."""
    return [round(float(frame.image[-8:, -8:].mean()) / 8) for frame in frames]


@pytest.fixture
def avi(tmp_path: Path) -> Path:
    return write(tmp_path / "plain.avi")


@pytest.fixture
def mp4(tmp_path: Path) -> Path:
    return write(tmp_path / "plain.mp4")


@pytest.mark.parametrize("name", ["a.avi", "a.mp4", "take:2 é.mp4"])
def test_all_frames_come_in_order_as_rgb_with_their_times(tmp_path: Path, name: str) -> None:
    with Video(write(tmp_path / name)) as video:
        frames = list(video.frames())
    assert video.num_frames == 20 and not video.is_live
    assert [frame.number for frame in frames] == numbers_seen(frames) == list(range(20))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(20) / RATE, atol=1e-6)
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) and frame.image.dtype == np.uint8 for frame in frames)
    assert frames[0].image[4, 4].argmax() == 0


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"start": 5}, range(5, 20)),
        ({"stop": 5}, range(5)),
        ({"stop": 50}, range(20)),
        ({"every": 3}, range(0, 20, 3)),
        ({"start": 4, "stop": 15, "every": 5}, range(4, 15, 5)),
        ({"start": 4, "stop": 15, "every": 5, "skip": 1}, range(9, 15, 5)),
        ({"start": 1, "every": 6, "skip": 4}, range(0)),
    ],
)
def test_a_part_of_the_frames(avi: Path, arguments: dict[str, int], wanted: range) -> None:
    with Video(avi) as video:
        frames = list(video.frames(**arguments))
    assert [frame.number for frame in frames] == numbers_seen(frames) == list(wanted)
    np.testing.assert_allclose([frame.time for frame in frames], np.array(wanted) / RATE, atol=1e-6)


def test_a_turned_video_is_upright(mp4: Path) -> None:
    mp4.write_bytes(turn(mp4.read_bytes()))
    with Video(mp4) as video:
        image = next(video.frames()).image
    assert image.shape == (WIDTH, HEIGHT, 3)
    assert image[4, -4].argmax() == 0 and image[4, -4, 0] > 128  # the top left corner has gone to the top right
    assert image[4, 4].max() < 64


@pytest.mark.parametrize("turned", [False, True])
def test_pixels_become_square(mp4: Path, turned: bool) -> None:
    content = mp4.read_bytes()
    size = struct.pack(">2I", WIDTH << 16, HEIGHT << 16)
    assert size in content
    content = content.replace(size, struct.pack(">2I", 2 * WIDTH << 16, HEIGHT << 16))  # shown twice as wide as stored
    if turned:
        content = turn(content)
    mp4.write_bytes(content)
    with Video(mp4) as video:
        height, width, _ = next(video.frames()).image.shape
    assert height / width == (2 * WIDTH / HEIGHT if turned else HEIGHT / (2 * WIDTH))


def test_times_are_the_files_own_where_the_rate_varies(mp4: Path) -> None:
    content = mp4.read_bytes()
    at = content.index(b"stts")
    one_entry, count, step = struct.unpack(">3I", content[at + 8 : at + 20])
    assert (one_entry, count) == (1, 20)
    entries = struct.pack(">8I", 0, 3, 10, step // 2, 5, 2 * step, 5, step)
    mp4.write_bytes(with_box(content, b"stts", entries))
    with Video(mp4) as video:
        times = [frame.time for frame in video.frames()]
    wanted = np.cumsum([0, *[0.5] * 10, *[2] * 5, *[1] * 4]) / RATE
    np.testing.assert_allclose(times, wanted, atol=1e-6)


def composed(content: bytes, delays: list[int]) -> bytes:
    """MP4 content whose pictures are shown so many ticks after they are decoded (a `ctts` box)."""
    entries = b"".join(struct.pack(">2I", 1, delay) for delay in delays)
    at = content.index(b"stbl") - 4
    size = struct.unpack(">I", content[at : at + 4])[0]
    body = content[at + 8 : at + size] + struct.pack(">I4s2I", 16 + len(entries), b"ctts", 0, len(delays)) + entries
    return with_box(content, b"stbl", body)


def test_times_never_fall(mp4: Path) -> None:
    content = mp4.read_bytes()
    at = content.index(b"stts")
    step = struct.unpack(">3I", content[at + 8 : at + 20])[2]
    delays = np.zeros(20, int)
    delays[[6, 7]] = 5, 4  # both are shown at 1.1 s, and the two after them at 0.8 and 0.9 s
    mp4.write_bytes(composed(content, (step * delays).tolist()))
    with Video(mp4) as video:
        frames = list(video.frames())
    stored = (np.arange(20) + delays) / RATE
    assert numbers_seen(frames) == list(range(20))
    assert (np.diff(stored) < 0).any() and (np.diff(stored) == 0).any()
    np.testing.assert_allclose([frame.time for frame in frames], np.maximum.accumulate(stored), atol=1e-6)


def test_a_file_without_times_goes_at_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "bare.mjpeg"
    path.write_bytes(b"".join(cv2.imencode(".jpg", picture(number))[1].tobytes() for number in range(6)))
    with Video(path) as video:
        times = [frame.time for frame in video.frames()]
    np.testing.assert_allclose(times, np.arange(6) / 25, atol=1e-6)  # FFmpeg's rate for it


def test_a_missing_tail_is_said_and_the_rest_used(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.avi", 60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Video(path) as video, pytest.warns(UserWarning, match=r"cut.avi: \d+ frames .* of about 60 ") as caught:
        frames = list(video.frames())
    assert 5 < len(frames) < 55
    assert f": {len(frames)} frames" in str(caught[0].message) and caught[0].filename == __file__
    whole = frames[:-1]  # the last picture may be half there
    assert numbers_seen(whole) == [number % 30 for number in range(len(whole))]


def test_a_missing_tail_that_is_not_asked_for_is_no_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.avi", 60)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Video(path) as video:
        assert len(list(video.frames(stop=10))) == 10  # a warning would be an error here


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("missing.mp4", None, FileNotFoundError, "there is no video .*missing.mp4"),
        ("empty.mp4", b"", ValueError, "is empty: 0 bytes"),
        ("text.mp4", b"not a video\n" * 100, ValueError, "gives no picture: it is no video"),
        ("noise.avi", bytes(range(256)) * 40, ValueError, "gives no picture"),
        (".", None, ValueError, "is a folder"),
    ],
)
def test_what_is_no_video_is_refused(
    tmp_path: Path, name: str, content: bytes | None, error: type[Exception], message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        Video(path)


def test_an_mp4_that_lost_its_end_is_refused(mp4: Path) -> None:
    mp4.write_bytes(mp4.read_bytes()[:-400])
    with pytest.raises(ValueError, match="gives no picture: it is no video, is damaged"):
        Video(mp4)


def test_a_start_past_the_end_is_refused(avi: Path) -> None:
    with Video(avi) as video, pytest.raises(ValueError, match="start=20 is past the end of .*, which has 20 frames"):
        list(video.frames(start=20))


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="there is no camera 77"):
        Video(77)


@pytest.mark.unchecked_types
def test_neither_a_path_nor_a_camera() -> None:
    with pytest.raises(TypeError, match=r"got 1\.5; wanted the path of a video"):
        Video(1.5)  # type: ignore[arg-type]


def test_without_opencv_the_extra_is_named(avi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match='pip install "mediapipe>='):
        Video(avi)


# Addresses


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves a file /plain.mp4 and, as cameras do, pictures without end at /live."""
    write(tmp_path / "plain.mp4")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            if self.path != "/live":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(OSError):  # until nobody looks any more
                for number in count():
                    _, content = cv2.imencode(".jpg", picture(number))
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
                    self.wfile.write(head.encode() + content.tobytes() + b"\r\n")
                    time.sleep(0.01)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        yield f"127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def test_a_file_elsewhere_is_a_file(server: str) -> None:
    with Video(f"http://{server}/plain.mp4") as video:
        frames = list(video.frames())
    assert not video.is_live and video.num_frames == 20
    assert numbers_seen(frames) == list(range(20)) and frames[-1].time == pytest.approx(1.9, abs=1e-6)


def test_a_stream_has_no_end_and_goes_by_the_clock(server: str) -> None:
    began = time.monotonic()
    with Video(f"http://me:secret@{server}/live") as video:
        frames = list(video.frames(stop=5))
    assert video.is_live and video.num_frames == 0 and video.name == f"http://{server}/live"
    times = [frame.time for frame in frames]
    assert [frame.number for frame in frames] == list(range(5))
    assert times == sorted(times) and times[0] >= 0 and times[-1] < time.monotonic() - began


def test_where_nothing_answers(server: str) -> None:
    for address in (f"http://me:secret@{server}/none", "rtsp://me:secret@127.0.0.1:1/stream"):
        with pytest.raises(ConnectionError, match="^cannot open (http|rtsp)://127.0.0.1:[^ ]*: nothing answers there"):
            Video(address)


@pytest.mark.parametrize("source", ["RTSP://a/b", "http://a", "https://a/b.mp4?c=d"])
def test_what_is_an_address(source: str) -> None:
    assert is_address(source)


@pytest.mark.parametrize("source", ["ftp://a", "http.mp4", "take:2.mp4", Path("a"), 0])
def test_what_is_no_address(source: object) -> None:
    assert not is_address(source)
