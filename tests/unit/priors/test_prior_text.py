"""Priors from text and back: whatever is typed gives a prior or a refusal that helps."""

import math
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bayesmeta.errors import PriorError
from bayesmeta.priors import (
    Exponential,
    Flat,
    HalfCauchy,
    HalfNormal,
    HalfT,
    LogNormal,
    Normal,
    OddsRatioWithin,
    Prior,
    Uniform,
    catalogue,
    parse_prior,
    prior_names,
)
from bayesmeta.priors.parse import ROLES


@pytest.mark.parametrize(
    ("text", "role", "prior"),
    [
        ("half_normal(0.5)", "tau", HalfNormal(0.5)),
        ("half_cauchy(.5)", "tau", HalfCauchy(0.5)),
        ("half_t(3, 0.5)", "tau", HalfT(3, 0.5)),
        ("uniform(0, 2)", "tau", Uniform(0, 2)),
        ("exponential(2)", "tau", Exponential(2)),
        ("lognormal(-1.28, 0.87)", "tau", LogNormal(-1.28, 0.87)),
        ("normal(0, 4)", "mu", Normal(0, 4)),
        ("odds_ratio_within(250)", "mu", OddsRatioWithin(250)),
        ("flat", "mu", Flat()),
        # as people type
        ("  Half_Normal ( 1e-3 )\n", "tau", HalfNormal(0.001)),
        ("half-normal(5E-1)", "tau", HalfNormal(0.5)),
        ("HalfNormal(scale=0.5)", "tau", HalfNormal(0.5)),
        ("half_normal(scale = +.5)", "tau", HalfNormal(0.5)),
        ("half_t(scale=0.5, df=3)", "tau", HalfT(3, 0.5)),
        ("half_t(3., scale=0.5)", "tau", HalfT(3, 0.5)),
        ("log_normal(\N{MINUS SIGN}1.28, 0.87)", "tau", LogNormal(-1.28, 0.87)),
        ("flat()", "beta", Flat()),
        ("NORMAL(0,5)", "baseline", Normal(0, 5)),
    ],
)
def test_text_gives_the_prior(text, role, prior):
    assert parse_prior(text, role) == prior


@pytest.mark.parametrize(
    ("text", "role", "message"),
    [
        (
            "half_norml(0.5)",
            "tau",
            "no prior of that name. Did you mean half_normal(0.5)? `bayesmeta priors` lists all.",
        ),
        ("half_norml(x)", "tau", "no prior of that name. Did you mean half_normal(0.5)? `bayesmeta priors` lists all."),
        ("nrmal(0, 3)", "mu", "no prior of that name. Did you mean normal(0, 3)? `bayesmeta priors` lists all."),
        (
            "vague",
            "mu",
            f"no prior of that name. For mu there are {', '.join(prior_names('mu'))}. `bayesmeta priors` lists all.",
        ),
        ("half_normal(-1)", "tau", "scale is -1. It must be positive."),
        ("half_normal(0)", "tau", "scale is 0. It must be positive."),
        ("half_normal(1e999)", "tau", "scale is inf. It must be finite."),
        ("half_normal(nan)", "tau", "scale is nan. It must be finite."),
        ("half_t(0, 1)", "tau", "df is 0. It must be positive."),
        ("uniform(-1, 1)", "tau", "low is -1. It must be zero or positive."),
        ("uniform(2, 1.5)", "tau", "high is 1.5. It must be above low, 2."),
        ("uniform(1, 1)", "tau", "high is 1. It must be above low, 1."),
        ("odds_ratio_within(1)", "mu", "ratio is 1. It must be above 1."),
        ("normal(inf, 1)", "mu", "location is inf. It must be finite."),
        ("half_normal", "tau", "half_normal takes 1 number, scale; none is given. Write it as half_normal(0.5)."),
        ("normal(0)", "mu", "normal takes 2 numbers, location and scale; 1 is given. Write it as normal(0, 4)."),
        (
            "half_normal(0,5)",
            "tau",
            "half_normal takes 1 number, scale; 2 are given. A decimal has a point; a comma separates. "
            "Write it as half_normal(0.5).",
        ),
        ("flat(1)", "mu", "flat takes no numbers. Write it as flat."),
        ("half_normal(wide)", "tau", 'scale is "wide". It must be a number. Write it as half_normal(0.5).'),
        ("half_normal(1_0)", "tau", 'scale is "1_0". It must be a number. Write it as half_normal(0.5).'),
        ("normal(0,)", "mu", "scale is missing. It must be a number. Write it as normal(0, 4)."),
        ("half_normal(sd=1)", "tau", 'half_normal has no parameter "sd", only scale. Write it as half_normal(0.5).'),
        ("half_t(df=3, df=4)", "tau", "df is given twice. Write it as half_t(3, 0.5)."),
        ("half_t(3, df=4)", "tau", "df is given twice. Write it as half_t(3, 0.5)."),
        ("half_t(df=3, 4)", "tau", "4 stands behind a keyword. Write it as half_t(3, 0.5)."),
        (
            "half_normal(0.5",
            "tau",
            "a closing parenthesis is missing. Did you mean half_normal(0.5)? `bayesmeta priors` lists all.",
        ),
        (
            "half_normal(0.5))",
            "tau",
            "an opening parenthesis is missing. Write a name and its numbers, such as half_normal(0.5). "
            "`bayesmeta priors` lists all.",
        ),
        (
            "half_normal 0.5",
            "tau",
            "it cannot be read. Write a name and its numbers, such as half_normal(0.5). `bayesmeta priors` lists all.",
        ),
        (
            "normal(0, 1)",
            "tau",
            "normal is a prior on the whole line, and tau needs a prior on [0, inf), such as half_normal(0.5). "
            "`bayesmeta priors` lists all.",
        ),
        (
            "half_normal(0.5)",
            "mu",
            "half_normal is a prior on [0, inf), and mu needs a prior on the whole line, such as normal(0, 4). "
            "`bayesmeta priors` lists all.",
        ),
    ],
)
def test_a_refusal_names_the_finding_and_the_remedy(text, role, message):
    with pytest.raises(PriorError) as refusal:
        parse_prior(text, role)
    assert str(refusal.value) == f'{role} prior "{text}": {message}'


def test_a_prior_in_python_is_refused_in_the_same_words():
    with pytest.raises(PriorError) as refusal:
        HalfNormal(-1)
    assert str(refusal.value) == 'tau prior "half_normal(-1)": scale is -1. It must be positive.'
    with pytest.raises(PriorError) as refusal:
        Normal(0, 0)
    assert str(refusal.value) == 'prior "normal(0, 0)": scale is 0. It must be positive.'


@pytest.mark.parametrize("value", [True, None, "1", [1.0], 1j])
def test_a_parameter_that_is_no_number_is_refused(value):
    with pytest.raises(PriorError, match="It must be a number"):
        HalfNormal(value)


def test_a_parameter_beyond_floats_is_refused():
    with pytest.raises(PriorError, match=r"scale is inf\. It must be finite"):
        HalfNormal(10**400)


def test_a_prior_is_passed_through_when_it_suits_the_role():
    prior = HalfNormal(0.5)
    assert parse_prior(prior, "tau") is prior
    with pytest.raises(PriorError, match=r'mu prior "half_normal\(0.5\)": half_normal is a prior on'):
        parse_prior(prior, "mu")


def test_what_is_neither_text_nor_prior_is_refused():
    with pytest.raises(PriorError, match="neither text nor a prior"):
        parse_prior(0.5)


def test_an_unknown_role_is_refused():
    with pytest.raises(PriorError, match="tau, mu, beta, baseline"):
        parse_prior("flat", "sigma")
    with pytest.raises(PriorError, match="tau, mu, beta, baseline"):
        prior_names("sigma")


def test_a_long_text_is_quoted_in_part():
    with pytest.raises(PriorError) as refusal:
        parse_prior("half_normal(" + "9" * 500 + "x)")
    assert len(str(refusal.value)) < 300
    with pytest.raises(PriorError) as refusal:
        parse_prior("(" * 100_000)
    assert len(str(refusal.value)) < 300


def test_the_prior_that_is_offered_for_a_role_suits_it():
    for role, (kind, _, offered) in ROLES.items():
        assert isinstance(parse_prior(offered, role), kind)


def test_the_shortest_text_is_written():
    assert str(OddsRatioWithin(250)) == "odds_ratio_within(250)"
    assert str(Normal(0, 4.0)) == "normal(0, 4)"
    assert str(Normal(-0.0, 4)) == "normal(0, 4)"
    assert str(HalfNormal(0.1 + 0.2)) == "half_normal(0.30000000000000004)"
    assert str(HalfNormal(1e-5)) == "half_normal(1e-05)"
    assert str(Flat()) == "flat"
    assert repr(HalfNormal(1)) == "HalfNormal(scale=1.0)"


@given(family=st.sampled_from(catalogue()), data=st.data())
def test_any_parameters_are_refused_or_come_back_from_the_text(family, data):
    number = st.one_of(st.floats(), st.floats(0.01, 100), st.integers())
    values = [data.draw(number) for _ in fields(family)]
    role = family.role or "mu"
    written = f"{family.text_name}({', '.join(map(repr, values))})"
    try:
        prior = family(*values)
    except PriorError:
        with pytest.raises(PriorError):
            parse_prior(written, role)
        return
    assert parse_prior(written, role) == prior
    assert parse_prior(prior.text, role) == prior
    assert parse_prior(repr(prior), role) == prior
    assert all(math.isfinite(getattr(prior, field.name)) for field in fields(prior))


ODD_PIECES = ["", "scale=", "=", "(", ")", "0,5", "df=3", ",", "\N{FULLWIDTH DIGIT ONE}", "-", "a"]
names = st.sampled_from([*prior_names(), "half_norm", "x", ""])
pieces = st.one_of(st.floats().map(repr), st.sampled_from(ODD_PIECES))
near_misses = st.builds(
    lambda name, left, parts, right: f"{name}{left}{','.join(parts)}{right}",
    names,
    st.sampled_from(["(", "", "((", " ("]),
    st.lists(pieces, max_size=4),
    st.sampled_from([")", "", "))", ") "]),
)


@given(text=st.one_of(st.text(), near_misses), role=st.sampled_from(list(ROLES)))
@example(text="", role="tau")
@example(text="(" * 5000, role="tau")
@example(text="half_normal(\x00)", role="tau")
@example(text="normal(" + "," * 5000 + ")", role="mu")
def test_any_text_gives_a_prior_or_a_refusal(text, role):
    try:
        prior = parse_prior(text, role)
    except PriorError as error:
        refusal = str(error)
    else:
        refusal = f'{role} prior "'
        assert isinstance(prior, Prior)
        assert parse_prior(str(prior), role) == prior
    assert refusal.startswith(f'{role} prior "')
