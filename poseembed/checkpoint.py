"""Checkpoints on disk and on the Hugging Face Hub: find, check, read, write.

A checkpoint is a folder with `config.json`, `model.safetensors`, `README.md` (the model card) and, if it has a decoder,
`decoder.safetensors`. Nothing is ever unpickled, and tensors are matched by name and shape before any of them is used.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
import torch
from huggingface_hub import errors as hub_errors
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from poseembed._version import __version__
from poseembed.calibration import MatchCalibration
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.files.atomic import replacing
from poseembed.files.records import RecordKind
from poseembed.network import Encoder, NetworkConfig
from poseembed.skeleton import JOINTS

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
DECODER_FILE = "decoder.safetensors"
CARD_FILE = "README.md"
_RECORD = RecordKind(
    name="the config of a poseembed checkpoint",
    folder=f"a checkpoint is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}, and with {DECODER_FILE} if its config "
    "describes a decoder",
    version=1,
    remedy="copy or download it again",
)

PREPROCESSING = "torso-v1"
"""Name of what `poseembed.keypoints.normalize_keypoints` does; a checkpoint is bound to it."""

DEFAULT_CHECKPOINT = "poseembed-base"

Part = TypeVar("Part", NetworkConfig, MatchCalibration, DecoderConfig)
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class CheckpointConfig:
    """What `config.json` says of a checkpoint.

    Attributes:
        network: Shape of the encoder.
        license: SPDX identifier of the weights' licence.
        training: How the weights were made: recipe, data, pairs and so on; free to hold more.
        calibration: Turns cosines of pose vectors into probabilities, where it was fitted.
        decoder: Shape of the decoder, where there is one.
    """

    network: NetworkConfig
    license: str = "unknown"
    training: dict[str, Any] = field(default_factory=dict)
    calibration: MatchCalibration | None = None
    decoder: DecoderConfig | None = None

    def to_json(self) -> str:
        """The text of `config.json`."""
        return _RECORD.text({"joints": JOINTS, "preprocessing": PREPROCESSING, **asdict(self)})


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    Attributes:
        config: What `config.json` says.
        network: The encoder, batch norm folded, in float32, on the CPU and in eval mode.
        card: Text of the model card, empty when there is none.
        decoder: The decoder that the config describes, in the same state, or None.
    """

    config: CheckpointConfig
    network: Encoder
    card: str = ""
    decoder: Decoder | None = None


def list_pretrained() -> list[str]:
    """Names of the checkpoints that came with this installation."""
    return sorted(path.parent.name for path in _packaged_folder().glob(f"*/{CONFIG_FILE}"))


def find(
    name_or_folder: str | os.PathLike[str] | None,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> Path:
    """The folder of a checkpoint: an existing folder first, then a packaged name, then a Hub id to download.

    Raises:
        FileNotFoundError: If it is neither a folder, nor a packaged name, nor of the form of a Hub id.
        ValueError: If `local_files_only` and `force_download` are both set.
        OSError: If it has the form of a Hub id and could not be had from there; the message says why and what to do.
    """
    wanted = DEFAULT_CHECKPOINT if name_or_folder is None else os.fspath(name_or_folder)
    folder = Path(os.path.expanduser(wanted))  # unlike Path.expanduser, lets a "~name" of no user be
    if name_or_folder is not None and folder.is_dir():
        return folder
    if wanted in list_pretrained():
        return _packaged_folder() / wanted
    looks_like_path = wanted.startswith((".", "~", os.sep)) or wanted.count("/") != 1 or "\\" in wanted
    if looks_like_path or Path(wanted).exists():
        raise FileNotFoundError(
            f"no checkpoint {wanted!r}: it is not a folder, not a packaged name ({', '.join(list_pretrained())}) "
            "and not a Hugging Face Hub id ('owner/name')"
        )
    if local_files_only and force_download:
        raise ValueError("local_files_only=True and force_download=True contradict each other; pass one of them")

    def download(file: str) -> Path:
        return _download(
            wanted,
            file,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
        )

    config = download(CONFIG_FILE)
    download(WEIGHTS_FILE)
    if _read_config(config).decoder is not None:
        download(DECODER_FILE)
    try:
        download(CARD_FILE)
    except OSError as error:  # a repository without a model card is good enough to embed with
        if not isinstance(error.__cause__, hub_errors.EntryNotFoundError):
            raise
    return config.parent


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint's folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, was made for a newer library or another skeleton, or if the tensors are
            not exactly those of the network that the config describes.
    """
    config = _read_config(folder / CONFIG_FILE)
    network = _read_module(folder / WEIGHTS_FILE, lambda: Encoder(config.network, batch_norm=False, dropout=0.0))
    decoder, shape = None, config.decoder
    if shape is not None:
        decoder = _read_module(folder / DECODER_FILE, lambda: Decoder(config.network, shape))
    card = folder / CARD_FILE
    return Checkpoint(config, network, card.read_text(encoding="utf-8") if card.is_file() else "", decoder)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint's files, creating the folder if need be; what else is in it stays.

    Each file is complete before the first takes its place. Weights that float16 holds exactly, as those read from such
    a file are, stay float16 on disk.

    Raises:
        ValueError: If only one of checkpoint and config has a decoder.
    """
    if (checkpoint.decoder is None) != (checkpoint.config.decoder is None):
        raise ValueError("only one of the checkpoint and its config has a decoder; give both or neither")
    contents = {WEIGHTS_FILE: _tensors(checkpoint.network)}
    if checkpoint.decoder is not None:
        contents[DECODER_FILE] = _tensors(checkpoint.decoder)
    contents[CONFIG_FILE] = checkpoint.config.to_json().encode()
    contents[CARD_FILE] = checkpoint.card.encode()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        for name, content in contents.items():
            files.enter_context(replacing(folder / name)).write(content)


def _read_module(path: Path, build: Callable[[], Module]) -> Module:
    """A module with the tensors of a file, in float32 and eval mode."""
    _RECORD.need(path)
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} is damaged or cut short ({error}); copy or download it again (from the Hub: force_download=True)"
        ) from error
    with torch.device("meta"):  # no time spent on an initialisation that is thrown away
        module = build()
    _check_tensors(path, module, tensors)
    # Copies, never the file mapped into memory: it may be replaced or cut short while the module lives.
    tensors = {name: tensor.to(torch.float32, copy=True) for name, tensor in tensors.items()}
    module.load_state_dict(tensors, strict=True, assign=True)
    return module.eval()


def _tensors(module: nn.Module) -> bytes:
    """The file of a module's tensors, as float16 where that loses nothing."""
    state = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    halves = {name: value.half() for name, value in state.items()}
    exact = all(torch.equal(halves[name].to(value.dtype), value) for name, value in state.items())
    return safetensors_bytes(halves if exact else state, metadata={"format": "pt"})


def _packaged_folder() -> Path:
    """Where the packaged weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


def _read_config(path: Path) -> CheckpointConfig:
    record = _RECORD.read(path)
    for key, kind, ours in (("joints", list, list(JOINTS)), ("preprocessing", str, PREPROCESSING)):
        if (theirs := record.get(key, kind)) != ours:
            raise ValueError(f"{path} was made for {key} {theirs!r}, this library has {ours!r}")
    # What the first checkpoints do not have is found rather than got.
    calibration, decoder = record.find("calibration", dict), record.find("decoder", dict)
    return CheckpointConfig(
        network=_read_part(path, "an encoder", NetworkConfig, record.get("network", dict)),
        license=record.get("license", str),
        training=record.get("training", dict),
        calibration=None if calibration is None else _read_part(path, "a calibration", MatchCalibration, calibration),
        decoder=None if decoder is None else _read_part(path, "a decoder", DecoderConfig, decoder),
    )


def _read_part(path: Path, what: str, kind: type[Part], content: dict[str, Any]) -> Part:
    try:
        return kind(**content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe {what}: {error}") from error


def _check_tensors(path: Path, network: nn.Module, tensors: dict[str, Tensor]) -> None:
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    problems = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    problems += [f"{name} is not part of this network" for name in found.keys() - wanted.keys()]
    problems += [
        f"{name} has shape {found[name]}, wanted {wanted[name]}"
        for name in wanted.keys() & found.keys()
        if found[name] != wanted[name]
    ]
    if problems:
        raise ValueError(f"{path} does not fit its {CONFIG_FILE}: {'; '.join(sorted(problems))}")


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
    except hub_errors.LocalEntryNotFoundError as error:
        why = "local_files_only=True was passed" if local_files_only else "the Hugging Face Hub could not be reached"
        raise OSError(
            f"{where} is not in the local cache, and {why}. Three ways out: run "
            f"'hf download {repo_id}' once where there is a network; pass a folder that holds the files; or call "
            "from_pretrained() without a name for the packaged weights, which need no network"
        ) from error
    except hub_errors.HFValidationError as error:
        raise FileNotFoundError(f"{repo_id!r} is neither a folder nor a valid Hub id: {error}") from error
    except (
        hub_errors.RepositoryNotFoundError,
        hub_errors.RevisionNotFoundError,
        hub_errors.EntryNotFoundError,
    ) as error:
        raise OSError(
            f"the Hugging Face Hub has no {where}, or it is private (then log in with 'hf auth login' or pass token=); "
            f"there is no folder {repo_id!r} either"
        ) from error
    except ValueError as error:  # what force_download raises without a network
        raise OSError(f"could not download {where}: {error}") from error
    return Path(path)
