"""Everything that the documentation shows has an example, which `pytest` runs where it stands (`--doctest-modules`)."""

import doctest
import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import poseembed

API = Path(__file__).parents[1] / "docs" / "api"
SHOWN = re.compile(r"^::: (?P<name>\S+)\n(?P<options>(?:    .*\n)*)", re.MULTILINE)


def shown() -> list[str]:
    """Full names of the functions and classes that the package exports or the pages of the API show."""
    names = {f"poseembed.{name}" for name in poseembed.__all__}
    for page in API.glob("*.md"):
        for block in SHOWN.finditer(page.read_text(encoding="utf-8")):
            names |= {block["name"]} if "members: false" in block["options"] else members(block["name"])
    return sorted(name for name in names if isinstance(pkgutil.resolve_name(name), type | FunctionType))


def members(name: str) -> set[str]:
    """What a page shows of a name: of a module, the public names that it defines."""
    thing = pkgutil.resolve_name(name)
    if not isinstance(thing, ModuleType):
        return {name}
    own = {key for key, value in vars(thing).items() if getattr(value, "__module__", None) == name}
    return {f"{name}.{key}" for key in own if not key.startswith("_")}


@cache
def collected(module: str) -> set[str]:
    """Full names of what in a module has examples that run."""
    tests = doctest.DocTestFinder().find(importlib.import_module(module))
    return {test.name for test in tests if test.examples}


@pytest.mark.parametrize("name", shown())
def test_has_an_example(name: str) -> None:
    thing = pkgutil.resolve_name(name)
    assert f"{thing.__module__}.{thing.__qualname__}" in collected(thing.__module__)
    assert "\n\nExamples:\n    >>> " in (inspect.getdoc(thing) or ""), "the site shows a section Examples as code"


def test_the_pages_of_the_api_are_read() -> None:
    assert {"poseembed.PoseEncoder", "poseembed.search.search", "poseembed.align.Alignment"} <= set(shown())
