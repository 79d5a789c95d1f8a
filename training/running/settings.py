"""The settings of a recipe by name: to change one on a command line, to write all down, to tell two recipes apart.

Recipes are made of dataclasses and of `partial`s, nested in each other; what they hold in the end are plain values.
"""

import ast
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

from training.running.recipe import Recipe

_CALLED = "called"
"""Name under which `describe` keeps what a `partial` calls, with its arguments that have no names."""


def change(recipe: Recipe, assignment: str) -> Recipe:
    """A recipe with one setting changed, such as `detector.noise=0.1` or `objective.config.temperature=0.1`.

    Raises:
        ValueError: If it is no assignment, there is no such setting, or the value is of another kind than the old one.
    """
    path, equals, text = assignment.partition("=")
    if not equals:
        raise ValueError(f"{assignment!r} is no assignment; wanted SETTING=VALUE, such as detector.noise=0.1")
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = text  # a word
    changed: Recipe = _changed(recipe, path.split("."), value, assignment)
    return changed


def _changed(owner: Any, path: list[str], value: Any, assignment: str) -> Any:
    """`owner` with the setting at a path below it changed."""
    name, *rest = path
    settings = _settings(owner)
    if name not in settings:
        known = ", ".join(settings) or "nothing"
        raise ValueError(f"{assignment}: no setting {name!r} there, but {known}")
    old = settings[name]
    if rest:
        value = _changed(old, rest, value, assignment)
    elif isinstance(old, float) and type(value) is int:
        value = float(value)
    elif type(value) is not type(old):
        raise ValueError(f"{assignment}: wanted a value like {old!r}")
    if isinstance(owner, partial):
        return partial(owner.func, *owner.args, **owner.keywords | {name: value})
    return replace(owner, **{name: value})


def _settings(owner: Any) -> dict[str, Any]:
    """The settings right below: fields of a dataclass, keywords of a `partial`; none of anything else."""
    if isinstance(owner, partial):
        return owner.keywords
    return {setting.name: getattr(owner, setting.name) for setting in fields(owner)} if is_dataclass(owner) else {}


def describe(owner: Any) -> Any:
    """Names and values of all settings, ready for JSON, wherever in the code the things are defined that have them.

    Raises:
        TypeError: If a value is neither plain nor made of plain ones, so that it could not be told from others.
    """
    if isinstance(owner, partial) or (is_dataclass(owner) and not isinstance(owner, type)):
        called = {_CALLED: [describe(owner.func), *map(describe, owner.args)]} if isinstance(owner, partial) else {}
        return called | {name: describe(value) for name, value in _settings(owner).items()}
    if isinstance(owner, tuple | list):
        return [describe(value) for value in owner]
    if owner is None or isinstance(owner, bool | int | float | str):
        return owner
    if callable(owner) and hasattr(owner, "__qualname__"):
        return owner.__qualname__
    raise TypeError(f"{owner!r} is no setting: wanted numbers, texts, classes, or dataclasses and partials of them")


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """What `describe` says differently of two recipes, such as "detector.noise was 0.03 and is 0.1"."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return [
            difference
            for key in [*now, *(key for key in before if key not in now)]
            for difference in differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
        ]
    return [] if before == now else [f"{name} was {before} and is {now}"]
