"""Checkpoints: what is written is read back, what is damaged is refused, and the Hub without a network."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import safetensors
import torch
from huggingface_hub import constants
from huggingface_hub import errors as hub_errors
from safetensors.torch import load_file, save_file

from poseembed import JOINTS, PoseEncoder, checkpoint, list_pretrained
from poseembed.calibration import MatchCalibration
from poseembed.clip_network import ClipConfig, ClipEncoder
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.files.bundle import sha256

FILES = ["README.md", "config.json", "model.safetensors"]


@pytest.fixture
def folder(plain_folder: Path, tmp_path: Path) -> Path:
    """A checkpoint to spoil."""
    return Path(shutil.copytree(plain_folder, tmp_path / "checkpoint"))


@pytest.fixture
def with_parts(folder: Path) -> Path:
    """The same with a decoder and a clip encoder."""
    saved = checkpoint.read(folder)
    shape = saved.config.network
    decoder, clip = Decoder(shape, DecoderConfig(8)), ClipEncoder(shape, ClipConfig(8), batch_norm=False)
    checkpoint.write(folder, saved.fitted(decoder).fitted(clip))
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative names are looked up in an empty folder, and nothing is in the Hub's cache."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_network(folder: Path, **changes: Any) -> None:
    change_config(folder, network=json.loads((folder / "config.json").read_text())["network"] | changes)


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / "model.safetensors").items()}
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    change_config(folder, sha256={"model.safetensors": sha256(folder / "model.safetensors")})


# Round trips


def test_config_says_what_the_checkpoint_is(plain_folder: Path) -> None:
    assert sorted(path.name for path in plain_folder.iterdir()) == FILES
    content = json.loads((plain_folder / "config.json").read_text())
    assert content["format_version"] == 1
    assert content["joints"] == list(JOINTS)
    assert content["preprocessing"] == "torso-v1"
    assert content["license"] == "Apache-2.0"
    shape = {"mask_input": False, "width": 32, "blocks": 2, "pose_dim": 32, "view_dim": 32, "certainty": False}
    assert content["network"] == shape


@pytest.mark.parametrize("half", [False, True])
def test_round_trip_is_exact(encoder: PoseEncoder, tmp_path: Path, poses: np.ndarray, half: bool) -> None:
    if half:
        encoder.half().float()
    encoder.save_pretrained(tmp_path / "a" / "b")
    again = PoseEncoder.from_pretrained(tmp_path / "a" / "b")
    assert (again.config, again.card) == (encoder.config, encoder.card)
    assert again.card == "# A random network\n"
    for name, value in encoder.state_dict().items():
        assert torch.equal(again.state_dict()[name], value) and again.state_dict()[name].dtype == torch.float32
    np.testing.assert_array_equal(again.embed(poses), encoder.embed(poses))
    on_disk = {tensor.dtype for tensor in load_file(tmp_path / "a" / "b" / "model.safetensors").values()}
    assert on_disk == {torch.float16 if half else torch.float32}


def test_a_calibration_survives_saving(encoder: PoseEncoder, tmp_path: Path) -> None:
    calibration = MatchCalibration(a=(1 / 3, 2.0), b=(0.0,), c=(-7.1, 4, 0.5))
    encoder.config = replace(encoder.config, calibration=calibration)
    encoder.save_pretrained(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    assert content["format_version"] == 1, "an older library ignores it"
    assert content["calibration"] == {"a": [1 / 3, 2.0], "b": [0.0], "c": [-7.1, 4, 0.5]}
    assert PoseEncoder.from_pretrained(tmp_path).config.calibration == calibration


def test_a_calibration_from_before_there_were_certainties(folder: Path, poses: np.ndarray) -> None:
    change_config(folder, calibration={"a": 3.0, "b": 1.5, "c": -0.5})
    encoder = PoseEncoder.from_pretrained(folder)
    assert encoder.config.calibration == MatchCalibration((3.0,), (1.5,), (-0.5,))
    z_pose = encoder.embed(poses).z_pose
    s = (1 + encoder.similarity_pairwise(z_pose[:-1], z_pose[1:]).astype(float)) / 2
    odds = s**3.0 / (1 - s) ** 1.5 * np.exp(-0.5)
    chances = encoder.match_probability_pairwise(z_pose[:-1], 10 * z_pose[1:])  # whose lengths say nothing
    np.testing.assert_allclose(chances, odds / (1 + odds), rtol=1e-4)


def test_a_checkpoint_from_before_there_were_calibrations(folder: Path) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("calibration") is None
    path.write_text(json.dumps(content))
    assert PoseEncoder.from_pretrained(folder).config.calibration is None


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float64"])
def test_the_precision_is_that_asked_for_and_survives_saving(
    plain_folder: Path, tmp_path: Path, precision: str
) -> None:
    encoder = PoseEncoder.from_pretrained(plain_folder, precision=precision)
    assert encoder.dtype == getattr(torch, precision)
    encoder.save_pretrained(tmp_path / "saved")
    again = PoseEncoder.from_pretrained(tmp_path / "saved", precision=precision)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in encoder.state_dict().items())


def test_saving_over_the_folder_it_came_from(folder: Path, poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained(folder)
    before = encoder.embed(poses).z_pose
    encoder.save_pretrained(folder)
    np.testing.assert_array_equal(encoder.embed(poses).z_pose, before)
    np.testing.assert_array_equal(PoseEncoder.from_pretrained(folder).embed(poses).z_pose, before)


def test_an_encoder_does_not_need_its_files_any_more(folder: Path, poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained(folder)
    before = encoder.embed(poses).z_pose
    weights = folder / "model.safetensors"
    weights.write_bytes(b"\0" * weights.stat().st_size)
    np.testing.assert_array_equal(encoder.embed(poses).z_pose, before)


def test_the_model_card_is_optional(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert PoseEncoder.from_pretrained(folder).card == ""


@pytest.mark.parametrize("kind", [str, Path])
def test_home_is_understood(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    PoseEncoder.from_pretrained(kind("~/checkpoint")).save_pretrained(kind("~/copy"))
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == FILES


def test_a_loaded_encoder_is_in_eval_mode_and_trainable(encoder: PoseEncoder) -> None:
    assert not any(module.training for module in encoder.modules())
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in encoder.parameters())


# Damaged files


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"checkpoint has no {name}; a checkpoint is a folder with"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize("length", [0, 7, 100, -1000, -1])
def test_truncated_weights_are_refused(folder: Path, length: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(ValueError, match="model.safetensors is damaged or cut short.*force_download=True"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 400,
        b"<html>404</html>" * 20,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 17\n",
        b"\x80\x04K\x01.",
    ],
    ids=["noise", "page", "git-lfs pointer", "pickle"],
)
def test_weights_that_are_no_safetensors_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="model.safetensors is damaged or cut short"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda tensors: tensors.pop("stem.0.bias"), r"stem\.0\.bias is missing"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "more is not part of this network"),
        (
            lambda tensors: tensors.update({"stem.0.weight": torch.zeros(32, 39)}),
            r"stem\.0\.weight has shape \(32, 39\), wanted \(32, 26\)",
        ),
        (lambda tensors: tensors.clear(), r"stem\.0\.bias is missing; .*tower\.head\.weight is missing"),
    ],
    ids=["missing", "extra", "shape", "none"],
)
def test_tensors_must_be_those_of_the_network(folder: Path, change: Any, words: str) -> None:
    change_tensors(folder, change)
    with pytest.raises(ValueError, match=f"model.safetensors does not fit its config.json: .*{words}"):
        PoseEncoder.from_pretrained(folder)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model.safetensors", "decoder.safetensors", "clip.safetensors"])
@pytest.mark.parametrize("place", [-1, -1000, 8])
def test_a_flipped_bit_is_noticed(with_parts: Path, name: str, place: int) -> None:
    flip(with_parts / name, place)
    with pytest.raises(ValueError, match=f"{name} is damaged or cut short.*SHA-256 is .*force_download=True"):
        PoseEncoder.from_pretrained(with_parts)


@pytest.mark.parametrize(
    "value, words",
    [
        (torch.full((32,), torch.nan), "stem.0.bias holds NaN or infinite numbers"),
        (torch.full((32,), torch.inf), "stem.0.bias holds NaN or infinite numbers"),
        (torch.full((32,), 1e300, dtype=torch.float64), "stem.0.bias holds NaN or infinite numbers"),
        (torch.ones(32).bool(), "stem.0.bias is of torch.bool, wanted floating-point"),
        (torch.ones(32).to(torch.int8), "stem.0.bias is of torch.int8, wanted floating-point"),
        pytest.param(
            torch.ones(32).to(torch.complex64),
            "stem.0.bias is of torch.complex64, wanted floating-point",
            marks=pytest.mark.skipif(
                tuple(map(int, safetensors.__version__.split(".")[:2])) < (0, 7),
                reason="this safetensors has no complex numbers",
            ),
        ),
        (torch.ones(32).to(torch.float8_e4m3fn), "stem.0.bias is of torch.float8_e4m3fn, wanted floating-point"),
    ],
)
@pytest.mark.parametrize("summed", [True, False])
def test_what_is_no_number_is_refused(folder: Path, value: torch.Tensor, words: str, summed: bool) -> None:
    change_tensors(folder, lambda tensors: tensors.update({"stem.0.bias": value}))
    if not summed:
        change_config(folder, sha256=None)
    with pytest.raises(ValueError, match=f"model.safetensors does not fit its config.json: {words}"):
        PoseEncoder.from_pretrained(folder)


def test_what_is_no_number_is_not_saved(encoder: PoseEncoder, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path / "saved")
    before = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    with torch.no_grad():
        encoder.network.tower.head.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="not saved, because .*: tower.head.weight"):
        encoder.save_pretrained(tmp_path / "saved")
    assert {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()} == before


def test_a_checkpoint_without_sums_loads_with_a_note(
    folder: Path, poses: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = PoseEncoder.from_pretrained(folder).embed(poses).z_pose
    content = json.loads((folder / "config.json").read_text())
    assert content.pop("sha256") == {"model.safetensors": sha256(folder / "model.safetensors")}
    (folder / "config.json").write_text(json.dumps(content))
    with caplog.at_level("INFO"):
        encoder = PoseEncoder.from_pretrained(folder)
    assert "model.safetensors was saved before its SHA-256 was recorded" in caplog.text
    np.testing.assert_array_equal(encoder.embed(poses).z_pose, wanted)
    encoder.save_pretrained(folder)
    assert PoseEncoder.from_pretrained(folder).config.sha256 == {
        "model.safetensors": sha256(folder / "model.safetensors")
    }


@pytest.mark.parametrize("sums", [{"model.safetensors": 3}, {"model.safetensors": "0" * 63}, []], ids=str)
def test_sums_that_are_none_are_refused(folder: Path, sums: Any) -> None:
    change_config(folder, sha256=sums)
    with pytest.raises(ValueError, match="config.json is not the config of .*sha256"):
        PoseEncoder.from_pretrained(folder)


def test_a_card_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "README.md").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="README.md is not UTF-8"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize("name", list_pretrained())
def test_packaged_checkpoints_have_sums(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        encoder = PoseEncoder.from_pretrained(name)
    assert not caplog.records
    assert len(encoder.config.sha256) == 1 + (encoder.decoder is not None) + (encoder.clip is not None)


@pytest.mark.parametrize(
    "changes",
    [{"width": 64}, {"width": 65_536}, {"blocks": 3}, {"blocks": 1}, {"mask_input": True}, {"pose_dim": 31}],
    ids=str,
)
def test_a_config_of_another_network_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    change_network(folder, **changes)
    with pytest.raises(ValueError, match="model.safetensors does not fit its config.json"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 0},
        {"width": -32},
        {"width": "32"},
        {"width": None},
        {"width": 10**12},
        {"blocks": 2.0},
        {"blocks": 100_000},
        {"pose_dim": 65_537},
        {"view_dim": 10**400},
        {"mask_input": 0},
        {"depth": 2},
    ],
    ids=str,
)
@pytest.mark.unchecked_types
def test_a_config_of_no_network_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    change_network(folder, **changes)
    with pytest.raises(ValueError, match=f"config.json does not describe an encoder: .*{next(iter(changes))}"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "calibration, words",
    [
        ({"a": 1.0, "b": 1.0}, "missing.*'c'"),
        ({"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}, "'d'"),
        ({"a": -0.1, "b": 1.0, "c": 0.0}, "a must be from 0 to 1e[+]06, got -0.1"),
        ({"a": 1.0, "b": -1, "c": 0.0}, "b must be from 0 to"),
        ({"a": 1.0, "b": 1.0, "c": float("nan")}, "c must be from -1e[+]06 to 1e[+]06, got nan"),
        ({"a": float("inf"), "b": 1.0, "c": 0.0}, "a must be .* got inf"),
        ({"a": 10**400, "b": 1.0, "c": 0.0}, "a must be"),
        ({"a": "1.0", "b": 1.0, "c": 0.0}, "a must be of numbers, got '1.0'"),
        ({"a": None, "b": 1.0, "c": 0.0}, "a must be of numbers, got None"),
        ({"a": True, "b": 1.0, "c": 0.0}, "a must be of numbers, got True"),
        ({"a": [], "b": 1.0, "c": 0.0}, "a must be 1 to 8 numbers, got"),
        ({"a": [1.0] * 9, "b": 1.0, "c": 0.0}, "a must be 1 to 8 numbers, got"),
        ({"a": [1.0, -1.0], "b": 1.0, "c": 0.0}, "a must be from 0 to 1e[+]06, got -1.0"),
        ({"a": [1.0, [2.0]], "b": 1.0, "c": 0.0}, "a must be of numbers, got"),
        ({}, "missing"),
    ],
    ids=repr,
)
@pytest.mark.unchecked_types
def test_a_broken_calibration_is_refused(folder: Path, calibration: Any, words: str) -> None:
    change_config(folder, calibration=calibration)
    with pytest.raises(ValueError, match=f"config.json does not describe a calibration: .*{words}"):
        PoseEncoder.from_pretrained(folder)


PARTS = pytest.mark.parametrize(
    "part, called, shape", [("decoder", "a decoder", r"\(8, 58\)"), ("clip", "a clip encoder", r"\(8, 90\)")]
)


def test_decoder_and_clip_encoder_are_read_back(with_parts: Path, tmp_path: Path) -> None:
    encoder = PoseEncoder.from_pretrained(with_parts)
    assert encoder.decoder is not None and not encoder.decoder.training
    assert encoder.clip is not None and not encoder.clip.training
    assert encoder.config.fitted_to == encoder.fingerprint
    encoder.save_pretrained(tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(
        [*FILES, "decoder.safetensors", "clip.safetensors"]
    )
    again = PoseEncoder.from_pretrained(tmp_path / "copy")
    assert again.config == encoder.config
    for name, value in encoder.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_half_weights_of_a_clip_encoder_stay_half_on_disk(clip_folder: Path) -> None:
    assert {tensor.dtype for tensor in load_file(clip_folder / "clip.safetensors").values()} == {torch.float16}


@PARTS
@pytest.mark.unchecked_types
def test_a_part_that_is_not_the_configs_is_refused(with_parts: Path, part: str, called: str, shape: str) -> None:
    change_config(with_parts, **{part: {"width": 9}})
    with pytest.raises(ValueError, match=rf"{part}.safetensors does not fit its config.json: .*shape {shape}"):
        PoseEncoder.from_pretrained(with_parts)
    change_config(with_parts, **{part: {"width": "8"}})
    with pytest.raises(ValueError, match=f"does not describe {called}: width must be int"):
        PoseEncoder.from_pretrained(with_parts)
    change_config(with_parts, **{part: {"width": 65_537}})
    with pytest.raises(ValueError, match=f"does not describe {called}: width must be at most 65536"):
        PoseEncoder.from_pretrained(with_parts)
    change_config(with_parts, **{part: {"width": 8}})
    (with_parts / f"{part}.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=rf"has no {part}.safetensors"):
        PoseEncoder.from_pretrained(with_parts)


@PARTS
def test_a_part_is_not_lost_without_a_word(with_parts: Path, part: str, called: str, shape: str) -> None:
    change_config(with_parts, **{part: None})
    with pytest.raises(ValueError, match=f"has a SHA-256 of {part}.safetensors, but does not describe {called}"):
        PoseEncoder.from_pretrained(with_parts)


@pytest.mark.parametrize("part", [{"decoder": DecoderConfig(8)}, {"clip": ClipConfig(8)}])
def test_half_a_part_is_not_written(folder: Path, tmp_path: Path, part: dict[str, Any]) -> None:
    saved = checkpoint.read(folder)
    with pytest.raises(ValueError, match="give both or neither"):
        checkpoint.write(tmp_path / "new", replace(saved, config=replace(saved.config, **part)))
    assert not (tmp_path / "new").exists()


OF_ANOTHER = "was fitted to the network [0-9a-f]{16}, and its network is [0-9a-f]{16}, .*fit them again, or leave them"


def test_parts_of_another_network_are_refused(with_parts: Path, tmp_path: Path) -> None:
    change_tensors(with_parts, lambda tensors: tensors["tower.head.bias"].add_(0.5))
    with pytest.raises(ValueError, match=OF_ANOTHER):
        PoseEncoder.from_pretrained(with_parts)


def test_a_network_that_was_trained_on_needs_new_parts(with_parts: Path, tmp_path: Path, poses: np.ndarray) -> None:
    encoder = PoseEncoder.from_pretrained(with_parts)
    with torch.no_grad():
        encoder.network.tower.head.bias.add_(0.5)
    with pytest.raises(ValueError, match=OF_ANOTHER):
        encoder.save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    saved = checkpoint.Checkpoint(encoder.config, encoder.network, "", encoder.decoder, encoder.clip)
    with pytest.raises(ValueError, match=OF_ANOTHER):
        saved.fitted(Decoder(encoder.config.network, DecoderConfig(8)))
    encoder.decoder = encoder.clip = None
    encoder.save_pretrained(tmp_path / "new")
    again = PoseEncoder.from_pretrained(tmp_path / "new")
    assert again.decoder is again.clip is again.config.decoder is again.config.clip is again.config.fitted_to is None
    np.testing.assert_array_equal(again.embed(poses), encoder.embed(poses))


def test_a_clip_encoder_says_what_it_was_fitted_to(with_parts: Path) -> None:
    change_config(with_parts, fitted_to=None)
    with pytest.raises(ValueError, match="does not say which network its clip encoder was fitted to; copy or download"):
        PoseEncoder.from_pretrained(with_parts)
    change_config(with_parts, fitted_to="somebody")
    with pytest.raises(ValueError, match="does not name the network that its parts were fitted to: got 'somebody'"):
        PoseEncoder.from_pretrained(with_parts)


def test_a_decoder_from_before_there_were_clip_encoders(folder: Path) -> None:
    saved = checkpoint.read(folder)
    decoder = Decoder(saved.config.network, DecoderConfig(8))
    checkpoint.write(folder, saved.fitted(decoder))
    content = json.loads((folder / "config.json").read_text())
    del content["fitted_to"], content["clip"]
    (folder / "config.json").write_text(json.dumps(content))
    encoder = PoseEncoder.from_pretrained(folder)
    assert encoder.decoder is not None and encoder.clip is None


@pytest.mark.parametrize("content", [b"", b"{", b"<html></html>", b"\xff\xfe\x00", b'{"format_version": 1'], ids=repr)
def test_a_config_that_is_not_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match="config.json is not JSON.*; copy or download it again"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "content", ["[]", "3", "null", "{}", '"config"', '{"model_type": "bert"}', '{"format_version": "1"}'], ids=repr
)
def test_json_of_something_else_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match="config.json is not the config of a poseembed checkpoint"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize("key", ["format_version", "joints", "preprocessing", "network", "license", "training"])
def test_a_config_without_one_of_its_parts_is_refused(folder: Path, key: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))
    with pytest.raises(
        ValueError, match=f"config.json is not the config of a poseembed checkpoint: it has no {key}; copy"
    ):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "key, value, wanted",
    [
        ("format_version", True, "a whole number"),
        ("joints", None, "a list"),
        ("license", 3, "text"),
        ("training", [], "an object"),
        ("calibration", [1.0, 1.0, 0.0], "an object"),
        ("decoder", "large", "an object"),
        ("clip", 512, "an object"),
        ("fitted_to", 7, "text"),
    ],
)
def test_a_part_of_another_kind_is_refused(folder: Path, key: str, value: Any, wanted: str) -> None:
    change_config(folder, **{key: value})
    with pytest.raises(ValueError, match=f"checkpoint: {key} is {re.escape(repr(value))}, wanted {wanted}; copy"):
        PoseEncoder.from_pretrained(folder)


def test_a_newer_format_says_to_upgrade(folder: Path) -> None:
    change_config(folder, format_version=2, joints=["whatever a newer one says"])
    with pytest.raises(ValueError, match="has format 2, .*reads up to 1; upgrade with: pip install -U poseembed"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "key, value",
    [("joints", list(JOINTS[::-1])), ("joints", list(JOINTS[:12])), ("joints", []), ("preprocessing", "torso-v2")],
)
def test_a_checkpoint_for_other_inputs_is_refused(folder: Path, key: str, value: Any) -> None:
    change_config(folder, **{key: value})
    with pytest.raises(ValueError, match=f"config.json was made for {key} .*, this library has"):
        PoseEncoder.from_pretrained(folder)


def test_a_checkpoint_says_what_kind_of_network_it_holds(folder: Path) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    assert content.pop("kind") == "pose_encoder" and content.pop("space") is None
    path.write_text(json.dumps(content))  # as the first checkpoints were written
    assert PoseEncoder.from_pretrained(folder).config.space is None


def test_another_kind_of_network_says_to_upgrade(folder: Path) -> None:
    change_config(folder, kind="clip_encoder", network={"whatever": "it has"})
    words = r"describes a clip_encoder, of which .* \(it reads: pose_encoder\); upgrade with: pip install -U"
    with pytest.raises(ValueError, match=words):
        PoseEncoder.from_pretrained(folder)


def test_a_space_that_is_none_is_refused(folder: Path) -> None:
    change_config(folder, space="poseembed-base")
    with pytest.raises(ValueError, match="does not name the space .*: got 'poseembed-base'; wanted the fingerprint"):
        PoseEncoder.from_pretrained(folder)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_files_have_the_permissions_of_any_file(encoder: PoseEncoder, tmp_path: Path) -> None:
    (tmp_path / "any").touch()
    encoder.save_pretrained(tmp_path / "saved")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "saved").iterdir()}
    assert modes == {(tmp_path / "any").stat().st_mode & 0o777}


def test_what_else_is_in_the_folder_stays(encoder: PoseEncoder, folder: Path) -> None:
    (folder / "training_log.csv").write_text("step")
    encoder.save_pretrained(folder)
    assert sorted(path.name for path in folder.iterdir()) == [*FILES, "training_log.csv"]


def test_what_a_later_version_adds_is_ignored(folder: Path) -> None:
    change_config(folder, mood="good", poseembed_version="99.0")
    assert PoseEncoder.from_pretrained(folder).pose_dim == 32


# Names, folders and the Hub


class Hub:
    """Stands in for the Hub's download function: serves the files of a folder, or raises."""

    def __init__(self, answer: Path | Exception) -> None:
        self.answer = answer
        self.commit = answer.name if isinstance(answer, Path) else None  # as in the Hub's cache
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(self, repo_id: str, filename: str, **options: Any) -> str:
        self.calls.append((repo_id, filename, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        if not (self.answer / filename).exists():
            raise http_error(hub_errors.RemoteEntryNotFoundError, 404)
        return str(self.answer / filename)


def http_error(kind: type[hub_errors.HfHubHTTPError], status: int) -> Exception:
    """An error as the Hub's client makes it of an answer."""
    response: Any = SimpleNamespace(status_code=status, headers={}, request=None)
    return kind(f"{status} from the Hub", response=response)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path | Exception], Hub]:
    """Put a `Hub` in place of the real one."""

    def put(answer: Path | Exception) -> Hub:
        hub = Hub(answer)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub)
        return hub

    return put


@pytest.fixture
def hub(serve: Callable[[Path | Exception], Hub], plain_folder: Path) -> Hub:
    """A Hub that has every checkpoint."""
    return serve(plain_folder)


def test_a_hub_id_is_downloaded_with_its_card(hub: Hub) -> None:
    encoder = PoseEncoder.from_pretrained(
        "owner/name", revision="v1", cache_dir=Path("cache"), token="secret", force_download=True
    )
    assert encoder.card == "# A random network\n"
    assert [call[:2] for call in hub.calls] == [
        ("owner/name", file) for file in ("config.json", "model.safetensors", "README.md")
    ]
    for _, _, options in hub.calls:
        wanted = {"cache_dir": "cache", "token": "secret", "force_download": True}
        assert wanted.items() <= options.items() and not options["local_files_only"]
    assert [options["revision"] for _, _, options in hub.calls] == ["v1", *[hub.commit] * 2]


@PARTS
def test_a_part_is_downloaded_where_the_config_says_so(
    serve: Callable[[Path | Exception], Hub], folder: Path, with_parts: Path, part: str, called: str, shape: str
) -> None:
    hub = serve(with_parts)
    assert getattr(PoseEncoder.from_pretrained("owner/name"), part) is not None
    assert f"{part}.safetensors" in [call[1] for call in hub.calls]
    (with_parts / f"{part}.safetensors").unlink()
    with pytest.raises(OSError, match=f"{part}.safetensors of 'owner/name' .*has no such file"):
        PoseEncoder.from_pretrained("owner/name")


def test_a_hub_repository_needs_no_card(serve: Callable[[Path | Exception], Hub], folder: Path) -> None:
    (folder / "README.md").unlink()
    serve(folder)
    assert PoseEncoder.from_pretrained("owner/name").card == ""


def test_a_folder_wins_over_a_hub_id(hub: Hub, masked_folder: Path) -> None:
    shutil.copytree(masked_folder, "owner/name")
    assert PoseEncoder.from_pretrained("owner/name").config.network.mask_input
    assert not hub.calls


def test_a_folder_wins_over_a_packaged_name(
    plain_folder: Path, masked_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = checkpoint.DEFAULT_CHECKPOINT
    shutil.copytree(plain_folder, tmp_path / "packaged" / name)
    monkeypatch.setattr(checkpoint, "_packaged_folder", lambda: tmp_path / "packaged")
    assert list_pretrained() == [name]
    assert not PoseEncoder.from_pretrained(name).config.network.mask_input
    shutil.copytree(masked_folder, name)
    assert PoseEncoder.from_pretrained(name).config.network.mask_input
    assert not PoseEncoder.from_pretrained().config.network.mask_input, "no name is the packaged one"


@pytest.mark.parametrize(
    "name",
    ["./missing", "../missing", "/missing/folder", "~/missing", "~nobody-of-this-name/x", "a/b/c", "no-such", "a\\b"],
)
def test_a_path_that_does_not_exist_is_no_hub_id(hub: Hub, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"no checkpoint {re.escape(repr(name))}: it is not a folder"):
        PoseEncoder.from_pretrained(name)
    assert not hub.calls


def test_a_file_is_no_folder(hub: Hub, folder: Path) -> None:
    for name in (folder / "model.safetensors", Path("some/file")):
        name.parent.mkdir(exist_ok=True)
        name.touch()
        with pytest.raises(FileNotFoundError, match="it is not a folder"):
            PoseEncoder.from_pretrained(name)
    assert not hub.calls


@pytest.mark.parametrize("name", ["a b/c", "-a/b", "a/b--c", "C:/models"])
def test_a_bad_hub_id_is_neither_folder_nor_id(name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{name!r} is neither a folder nor a valid Hub id"):
        PoseEncoder.from_pretrained(name)


@pytest.mark.parametrize("options, why", [({}, "offline mode is on"), ({"local_files_only": True}, "was passed")])
def test_without_network_the_ways_out_are_named(options: dict[str, Any], why: str) -> None:
    with pytest.raises(
        OSError, match=r"config.json of 'owner/name' \(revision v2\) is not in the local cache"
    ) as caught:
        PoseEncoder.from_pretrained("owner/name", revision="v2", **options)
    message = str(caught.value)
    assert why in message
    assert all(
        way in message for way in ("'hf download owner/name'", "pass a folder", "from_pretrained() without a name")
    )


@pytest.mark.parametrize(
    "error, words",
    [
        (hub_errors.LocalEntryNotFoundError("not cached"), "not in the local cache.* Three ways out"),
        (http_error(hub_errors.RepositoryNotFoundError, 404), "has no repository 'owner/name', or it is private"),
        (http_error(hub_errors.GatedRepoError, 403), "'hf auth login' or pass token="),
        (http_error(hub_errors.RevisionNotFoundError, 404), r"\(revision main\)"),
        (http_error(hub_errors.RemoteEntryNotFoundError, 404), "has no such file"),
        (http_error(hub_errors.HfHubHTTPError, 500), "a fault of its own .500.: try again later"),
        (hub_errors.OfflineModeIsEnabled("offline"), "offline"),
        (ValueError("Force download failed due to the above error."), "could not download config.json of 'owner/name'"),
        (PermissionError("no space"), "no space"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_of_the_hub_is_an_oserror(serve: Any, error: Exception, words: str) -> None:
    serve(error)
    with pytest.raises(OSError, match=words):
        PoseEncoder.from_pretrained("owner/name")


def test_never_and_always_downloading_contradict() -> None:
    with pytest.raises(ValueError, match="contradict each other"):
        PoseEncoder.from_pretrained("owner/name", local_files_only=True, force_download=True)


# Upload


@pytest.mark.parametrize("pr_url", [None, "https://huggingface.co/owner/name/discussions/1"])
def test_pushing_uploads_a_whole_checkpoint(
    encoder: PoseEncoder, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch, pr_url: str | None
) -> None:
    calls: dict[str, Any] = {}

    class Api:
        def __init__(self, **options: Any) -> None:
            calls["api"] = options

        def create_repo(self, repo_id: str, **options: Any) -> Any:
            calls["create"] = {"repo_id": repo_id, **options}
            return SimpleNamespace(repo_id=f"me/{repo_id}")

        def upload_folder(self, *, folder_path: str, **options: Any) -> Any:
            calls["upload"] = options
            calls["files"] = sorted(path.name for path in Path(folder_path).iterdir())
            calls["folder"] = Path(folder_path)
            uploaded = PoseEncoder.from_pretrained(folder_path)
            np.testing.assert_array_equal(uploaded.embed(poses), encoder.embed(poses))
            return SimpleNamespace(commit_url="https://huggingface.co/me/name/commit/1", pr_url=pr_url)

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    url = encoder.push_to_hub(
        "name", private=True, token="secret", revision="v1", create_pr=pr_url is not None, commit_message="New weights"
    )
    assert url == (pr_url or "https://huggingface.co/me/name/commit/1")
    assert calls["api"]["token"] == "secret"
    assert calls["create"] == {"repo_id": "name", "private": True, "exist_ok": True}
    assert calls["upload"] == {
        "repo_id": "me/name",
        "revision": "v1",
        "create_pr": pr_url is not None,
        "commit_message": "New weights",
    }
    assert calls["files"] == FILES
    assert not calls["folder"].exists()
