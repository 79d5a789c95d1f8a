"""The documentation site builds without a warning, and what its pages tell people to run does run.

Every python block of a page runs, in order, in one namespace, in a folder with the files that the pages speak of; a
text block right below one is what it prints. A block that cannot run here has `<!-- not run: why -->` above it, and is
compiled. Every `poseembed` line of a bash block runs too.
"""

import contextlib
import html
import importlib
import io
import json
import os
import posixpath
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from poseembed import JOINTS, SKELETONS, PoseEncoder, Poses, write_poses
from poseembed.adapters.poem import COORDINATES, SCORES
from poseembed.cli import main
from poseembed.onnx.export import LEAST_TORCH, torch_version

from .exporting import skip_unless_able
from .limits import HANGS
from .test_align import squat

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (ROOT / "docs").rglob("*.md")
    if path.name != "walkthrough.md" and not path.is_symlink()  # cards and results lie elsewhere in the repository
)
BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n)?```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<output>.*?)```)?", re.DOTALL
)
COMMANDS = re.compile(r"```bash\n(.*?)```", re.DOTALL)
DATA = os.environ.get("POSEEMBED_DATA")
VIDEO, LANDMARKER = "street.avi", "pose_landmarker_full.task"


def named(pages: list[Path]) -> list[object]:
    return [pytest.param(page, id=page.relative_to(ROOT / "docs").with_suffix("").as_posix()) for page in pages]


def repeated(azimuth: float, *, moves: bool = True) -> Poses:
    """Four squats of two seconds, or as long a wave of the right hand."""
    points = np.tile(squat(azimuth, frames=60), (4, 1, 1))
    if not moves:
        points[:] = points[0]
        points[:, [4, 6]] = points[:, [2, 2]] - [30, 60]
        points[:, 6, 0] += 40 * np.sin(np.arange(240) / 5)
        points[:, 6, 1] -= 30
    return Poses.from_arrays(points, time=np.arange(240) / 30, person=[0] * 240)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the pages speak of."""
    folder = tmp_path_factory.mktemp("files")
    encoder = PoseEncoder.from_pretrained()
    for name, poses in {
        "mine": repeated(0.0),
        "coach": repeated(1.0),
        "videos/1": repeated(0.5),
        "actions/squat/1": repeated(1.5),
        "actions/wave/1": repeated(0.5, moves=False),
    }.items():
        path = folder / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_poses(poses.embed(encoder), path)
    rng = np.random.default_rng(0)
    np.save(folder / "keypoints.npy", rng.uniform(1, 400, size=(20, 17, 2)))
    (folder / "openpose_json").mkdir()
    body = np.column_stack([rng.uniform(1, 400, (25, 2)), np.full(25, 0.9)])
    body[1], body[8] = body[[2, 5]].mean(0), body[[9, 12]].mean(0)  # BODY_25's neck and middle of the hips
    people = [{"pose_keypoints_2d": body.ravel().tolist()}]
    (folder / "openpose_json" / "match_000000000000_keypoints.json").write_text(json.dumps({"people": people}))
    triples = rng.uniform(0.5, 1, (17, 3)) * [400, 400, 1]
    detection = {"image_id": "0.jpg", "keypoints": triples.ravel().tolist(), "score": 1}
    (folder / "alphapose-results.json").write_text(json.dumps([detection]))
    found = {"keypoints": [[10.0 + i, 5.0 * i] for i in range(17)], "keypoint_scores": [0.9] * 17}
    (folder / "mmpose_predictions.json").write_text(json.dumps([{"frame_id": 0, "instances": [found]}]))
    places = dict(zip(JOINTS, rng.uniform(1, 99, (13, 2)).round(1).tolist(), strict=True))
    drawn = "".join(f'<points label="{joint}" outside="0" points="{x},{y}"/>' for joint, (x, y) in places.items())
    xml = f'<annotations><image id="0" name="a.jpg"><skeleton label="person">{drawn}</skeleton></image></annotations>'
    (folder / "annotations.xml").write_text(xml)
    labelled = [
        {"type": "keypointlabels", "value": {"x": x, "y": y, "keypointlabels": [joint]}}
        | {"original_width": 640, "original_height": 480}
        for joint, (x, y) in places.items()
    ]
    task = {"data": {"image": "a.jpg"}, "annotations": [{"result": labelled}]}
    (folder / "export.json").write_text(json.dumps([task]))
    header = [f"{axis}{i}" for i in range(33) for axis in "xyv"]
    (folder / "landmarks.csv").write_text(f"{','.join(header)}\n{','.join(map(str, rng.uniform(0, 1, 99)))}\n")
    (folder / "labels").mkdir()
    shares = " ".join(map(str, rng.uniform(0, 1, 51).round(4)))
    (folder / "labels" / "match_1.txt").write_text(f"0 0.5 0.5 0.2 0.4 {shares}\n")
    (folder / "person_keypoints.json").write_text(json.dumps([detection | {"image_id": 7}]))
    numbers = ",".join(["0.5"] * 39)
    (folder / "poem.csv").write_text(f"{','.join((*COORDINATES, *SCORES))}\n{numbers}\n")
    (folder / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "people.json", folder / "examples")
    if DATA:
        (folder / VIDEO).symlink_to(Path(DATA) / "media" / VIDEO)
        (folder / LANDMARKER).symlink_to(Path(DATA) / "models" / LANDMARKER)
    return folder


@pytest.fixture
def workplace(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files to run in."""
    shutil.copytree(files, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("POSEEMBED_LANDMARKER", LANDMARKER)
    return tmp_path / "here"


def wants_data(text: str) -> None:
    if any(words in text for words in ('backend="onnx"', "poseembed export", "_onnx(")):
        skip_unless_able()
    if VIDEO in text and not DATA:
        pytest.skip(f"set POSEEMBED_DATA to a folder with media/{VIDEO} and models/{LANDMARKER} to run the rest")


@pytest.mark.parametrize("page", named([page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]))
def test_python_runs(page: Path, workplace: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__page__"}
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start("code"))
        code = compile("\n" * line + block["code"], str(page), "exec")  # an error then names the line of the page
        if block["skip"]:
            continue
        if "torch.export" in block["code"] and torch_version() < LEAST_TORCH:
            pytest.skip(f"torch {torch.__version__} is older than what the documentation says this of")
        wants_data(block["code"])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block["output"] is not None:
            assert printed.getvalue() == block["output"]


@pytest.mark.parametrize("page", named([page for page in PAGES if "\nposeembed " in page.read_text(encoding="utf-8")]))
def test_commands_run(page: Path, workplace: Path) -> None:
    lines = [line for block in COMMANDS.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        if program != "poseembed":
            continue
        wants_data(line)
        expanded = [str(path) for word in arguments for path in (sorted(Path().glob(word)) if "*" in word else [word])]
        assert main(expanded) == 0, line


TRAINING = {
    line: page.name
    for page in [ROOT / "README.md", *PAGES]
    for line in re.findall(r"^python -m training\..+$", page.read_text(encoding="utf-8"), re.MULTILINE)
}


@pytest.mark.parametrize("line", TRAINING)
def test_training_command_has_these_options(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, module, *arguments = shlex.split(line, comments=True)
    with pytest.raises(SystemExit) as end:
        importlib.import_module(module).main(["--help"])
    assert end.value.code == 0
    known = capsys.readouterr().out
    assert all(re.search(rf"{word}\b", known) for word in arguments if word.startswith("--"))


def test_every_skeleton_and_joint_is_documented() -> None:
    text = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
    for name, skeleton in SKELETONS.items():
        assert re.search(rf"\|[^|\n]*`{name}`[^|\n]*\|[^|\n]*\b{skeleton.num_joints}\b", text), name
    assert all(joint.removeprefix("left_").removeprefix("right_") in text for joint in JOINTS)


def navigation(entry: Any) -> list[str]:
    """The pages under an entry of the site's navigation."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in navigation(part)]


def test_every_page_is_in_the_navigation() -> None:
    pages = navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(pages) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))


def test_every_page_is_in_llms_txt() -> None:
    text = (ROOT / "docs" / "llms.txt").read_text(encoding="utf-8")
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [page.removesuffix(".md") for page in navigation(site["nav"])]
    urls = [site["site_url"] + ("" if page == "index" else f"{page}/") for page in pages]
    assert re.findall(r"^- \[.+?\]\((.+?)\): .+$", text, re.MULTILINE) == urls


@pytest.mark.parametrize(
    ("word", "pages"),
    {
        "license": ["questions", "how-to/checkpoints"],
        "cuda": ["questions", "how-to/large"],
        "server": ["questions", "how-to/deploy"],
        "occlusion": ["questions", "concepts"],
        "export": ["questions", "how-to/deploy"],
        "pandas": ["questions", "how-to/deploy"],
    }.items(),
)
def test_search_finds_the_words_that_people_type(word: str, pages: list[str]) -> None:
    for page in pages:
        assert word in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").lower()


def test_each_question_has_an_anchor() -> None:
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    questions = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert len(questions) >= 30 and len(set(questions)) == len(questions) and "**" not in text


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The HTML of each page, built beside the checkout. Warnings of the reader of docstrings are not the builder's."""
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs", symlinks=True)
    for name in ("poseembed", "training", "weights"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "mkdocs.yml", folder)
    build = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    said = build.stdout + build.stderr
    assert build.returncode == 0 and "No issues found" in said and "griffe" not in said, said
    return {
        path.relative_to(folder / "site").as_posix(): path.read_text(encoding="utf-8")
        for path in (folder / "site").rglob("*.html")
    }


@pytest.mark.slow
def test_site_has_every_page(site: dict[str, str]) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(site) == {"404.html", "index.html"} | {f"{page}/index.html" for page in pages - {"index"}}
    assert "Files" in site["models/poseembed-base/index.html"] and "SHA-256" in site["models/poseembed-base/index.html"]
    assert "What still stands in the way" in site["experiments/index.html"]
    assert 'id="poseembed.PoseEncoder.embed"' in site["api/encoder/index.html"]
    assert not any("library_name" in page for name, page in site.items() if name.startswith("models/"))


@pytest.mark.slow
def test_signatures_are_laid_out_with_their_types(site: dict[str, str]) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", site["api/encoder/index.html"]))
    assert "embed(\n    keypoints: ndarray | Tensor,\n    confidence: ndarray | Tensor | None = None,\n" in text


@pytest.mark.slow
def test_links_of_the_site_lead_somewhere(site: dict[str, str], tmp_path: Path) -> None:
    """Pages and anchors; that there is a picture the builder checks, with `--strict`."""
    for name, page in site.items():
        if name == "404.html":
            continue
        for link in re.findall(r'<a [^>]*?href="([^"]*)"', page):
            address, _, anchor = html.unescape(link).partition("#")
            if re.match(r"[a-z]+:", address):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), address)) if address else name
            target = target if target.endswith(".html") else posixpath.join(target, "index.html").removeprefix("./")
            if posixpath.splitext(address)[1] in ("", ".html"):
                assert target in site, f"{name}: {link}"
                anchored = not anchor or re.search(rf'(?:id|name)="{re.escape(html.escape(anchor))}"', site[target])
                assert anchored or anchor in ("__consent", "__comments"), f"{name}: {link}"


@pytest.mark.slow
def test_site_fetches_nothing_from_elsewhere(site: dict[str, str]) -> None:
    for name, page in site.items():
        fetched = re.findall(r'<(?:script|img|iframe)[^>]+src="(.*?)"|<link[^>]+stylesheet[^>]+href="(.*?)"', page)
        assert not [url for urls in fetched for url in urls if url.startswith(("http", "//"))], name
