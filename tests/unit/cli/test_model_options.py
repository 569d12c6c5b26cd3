"""Every command that fits a model describes it by the same options."""

import inspect
from dataclasses import fields

import pytest

from bayesmeta.cli.main import COMMANDS
from bayesmeta.cli.model_options import OPTIONS, with_model
from bayesmeta.model import Model
from tests.unit.cli.running import run

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
        typed = [text] if part == "beta" else text
        command(**dict.fromkeys(OPTIONS) | {part: typed} | WITH.get(part, {}))
        assert received.pop() == Model(**{part: expected} | WITH.get(part, {})), part


def test_a_command_without_a_model_takes_none_of_its_options():
    with pytest.raises(TypeError, match="has no parameter model"):
        with_model(lambda file: None)
