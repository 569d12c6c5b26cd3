"""Models, power scaling, the reference prior, and what is said of all together."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta import sensitivity
from bayesmeta.errors import BayesmetaError, ModelError
from bayesmeta.sensitivity.power_scaling import Powers, power_scaled
from bayesmeta.wording import number, ratio


@pytest.fixture(scope="module")
def analysis():
    return sensitivity.all(bm.fit(bm.load("attachment/disorganised")))


def test_a_row_of_the_model_grid_is_the_fit_of_that_model():
    trials = bm.load("crins2014")
    table = sensitivity.model_grid(trials, bm.Model("normal")).table
    rows = table[(table["likelihood"] == "normal") & (table["kind"] == "Bayesian")]
    assert {"normal", "none"} <= set(rows["random_effects"])
    for row in rows.to_dict("records")[:6]:
        fresh = bm.fit(trials, bm.Model("normal", row["random_effects"], zero_cells=row["zero_cells"]))
        assert row["median"] == pytest.approx(fresh["mu"].median, abs=1e-9)


def test_frequentist_rows_are_those_of_pool():
    trials = bm.load("bcg")
    table = sensitivity.model_grid(trials, bm.Model("normal")).table
    pools = bm.pool(trials)
    frequentist = table[table["kind"] == "frequentist"]
    assert len(frequentist) == len(pools.table)
    np.testing.assert_allclose(frequentist["median"], pools.table["estimate"])
    np.testing.assert_allclose(frequentist["new_upper"], pools.table["prediction_upper"])


def test_without_counts_there_is_one_zero_cell_rule_and_one_likelihood():
    trials = bm.read_trials(
        pd.DataFrame({"study": ["A", "B", "C"], "estimate": [0.3, 0.2, 0.4], "se": [0.3, 0.4, 0.2]})
    )
    part = sensitivity.model_grid(trials)
    bayesian = part.table[part.table["kind"] == "Bayesian"]
    assert set(bayesian["likelihood"]) == {"normal"}
    assert bayesian["random_effects"].is_unique
    assert {"MH", "Peto", "conditional"} <= set(part.refused["model"])


def test_powers_of_one_are_the_posterior_itself():
    posterior = bm.fit(bm.load("crins2014"), bm.Model("normal"))
    scaled = power_scaled(posterior, [Powers(), Powers(coefficients=0.5, tau=0.5, likelihood=0.5)])
    x = np.linspace(-3, 1, 9)
    np.testing.assert_allclose(scaled.linear_cdf(np.ones(1), x)[0], posterior["mu"].cdf(x), atol=1e-9)
    np.testing.assert_allclose(
        scaled.nodes.cdf(np.array([0.1, 0.5, 1.0]))[0], posterior["tau"].cdf([0.1, 0.5, 1.0]), atol=1e-9
    )


def test_powers_of_priors_are_other_priors():
    # N(0, s^2)^a is N(0, s^2 / a), a half-normal likewise; the square of a likelihood is that of each trial twice.
    trials = bm.load("crins2014")
    model = bm.Model("normal", mu=bm.Normal(0, 1), tau=bm.HalfNormal(0.5))
    scaled = power_scaled(bm.fit(trials, model), [Powers(coefficients=4.0, tau=4.0)])
    fresh = bm.fit(trials, bm.Model("normal", mu=bm.Normal(0, 0.5), tau=bm.HalfNormal(0.25)))
    x = np.linspace(-2, 0.5, 7)
    np.testing.assert_allclose(scaled.linear_cdf(np.ones(1), x)[0], fresh["mu"].cdf(x), atol=1e-9)
    effects = bm.effect_sizes(trials)
    twice = pd.DataFrame(
        {
            "study": [f"{s}{i}" for i in (1, 2) for s in effects.studies],
            "estimate": [*effects.y] * 2,
            "se": [*effects.se] * 2,
        }
    )
    doubled = bm.fit(bm.read_trials(twice), model)
    squared = power_scaled(bm.fit(trials, model), [Powers(likelihood=2.0)])
    np.testing.assert_allclose(squared.linear_cdf(np.ones(1), x, new=True)[0], doubled["theta_new"].cdf(x), atol=1e-9)


def test_a_flat_prior_has_no_sensitivity_and_a_sharp_one_in_the_wrong_place_conflicts():
    trials = bm.load("bcg")
    flat = sensitivity.power_scaling(trials, bm.Model(mu="flat")).table.set_index("parameter")
    assert flat.loc["mu", "prior_of_mu"] == pytest.approx(0.0, abs=1e-6)
    sharp = sensitivity.power_scaling(trials, bm.Model(mu="normal(1, 0.2)"))
    assert sharp.table.set_index("parameter").loc["mu", "diagnosis"] == "prior-data conflict"
    assert "they disagree" in sharp.sentence


def test_the_reference_prior_compared_with_itself():
    trials = bm.load("bcg")
    part = sensitivity.reference(trials, bm.Model("normal", tau="half_normal(0.5)"), prior="half_normal(0.5)")
    np.testing.assert_allclose(part.table["distance"], 0.0, atol=1e-6)


def test_hellinger_distance_of_two_normals():
    # Priors that all but fix tau make mu normal: H^2 = 1 - sqrt(2 s t / (s^2 + t^2)) exp(-(m - n)^2 / (4 (s^2 + t^2))).
    trials = bm.load("crins2014")
    known = {tau: bm.LogNormal(np.log(tau), 1e-5) for tau in (0.2, 1.5)}
    part = sensitivity.reference(trials, bm.Model("normal", tau=known[0.2]), prior=known[1.5])
    (m, s), (n, t) = (
        (mu.mean, mu.sd) for mu in (bm.fit(trials, bm.Model("normal", tau=prior))["mu"] for prior in known.values())
    )
    squares = s * s + t * t
    wanted = np.sqrt(1.0 - np.sqrt(2.0 * s * t / squares) * np.exp(-0.25 * (m - n) ** 2 / squares))
    assert part.table.set_index("quantity").loc["mu", "distance"] == pytest.approx(wanted, rel=1e-6)
    assert part.table.set_index("quantity").loc["tau", "distance"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("scale", "side"), [(0.05, "anticonservative"), (50.0, "conservative")])
def test_narrow_and_wide_priors_lie_on_the_two_sides_of_the_reference(scale, side):
    part = sensitivity.reference(bm.load("attachment/disorganised"), bm.Model(tau=bm.HalfNormal(scale)))
    assert set(part.table["side"]) == {side}
    assert (np.sign(part.table["signed"]) == (1 if side == "conservative" else -1)).all()


def test_the_verdict_carries_its_numbers(analysis):
    given = analysis["prior_grid"].given
    text = analysis.verdict
    for value in (given["median"], given["lower"], given["upper"]):
        assert ratio(value) in text
    grid = analysis["prior_grid"].table
    assert f"{int(grid['changes'].sum())} of {len(grid)} pairs of priors" in text
    removed = analysis["tipping_point"].table.set_index("question").loc["trials removed", "trials"]
    assert all(name in text for name in removed.split("; "))
    tau = analysis["power_scaling"].table.set_index("parameter").loc["tau"]
    assert number(tau["prior"]) in text
    assert "0.54 (0.39 to 0.77)" in text
    assert "robust" not in text.lower()


def test_all_parts_are_there_and_are_plain_data(analysis):
    assert list(analysis.parts) == list(sensitivity.PARTS)
    assert analysis.not_done == {}
    data = json.loads(json.dumps(analysis.to_dict(), allow_nan=False))
    assert data["verdict"] == analysis.sentence == analysis.sentences[0]
    assert set(data["parts"]) == set(sensitivity.PARTS)
    assert all(part["sentence"].endswith(".") for part in data["parts"].values())


def test_parts_by_name():
    part = sensitivity.all(bm.load("bcg"), only=["reference"])
    assert list(part.parts) == ["reference"]
    with pytest.raises(BayesmetaError, match="no part 'prior'"):
        sensitivity.all(bm.load("bcg"), only=["prior"])
    with pytest.raises(KeyError, match="there is no such"):
        part["model_grid"]


def test_what_a_model_does_not_allow_is_named():
    found = sensitivity.all(bm.load("bcg"), bm.Model(random_effects="none"))
    assert set(found.not_done) == {"reference"}
    with pytest.raises(ModelError, match="tau is known"):
        sensitivity.reference(bm.load("bcg"), bm.Model(random_effects="none"))
    assert found["prior_grid"].table["tau_prior"].nunique() == 1


def test_a_verdict_needs_a_posterior():
    with pytest.raises(BayesmetaError, match="at least one part"):
        sensitivity.verdict([sensitivity.credibility(0.5, 0.1, 0.9)])


def test_where_nobody_said_what_is_wished_no_verdict_says_so():
    trials = bm.read_trials(
        pd.DataFrame({"study": ["A", "B", "C"], "estimate": [0.5, 0.6, 0.4], "se": [0.2, 0.2, 0.2]})
    )
    found = sensitivity.all(trials)
    assert not any("wished" in sentence for sentence in found.sentences)
    assert "P(OR > 1)" in found.verdict


def test_with_moderators_the_words_say_whose_odds_ratio_it_is():
    for formula, name in (
        ("~ allocation", "OR where allocation = alternate (the reference category)"),
        ("~ C(allocation, contr.treatment('random'))", "OR where allocation = random (the reference category)"),
        ("~ latitude", "OR of the reference category (~ latitude)"),
    ):
        part = sensitivity.leave_one_out(bm.load("bcg"), bm.Model("normal", moderators=formula))
        assert name in part.sentence
