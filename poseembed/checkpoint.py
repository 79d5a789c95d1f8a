"""Checkpoints on disk: find, check, read, write; `poseembed.hub` has those of the Hugging Face Hub.

A checkpoint is a folder with `config.json`, `model.safetensors`, `README.md` (the model card) and, if it has a decoder
or a clip encoder, `decoder.safetensors` and `clip.safetensors`. Nothing is ever unpickled. The config has the SHA-256
of each file of tensors, which must agree, and tensors are matched by name and shape, and looked through for what is no
number, before any of them is used. Decoder and clip encoder were fitted to one network, which the config names, and
are refused with any other.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import torch
from torch import nn

from poseembed._version import __version__
from poseembed.calibration import MatchCalibration
from poseembed.clip_network import ClipConfig, ClipEncoder
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.files import bundle, tensors
from poseembed.files.records import MAX_BYTES, RecordKind
from poseembed.network import Encoder, NetworkConfig
from poseembed.origin import check_fingerprint, space
from poseembed.skeleton import JOINTS

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
DECODER_FILE = "decoder.safetensors"
CLIP_FILE = "clip.safetensors"
CARD_FILE = "README.md"
_RECORD = RecordKind(
    name="the config of a poseembed checkpoint",
    folder=f"a checkpoint is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}, and with {DECODER_FILE} or {CLIP_FILE} "
    "if its config describes a decoder or a clip encoder",
    version=1,
    remedy="copy or download it again (from the Hub: force_download=True)",
)

PREPROCESSING = "torso-v1"
"""Name of what `poseembed.keypoints.normalize_keypoints` does; a checkpoint is bound to it."""

KIND = "pose_encoder"
"""Kind of network that these checkpoints hold, one that embeds single poses; others may come. Without a `kind` in its
config a checkpoint is of this one."""

DEFAULT_CHECKPOINT = "poseembed-base"

Json: TypeAlias = str | int | float | bool | list[object] | dict[str, object] | None
"""What a JSON file can hold."""

Part = TypeVar("Part", NetworkConfig, MatchCalibration, DecoderConfig, ClipConfig)
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class CheckpointConfig:
    """What `config.json` says of a checkpoint.

    Attributes:
        network: Shape of the encoder.
        license: SPDX identifier of the weights' licence.
        training: How the weights were made: recipe, data, pairs and so on; free to hold more.
        space: Fingerprint of the network whose vectors this one learnt to give, so that those of both can be compared;
            None if its vectors are like no other's. See `PoseEncoder.space`.
        calibration: Turns cosines and lengths of pose vectors into probabilities, where it was fitted.
        decoder: Shape of the decoder, where there is one.
        clip: Shape of the clip encoder, where there is one.
        fitted_to: Name of the space that decoder and clip encoder were fitted in, see `poseembed.origin.space`; None
            where there are none, and in checkpoints from before there were clip encoders. See `Checkpoint.fitted`.
        sha256: Of each file of tensors, by name, as `config.json` had it; empty for one from before it did, whose files
            load without that check. `write` puts that of what it writes. No part of what makes two configs equal.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> config = PoseEncoder.from_pretrained("poseembed-small").config
        >>> config.license, config.network.pose_dim, config.decoder is not None
        ('apache-2.0', 32, True)
    """

    network: NetworkConfig
    license: str = "unknown"
    training: dict[str, Json] = field(default_factory=dict)
    space: str | None = None
    calibration: MatchCalibration | None = None
    decoder: DecoderConfig | None = None
    clip: ClipConfig | None = None
    fitted_to: str | None = None
    sha256: dict[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> str:
        """The text of `config.json`."""
        return _RECORD.text({"kind": KIND, "joints": JOINTS, "preprocessing": PREPROCESSING, **asdict(self)})


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    Attributes:
        config: What `config.json` says.
        network: The encoder, batch norm folded, in float32, on the CPU and in eval mode.
        card: Text of the model card, empty when there is none.
        decoder: The decoder that the config describes, in the same state, or None.
        clip: The clip encoder that the config describes, likewise.
    """

    config: CheckpointConfig
    network: Encoder
    card: str = ""
    decoder: Decoder | None = None
    clip: ClipEncoder | None = None

    def fitted(self, part: Decoder | ClipEncoder) -> "Checkpoint":
        """The checkpoint with a decoder or a clip encoder that was fitted to its network, in the place of any it had.

        Raises:
            ValueError: If what it has besides was fitted to another network.
        """
        if isinstance(part, Decoder):
            fitted = replace(self, decoder=part, config=replace(self.config, decoder=part.config))
            other: nn.Module | None = self.clip
        else:
            fitted = replace(self, clip=part, config=replace(self.config, clip=part.config))
            other = self.decoder
        if other is not None:
            _check_fit(self.config, self.network, "this checkpoint")
        return replace(fitted, config=replace(fitted.config, fitted_to=space(self.network)))


def list_pretrained() -> list[str]:
    """Names of the checkpoints that came with this installation.

    Examples:
        >>> from poseembed import list_pretrained
        >>> list_pretrained()
        ['cv-mim', 'poseembed-base', 'poseembed-small']
    """
    return sorted(path.parent.name for path in _packaged_folder().glob(f"*/{CONFIG_FILE}"))


def find(
    name_or_folder: str | os.PathLike[str] | None,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    also: Sequence[str] = (),
) -> Path:
    """The folder of a checkpoint: an existing folder first, then a packaged name, then a Hub id to download.

    Args:
        name_or_folder: As `PoseEncoder.from_pretrained` takes it, and so are the rest.
        revision: Branch, tag or commit.
        cache_dir: Where the Hub's files are kept.
        token: Access token.
        local_files_only: Never go to the network.
        force_download: Download again.
        also: Files that a repository may have besides those of the checkpoint, to download too.

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
    from poseembed import hub  # whoever has the files need not load it

    return hub.download(
        wanted,
        CONFIG_FILE,
        _named_in,
        [CARD_FILE, *also],  # without a card a checkpoint is good enough to embed with
        revision=revision,
        cache_dir=cache_dir,
        token=token,
        local_files_only=local_files_only,
        force_download=force_download,
    )


def with_clip_encoder() -> list[str]:
    """Names of the checkpoints of `list_pretrained` that have a clip encoder."""
    return [name for name in list_pretrained() if read_config(_packaged_folder() / name / CONFIG_FILE).clip is not None]


def _named_in(config: Path) -> list[str]:
    """The files that belong to a config."""
    described = read_config(config)
    parts = {DECODER_FILE: described.decoder, CLIP_FILE: described.clip}
    return [WEIGHTS_FILE, *(name for name, part in parts.items() if part is not None)]


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint's folder.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, was made for a newer library or another skeleton, or if the tensors are
            not exactly those of the network that the config describes, or not finite.
    """
    return bundle.read(folder / CONFIG_FILE, lambda: _read(folder))


def read_config(path: Path) -> CheckpointConfig:
    """Read a checkpoint's `config.json`.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, was made for a newer library, another skeleton or another kind of network.
    """
    record = _RECORD.read(path)
    if (described := record.find("kind", str)) not in (None, KIND):
        raise ValueError(
            f"{path} describes a {described}, of which this poseembed {__version__} knows nothing (it reads: {KIND}); "
            "upgrade with: pip install -U poseembed"
        )
    for key, kind, ours in (("joints", list, list(JOINTS)), ("preprocessing", str, PREPROCESSING)):
        if (theirs := record.get(key, kind)) != ours:
            raise ValueError(f"{path} was made for {key} {theirs!r:.400}, this library has {ours!r}")
    # What the first checkpoints do not have is found rather than got.
    space, fitted_to = record.find("space", str), record.find("fitted_to", str)
    for name, what in ((space, "the space of its vectors"), (fitted_to, "the network that its parts were fitted to")):
        if name is not None:
            try:
                check_fingerprint(name)
            except ValueError as error:
                raise ValueError(f"{path} does not name {what}: {error}") from error
    calibration, decoder, clip = (record.find(name, dict) for name in ("calibration", "decoder", "clip"))
    sums = record.sums()
    for part, file, what in ((decoder, DECODER_FILE, "a decoder"), (clip, CLIP_FILE, "a clip encoder")):
        if part is None and file in sums:
            raise ValueError(f"{path} has a SHA-256 of {file}, but does not describe {what}; {_RECORD.remedy}")
    return CheckpointConfig(
        network=_read_part(path, "an encoder", NetworkConfig, record.get("network", dict)),
        license=record.get("license", str),
        training=record.get("training", dict),
        space=space,
        calibration=None
        if calibration is None
        else _read_part(path, "a calibration", MatchCalibration.from_json, calibration),
        decoder=None if decoder is None else _read_part(path, "a decoder", DecoderConfig, decoder),
        clip=None if clip is None else _read_part(path, "a clip encoder", ClipConfig, clip),
        fitted_to=fitted_to,
        sha256=sums,
    )


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint's files, creating the folder if need be; what else is in it stays.

    All of them or none: whatever interrupts it, the folder holds the old checkpoint or the new one (`files.bundle`).
    Weights that float16 holds exactly, as those read from such a file are, stay float16 on disk.

    Raises:
        ValueError: If only one of checkpoint and config has a decoder or a clip encoder, these were fitted to another
            network, or a weight is not finite.
        OSError: If a file cannot be written, because the disk is full say.
    """
    for name in ("decoder", "clip"):
        if (getattr(checkpoint, name) is None) != (getattr(checkpoint.config, name) is None):
            raise ValueError(f"only one of the checkpoint and its config has a {name}; give both or neither")
    _check_fit(checkpoint.config, checkpoint.network, "this checkpoint")
    modules = {WEIGHTS_FILE: checkpoint.network, DECODER_FILE: checkpoint.decoder, CLIP_FILE: checkpoint.clip}
    contents = {name: _encode(module) for name, module in modules.items() if module is not None}
    bundle.write(
        folder / CONFIG_FILE,
        lambda sums: replace(checkpoint.config, sha256=sums).to_json(),
        {name: partial(_put, content) for name, content in contents.items()},
        {CARD_FILE: checkpoint.card},
    )


def _read(folder: Path) -> Checkpoint:
    config = read_config(folder / CONFIG_FILE)
    network = _read_module(
        folder / WEIGHTS_FILE, config, lambda: Encoder(config.network, batch_norm=False, dropout=0.0)
    )
    _check_fit(config, network, str(folder))
    decoder, clip = None, None
    if (shape := config.decoder) is not None:
        decoder = _read_module(folder / DECODER_FILE, config, lambda: Decoder(config.network, shape))
    if (form := config.clip) is not None:
        clip = _read_module(folder / CLIP_FILE, config, lambda: ClipEncoder(config.network, form, batch_norm=False))
    return Checkpoint(config, network, _read_card(folder / CARD_FILE), decoder, clip)


def _check_fit(config: CheckpointConfig, network: Encoder, name: str) -> None:
    """Refuse a network with a decoder or a clip encoder that was fitted to another.

    Raises:
        ValueError: If it has either.
    """
    if config.clip is not None and config.fitted_to is None:
        raise ValueError(f"{name} does not say which network its clip encoder was fitted to; {_RECORD.remedy}")
    if config.fitted_to is not None and config.fitted_to != (own := space(network)):
        raise ValueError(
            f"the decoder or clip encoder of {name} was fitted to the network {config.fitted_to}, and its network is "
            f"{own}, so that they would read its vectors wrongly; fit them again, or leave them out: encoder.decoder = "
            "encoder.clip = None"
        )


def _read_card(path: Path) -> str:
    """The text of a model card, empty where there is none."""
    if not path.is_file():
        return ""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_BYTES + 1)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}); {_RECORD.remedy}, or remove it") from error
    if len(text) > MAX_BYTES:
        raise ValueError(f"{path} is no model card: it has more than {MAX_BYTES} characters; remove it")
    return text


def _read_module(path: Path, config: CheckpointConfig, build: Callable[[], Module]) -> Module:
    """A module with the tensors of a file, in float32 and eval mode."""
    found = tensors.read(bundle.find(path, config.sha256.get(path.name), _RECORD), _RECORD.remedy)
    with torch.device("meta"):  # no time spent on an initialisation that is thrown away
        module = build()
    try:
        state = tensors.fit(found, module.state_dict())
    except ValueError as error:
        raise ValueError(f"{path} does not fit its {CONFIG_FILE}: {error}") from error
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval()


def _encode(module: nn.Module) -> bytes:
    """The file of a module's tensors, as float16 where that loses nothing."""
    state = {name: value.detach().cpu() for name, value in module.state_dict().items()}
    halves = {name: value.half() for name, value in state.items()}
    exact = all(torch.equal(halves[name].to(value.dtype), value) for name, value in state.items())
    return tensors.encode(halves if exact else state)


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _packaged_folder() -> Path:
    """Where the packaged weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


def _read_part(path: Path, what: str, make: Callable[..., Part], content: dict[str, Any]) -> Part:
    try:
        return make(**content)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe {what}: {error}") from error
