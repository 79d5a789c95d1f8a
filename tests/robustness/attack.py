"""Damaged files, one after the other, read in a process of their own that counts what came of them.

    python -m tests.robustness.attack "read_coco, results" 1 2500

prints a line of JSON for each file. A file is read, or refused with a ValueError that names it or an OSError; anything
else, more than ten seconds of the processor, or more than 1 GiB, is a failure.
"""

import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from poseembed import Poses

from .mutations import mutate
from .true_files import READERS, Reader

SECONDS = 10
BYTES = 2**30
ROOT = Path(__file__).parents[2]


class TookTooLong(BaseException):
    """Not an Exception, so that no reader takes it for the file's fault."""


def attack(name: str, first: int, last: int) -> tuple[Counter[str], list[str]]:
    """Read files `first` to `last` of a reader in other processes: what came of them, and what failed.

    A process that dies is a failure of the file that it read, and the next one goes on after that.
    """
    counts: Counter[str] = Counter()
    failures: list[str] = []
    while first <= last:
        command = [sys.executable, "-m", __package__ + ".attack", name, str(first), str(last)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        number = first - 1
        for line in done.stdout.splitlines():
            number, outcome, words = json.loads(line)
            counts[outcome] += 1
            if outcome == "failed":
                failures.append(f"{name}, file {number}: {words}")
        if number < last:  # it died of the file after the one that it reported last
            counts["failed"] += 1
            failures.append(
                f"{name}, file {number + 1}: the process ended with {done.returncode}: {done.stderr[-300:]}"
            )
        first = number + 2 if number < last else last + 1
    return counts, failures


def one_file(reader: Reader, path: Path) -> tuple[str, str]:
    """What comes of reading a file, and the words of a failure."""
    begun = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        content = reader.read(path)
    except OSError:
        return "refused", ""
    except ValueError as error:
        named = str(path.parent) in str(error)  # or the file beside it, which an AMC file's skeleton is
        return ("refused", "") if named else ("failed", f"without the file's name: {error}")
    except TookTooLong:
        return "failed", f"over {time.process_time() - begun:.0f} s"
    except BaseException as error:  # each is a failure, whatever it is
        return "failed", f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ("read", "") if not (words := what_is_wrong(content)) else ("failed", words)


def what_is_wrong(content: object) -> str:
    """What no reader should give back without a word; poses are numbers that can be pixels, scores and counts."""
    if not isinstance(content, Poses):
        return ""
    points, scores = content.keypoints, content.confidence
    if (np.abs(points[~np.isnan(points)]) > 2**24).any():
        return "coordinates that are no pixels"
    if not ((scores >= 0) & (scores <= 1)).all():
        return "scores that lie outside 0 to 1"
    if (content.frame < 0).any() or (content.person < -1).any() or np.isinf(content.time).any():
        return "a frame, person or time that is none"
    return "infinite vectors" if content.z_pose is not None and np.isinf(content.z_pose).any() else ""


def _too_long(*_: Any) -> None:
    raise TookTooLong


def main(name: str, first: int, last: int) -> None:
    """Read the files of one reader, and print a line for each."""
    warnings.simplefilter("ignore")  # of cut tables and clocks that stand still: said is not silent
    signal.signal(signal.SIGPROF, _too_long)
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / reader.file
        reader.write(path)
        true = path.read_bytes()
        reader.read(path)  # what it imports is loaded before memory is counted
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
        for number in range(first, last + 1):
            path.write_bytes(mutate(true, number))
            outcome, words = one_file(reader, path)
            sys.stdout.write(json.dumps([number, outcome, words]) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
