"""The catalogue: one file a family, each of the same shape, each found without a list."""

import doctest
import importlib
import inspect
import pkgutil
from dataclasses import dataclass, is_dataclass

import pytest

import bayesmeta.priors
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, Prior, catalogue, parse_prior, prior_names

MODULES = {
    info.name: importlib.import_module(f"bayesmeta.priors.{info.name}")
    for info in pkgutil.iter_modules(bayesmeta.priors.__path__)
}
DEFINED = {
    value: name
    for name, module in MODULES.items()
    for value in vars(module).values()
    if inspect.isclass(value)
    and issubclass(value, Prior)
    and value.__module__ == module.__name__
    and not inspect.isabstract(value)
}
each_family = pytest.mark.parametrize("family", DEFINED, ids=lambda family: family.__name__)


def test_the_families_are_those_that_the_folder_defines():
    assert set(catalogue()) == set(DEFINED)
    assert len(DEFINED) >= 31


@each_family
def test_a_family_is_exported_and_lives_in_the_file_of_its_name(family):
    assert family.__name__ in bayesmeta.priors.__all__
    assert getattr(bayesmeta.priors, family.__name__) is family
    assert DEFINED[family] == family.text_name


@each_family
def test_a_family_has_the_shape_of_its_neighbours(family):
    assert is_dataclass(family)
    assert issubclass(family, HeterogeneityPrior) != issubclass(family, EffectPrior)
    documentation = inspect.getdoc(family)
    assert documentation.splitlines()[0].endswith(".")
    for heading in ("Parameters\n---", "References\n---", "Examples\n---"):
        assert heading in documentation
    for parameter in family.parameters():
        assert f"\n{parameter} : " in documentation
    assert documentation.splitlines()[0] == family.summary()


@each_family
def test_examples_are_in_the_text_form_of_the_family(family):
    assert family.examples
    for text in family.examples:
        prior = parse_prior(text, family.role or "mu")
        assert type(prior) is family
        assert prior.text == str(prior) == text


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_the_documentation_run(name):
    result = doctest.testmod(MODULES[name], optionflags=doctest.FAIL_FAST)
    assert result.failed == 0
    if name in DEFINED.values():
        assert result.attempted > 0


def test_everything_public_exists():
    for name in bayesmeta.priors.__all__:
        assert getattr(bayesmeta.priors, name).__doc__


def test_names_by_role():
    assert prior_names("mu") == prior_names("beta") == prior_names("baseline")
    assert {"flat", "normal", "odds_ratio_within", "student_t", "mixture"} <= set(prior_names("mu"))
    assert {"half_normal", "uniform", "lognormal", "jeffreys", "dumouchel", "turner"} <= set(prior_names("tau"))
    assert set(prior_names()) == set(prior_names("tau")) | set(prior_names("mu"))
    assert list(prior_names()) == sorted(prior_names())


def test_signatures_name_the_parameters():
    signatures = {family.text_name: family.signature() for family in catalogue()}
    assert signatures["flat"] == "flat"
    assert signatures["normal"] == "normal(location, scale)"
    assert signatures["jeffreys"] == "jeffreys"
    assert signatures["turner"] == "turner(outcome, comparison)"


def test_two_families_cannot_share_a_name():
    with pytest.raises(TypeError, match="half_normal"):

        @dataclass(frozen=True)
        class HalfNormal(HeterogeneityPrior):
            scale: float

    with pytest.raises(TypeError, match="Half_Normal"):

        class Other(HeterogeneityPrior, text_name="Half_Normal"):
            pass

    assert set(catalogue()) == set(DEFINED)
