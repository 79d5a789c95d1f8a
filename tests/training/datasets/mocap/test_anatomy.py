import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS
from tests.training.datasets.skeleton_files import BODY, EXPECTED, REST, Body, amc, asf, bvh, converted, write
from training.datasets import mocap
from training.datasets.mocap import joints as mocap_joints
from training.datasets.mocap.anatomy import BOUNDS, bone_lengths, proportions, warn_of_unlikely_bodies
from training.datasets.mocap.capture import from_clips
from training.datasets.mocap.clips import Clip
from training.datasets.prepare import prepare

Lengths = dict[str, float]
MEASURED = ("shoulders", "hips", "upper arm", "forearm", "thigh", "shank", "neck")
SOURCES: dict[str, Lengths] = {
    name: dict(zip(MEASURED, values, strict=True)) | {"trunk": 1.0}
    for name, values in {
        "CMU": (0.76, 0.34, 0.56, 0.57, 0.83, 0.82, 0.39),
        "UI-PRMD": (0.64, 0.37, 0.51, 0.47, 0.77, 0.80, 0.43),
        "real detectors": (0.69, 0.39, 0.54, 0.51, 0.81, 0.75, 0.50),
        "real detectors, five cameras": (0.50, 0.31, 0.52, 0.44, 0.66, 0.72, 0.50),
        "ANSUR II": (0.76, 0.36, 0.65, 0.55, 0.87, 0.88, 0.46),
    }.items()
}
"""Median of each length in torso lengths, the neck from the shoulders to the nose."""


def person(lengths: Lengths, *, name: str = "somebody", ok: bool = True, frames: int = 3) -> Clip:
    """Somebody of these lengths who stands with the arms down, of the source "studio"."""
    places = {joint: np.zeros(3) for joint in JOINTS}
    for side, sign in (("left", 1), ("right", -1)):
        for upper, middle, lower, start, across, first, second in (
            ("shoulder", "elbow", "wrist", lengths["trunk"], "shoulders", "upper arm", "forearm"),
            ("hip", "knee", "ankle", 0.0, "hips", "thigh", "shank"),
        ):
            x = sign * lengths[across] / 2
            for joint, y in ((upper, start), (middle, start - lengths[first])):
                places[f"{side}_{joint}"] = np.array([x, y, 0])
            places[f"{side}_{lower}"] = np.array([x, start - lengths[first] - lengths[second], 0])
    joints = np.tile(np.array([places[joint] for joint in JOINTS], np.float32), (frames, 1, 1))
    nose = np.tile(np.array([0, lengths["trunk"] + lengths["neck"], 0], np.float32), (frames, 1))
    return Clip("a clip", name, "studio", 30.0, joints, nose, np.full(frames, ok))


def test_lengths_by_hand() -> None:
    lengths = bone_lengths(EXPECTED[None], EXPECTED[None, 0] + [0, 0, 0.1])
    arm = {"upper arm": 0.3, "forearm": 0.25, "shoulders": 0.4, "hips": 0.2, "trunk": np.hypot(0.5, 0.01)}
    leg = {"thigh": np.sqrt(0.02**2 + 0.4**2 + 0.01**2), "shank": np.sqrt(0.01**2 + 0.4**2 + 0.01**2)}
    assert lengths == pytest.approx(arm | leg | {"neck": np.hypot(0.2, 0.11)})


def test_lengths_are_of_most_frames() -> None:
    clip = person(SOURCES["CMU"])
    joints = np.concatenate([clip.joints, 9 * clip.joints[:1]])
    assert bone_lengths(joints, np.concatenate([clip.nose, clip.nose[:1]])) == pytest.approx(SOURCES["CMU"])


@pytest.mark.parametrize("source", SOURCES)
def test_people_pass_wherever_their_source_places_joints(source: str, caplog: pytest.LogCaptureFixture) -> None:
    warn_of_unlikely_bodies(from_clips([person(SOURCES[source])]))
    assert not caplog.records


def test_who_is_out_of_proportion_is_named_with_the_numbers(caplog: pytest.LogCaptureFixture) -> None:
    short = SOURCES["CMU"] | {"forearm": 0.57 * 2 / 3}  # as though the wrist were two thirds of the way down
    wide = SOURCES["UI-PRMD"] | {"hips": 0.6}
    clips = [person(SOURCES["CMU"], name="ann"), person(short, name="bob"), person(short | wide, name="cy")]
    warn_of_unlikely_bodies(from_clips(clips))
    messages = [record.getMessage().split(";")[0] for record in caplog.records]
    assert messages == [
        "forearm to upper arm: people have 0.72 to 1.18, but here are studio/bob 0.68",
        "hips to trunk: people have 0.25 to 0.53, but here are studio/cy 0.60",
    ]
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_only_well_tracked_frames_count() -> None:
    right, wrong = person(SOURCES["CMU"]), person(SOURCES["CMU"] | {"forearm": 0.1}, ok=False, frames=9)
    people = proportions(from_clips([right, wrong, replace(wrong, subject="nobody")]))
    assert list(people) == ["studio/somebody"]
    assert people["studio/somebody"]["forearm", "upper arm"] == pytest.approx(0.57 / 0.56)


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of the survey")
def test_bounds_are_those_of_the_survey_and_the_sources() -> None:
    with np.load(Path(os.environ["POSEEMBED_DATA"]) / "body_lengths_ansur2.npz") as survey:
        names = {bone: bone.replace(" ", "_") for bone in (*MEASURED, "trunk")} | {"neck": "neck_head"}
        people = {bone: survey[name] for bone, name in names.items()}
    for (one, other), bounds in BOUNDS.items():
        ratios = people[one] / people[other]
        placed = [s[one] / s[other] / np.median(ratios) for name, s in SOURCES.items() if name != "ANSUR II"]
        least, most = np.percentile(ratios, [0.1, 99.9]) * [min(1, *placed), max(1, *placed)]
        assert bounds == (pytest.approx(np.floor(100 * least) / 100), pytest.approx(np.ceil(100 * most) / 100))


# --- files, read rightly and wrongly ----------------------------------------------------------------------------------


def acclaim(folder: Path) -> None:
    write(folder / "02.asf", asf())
    write(folder / "02_01.amc", amc([REST] * 4))


def conversion(folder: Path, body: Body = BODY) -> None:
    write(folder / "02_01.bvh", bvh([REST] * 4, body=converted(body)))


@pytest.mark.parametrize("make", [acclaim, conversion])
def test_wrists_of_cmu_are_right_in_every_form(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / "cmu")
    prepare([tmp_path / "cmu"], tmp_path / "out.npz")
    assert not caplog.records


def test_the_start_of_the_wrist_bone_taken_for_the_wrist_would_be_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    naming = mocap_joints.NAMINGS[0]
    wrong = replace(naming, limbs=(*naming.limbs[:2], "{}wrist", *naming.limbs[3:]))
    monkeypatch.setattr(mocap_joints, "NAMINGS", (wrong,))
    acclaim(tmp_path / "cmu")
    prepare([tmp_path / "cmu"], tmp_path / "out.npz")
    assert "forearm to upper arm: people have 0.72 to 1.18, but here are cmu/2 0.55" in caplog.text


def test_a_conversion_that_does_not_show_what_it_lost_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = converted(BODY)
    bare = {bone: value for bone, value in lost.items() if bone[1:] not in ("hand", "fingers", "thumb")}
    write(tmp_path / "cmu" / "02_01.bvh", bvh([REST] * 4, body=bare))
    prepare([tmp_path / "cmu"], tmp_path / "out.npz")
    assert "forearm to upper arm: people have 0.72 to 1.18, but here are cmu/2 0.55" in caplog.text
    caplog.clear()
    mocap.read(tmp_path / "cmu")
    assert "but here are cmu/2 0.55" in caplog.text
