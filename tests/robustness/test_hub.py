"""The Hub, and all that is between it and a user: each trouble is an OSError that says what it was and what to do."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _http

from poseembed import PoseEncoder, hub
from tests.limits import HANGS
from tests.robustness.hub_server import HubServer, Request

FILES = ("config.json", "model.safetensors", "README.md")


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The network may be used, with an empty cache; and between two tries nobody waits."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(_http.time, "sleep", lambda _, sleep=time.sleep: sleep(0.01))
    monkeypatch.chdir(tmp_path)
    yield
    for thread in threading.enumerate():
        if thread.name == "poseembed-hub":  # given up, and still at work with the session
            thread.join()
    huggingface_hub.close_session()


def use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture
def server(plain_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub that has a checkpoint, and no troubles yet."""
    with HubServer({name: (plain_folder / name).read_bytes() for name in FILES}).running() as running:
        use(monkeypatch, running.address)
        yield running


def load(**options: Any) -> PoseEncoder:
    return PoseEncoder.from_pretrained("owner/name", **options)


# What works


def test_a_checkpoint_is_downloaded_once_and_then_used_without_the_server(
    server: HubServer, plain_folder: Path, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = PoseEncoder.from_pretrained(plain_folder).embed(poses).z_pose
    first = load()
    assert first.card == "# A random network\n"
    np.testing.assert_array_equal(first.embed(poses).z_pose, wanted)
    assert sum(asked.startswith("GET /owner") for asked in server.asked) == 3
    load()
    assert sum(asked.startswith("GET /owner") for asked in server.asked) == 3
    use(monkeypatch, "http://127.0.0.1:9")  # nobody listens there
    np.testing.assert_array_equal(load().embed(poses).z_pose, wanted)
    np.testing.assert_array_equal(load(local_files_only=True).embed(poses).z_pose, wanted)


def test_a_revision_stays_what_it_was(server: HubServer, plain_folder: Path) -> None:
    server.branches["v1"] = old = server.branches["main"]
    server.put({**server.commits[old], "README.md": b"# Newer\n"})
    assert load(revision="v1").card == load(revision=old).card == "# A random network\n"
    assert load().card == "# Newer\n"


def test_files_are_of_one_commit_even_if_somebody_uploads_meanwhile(server: HubServer) -> None:
    def upload(request: Request) -> None:
        if request.path.endswith("model.safetensors") and len(server.commits) == 1:
            server.put({**server.commits[server.branches["main"]], "README.md": b"# Newer\n"})

    server.troubles.append(upload)
    assert load().card == "# A random network\n"
    assert load().card == "# Newer\n"


@pytest.mark.skipif(
    int(huggingface_hub.__version__.split(".")[0]) < 2, reason="before that the Hub's library gave up at the first cut"
)
def test_a_download_that_is_cut_goes_on_where_it_was(server: HubServer, poses: np.ndarray) -> None:
    content = bytes(300_000)
    server.put({**server.commits[server.branches["main"]], "README.md": b"#" * 300_000})
    cuts: list[int] = []

    def cut(request: Request) -> bool:
        if request.command == "HEAD" or not request.path.endswith("README.md") or len(cuts) == 3:
            return False
        start = int(request.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        cuts.append(start)
        commit = server.branches["main"]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(300_000 - start))
        request.send_header("X-Repo-Commit", commit)
        if start:
            request.send_header("Content-Range", f"bytes {start}-299999/300000")
        request.end_headers()
        request.wfile.write(b"#" * 80_000)
        request.close_connection = True
        return True

    server.troubles.append(cut)
    assert load().card == "#" * len(content)
    assert cuts == [0, 65_536, 131_072]


class Clock:
    """Of the one who waits for a download; it stands still but for what the server lets pass between two pieces."""

    def __init__(self) -> None:
        self.now, self.looked = 0.0, threading.Event()

    def monotonic(self) -> float:
        self.looked.set()
        return self.now

    def pass_a_third(self) -> None:
        """Of the patience, once who waits has looked again."""
        self.looked.clear()
        self.looked.wait(HANGS)
        self.now += hub.PATIENCE / 3


def test_slow_is_not_stalled(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put({**server.commits[server.branches["main"]], "README.md": b"#" * (1 << 20)})
    clock = Clock()
    monkeypatch.setattr(hub, "time", clock)
    server.piece, server.wait = 1 << 16, clock.pass_a_third
    assert len(load().card) == 1 << 20
    assert clock.now > 4 * hub.PATIENCE


def test_two_at_once(server: HubServer) -> None:
    loaded: list[PoseEncoder] = []
    threads = [threading.Thread(target=lambda: loaded.append(load())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 4 and constants.DOWNLOAD_CHUNK_SIZE == 10 * 1024 * 1024


def test_what_is_pushed_can_be_loaded(server: HubServer, encoder: PoseEncoder, poses: np.ndarray) -> None:
    url = encoder.push_to_hub("owner/name", token="hf_secret")
    assert url == f"{server.address}/owner/name/commit/{server.branches['main']}"
    np.testing.assert_array_equal(load().embed(poses).z_pose, encoder.embed(poses).z_pose)


# What does not


def status(code: int, error: str | None = None, **headers: str) -> Callable[[Request], bool]:
    def trouble(request: Request) -> bool:
        request.fail(code, error, {name.replace("_", "-"): value for name, value in headers.items()})
        return True

    return trouble


def page(request: Request) -> bool:
    request.answer(200, b"<html>Welcome! Please log in</html>", {"Content-Type": "text/html", "ETag": '"1"'})
    return True


def redirect(request: Request) -> bool:
    request.fail(307, headers={"Location": request.path})
    return True


def hang_up(request: Request) -> bool:
    request.close_connection = True
    return True


def hang(request: Request) -> bool:
    request.hub.closing.wait(20)
    request.close_connection = True
    return True


def only(method: str, trouble: Callable[[Request], bool]) -> Callable[[Request], bool]:
    return lambda request: request.command == method and trouble(request)


def cut_short(request: Request) -> bool:
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"{")
    request.close_connection = True
    return True


def garbage(request: Request) -> bool:
    request.wfile.write(b"\xff\xfe\x00 hello\r\n\r\n")
    request.close_connection = True
    return True


TROUBLES: dict[str, tuple[Callable[[Request], bool], str]] = {
    "token refused": (status(401, X_Error_Message="Invalid credentials in Authorization header"), "not accept the tok"),
    "no repository": (status(401, "RepoNotFound"), "no repository 'owner/name', or it is private"),
    "no repository, to a token": (status(404, "RepoNotFound"), "no repository 'owner/name', or it is private"),
    "gated": (status(403, "GatedRepo"), "it is gated: ask for access at .*/owner/name, then log in"),
    "gated, logged out": (status(401, "GatedRepo"), "it is gated: ask for access at .*/owner/name, then log in"),
    "forbidden": (status(403), "forbids it .403."),
    "no revision": (status(404, "RevisionNotFound"), "no revision 'main': see the branches and tags"),
    "no file": (status(404, "EntryNotFound"), "has no such file, so it holds no such checkpoint"),
    "not found, by a proxy": (status(404), "answered with an error"),
    "gone": (status(410), "answered with an error"),
    "too often": (status(429), "ask too often .429.: wait"),
    "internal error": (status(500), "a fault of its own .500.: try again later"),
    "bad gateway": (status(502), "a fault of its own .502."),
    "unavailable": (status(503), "a fault of its own .503."),
    "gateway timeout": (status(504), "a fault of its own .504."),
    "captive portal": (page, "not the Hugging Face Hub but, say, a proxy or the page where a network"),
    "redirected for ever": (redirect, "from one address to the next without end"),
    "hangs up": (hang_up, "the connection broke again and again"),
    "speaks no HTTP": (garbage, "the connection broke again and again"),
    "file: too often": (only("GET", status(429)), "ask too often .429."),
    "file: forbidden": (only("GET", status(403)), "forbids it .403."),
    "file: internal error": (only("GET", status(500)), "a fault of its own .500."),
    "file: redirected for ever": (only("GET", redirect), "from one address to the next without end"),
    "file: hangs up": (only("GET", hang_up), "the connection broke again and again"),
    "file: always cut": (only("GET", cut_short), "the connection broke again and again"),
    "file: a page": (only("GET", page), "came with another length than announced"),
}


@pytest.mark.parametrize("forced", [False, True], ids=["", "forced"])
@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_sentence(server: HubServer, name: str, forced: bool) -> None:
    trouble, words = TROUBLES[name]
    server.troubles.append(trouble)
    with pytest.raises(OSError, match=f"config.json of 'owner/name' .*({words})"):
        load(force_download=forced)


@pytest.mark.parametrize("when", ["", "HEAD", "GET"])
def test_a_server_that_never_answers_is_given_up(server: HubServer, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    assert hub.PATIENCE == 30
    monkeypatch.setattr(hub, "PATIENCE", 0.5)
    server.troubles.append(only(when, hang) if when else hang)
    since = time.monotonic()
    with pytest.raises(TimeoutError, match="sent nothing for 0.5 s. Try again later; for a slow .*POSEEMBED_HUB_PATIE"):
        load()
    assert time.monotonic() - since < 10, "before the Hub's own library would give up its first try"


def test_one_that_waits_for_an_hour_is_given_up(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.5)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: server.closing.wait(min(seconds, 20)))
    server.troubles.append(only("GET", status(429, Retry_After="3600")))
    with pytest.raises(TimeoutError, match="sent nothing for 0.5 s"):
        load()


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    use(monkeypatch, f"http://127.0.0.1:{port}")
    with pytest.raises(OSError, match="not in the local cache, and the Hugging Face Hub could not be reached"):
        load()


def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "http://nowhere.invalid")
    with pytest.raises(OSError, match="not in the local cache, and the Hugging Face Hub could not be reached"):
        load()


@pytest.mark.parametrize("forced", [False, True])
def test_offline_mode_says_so(server: HubServer, monkeypatch: pytest.MonkeyPatch, forced: bool) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="offline mode is on .*HF_HUB_OFFLINE.: unset it"):
        load(force_download=forced)
    assert server.asked == []


def test_only_the_cache_says_so(server: HubServer) -> None:
    with pytest.raises(OSError, match="is not in the local cache, and local_files_only=True was passed"):
        load(local_files_only=True)
    assert server.asked == []


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_a_repository_of_something_else(server: HubServer, missing: str) -> None:
    del server.commits[server.branches["main"]][missing]
    with pytest.raises(OSError, match=f"{missing} of 'owner/name' .*has no such file, so it holds no such checkpoint"):
        load()


def test_a_repository_without_a_card(server: HubServer) -> None:
    del server.commits[server.branches["main"]]["README.md"]
    assert load().card == ""


def test_wrong_bytes_of_the_right_length_are_noticed_and_can_be_cleared(server: HubServer) -> None:
    def flip(content: bytes) -> bytes:
        return content[:-1] + bytes([content[-1] ^ 1])

    server.spoil = lambda content: flip(content) if len(content) > 10_000 else content
    words = r"model.safetensors is damaged .*from_pretrained\('owner/name', force_download=True\)"
    with pytest.raises(ValueError, match=words):
        load()
    server.spoil = lambda content: content
    with pytest.raises(ValueError, match=words):
        load()  # what is in the cache
    load(force_download=True)
    load(local_files_only=True)


UPLOADS = {
    "captive portal": "not the Hugging Face Hub but, say, a proxy",
    "other JSON": "not the Hugging Face Hub but, say, a proxy",
    "hangs up": "the connection broke|could not be reached",
    "no repository, to a token": "has no repository 'owner/name', or it is private [^;]*$",
}
STEPS = ["/create", "/preupload/", "/commit/"]


def at(step: str, trouble: Callable[[Request], bool]) -> Callable[[Request], bool]:
    return lambda request: step in request.path and trouble(request)


def other_json(request: Request) -> bool:
    request.say({"hello": "world"})
    return True


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "name",
    ["token refused", "forbidden", "gated", "too often", "internal error", "redirected for ever", *UPLOADS],
)
def test_an_upload_that_fails_says_why(server: HubServer, encoder: PoseEncoder, name: str, step: str) -> None:
    trouble, words = TROUBLES.get(name, (other_json, ""))
    server.troubles.append(at(step, trouble))
    server.troubles.append(at("/api/models/", status(404)) if step == "/create" else lambda _: False)
    with pytest.raises(OSError, match=f"'owner/name' was not uploaded: .*({UPLOADS.get(name, words)})"):
        encoder.push_to_hub("owner/name", token="hf_secret")
    assert len(server.commits) == 1


@pytest.mark.parametrize("step", STEPS)
def test_an_upload_that_hangs_is_given_up(
    server: HubServer, encoder: PoseEncoder, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.5)
    monkeypatch.setattr(hub, "SLOWEST", 1 << 20)
    server.troubles.append(at(step, hang))
    since = time.monotonic()
    words = (
        "'owner/name' was not uploaded: .* did not take it in 0.[0-9]* s. Try again later; for a .*POSEEMBED_HUB_PAT"
    )
    with pytest.raises(TimeoutError, match=words):
        encoder.push_to_hub("owner/name", token="hf_secret")
    assert time.monotonic() - since < 10, "before the Hub's own library would give up its first try"
    assert len(server.commits) == 1


def test_a_large_upload_may_take_longer(
    server: HubServer, encoder: PoseEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.1)
    monkeypatch.setattr(hub, "SLOWEST", 1 << 10)  # so some 20 s
    server.troubles.append(at("/commit/", lambda _: threading.Event().wait(1)))
    encoder.push_to_hub("owner/name", token="hf_secret")
    assert len(server.commits) == 2


def test_an_upload_offline_says_so(server: HubServer, encoder: PoseEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="'owner/name' was not uploaded: offline mode is on .*HF_HUB_OFFLINE.: unset it"):
        encoder.push_to_hub("owner/name", token="hf_secret")


def test_a_name_that_the_hub_does_not_allow_is_refused(server: HubServer, encoder: PoseEncoder) -> None:
    with pytest.raises(ValueError, match="Repo id must"):
        encoder.push_to_hub("owner/name/more", token="hf_secret")
    assert server.asked == []
