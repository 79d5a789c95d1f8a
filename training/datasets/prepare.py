"""Command that turns BVH and ASF/AMC motion capture into the `.npz` file that training reads.

    python -m training.datasets.prepare cmu/ --out motions.npz --val-subjects 02 86 131

`training.datasets.mocap` reads it; `training/datasets/mocap/prepared.py` lists its arrays. A warning names
everybody whose bones are not in people's proportions: some joint of theirs is then read from the wrong place.
"""

import argparse
import logging
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from training.datasets.formats.text_lines import read_text
from training.datasets.mocap import prepared
from training.datasets.mocap.anatomy import warn_of_unlikely_bodies
from training.datasets.mocap.capture import from_clips
from training.datasets.mocap.clips import Clip, Settings, plain_number, read_clip, subject_of
from training.datasets.mocap.motion_files import find_files, find_skeleton

_log = logging.getLogger(__name__)


def read_actions(path: str | Path) -> dict[str, str]:
    """Read what is done in which clip: lines `02_01<tab>walk`, as in CMU's index; other lines are passed over.

    Raises:
        ValueError: If no line holds a tab, or it is no text in UTF-8.
        OSError: If the file cannot be read.
    """
    lines = read_text(Path(path)).splitlines()
    pairs = [line.split("\t", 1) for line in lines if "\t" in line.strip()]
    if not pairs:
        raise ValueError(f"{path} has no line with a clip's name, a tab and its action")
    return {clip.strip(): action.strip() for clip, action in pairs}


def prepare(
    paths: Iterable[str | Path],
    out: str | Path,
    settings: Settings | None = None,
    *,
    val_subjects: Collection[str] = (),
    split: str = "train",
    actions: Mapping[str, str] | None = None,
    skip_broken: bool = False,
) -> list[str]:
    """Read motion files and write one `.npz` file; see `training.datasets.mocap.prepared` for its arrays.

    The file appears under its name only when it is whole.

    Args:
        paths: Files and folders; see `find_files`.
        out: Where to write.
        settings: How to read; None for the usual.
        val_subjects: Subjects whose clips get the split "val"; all others' get `split`.
        split: See there.
        actions: Action by clip; "" for those it lacks.
        skip_broken: Go on after a file that cannot be read.

    Returns:
        What was wrong with the files left out; empty unless `skip_broken`.

    Raises:
        ValueError: If a file is broken or of a kind not known, `val_subjects` names somebody without a clip, or no
            clip is left.
        OSError: If a file cannot be read or written.
    """
    settings = settings or Settings()
    files = find_files(paths)
    subjects = {subject_of(file.stem, settings.subject) for file in files}
    held_out = {plain_number(subject) for subject in val_subjects}
    if strangers := sorted(held_out - subjects):
        have = ", ".join(sorted(subjects))
        raise ValueError(f"no clip of subject {', '.join(strangers)} to hold out; the subjects are {have}")
    clips: list[Clip] = []
    broken: list[str] = []
    for file in tqdm(files, desc="clips", unit="file", disable=None):
        try:
            clip = read_clip(file, find_skeleton(file), settings)
        except (ValueError, OSError) as error:  # a broken file; its message names it
            if not skip_broken:
                raise
            broken.append(str(error))
        else:
            action = (actions or {}).get(clip.name, "")
            clips.append(replace(clip, action=action, split="val" if clip.subject in held_out else split))
    if not clips:
        raise ValueError(f"none of the {len(files)} files could be read; the first: {broken[0]}")
    capture = from_clips(clips)
    warn_of_unlikely_bodies(capture)
    prepared.write(Path(out), capture)
    _log.info(
        "%s: %d clips, %d poses, %.2f %% of them trusted", out, len(capture), len(capture.ok), 100 * capture.ok.mean()
    )
    for complaint in broken:
        _log.warning("left out: %s", complaint)
    return broken


class _OnceEach(logging.Filter):
    """Lets a message through once: what holds for one file of a release holds for its thousands."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        new = record.getMessage() not in self.seen
        self.seen.add(record.getMessage())
        return new


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.datasets.prepare", description="Prepare motion capture.")
    parser.add_argument("paths", nargs="+", metavar="FILE_OR_FOLDER", help=".bvh, or .amc with its .asf beside it")
    parser.add_argument("--out", required=True, help="the .npz file to write")
    parser.add_argument("--fps", type=float, help="frames per second to write (%(default)g)")
    parser.add_argument("--amc-fps", type=float, help="frames per second of AMC files (%(default)g)")
    parser.add_argument("--unit-metres", type=float, help="metres in the files' unit (ASF: its own; BVH: by the legs)")
    parser.add_argument("--up", choices=("y", "z"), help="the axis that points up in the files (%(default)s)")
    parser.add_argument("--skip-frames", type=int, help="frames to drop at each start, as a T-pose (%(default)s)")
    parser.add_argument("--max-speed", type=float, help="m/s, from the hips, of a tracking error (%(default)g)")
    parser.add_argument("--subject", help="regular expression of the subject in a file's name (%(default)s)")
    parser.add_argument("--source", help="where the clips come from (the name of their folder)")
    parser.add_argument("--actions", help="text file of clip, tab, action, a line each")
    parser.add_argument("--val-subjects", nargs="+", default=[], help="subjects held out for validation")
    parser.add_argument("--split", choices=("train", "eval"), default="train", help="split of all others (train)")
    parser.add_argument("--skip-broken", action="store_true", help="leave broken files out and list them at the end")
    parser.set_defaults(**vars(Settings()))
    given = parser.parse_args(arguments)
    for name in ("fps", "amc_fps", "unit_metres", "max_speed"):
        if (value := getattr(given, name)) is not None and not 0 < value < float("inf"):
            parser.error(f"--{name.replace('_', '-')} should be above 0; got {value}")
    if given.skip_frames < 0:
        parser.error(f"--skip-frames should be at least 0; got {given.skip_frames}")
    handler = logging.StreamHandler()
    handler.addFilter(_OnceEach())
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[handler])
    settings = Settings(**{name: getattr(given, name) for name in Settings.__dataclass_fields__})
    try:
        actions = read_actions(given.actions) if given.actions else {}
        with logging_redirect_tqdm():
            prepare(
                given.paths,
                given.out,
                settings,
                val_subjects=given.val_subjects,
                split=given.split,
                actions=actions,
                skip_broken=given.skip_broken,
            )
    except (ValueError, OSError) as error:  # the user's files or arguments: the message says which, a trace would not
        _log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
