"""Whose vectors these are: names of networks, and which vectors may meet."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poseembed import MadeBy, PoseEncoder, list_pretrained
from poseembed.calibration import MatchCalibration
from poseembed.checkpoint import Checkpoint
from poseembed.decoder import Decoder, DecoderConfig
from poseembed.network import Encoder
from poseembed.origin import meet

A, B, PUPIL = MadeBy("a" * 16, "a" * 16), MadeBy("b" * 16, "b" * 16), MadeBy("c" * 16, "a" * 16)
A_CLIP, PUPIL_CLIP = replace(A, clip="d" * 16), replace(PUPIL, clip="e" * 16)


@pytest.mark.parametrize("name", list_pretrained())
@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float64"])
def test_the_same_weights_have_one_name_in_every_type(name: str, precision: str) -> None:
    encoder = PoseEncoder.from_pretrained(name)
    assert PoseEncoder.from_pretrained(name, precision=precision).fingerprint == encoder.fingerprint
    assert encoder.to(getattr(torch, precision)).fingerprint == PoseEncoder.from_pretrained(name).fingerprint


def test_names_are_short_and_differ() -> None:
    names = {PoseEncoder.from_pretrained(name).fingerprint for name in list_pretrained()}
    assert len(names) == len(list_pretrained())
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_every_weight_counts_and_a_change_shows_at_once(encoder: PoseEncoder) -> None:
    seen = {encoder.fingerprint}
    for parameter in encoder.network.parameters():
        with torch.no_grad():
            parameter.view(-1)[-1] += 0.5
        seen.add(encoder.fingerprint)
    assert len(seen) == 1 + len(list(encoder.network.parameters()))
    replaced = copy.deepcopy(encoder)
    replaced.network.load_state_dict({name: value + 1 for name, value in encoder.network.state_dict().items()})
    assert replaced.fingerprint not in seen and copy.deepcopy(encoder).fingerprint in seen


def test_how_the_output_is_split_counts(encoder: PoseEncoder) -> None:
    before = encoder.fingerprint
    other = copy.deepcopy(encoder)
    other.network.config = replace(other.network.config, pose_dim=16, view_dim=48)
    other.config = replace(other.config, network=other.network.config)
    assert PoseEncoder(Checkpoint(other.config, other.network)).fingerprint != before


def test_decoder_and_calibration_do_not_count(encoder: PoseEncoder) -> None:
    shape = DecoderConfig(8)
    config = replace(encoder.config, decoder=shape, calibration=MatchCalibration((1.0,), (1.0,), (0.0,)))
    decoder = Decoder(config.network, shape)
    assert PoseEncoder(Checkpoint(config, encoder.network, decoder=decoder)).made_by == encoder.made_by


def test_the_layer_that_gives_lengths_makes_another_network_in_the_same_space(encoder: PoseEncoder) -> None:
    network = Encoder(replace(encoder.config.network, certainty=True), batch_norm=False)
    network.load_state_dict(encoder.network.state_dict(), strict=False)
    longer = PoseEncoder(Checkpoint(replace(encoder.config, network=network.config), network))
    assert longer.space == encoder.space == encoder.fingerprint != longer.fingerprint
    assert str(longer.made_by) == f"{longer.fingerprint} in {encoder.fingerprint}"


def test_a_clip_encoder_has_a_name_of_its_own(clip_encoder: PoseEncoder, masked_folder: Path) -> None:
    plain = PoseEncoder.from_pretrained(masked_folder)
    assert clip_encoder.made_by == plain.made_by and plain.clip_made_by is None
    with_context = clip_encoder.clip_made_by
    assert with_context is not None and clip_encoder.clip is not None
    assert replace(with_context, clip=None) == clip_encoder.made_by
    with torch.no_grad():
        clip_encoder.clip.absent[0] += 0.5
    again = clip_encoder.clip_made_by
    assert again is not None and again.clip != with_context.clip and again.fingerprint == with_context.fingerprint


def test_an_encoder_loaded_in_inference_mode_has_a_name(plain_folder: Path) -> None:
    with torch.inference_mode():
        inside = PoseEncoder.from_pretrained(plain_folder).fingerprint
    assert inside == PoseEncoder.from_pretrained(plain_folder).fingerprint


def test_small_lives_in_the_space_of_base() -> None:
    base, small, other = (PoseEncoder.from_pretrained(name) for name in ("poseembed-base", "poseembed-small", "cv-mim"))
    assert small.space == base.space
    assert small.fingerprint != small.space != other.space


def test_the_space_is_kept_in_the_config(encoder: PoseEncoder, tmp_path: Path) -> None:
    encoder.config = replace(encoder.config, space="0123456789abcdef")
    encoder.save_pretrained(tmp_path)
    again = PoseEncoder.from_pretrained(tmp_path)
    assert again.made_by == MadeBy(encoder.fingerprint, "0123456789abcdef")


@pytest.mark.parametrize(
    "made_by, text",
    [
        (A, "a" * 16),
        (PUPIL, f"{'c' * 16} in {'a' * 16}"),
        (A_CLIP, f"{'a' * 16} with {'d' * 16}"),
        (PUPIL_CLIP, f"{'c' * 16} in {'a' * 16} with {'e' * 16}"),
    ],
)
def test_the_text_is_read_back(made_by: MadeBy, text: str) -> None:
    assert str(made_by) == text
    assert MadeBy.from_text(text) == made_by


@pytest.mark.parametrize(
    "text", ["", "poseembed-base", "A" * 16, "a" * 17, f"{'a' * 16} in ", f"{'a' * 16} in b", f"{'a' * 16} with "]
)
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="wanted the fingerprint of a network, 16 hex digits"):
        MadeBy.from_text(text)


@pytest.mark.parametrize(
    "first, second, wanted",
    [
        *[(A, A, A), (A, PUPIL, A), (PUPIL, A, A), (PUPIL, PUPIL, PUPIL)],
        *[(None, B, B), (B, None, B), (None, None, None), (A_CLIP, None, A_CLIP)],
        *[(A, A_CLIP, A), (A_CLIP, A_CLIP, A_CLIP), (A_CLIP, PUPIL, A), (PUPIL_CLIP, PUPIL, PUPIL)],
    ],
)
def test_what_meets(first: Any, second: Any, wanted: Any) -> None:
    assert meet(first, second, ("x", "y")) == wanted


@pytest.mark.parametrize("first, second", [(A, B), (B, PUPIL)])
def test_what_cannot_meet(first: MadeBy, second: MadeBy) -> None:
    words = f"x has vectors of checkpoint {first}, y of checkpoint {second}; .* so embed again with the encoder of"
    with pytest.raises(ValueError, match=words):
        meet(first, second, ("x", "y"))


def test_vectors_of_base_and_small_are_worth_comparing(poses: np.ndarray) -> None:
    base, small = (PoseEncoder.from_pretrained(name) for name in ("poseembed-base", "poseembed-small"))
    assert base.similarity_pairwise(base.embed(poses).z_pose, small.embed(poses).z_pose).mean() > 0.7
