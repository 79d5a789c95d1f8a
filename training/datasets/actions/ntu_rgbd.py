"""NTU RGB+D 60 (Shahroudy et al., CVPR 2016) and 120 (Liu et al., TPAMI 2019): daily actions seen by three Kinects.

Read from the `.skeleton` files as downloaded (S001 to S017 are NTU RGB+D 60, all to S032 are 120), anywhere below one
folder. `S001C002P003R002A013.skeleton` is setup 1, camera 2, performer 3, replication 2, action 13. Camera 1 sees
everybody at 45 degrees, cameras 2 and 3 from the front and from the side.

What is read are the 2D positions of the joints in the colour pictures, in the way of the CV-MIM paper: single-person
actions only, and the main actor only. Frames in which the main actor was not tracked are left out.

The owners list recordings with missing or incomplete skeletons and ask to ignore these. Put their list
(https://github.com/shahroudy/NTURGB-D, folder Matlab) beside the data, or name it.
"""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int64
from tqdm import tqdm

from poseembed.skeleton import SKELETONS
from training.datasets.actions.clips import ActionClips
from training.datasets.actions.ntu_actions import ACTIONS, MUTUAL
from training.datasets.formats.ntu_skeleton import main_actor, read_bodies
from training.datasets.formats.text_lines import read_text
from training.datasets.missing import DataSet

NTU_RGBD = DataSet("NTU RGB+D", "https://rose1.ntu.edu.sg/dataset/actionRecognition/")

CAMERAS = (1, 2, 3)
REPLICATIONS = (1, 2)
TRAIN_CAMERAS = (2, 3)
"""Of the cross-view split; camera 1 is there to test on."""

FRAMES = 300
"""Length that the CV-MIM paper brings clips to, with `training.datasets.actions.clips.replay`."""

MISSING_LISTS = ("NTU_RGBD_samples_with_missing_skeletons.txt", "NTU_RGBD120_samples_with_missing_skeletons.txt")
"""The owners' lists; the second one holds the first."""

_TRAIN_SUBJECTS_60 = (1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38)
_TRAIN_SUBJECTS_120 = (
    *_TRAIN_SUBJECTS_60,
    *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103),
)


@dataclass(frozen=True)
class Protocol:
    """One of the two editions of the data set.

    Attributes:
        name: As its users call it.
        num_actions: Number of its actions, those of two people included.
        num_recordings: Number of its `.skeleton` files.
        train_subjects: People to train on in the cross-subject split.
    """

    name: str
    num_actions: int
    num_recordings: int
    train_subjects: tuple[int, ...]

    @property
    def actions(self) -> tuple[int, ...]:
        """Numbers of the actions that one person does alone: 49 of the 60, or 94 of the 120."""
        return tuple(number for number in range(1, self.num_actions + 1) if number not in MUTUAL)


PROTOCOLS = {
    "ntu60": Protocol("NTU RGB+D 60", 60, 56_880, _TRAIN_SUBJECTS_60),
    "ntu120": Protocol("NTU RGB+D 120", 120, 114_480, _TRAIN_SUBJECTS_120),
}


class Recording(NamedTuple):
    """What the name of a `.skeleton` file tells."""

    setup: int
    camera: int
    subject: int
    replication: int
    action: int

    @property
    def name(self) -> str:
        """The file's name without its ending, such as S001C002P003R002A013."""
        return "".join(f"{letter}{number:03d}" for letter, number in zip("SCPRA", self, strict=True))


_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
_INDICES = list(SKELETONS["kinect_v2"].indices)  # the head stands for the nose


@dataclass(frozen=True)
class NtuClips:
    """The clips and what splits them.

    Attributes:
        clips: Keypoints in pixels; views are the cameras "1", "2" and "3"; `train` is the cross-subject split.
        setups: Number of the setup (places of the cameras) of each clip.
        replications: 1 or 2 for each clip.
    """

    clips: ActionClips
    setups: Int64[np.ndarray, " clips"]
    replications: Int64[np.ndarray, " clips"]

    def cross_view(self) -> ActionClips:
        """Train on cameras 2 and 3, test on camera 1 (NTU RGB+D 60)."""
        return replace(self.clips, train=np.isin(self.clips.views, [str(camera) for camera in TRAIN_CAMERAS]))

    def cross_setup(self) -> ActionClips:
        """Train on the setups with even numbers, test on the odd ones (NTU RGB+D 120)."""
        return replace(self.clips, train=self.setups % 2 == 0)

    def single_shot(self) -> dict[tuple[int, int], Bool[np.ndarray, " clips"]]:
        """The six single-shot training sets of the CV-MIM paper, by camera and replication.

        Returns:
            Masks of clips that part those where `clips.train` is True. All are tested on those where it is False.
        """
        return {
            (camera, replication): self.clips.train
            & (self.clips.views == str(camera))
            & (self.replications == replication)
            for camera, replication in product(CAMERAS, REPLICATIONS)
        }


def read(root: str | PathLike[str], *, protocol: str = "ntu60", missing: str | PathLike[str] | None = None) -> NtuClips:
    """Read the single-person actions of NTU RGB+D as 2D poses of the main actor.

    Of several bodies the main actor is the one that moves the most
    (`training.datasets.formats.ntu_skeleton.main_actor`). A joint that was not
    tracked is NaN; one that the sensor inferred is kept.

    Args:
        root: A folder with the `.skeleton` files in it or in folders below.
        protocol: Which edition, one of `PROTOCOLS`.
        missing: The owners' list of recordings to ignore, a text file with one name a line. Without it, those of
            `MISSING_LISTS` that lie in `root` or beside it are read.

    Returns:
        Clips in the order of their names, in pixels of the 1920 x 1080 colour picture; joint 0 is the head. Recordings
        without a body are left out.

    Raises:
        FileNotFoundError: If `root` has no `.skeleton` files, or there is no such list.
        ValueError: If the protocol is not known, a file is empty or cut off, the list holds no names, or nothing is
            left to read.

    Warns:
        UserWarning: If there are fewer files than the edition has, or recordings without a body.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; known are: {', '.join(PROTOCOLS)}")
    edition = PROTOCOLS[protocol]
    paths = _recordings(NTU_RGBD.require(root, "**/S*C*P*R*A*.skeleton"), edition)
    ignored = _read_missing_lists(Path(root), missing)
    _warn_if_incomplete(paths.keys() | ignored, edition)
    chosen = sorted(recording for recording in paths.keys() - ignored if recording.action not in MUTUAL)
    seen, keypoints = [], []
    for recording in tqdm(chosen, edition.name, unit="file"):
        clip = _read_keypoints(paths[recording])
        if len(clip):
            seen.append(recording)
            keypoints.append(clip)
    if not seen:
        raise ValueError(f"{root}: no recording of one person is left of {len(paths)}; {NTU_RGBD.get_it()}")
    if len(seen) < len(chosen):
        warnings.warn(
            f"{len(chosen) - len(seen)} recordings without a body were left out; published figures also leave out "
            f"those that the owners list as incomplete ({MISSING_LISTS[1]})",
            stacklevel=2,
        )
    return _collect(seen, keypoints, edition)


def _collect(seen: list[Recording], keypoints: list[np.ndarray], edition: Protocol) -> NtuClips:
    setups, cameras, subjects, replications, actions = np.array(seen).T
    clips = ActionClips(
        keypoints=np.concatenate(keypoints),
        offsets=np.cumsum([0, *map(len, keypoints)]),
        labels=np.searchsorted(edition.actions, actions),
        classes=tuple(ACTIONS[number - 1] for number in edition.actions),
        views=cameras.astype(str),
        train=np.isin(subjects, edition.train_subjects),
        subjects=subjects,
    )
    return NtuClips(clips, setups, replications)


def _read_keypoints(path: Path) -> Float32[np.ndarray, "frames 13 2"]:
    with NTU_RGBD.opening(path, ValueError):
        bodies = read_bodies(path)
    if not bodies:
        return np.empty((0, len(_INDICES), 2), np.float32)
    return main_actor(bodies).pixels[:, _INDICES].astype(np.float32)


def _recordings(paths: Iterable[Path], edition: Protocol) -> dict[Recording, Path]:
    """The edition's recordings by what their names tell; a recording that lies in two folders is one."""
    named = ((_NAME.fullmatch(path.stem), path) for path in paths)
    found = {Recording(*map(int, match.groups())): path for match, path in named if match}
    return {recording: path for recording, path in found.items() if recording.action <= edition.num_actions}


def _read_missing_lists(root: Path, given: str | PathLike[str] | None) -> set[Recording]:
    beside = [folder / name for folder in (root, root.resolve().parent) for name in MISSING_LISTS]
    ignored: set[Recording] = set()
    for path in [path for path in beside if path.is_file()] if given is None else [Path(given)]:
        names = _NAME.findall(read_text(path))
        if not names:
            raise ValueError(
                f"{path} holds no names such as S001C002P005R002A008, one a line; is it {MISSING_LISTS[1]}?"
            )
        ignored |= {Recording(*map(int, name)) for name in names}
    return ignored


def _warn_if_incomplete(known: set[Recording], edition: Protocol) -> None:
    """Warn of recordings that are neither there nor listed as missing."""
    known = {recording for recording in known if recording.action <= edition.num_actions}
    if len(known) >= edition.num_recordings:
        return
    absent = _first_absent(known)
    example = f", the first missing one being {absent.name}.skeleton" if absent else ""
    warnings.warn(
        f"{len(known):,} of the {edition.num_recordings:,} recordings of {edition.name} are there{example}; figures "
        f"will not compare with published ones. Get the others from {NTU_RGBD.page}",
        stacklevel=3,
    )


def _first_absent(known: set[Recording]) -> Recording | None:
    """The first recording that is not there of a setup and performer that are.

    Performers did all actions 1-60 (setups 1-17) or 61-120 (18-32) twice before three cameras: 360 recordings each.
    """
    for setup, subject in sorted({(recording.setup, recording.subject) for recording in known}):
        actions = range(1, 61) if setup <= 17 else range(61, 121)
        for camera, replication, action in product(CAMERAS, REPLICATIONS, actions):
            if (recording := Recording(setup, camera, subject, replication, action)) not in known:
                return recording
    return None
