"""Checkpoints on the Hugging Face Hub, whose library is large: this is imported only where it is used."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import huggingface_hub
from huggingface_hub import constants, errors

from poseembed._version import __version__

PATIENCE = float(os.environ.get("POSEEMBED_HUB_PATIENCE", "30"))
"""Seconds without progress after which a download is given up. The Hub's own library tries again for minutes."""

SLOWEST = 1 << 15
"""Bytes a second that an upload must make beyond `PATIENCE`, for how far it has come is not to be seen."""

# Of httpx or, in later releases, httpx2: no OSError, and nothing that they promise.
HTTPError = cast(type[Exception], errors.HfHubHTTPError.__bases__[0])

T = TypeVar("T")
_CHUNK = 1 << 16  # the Hub's library notes progress, and can go on after a cut, only every 10 MB
_chunks = threading.Lock()


def download(
    repo_id: str,
    record: str,
    needed: Callable[[Path], Sequence[str]],
    welcome: Sequence[str],
    *,
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | bool | None,
    local_files_only: bool,
    force_download: bool,
) -> Path:
    """The folder with a repository's files, in the Hub's own cache.

    Args:
        repo_id: "owner/name".
        record: The file that says which others there are.
        needed: Names those, given where the record is.
        welcome: Files that a repository may lack.
        revision: As `PoseEncoder.from_pretrained` takes it, and so are the rest.
        cache_dir: Where the Hub's files are kept.
        token: Access token.
        local_files_only: Never go to the network.
        force_download: Download again even what is in the cache.

    Raises:
        ValueError: If `local_files_only` and `force_download` are both set.
        OSError: If they could not be had; the message says why and what to do.
    """
    if local_files_only and force_download:
        raise ValueError("local_files_only=True and force_download=True contradict each other; pass one of them")

    def get(file: str) -> Path:
        return _download(
            repo_id,
            file,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
        )

    first = get(record)
    revision = first.parent.name  # the commit: what comes next is of the same, even if somebody uploads meanwhile
    for file in needed(first):
        get(file)
    for file in welcome:
        try:
            get(file)
        except OSError as error:
            if not isinstance(error.__cause__, errors.EntryNotFoundError):
                raise
    return first.parent


def push(
    save: Callable[[str], None],
    repo_id: str,
    *,
    private: bool | None,
    token: str | bool | None,
    revision: str | None,
    create_pr: bool,
    commit_message: str,
) -> str:
    """Upload what `save` writes into a folder, creating the repository if there is none.

    Returns:
        Address of the commit (or of the pull request).

    Raises:
        ValueError: If `repo_id` is no name that the Hub allows.
        OSError: If it was not uploaded; the message says why and what to do.
    """
    api = huggingface_hub.HfApi(token=token, library_name="poseembed", library_version=__version__)
    with tempfile.TemporaryDirectory() as folder:
        save(folder)
        seconds = PATIENCE + sum(size for _, size in _sizes(Path(folder))) / SLOWEST

        def upload() -> huggingface_hub.CommitInfo:
            full_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            return api.upload_folder(
                repo_id=full_id,
                folder_path=folder,
                revision=revision,
                create_pr=create_pr,
                commit_message=commit_message,
            )

        try:
            commit = _patiently(upload, seconds)
        except _Stalled as error:
            raise TimeoutError(
                f"{repo_id!r} was not uploaded: {constants.ENDPOINT} did not take it in {seconds:.3g} s. Try again "
                "later; for a slow network set the environment variable POSEEMBED_HUB_PATIENCE to more seconds"
            ) from error
        except errors.HFValidationError:
            raise
        except (HTTPError, errors.OfflineModeIsEnabled, ValueError, KeyError) as error:
            # What is no JSON, or not that of the Hub, is a ValueError or KeyError of its library.
            why = _not_the_hub() if isinstance(error, ValueError | KeyError) else _why(error, repo_id, revision)
            raise OSError(f"{repo_id!r} was not uploaded: {why}") from error
    return commit.pr_url or commit.commit_url


def _download(
    repo_id: str,
    file: str,
    *,
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | bool | None,
    local_files_only: bool,
    force_download: bool,
) -> Path:
    """One file of a Hub repository, from the Hub's own cache where it is there."""
    where = f"{file} of '{repo_id}' (revision {revision or 'main'})"

    def get() -> str:
        return huggingface_hub.hf_hub_download(
            repo_id,
            file,
            revision=revision,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            library_name="poseembed",
            library_version=__version__,
        )

    blobs = Path(cache_dir or constants.HF_HUB_CACHE) / f"models--{repo_id.replace('/', '--')}" / "blobs"
    try:
        with _small_pieces():
            return Path(_patiently(get, PATIENCE, lambda: _sizes(blobs)))
    except errors.HFValidationError as error:
        raise FileNotFoundError(f"{repo_id!r} is neither a folder nor a valid Hub id: {error}") from error
    except errors.LocalEntryNotFoundError as error:
        why = "local_files_only=True was passed" if local_files_only else _why(error.__cause__, repo_id, revision)
        raise OSError(
            f"{where} is not in the local cache, and {why}. Three ways out: run "
            f"'hf download {repo_id}' once where there is a network; pass a folder that holds the files; or call "
            "from_pretrained() without a name for the packaged weights, which need no network"
        ) from error
    except _Stalled as error:
        raise TimeoutError(
            f"could not download {where}: {constants.ENDPOINT} sent nothing for {PATIENCE:g} s. Try again later; for a "
            "slow network set the environment variable POSEEMBED_HUB_PATIENCE to more seconds"
        ) from error
    except (HTTPError, ValueError) as error:  # a ValueError is what force_download makes of its cause
        cause = error.__cause__ if isinstance(error, ValueError) and error.__cause__ is not None else error
        nor = f"; there is no folder {repo_id!r} either" if isinstance(cause, errors.RepositoryNotFoundError) else ""
        raise OSError(f"could not download {where}: {_why(cause, repo_id, revision)}{nor}") from error
    except OSError as error:
        if "Consistency check failed" not in str(error):
            raise
        raise OSError(
            f"could not download {where}: it came with another length than announced, as when something on the way "
            "changes it; try again with force_download=True, or in another network"
        ) from error


def _why(error: BaseException | None, repo_id: str, revision: str | None) -> str:
    """What went wrong, and what to do, in a sentence."""
    page = f"{constants.ENDPOINT}/{repo_id}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "offline mode is on (the environment variable HF_HUB_OFFLINE): unset it"
    if isinstance(error, errors.GatedRepoError):
        return f"it is gated: ask for access at {page}, then log in with 'hf auth login' or pass token="
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"the Hugging Face Hub has no repository {repo_id!r}, or it is private (then log in with 'hf auth login' "
            "or pass token=)"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"its repository has no revision {revision or 'main'!r}: see the branches and tags at {page}/tree/main"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return f"its repository has no such file, so it holds no such checkpoint: see {page}/tree/main"
    if isinstance(error, errors.FileMetadataError):
        return _not_the_hub()
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else 0
    if status == 401:
        return "the Hugging Face Hub does not accept the token: log in with 'hf auth login' or pass another as token="
    if status == 403:
        return f"the Hugging Face Hub forbids it (403) to this token: see {page}"
    if status == 429:
        return (
            "the Hugging Face Hub says that you ask too often (429): wait some minutes; who is logged in may ask more"
        )
    if status >= 500:
        return f"the Hugging Face Hub has a fault of its own ({status}): try again later, see status.huggingface.co"
    if status:
        return f"the Hugging Face Hub answered with an error ({error})"
    kind = type(error).__name__  # of httpx or httpx2, neither of which this imports
    if kind == "TooManyRedirects":
        return f"{constants.ENDPOINT} sends from one address to the next without end: check HF_ENDPOINT and the proxy"
    if "Timeout" in kind:
        return f"{constants.ENDPOINT} did not answer in time: try again later, or in another network"
    if kind in ("RemoteProtocolError", "ReadError", "WriteError"):
        return f"the connection broke again and again ({error}): try again, or in another network"
    if kind in ("ConnectError", "ProxyError", "UnsupportedProtocol"):
        return f"the Hugging Face Hub could not be reached ({error}): check the network, the proxy and HF_ENDPOINT"
    return f"this went wrong: {error}"


def _not_the_hub() -> str:
    return (
        f"what answers at {constants.ENDPOINT} is not the Hugging Face Hub but, say, a proxy or the page where a "
        "network wants you to log in: open the address in a browser; HF_ENDPOINT sets another"
    )


class _Stalled(Exception):
    """Nothing came for too long."""


def _patiently(call: Callable[[], T], patience: float, progress: Callable[[], object] = lambda: None) -> T:
    """What a call returns or raises, unless its progress stands still for so many seconds.

    It runs in a thread that nobody waits for if it is given up, since the Hub's library can be told neither how often
    to try again nor to stop.
    """
    returned: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(call())
        except BaseException as error:  # raised where it was called from, below
            raised.append(error)

    worker = threading.Thread(target=run, name="poseembed-hub", daemon=True)
    worker.start()
    seen, since = progress(), time.monotonic()
    while not (returned or raised):
        worker.join(0.05)
        if (now := progress()) != seen:
            seen, since = now, time.monotonic()
        if not (returned or raised) and time.monotonic() - since > patience:
            raise _Stalled
    if raised:
        raise raised[0]
    return returned[0]


@contextmanager
def _small_pieces() -> Iterator[None]:
    """Downloads come in pieces so small that they are seen to go on. One at a time, for the size is the library's."""
    with _chunks:
        before, constants.DOWNLOAD_CHUNK_SIZE = constants.DOWNLOAD_CHUNK_SIZE, _CHUNK
        try:
            yield
        finally:
            constants.DOWNLOAD_CHUNK_SIZE = before


def _sizes(folder: Path) -> list[tuple[str, int]]:
    """The files of a folder and their sizes; what goes meanwhile does not count."""
    sizes = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                sizes.append((entry.name, entry.stat().st_size))
    return sorted(sizes)
