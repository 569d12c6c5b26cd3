"""Every command that fits a model describes it by the same options."""

import inspect
import json
from dataclasses import fields

import pytest

from bayesmeta.cli.main import COMMANDS
from bayesmeta.cli.model_options import OPTIONS, TEXTS, with_model
from bayesmeta.model import Model
from tests.unit.cli.running import refused, run

FITTING = ("fit", "sensitivity")
STATED = {
    "likelihood": ("binomial", "binomial"),
    "mu": ("normal(0, 4)", "normal(0, 4)"),
    "tau": ("half_cauchy(1)", "half_cauchy(1)"),
    "beta": ("dose=normal(0, 2)", {"dose": "normal(0, 2)"}),
    "moderators": ("~ dose", "~ dose"),
    "random_effects": ("student_t(4)", "student_t(4)"),
    "baseline": ("normal(0, 3)", "normal(0, 3)"),
    "baseline_at": ("control", "control"),
    "zero_cells": ("all", "all"),
    "control_risk": (True, True),
}
WITH = {"control_risk": {"likelihood": "binomial"}}  # what else must be said


def test_every_part_of_a_model_has_an_option_and_every_option_its_part():
    assert set(OPTIONS) == {part.name for part in fields(Model)}


@pytest.mark.parametrize("name", FITTING)
def test_a_command_that_fits_lists_every_option_of_a_model(name):
    listed = run(name, "--help").stdout
    assert [option for option in OPTIONS if f"--{option.replace('_', '-')} " not in listed] == []
    assert set(OPTIONS) <= set(inspect.signature(COMMANDS[name]).parameters)


def test_what_is_typed_is_the_model_and_what_is_not_has_its_default():
    received = []

    @with_model
    def command(model: Model) -> None:
        received.append(model)

    command(**dict.fromkeys(OPTIONS))
    assert received.pop() == Model()
    for part, (text, expected) in STATED.items():
        typed = [text] if OPTIONS[part].kind is TEXTS else text
        command(**dict.fromkeys(OPTIONS) | {part: typed} | WITH.get(part, {}))
        assert received.pop() == Model(**{part: expected} | WITH.get(part, {})), part


def test_levels_have_priors_of_their_own():
    result = run("fit", "bcg", "--tau-by", "allocation", "--tau", "random=half_cauchy(0.4)", "--json")
    assert json.loads(result.stdout)["model"]["tau"] == {"random": "half_cauchy(0.4)"}
    typed = ("--tau", "half_normal(1)", "--tau", "random=half_normal(1)")
    assert "for all levels beside" in refused("fit", "bcg", "--tau-by", "allocation", *typed)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--tau", "random=half_normal(1)"), "State tau_by"),
        (("--alpha", "normal(0, 0.1)"), "State scale"),
        (("--omega", "uniform(0, 1)"), "State --selection"),
        (("--likelihood", "normal", "--baseline", "exchangeable(normal(0, 5), half_normal(1))"), "has no baselines"),
    ],
)
def test_a_part_that_belongs_to_another_that_nobody_asked_for_is_refused(typed, message):
    assert message in refused("fit", "bcg", *typed)


def test_a_command_without_a_model_takes_none_of_its_options():
    with pytest.raises(TypeError, match="has no parameter model"):
        with_model(lambda file: None)
