"""A Hugging Face Hub on this machine: as much of its protocol as downloads and uploads of checkpoints take."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import Self


class Request(BaseHTTPRequestHandler):
    """One request; `server.hub` has the repository and what should go wrong."""

    protocol_version = "HTTP/1.1"
    hub: "HubServer"

    def do_HEAD(self) -> None:
        self.serve()

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.serve()

    def serve(self) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        for trouble in self.hub.troubles:
            if trouble(self):
                return
        if self.command == "POST":
            self.take()
        else:
            self.give()

    def give(self) -> None:
        """Send a file of the repository, from the byte that is asked for on."""
        owner, name, _, revision, file = self.path.strip("/").split("/", 4)
        if f"{owner}/{name}" != self.hub.repository:
            return self.fail(401, "RepoNotFound")
        if revision not in self.hub.commits and revision not in self.hub.branches:
            return self.fail(404, "RevisionNotFound")
        commit = self.hub.branches.get(revision, revision)
        content = self.hub.commits[commit].get(file)
        if content is None:
            return self.fail(404, "EntryNotFound", {"X-Repo-Commit": commit})
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        content = self.hub.spoil(content) if self.command == "GET" else content
        start = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(206 if start else 200, content[start:], headers)

    def take(self) -> None:
        """Take a commit, as `HfApi.upload_folder` makes one of small files."""
        if self.path == "/api/repos/create":
            return self.say({"url": f"{self.hub.address}/{self.hub.repository}", "name": self.hub.repository})
        if self.path == "/api/validate-yaml":
            return self.say({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(self.body)["files"]]
            kind = {"uploadMode": "regular", "shouldIgnore": False}
            return self.say({"files": [{"path": name, **kind} for name in names]})
        lines = [json.loads(line) for line in self.body.splitlines()]
        files = {line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines[1:]}
        commit = self.hub.put(files)
        return self.say({"commitUrl": f"{self.hub.address}/{self.hub.repository}/commit/{commit}", "commitOid": commit})

    def say(self, content: Any) -> None:
        self.answer(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def fail(self, status: int, code: str | None = None, headers: dict[str, str] | None = None) -> None:
        self.answer(status, b"", (headers or {}) | ({"X-Error-Code": code} if code else {}))

    def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(content), self.hub.piece):
                self.hub.wait()
                self.wfile.write(content[start : start + self.hub.piece])

    def log_message(self, *_: object) -> None:
        """Tests are silent."""


Trouble = Callable[[Request], Any]
"""Something that goes wrong: answers a request and returns something true, or lets it be."""


class HubServer:
    """The one repository that it has, and its troubles.

    Attributes:
        commits: By their hash, the files by name.
        branches: By name, hash of the commit; tags too.
        troubles: Tried in turn before a request is answered as it should be.
        spoil: What becomes of a file on its way.
        piece: Bytes that are sent at once.
        wait: Called before each piece.
        asked: Requests so far.
    """

    repository = "owner/name"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.troubles: list[Trouble] = []
        self.asked: list[str] = []
        self.piece = 1 << 20
        self.wait: Callable[[], object] = lambda: None
        self.spoil: Callable[[bytes], bytes] = lambda content: content
        self.closing = threading.Event()
        self.put(files)

    def put(self, files: dict[str, bytes]) -> str:
        """A new commit of the branch main."""
        commit = hashlib.sha1(str(len(self.commits)).encode()).hexdigest()
        self.commits[commit], self.branches["main"] = files, commit
        return commit

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve at `address` until the end."""
        handler = type("Handler", (Request,), {"hub": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        self.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            server.shutdown()
            server.server_close()
            thread.join()
