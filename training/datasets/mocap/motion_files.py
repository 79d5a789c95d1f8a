"""Motion capture in BVH or ASF/AMC files, as CMU and HDM05 give it out, read where it lies.

Reading thousands of such files takes minutes, each time: `python -m training.datasets.prepare` writes them into one
`.npz` file that opens at once, and has settings for what cannot be told from the files.
"""

import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from poseembed.files.values import visible
from training.datasets.mocap.anatomy import warn_of_unlikely_bodies
from training.datasets.mocap.capture import MotionCapture, from_clips
from training.datasets.mocap.clips import Clip, Settings, read_clip

NAME = "BVH or ASF/AMC motion files, such as CMU's (mocap.cs.cmu.edu) and HDM05's (resources.mpi-inf.mpg.de/HDM05)"
LOOKS_LIKE = ".bvh files, or .amc files with their .asf beside them, at any depth"

CMU_VAL_SUBJECTS = frozenset({"2", "86", "94", "131"})
"""People of CMU to evaluate on: those whom the released checkpoints were not trained on either."""

_CMU_CLIP = re.compile(r"\d{2,3}_\d{2,3}")
_HDM05_CLIP = re.compile(r"HDM_[a-z]{2}_(.+?)_\d+(?:_\d+)?")  # HDM_bd_walk2StepsLstart_001_120

_log = logging.getLogger(__name__)


def recognises(path: Path) -> bool:
    """Whether it is such a file, or a folder with one in it."""
    suffixes = (".bvh", ".amc")
    if path.is_dir():
        return any(file.suffix.lower() in suffixes for file in visible(path.rglob("*")))
    return path.suffix.lower() in suffixes


def read(path: str | Path) -> MotionCapture:
    """Read one file, or all in a folder, with the usual settings of `training.datasets.prepare`.

    Returns:
        Clips in the order of their files, at 30 frames per second. CMU's clips (`02_01`) are split by person, see
        `CMU_VAL_SUBJECTS`; all others are to train on. HDM05's clips have the action that is in their name.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If there is no such file, or one is broken or of a kind not known.
        OSError: If one cannot be read.
    """
    files = find_files([path])
    if len(files) > 100:
        _log.info(
            "%d files; `python -m training.datasets.prepare %s` would read them once and for all", len(files), path
        )
    settings = Settings()
    clips = [
        read_clip(file, find_skeleton(file), settings) for file in tqdm(files, desc="clips", unit="file", disable=None)
    ]
    capture = from_clips([_labelled(clip) for clip in clips])
    warn_of_unlikely_bodies(capture)
    return capture


def _labelled(clip: Clip) -> Clip:
    """A clip with the action and the split that its name stands for."""
    found = _HDM05_CLIP.fullmatch(clip.name)
    held_out = clip.subject in CMU_VAL_SUBJECTS and _CMU_CLIP.fullmatch(clip.name)
    return replace(clip, action=found[1] if found else "", split="val" if held_out else "train")


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Find BVH and AMC files, in folders at any depth; sorted, each once.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If a path is another kind of file, or there is no motion file.
    """
    found: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            found.update(file for file in visible(path.rglob("*")) if file.suffix.lower() in (".bvh", ".amc"))
        elif not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        elif path.suffix.lower() in (".bvh", ".amc"):
            found.add(path)
        elif path.suffix.lower() != ".asf":  # skeletons are found from their motions
            raise ValueError(f"{path} is neither a folder nor a .bvh, .asf or .amc file")
    if not found:
        raise ValueError("no .bvh or .amc file in the paths given")
    return sorted(found)


def find_skeleton(motion: Path) -> Path | None:
    """Find the ASF file of an AMC file: None for a BVH, which needs none.

    It is the one beside it with the longest name that the motion's begins with (02.asf for 02_01.amc), or else the
    only one there.

    Raises:
        ValueError: If there is none, or several and the names do not say which.
    """
    if motion.suffix.lower() != ".amc":
        return None
    skeletons = sorted(file for file in visible(motion.parent.iterdir()) if file.suffix.lower() == ".asf")
    if named := [file for file in skeletons if motion.stem.startswith(file.stem)]:
        return max(named, key=lambda file: len(file.stem))
    if len(skeletons) != 1:
        have = ", ".join(file.name for file in skeletons) or "none"
        mend = "put its .asf beside it, with a name that its own begins with"
        raise ValueError(f"{motion} has no skeleton: {mend}; there is {have}")
    return skeletons[0]
