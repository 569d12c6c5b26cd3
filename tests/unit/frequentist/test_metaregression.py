"""Meta-regression: designs that are refused, and what follows from the fit."""

import numpy as np
import pytest

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.frequentist import METHODS, metaregression
from bayesmeta.frequentist.evidence import Evidence
from bayesmeta.frequentist.regression import REGRESSION_METHODS
from bayesmeta.trials import load


def effects_of(y, variance):
    y = np.asarray(y, dtype=float)
    studies = tuple(f"S{i}" for i in range(len(y)))
    return Effects(studies, y, np.sqrt(variance), np.arange(len(y)), "OR", "only_zero")


@pytest.fixture
def bcg():
    trials = load("bcg")
    return effect_sizes(trials), trials.table["latitude"].to_numpy(dtype=float)


@pytest.mark.parametrize("method", REGRESSION_METHODS)
def test_centring_moves_only_the_intercept(bcg, method):
    effects, latitude = bcg
    raw = metaregression(effects, np.column_stack([np.ones(13), latitude]), ("mu", "latitude"), method)
    centred = metaregression(effects, np.column_stack([np.ones(13), latitude - 33.0]), ("mu", "latitude"), method)
    assert centred.beta[1] == pytest.approx(raw.beta[1], rel=1e-8)
    assert centred.se[1] == pytest.approx(raw.se[1], rel=1e-8)
    estimate, se, lower, upper = raw.contrast([1.0, 33.0])
    assert [estimate, se, lower, upper, raw.QM] == pytest.approx(
        [centred.beta[0], centred.se[0], centred.lower[0], centred.upper[0], centred.QM], rel=1e-7
    )


@pytest.mark.parametrize("method", REGRESSION_METHODS)
def test_a_design_without_intercept_gives_the_group_means(bcg, method):
    effects, latitude = bcg
    north = latitude > 33.0
    differences = metaregression(effects, np.column_stack([np.ones(13), north]), ("mu", "north"), method)
    means = metaregression(effects, np.column_stack([~north, north]), ("south", "north"), method)
    assert means.beta.tolist() == pytest.approx([differences.beta[0], differences.beta.sum()], rel=1e-8)
    assert means.QM_df == (2, np.inf)
    assert differences.QM_df == (1, np.inf)


@pytest.mark.parametrize("method", ["DL", "PM", "REML", "ML"])
def test_a_moderator_of_equal_groups_fits_each_group_by_itself(method):
    # Two groups with the same effects apart from a shift: the regression finds the shift, and each mean is the mean.
    y, variance = np.array([0.0, 1.0, 2.5]), np.array([0.2, 0.3, 0.1])
    effects = effects_of(np.concatenate([y, y + 4.0]), np.concatenate([variance, variance]))
    matrix = np.column_stack([np.ones(6), np.repeat([0.0, 1.0], 3)])
    found = metaregression(effects, matrix, ("mu", "group"), method)
    assert found.beta[1] == pytest.approx(4.0, rel=1e-9)
    assert found.beta[0] == pytest.approx(np.average(y, weights=1.0 / (variance + found.tau2)), rel=1e-9)


@pytest.mark.parametrize("method", ["DL", "PM", "REML", "ML"])
def test_ad_hoc_hksj_is_the_larger_of_the_two(bcg, method):
    effects, latitude = bcg
    matrix = np.column_stack([np.ones(13), latitude])
    wald, hksj, adhoc = (
        metaregression(effects, matrix, ("mu", "latitude"), method, interval)
        for interval in ("wald", "hksj", "hksj_adhoc")
    )
    assert adhoc.se.tolist() == pytest.approx(np.maximum(wald.se, hksj.se).tolist(), rel=1e-9)
    assert adhoc.QM_df == (1, 11)
    assert np.all(adhoc.p_value >= wald.p_value)


def test_the_higher_restricted_mode_is_taken():
    y, variance = [0.0, 0.005, 5.0, -5.0, 4.0, -6.0, 0.1, 0.0], [1e-4, 1e-4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    matrix = np.column_stack([np.ones(8), [0, 1, 0, 1, 0, 1, 0, 1]])
    assert metaregression(effects_of(y, variance), matrix, ("mu", "x")).tau2 > 1.0


def test_one_tau2_for_the_pool_and_for_a_regression_on_nothing():
    # A moderator that is orthogonal to everything and explains nothing: equal effects in both groups.
    y, variance = np.array([-1.0, 0.0, 2.0]), np.full(3, 0.25)
    doubled = effects_of(np.concatenate([y, y]), np.concatenate([variance, variance]))
    matrix = np.column_stack([np.ones(6), np.repeat([-1.0, 1.0], 3)])
    found = metaregression(doubled, matrix, ("mu", "x"), "ML")
    pooled = METHODS["ML"].fit(Evidence(doubled.y, doubled.se**2))[0]
    assert found.beta[1] == pytest.approx(0.0, abs=1e-12)
    assert (found.tau2, found.beta[0]) == pytest.approx((pooled.tau2, pooled.estimate), rel=1e-9)


def test_the_table_and_the_json(bcg):
    effects, latitude = bcg
    found = metaregression(effects, np.column_stack([np.ones(13), latitude]), ("mu", "latitude"), "EE")
    assert found.table["column"].tolist() == ["mu", "latitude"]
    assert found.table["estimate"].tolist() == found.beta.tolist()
    as_dict = found.to_dict()
    assert as_dict["tau2"] is None
    assert as_dict["QM"]["df"] == [1, None]
    assert [row["column"] for row in as_dict["coefficients"]] == ["mu", "latitude"]


@pytest.mark.parametrize(
    ("matrix", "columns", "options", "message"),
    [
        (np.ones((13, 1)), ("mu",), {}, "without a moderator: use pool"),
        (np.ones((12, 2)), ("mu", "x"), {}, r"shape \(12, 2\) for 13 effect sizes"),
        (np.ones((13, 2)), ("mu",), {}, r"shape \(13, 2\) for 13 effect sizes and 1 column names"),
        (np.ones((13, 2)), ("mu", "x"), {}, "determine one another"),
        (np.eye(13), tuple("abcdefghijklm"), {}, "more trials than columns"),
        (np.ones((13, 2)), ("mu", "x"), {"method": "SJ"}, "'SJ': expected one of EE, DL, PM, REML, ML"),
        (np.ones((13, 2)), ("mu", "x"), {"interval": "t"}, "'t': expected one of wald, hksj, hksj_adhoc"),
        (np.ones((13, 2)), ("mu", "x"), {"method": "EE", "interval": "hksj"}, "Use REML"),
    ],
)
def test_refused_designs(bcg, matrix, columns, options, message):
    with pytest.raises(ModelError, match=message):
        metaregression(bcg[0], matrix, columns, **options)


def test_an_exact_fit_has_no_hksj_interval():
    matrix = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])
    effects = effects_of([0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0])
    for method in ("DL", "ML"):
        with pytest.raises(ModelError, match="exactly, so the standard error of"):
            metaregression(effects, matrix, ("mu", "x"), method, "hksj")
