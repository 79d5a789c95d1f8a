"""Damaged weights, recognizers and indices are refused by name; never are there other vectors without a word."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import load_file, save_file

from poseembed import PoseEncoder, checkpoint
from poseembed.actions import ActionRecognizer, NearestSequence
from poseembed.clip_network import ClipConfig, ClipEncoder
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.files.bundle import sha256

from .extent import FIRST, LONG

faiss = pytest.importorskip("faiss")
from poseembed.index import PoseIndex  # noqa: E402

EXTENT = pytest.mark.parametrize(("times", "first"), [(60, 0), pytest.param(LONG, FIRST, marks=pytest.mark.long)])
"""How often a thing is damaged, and the seed of that."""

POSES = np.random.default_rng(0).normal(size=(16, 13, 2)).astype(np.float32)
QUERIES = np.random.default_rng(1).normal(size=(8, 16)).astype(np.float32)


@pytest.fixture(scope="session")
def saved(plain_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each."""
    folder = tmp_path_factory.mktemp("saved")
    content = replace(checkpoint.read(plain_folder), card="# Card\n")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        decoder = Decoder(content.config.network, DecoderConfig(8))
        clip = ClipEncoder(content.config.network, ClipConfig(8), batch_norm=False)
        torch.nn.init.normal_(clip.head.weight)
        torch.nn.init.normal_(clip.absent)
    checkpoint.write(folder / "checkpoint", content.fitted(decoder).fitted(clip))
    clips = [np.random.default_rng(number).normal(size=(30, 16)) for number in range(4)]
    recognizer = ActionRecognizer(NearestSequence(), outlier_label="none")
    recognizer.fit(clips, ["squat", "squat", "wave", "wave"]).save(folder / "recognizer")
    vectors = np.random.default_rng(2).normal(size=(200, 16)).astype(np.float32)
    PoseIndex.build(vectors, ids=np.arange(200) * 7, metadata={"name": [f"p{i}" for i in range(200)]}).save(
        folder / "index"
    )
    return {path.name: path for path in folder.iterdir()}


def of_checkpoint(folder: Path) -> list[Any]:
    encoder = PoseEncoder.from_pretrained(folder)
    assert encoder.decoder is not None
    z_pose, z_view = encoder.embed(POSES, convert_to_tensor=True)
    clip = encoder.embed_clip(POSES, fps=20)
    with torch.no_grad():
        camera = encoder.decoder.viewpoint(z_view)
    parts = (z_pose, z_view, *encoder.lift(POSES), *camera, clip.z_pose, clip.z_view)
    return [each.tolist() for each in parts]


def of_recognizer(folder: Path) -> list[Any]:
    recognizer = ActionRecognizer.load(folder)
    parts = [recognizer.classifier_.tensors()]
    if recognizer.familiar_ is not None:
        parts.append(recognizer.familiar_.exemplars.tensors())
    known = None if recognizer.familiar_ is None else (recognizer.familiar_.label, recognizer.familiar_.threshold)
    return [recognizer.classes_.tolist(), known, *(tensor.tolist() for part in parts for tensor in part.values())]


def of_index(folder: Path) -> list[Any]:
    hits = PoseIndex.load(folder).query(QUERIES, top_k=5)
    return [hits.similarities.tolist(), hits.ids.tolist(), hits.metadata["name"].tolist()]


ANSWERS: dict[str, Callable[[Path], list[Any]]] = {
    "checkpoint": of_checkpoint,
    "recognizer": of_recognizer,
    "index": of_index,
}
BINARY = {
    "checkpoint": ["model.safetensors", "decoder.safetensors", "clip.safetensors"],
    "recognizer": ["model.safetensors"],
    "index": ["vectors.faiss", "rows.npz"],
}


KINDS = ["flip", "flip", "cut", "repeat", "zero", "append", "start"]


def damage(content: bytes, rng: random.Random) -> bytes:
    """Flip a bit, cut, repeat, overwrite, or append."""
    place, kind = rng.randrange(len(content)), rng.choice(KINDS)
    length = rng.randint(1, 64)
    return {
        "flip": content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
        "cut": content[:place],
        "repeat": content[:place] + content[place : place + length] * 2 + content[place + length :],
        "zero": content[:place] + bytes(length) + content[place + length :],
        "append": content + rng.randbytes(length),
        "start": rng.randbytes(min(length, 16)) + content[min(length, 16) :],
    }[kind]


def attack(saved: Path, tmp_path: Path, files: list[str], seed: int, times: int, same: bool = True) -> int:
    """Damage files in turn; returns how often that was refused. What loads must answer as before, if `same`."""
    answer = ANSWERS[saved.name]
    wanted, rng, refused = answer(saved), random.Random(seed), 0
    folder = tmp_path / saved.name
    shutil.copytree(saved, folder)
    for number in range(times):
        name = files[number % len(files)]
        content = (folder / name).read_bytes()
        spoilt = damage(content, rng)
        if spoilt == content:
            continue
        (folder / name).write_bytes(spoilt)
        try:
            found = answer(folder)
        except ValueError as error:
            refused += 1
            assert str(folder) in str(error), f"{error} does not say which file"
        else:
            assert found == wanted or not same, f"damage {number} of {name} changed the answer without a word"
        (folder / name).write_bytes(content)
    return refused


@EXTENT
@pytest.mark.parametrize("name", ANSWERS)
def test_damage_in_data_is_always_refused(
    saved: dict[str, Path], tmp_path: Path, name: str, times: int, first: int
) -> None:
    refused = attack(saved[name], tmp_path, BINARY[name], first, times)
    assert refused > 0.95 * times, "the rest changed nothing: repeating a file's last byte and the like"


def mutations(value: Any, rng: random.Random) -> Any:
    """A JSON value of another kind or size in the place of one."""
    return rng.choice(
        [
            None,
            True,
            0,
            -1,
            10**12,
            10**400,
            2**63,
            1.5,
            1e308,
            float("nan"),
            "",
            "x" * 50,
            [],
            {},
            [value] * 3,
            str(value),
        ]
    )


@EXTENT
@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.unchecked_types
def test_a_record_of_nonsense_is_refused_at_once(
    saved: dict[str, Path], tmp_path: Path, name: str, times: int, first: int
) -> None:
    """Not one of them ends in anything but a ValueError with the file's name, or is loaded as it was."""
    folder, rng = tmp_path / name, random.Random(first)
    shutil.copytree(saved[name], folder)
    record = folder / ("index.json" if name == "index" else "config.json")
    original, refused = json.loads(record.read_text()), 0
    for _ in range(times):
        part = content = json.loads(json.dumps(original))
        key = rng.choice(sorted(part))
        while isinstance(part[key], dict) and part[key] and rng.random() < 0.7:
            part = part[key]
            key = rng.choice(sorted(part))
        part[key] = mutations(part[key], rng)
        record.write_text(json.dumps(content))
        try:
            ANSWERS[name](folder)
        except ValueError as error:
            refused += 1
            assert str(folder) in str(error), f"{error} does not say which file"
    assert refused > 0.3 * times, "the rest is of what may be anything, such as how it was trained"


@EXTENT
@pytest.mark.parametrize("name", ANSWERS)
def test_a_damaged_record_is_refused_in_words(
    saved: dict[str, Path], tmp_path: Path, name: str, times: int, first: int
) -> None:
    record = "index.json" if name == "index" else "config.json"
    assert attack(saved[name], tmp_path, [record], first, times, same=False) > 0.5 * times


NUMBERS = {
    "NaN": lambda value: torch.full_like(value, torch.nan),
    "inf": lambda value: torch.full_like(value, torch.inf),
    "one NaN": lambda value: value.index_put((torch.tensor(0),), torch.tensor(torch.nan)),
    "bool": lambda value: value.bool(),
    "int8": lambda value: value.to(torch.int8),
    "int64": lambda value: value.to(torch.int64),
    "complex": lambda value: value.to(torch.complex64),
    "too large for float32": lambda value: value.double() + 1e300,
}
if tuple(map(int, safetensors.__version__.split(".")[:2])) < (0, 7):
    del NUMBERS["complex"]  # which these releases do not have


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", BINARY["checkpoint"])
@pytest.mark.parametrize("summed", [True, False])
def test_what_is_no_weight_is_refused_by_name(
    saved: dict[str, Path], tmp_path: Path, name: str, summed: bool, every: bool
) -> None:
    """Each weight in turn, with one change after the other, or with every one."""
    folder = Path(shutil.copytree(saved["checkpoint"], tmp_path / "checkpoint"))
    config = json.loads((folder / "config.json").read_text())
    original = {key: value.clone() for key, value in load_file(folder / name).items()}
    changes = list(product(original, NUMBERS.values())) if every else list(zip(original, cycle(NUMBERS.values())))
    assert len(changes) >= len(NUMBERS)
    for key, change in changes:
        save_file(original | {key: change(original[key])}, folder / name)
        config["sha256"] = {**config["sha256"], name: sha256(folder / name)} if summed else {}
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=f"{name} does not fit its config.json: {key} (holds|is of)"):
            PoseEncoder.from_pretrained(folder)


def test_one_file_of_another_save_is_refused(saved: dict[str, Path], tmp_path: Path) -> None:
    """The same shapes and types, so that nothing but its SHA-256 tells."""
    folder = Path(shutil.copytree(saved["checkpoint"], tmp_path / "checkpoint"))
    encoder = PoseEncoder.from_pretrained(folder)
    with torch.no_grad():
        encoder.network.tower.head.weight.mul_(2)
    encoder.decoder = encoder.clip = None
    encoder.save_pretrained(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(ValueError, match="model.safetensors is damaged .* or was saved without the rest"):
        PoseEncoder.from_pretrained(folder)
