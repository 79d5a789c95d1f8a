"""The settings of recipes: changed on the command line, written down, told apart."""

import json
from functools import partial
from itertools import combinations

import pytest
from torch import nn

from poseembed.network import NetworkConfig
from training.running.recipe import Recipe, load_recipe, recipe_names
from training.running.settings import change, describe, differences

BASE = load_recipe("poseembed_base")


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("pairs=5", lambda recipe: recipe.pairs == 5),
        ("network.width=64", lambda recipe: recipe.network.width == 64),
        ("network.mask_input=False", lambda recipe: not recipe.network.mask_input),
        ("detector.noise=0.25", lambda recipe: recipe.detector.noise == 0.25),
        ("variation.tilt=0", lambda recipe: recipe.variation.tilt == 0.0),
        ("cameras.elevation=(-0.1, 0.2)", lambda recipe: recipe.cameras.elevation == (-0.1, 0.2)),
        ("optimizer.lr=0.5", lambda recipe: recipe.optimizer([nn.Parameter()]).defaults["lr"] == 0.5),
        ("objective.config.temperature=2", lambda recipe: recipe.objective.keywords["config"].temperature == 2.0),
    ],
)
def test_one_setting_changes(assignment: str, value: object) -> None:
    changed = change(BASE, assignment)
    assert callable(value)
    assert value(changed)
    assert not value(BASE)


def test_all_else_stays() -> None:
    changed = change(change(BASE, "detector.noise=0.25"), f"detector.noise={BASE.detector.noise}")
    assert changed == BASE
    optimizer = change(BASE, "optimizer.lr=0.5").optimizer
    assert isinstance(optimizer, partial)
    assert optimizer.func is BASE.optimizer.func
    assert {**optimizer.keywords, "lr": None} == {**BASE.optimizer.keywords, "lr": None}


def test_words_are_settings_too() -> None:
    recipe = change(load_recipe("cv_mim"), "objective.config.fusion=product")
    assert recipe.objective.keywords["config"].fusion == "product"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("pairs", "'pairs' is no assignment; wanted SETTING=VALUE"),
        ("paris=5", "no setting 'paris' there, but objective, network, pairs"),
        ("network.depth=5", "no setting 'depth' there, but mask_input, width"),
        ("pairs.more=5", "no setting 'more' there, but nothing"),
        ("network.width=0.5", "wanted a value like 768"),
        ("network.width=wide", "wanted a value like 768"),
        ("network.mask_input=1", "wanted a value like True"),
        ("network=5", "wanted a value like NetworkConfig"),
        ("network.width=0", "width must be at least 1, got 0"),
        ("pairs=0", "pairs must be at least 1"),
        ("batch_size=1", "batch_size at least 2"),
    ],
)
def test_changes_that_make_no_sense_are_refused(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change(BASE, assignment)


def test_a_recipe_made_without_partials_can_be_changed() -> None:
    recipe = Recipe(objective=BASE.objective, network=NetworkConfig(width=8))
    assert change(recipe, "network.width=16").network.width == 16


def test_a_description_holds_every_setting_by_name_and_survives_json() -> None:
    described = json.loads(json.dumps(describe(change(BASE, "detector.noise=0.25"))))
    assert described == describe(change(BASE, "detector.noise=0.25"))
    assert described["detector"]["noise"] == 0.25
    assert described["cameras"]["distance"] == [2.5, 12.0]
    assert described["objective"]["called"] == ["Privileged"]
    assert described["objective"]["config"]["temperature"] == BASE.objective.keywords["config"].temperature
    assert described["optimizer"]["called"] == ["AdamW"]
    assert described["optimizer"]["lr"] == 0.004


def test_no_two_recipes_are_described_alike() -> None:
    for first, second in combinations(recipe_names(), 2):
        assert describe(load_recipe(first)) != describe(load_recipe(second)), (first, second)


@pytest.mark.parametrize(
    "assignment", ["pairs=5", "detector.noise=0.25", "optimizer.lr=0.5", "objective.config.leak=0.5"]
)
def test_what_differs_is_named_with_both_values(assignment: str) -> None:
    name, _, value = assignment.partition("=")
    found = differences(describe(BASE), describe(change(BASE, assignment)))
    assert len(found) == 1
    assert found[0].startswith(f"{name} was ")
    assert found[0].endswith(f" and is {value}")
    assert differences(describe(BASE), describe(BASE)) == []


def test_settings_that_came_or_went_differ() -> None:
    assert differences({"a": 1}, {"a": 1, "b": {"c": 2}}) == ["b was None and is {'c': 2}"]
    assert differences({"a": 1, "b": 2}, {"a": 1}) == ["b was 2 and is None"]


def test_arguments_without_names_are_told_apart() -> None:
    assert describe(partial(int, "7")) != describe(partial(int, "8"))


def test_what_could_not_be_told_from_others_is_refused() -> None:
    with pytest.raises(TypeError, match="is no setting"):
        describe(Recipe(objective=partial(BASE.objective.func, config=object())))
