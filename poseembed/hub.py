"""Checkpoints on the Hugging Face Hub, whose library is large: this is imported only where it is used."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
from huggingface_hub import errors

from poseembed._version import __version__
from poseembed.checkpoint import CARD_FILE, CONFIG_FILE, DECODER_FILE, WEIGHTS_FILE, read_config


def download(
    repo_id: str,
    *,
    revision: str | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | bool | None,
    local_files_only: bool,
    force_download: bool,
) -> Path:
    """The folder with a repository's files, in the Hub's own cache.

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

    config = get(CONFIG_FILE)
    get(WEIGHTS_FILE)
    if read_config(config).decoder is not None:
        get(DECODER_FILE)
    try:
        get(CARD_FILE)
    except OSError as error:  # a repository without a model card is good enough to embed with
        if not isinstance(error.__cause__, errors.EntryNotFoundError):
            raise
    return config.parent


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
    """
    api = huggingface_hub.HfApi(token=token, library_name="poseembed", library_version=__version__)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    with tempfile.TemporaryDirectory() as folder:
        save(folder)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            revision=revision,
            create_pr=create_pr,
            commit_message=commit_message,
        )
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
    try:
        path = huggingface_hub.hf_hub_download(
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
    except errors.LocalEntryNotFoundError as error:
        why = "local_files_only=True was passed" if local_files_only else "the Hugging Face Hub could not be reached"
        raise OSError(
            f"{where} is not in the local cache, and {why}. Three ways out: run "
            f"'hf download {repo_id}' once where there is a network; pass a folder that holds the files; or call "
            "from_pretrained() without a name for the packaged weights, which need no network"
        ) from error
    except errors.HFValidationError as error:
        raise FileNotFoundError(f"{repo_id!r} is neither a folder nor a valid Hub id: {error}") from error
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.EntryNotFoundError,
    ) as error:
        raise OSError(
            f"the Hugging Face Hub has no {where}, or it is private (then log in with 'hf auth login' or pass token=); "
            f"there is no folder {repo_id!r} either"
        ) from error
    except ValueError as error:  # what force_download raises without a network
        raise OSError(f"could not download {where}: {error}") from error
    return Path(path)
