"""The README's Python runs as it stands, and its marked commands are where the gate looks for them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_there_is_python_to_run() -> None:
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS)
def test_python_block_runs(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("name", ["embed", "test"])
def test_command_is_marked(name: str) -> None:
    assert re.search(rf"<!-- command: {name} -->\n```bash\npip install .*constraints.txt\n\w+.*\n```", README)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_linked_file_exists(link: str) -> None:
    assert (ROOT / link).exists()
