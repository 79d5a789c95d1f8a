"""docs/walkthrough.md from start to finish, as it stands there, with the `poseembed` command as it is installed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from poseembed import read_poses

from .limits import HANGS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "walkthrough.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- command: (\w+) -->\n```(bash|python)\n(.*?)```", TEXT, flags=re.DOTALL)
PICTURES = re.findall(r"!\[.*?\]\((.*?\.png)\)", TEXT)
MADE = [name for name in PICTURES if name != "alignment_scores.png"]  # that one is a benchmark's
LARGEST = 200_000  # bytes


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder in which all blocks were run, and what each printed."""
    if "POSEEMBED_DATA" not in os.environ:
        pytest.skip("POSEEMBED_DATA does not name the folder of mocap_*.npz, media/ and models/")
    pytest.importorskip("mediapipe")
    programs, data = Path(sys.executable).parent, Path(os.environ["POSEEMBED_DATA"])
    if not any((programs / name).exists() for name in ("poseembed", "poseembed.exe")):
        pytest.skip(f"there is no poseembed command in {programs}: pip install -e .")
    environment = os.environ | {
        "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        "POSEEMBED": str(ROOT),
        "STREET": str(data / "media/street.avi"),
        "HDM05": str(data / "mocap_hdm05.npz"),
        "CMU": str(data / "mocap_cmu.npz"),
        "POSEEMBED_LANDMARKER": str(data / "models/pose_landmarker_full.task"),
    }
    folder, printed = tmp_path_factory.mktemp("walk"), {}
    for name, language, code in BLOCKS:
        program = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-W", "error", "-c"]
        done = subprocess.run(
            [*program, code], cwd=folder, env=environment, capture_output=True, text=True, timeout=HANGS
        )
        assert done.returncode == 0, f"block {name}: {done.stderr[-3000:]}"
        printed[name] = done.stdout
    return folder, printed


@pytest.mark.slow
def test_the_street_is_embedded(walk: tuple[Path, dict[str, str]]) -> None:
    poses, table = (read_poses(walk[0] / name) for name in ("street.npz", "street.csv"))
    assert len(poses) == len(table) and len(poses.people) == 4
    assert poses.z_pose is not None and table.z_pose is not None
    assert table.z_pose == pytest.approx(poses.z_pose, abs=1e-5, nan_ok=True)


@pytest.mark.slow
def test_the_pose_is_found_from_all_sides(walk: tuple[Path, dict[str, str]]) -> None:
    found = walk[1]["find"]
    best = re.findall(r"^(0\.\d+)  match \d+%  (\w+)\.npz at \d+$", found, flags=re.MULTILINE)[:6]
    assert {name for _, name in best} == {"kick_a", "kick_b", "kick_c"} and all(
        float(cosine) > 0.7 for cosine, _ in best
    )
    assert "films/kick_" in found  # so says `poseembed search`


@pytest.mark.slow
def test_the_same_performance_scores_above_the_line_and_another_below(walk: tuple[Path, dict[str, str]]) -> None:
    same, different = map(float, re.findall(r"\d\.\d+", walk[1]["score"]))  # the block itself asserts where the line is
    assert same - different > 0.5
    example, command = re.findall(r"score (\d\.\d+)", walk[1]["compare"])
    assert float(example) == pytest.approx(same, abs=0.01) and float(command) == pytest.approx(different, abs=0.01)
    assert len((walk[0] / "steps.csv").read_text().splitlines()) > 49  # a step for each frame at least, and the names


@pytest.mark.slow
def test_repetitions_are_counted_and_most_actions_told(walk: tuple[Path, dict[str, str]]) -> None:
    assert walk[1]["count"].splitlines()[1].startswith("3 repetitions")
    told = re.findall(r"^(\w+)\.npz: (\w+) \(", walk[1]["actions"], flags=re.MULTILINE)
    assert len(told) == 6 and sum(clip == action for clip, action in told) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("picture", MADE)
def test_each_picture_is_made(walk: tuple[Path, dict[str, str]], picture: str) -> None:
    assert (walk[0] / picture).read_bytes().startswith(b"\x89PNG")


def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) == TEXT.count("<!-- command: ") > 4 and len(MADE) > 4


@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_is_there_and_small(picture: str) -> None:
    assert 1000 < (PAGE.parent / picture).stat().st_size < LARGEST
