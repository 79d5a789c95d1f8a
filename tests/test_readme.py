"""The README's Python runs as it stands, and commands are marked where the gate looks for them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")
}
README = DOCUMENTS["README.md"]
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
LONGEST = 120  # lines: what one reads before trying


def test_there_is_python_to_run() -> None:
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS)
def test_python_block_runs(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {})


def test_it_is_short() -> None:
    assert len(README.splitlines()) < LONGEST


@pytest.mark.parametrize(
    ("name", "command", "wanted"),
    [
        ("README.md", "embed", r"pip install .*-c constraints.txt\npython examples/\w+\.py\n"),
        ("CONTRIBUTING.md", "install", r".*pip install -e .* -c constraints.txt\n"),
        ("CONTRIBUTING.md", "check", r"ruff .*mypy.* pytest .*\n"),
    ],
)
def test_command_is_marked(name: str, command: str, wanted: str) -> None:
    assert re.search(rf"<!-- command: {command} -->\n```bash\n{wanted}```", DOCUMENTS[name])


LINKS = {
    f"{name}: {link}": link for name, text in DOCUMENTS.items() for link in re.findall(r"\]\((?!http)([^)]+)\)", text)
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_linked_place_exists(link: str) -> None:
    path, _, heading = link.partition("#")
    assert (ROOT / path).exists()
    if heading:
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        assert heading in [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings]
