"""The packages that errors name are those of the project's metadata, and no error names a package that nobody has."""

import re
from pathlib import Path

import pytest

from poseembed.extras import PACKAGES, how_to_install

ROOT = Path(__file__).parents[1]


def test_the_packages_are_those_of_the_metadata() -> None:
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^\[project.optional-dependencies\]\n(.*?)\n\n", metadata, re.DOTALL | re.MULTILINE)
    extras = {name: tuple(re.findall('"(.*?)"', line)) for name, line in re.findall(r"^(\w+) = (\[.*\])", block, re.M)}
    assert extras.pop("all") == (f"poseembed[{','.join(sorted(PACKAGES))}]",)
    assert extras == PACKAGES


def test_the_command_installs_them() -> None:
    assert how_to_install("align") == 'pip install "dtaidistance>=2.3.13" "scipy>=1.13"'


@pytest.mark.parametrize("path", sorted((ROOT / "poseembed").rglob("*.py")), ids=lambda path: path.stem)
def test_no_error_names_an_extra_of_a_package_that_is_not_published(path: Path) -> None:
    code = re.sub(r'""".*?"""', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "poseembed[" not in code
