"""Roever 2020, J Stat Softw 93(6), section 3: acute rejection in Crins 2014, mu ~ N(0, 4^2), tau ~ half-normal(0.5).

The paper prints two or three decimals: each is held to half a unit of the last one, and half a unit more for the 0.4%
of a posterior sd that R bayesmeta's default accuracy costs.
"""

import pytest

import bayesmeta as bm


@pytest.fixture(scope="module")
def posterior():
    return bm.fit(bm.load("crins2014"), bm.Model("normal", mu=bm.Normal(0, 4), tau=bm.HalfNormal(0.5)))


def test_crins_2014_heterogeneity_as_in_roever_2020(posterior):
    assert posterior["tau"].mode == pytest.approx(0.245, abs=1e-3)
    assert posterior["tau"].median == pytest.approx(0.344, abs=1e-3)


def test_crins_2014_pooled_effect_as_in_roever_2020(posterior):
    assert posterior["mu"].median == pytest.approx(-1.573, abs=1e-3)
    assert posterior["mu"].interval(0.95, kind="shortest") == pytest.approx((-2.23, -0.93), abs=1e-2)


def test_crins_2014_prediction_as_in_roever_2020(posterior):
    assert posterior["theta_new"].interval(0.95, kind="shortest") == pytest.approx((-2.77, -0.41), abs=1e-2)
