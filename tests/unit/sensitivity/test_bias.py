"""Averaging over effect, heterogeneity and bias: probabilities, averages, and the marginal likelihoods behind them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import halfcauchy, norm

import bayesmeta as bm
from bayesmeta.exact.bias_models import Regressed
from bayesmeta.posterior import PointMass
from bayesmeta.sensitivity.bias import MU, PEESE_SCALE, SELECTIONS, TAU

TAU_PRIOR = "half_normal(0.4)"
FEW = {"selections": ["one_sided(0.025)"], "mu": "normal(0, 1)", "tau": TAU_PRIOR}


def table(y, se, direction="higher"):
    return bm.read_trials(
        pd.DataFrame({"study": [f"t{i}" for i in range(len(y))], "estimate": y, "se": se}), direction=direction
    )


def simulated(k=7, seed=2):
    """Simulated estimates, wished above 0."""
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(-1.0, 0.5, k))
    return table(0.2 + np.hypot(se, 0.3) * rng.normal(size=k), se)


def grid_evidence(trials, bias, effect, heterogeneity):
    """Log marginal likelihood by midpoint sums over mu, tau and the slope or weight, from the formula."""
    effects = bm.effect_sizes(trials)
    y, se = effects.y[:, None, None, None], effects.se[:, None, None, None]
    mu, d_mu = (np.linspace(-3, 3, 101), 0.06) if effect else (np.zeros(1), 1.0)
    tau, d_tau = ((np.arange(40) + 0.5) * 0.05, 0.05) if heterogeneity else (np.zeros(1), 1.0)
    if bias in ("PET", "PEESE"):
        # In phi = atan(b / scale) the half-Cauchy prior is uniform.
        scale, x = (1.0, se) if bias == "PET" else (PEESE_SCALE, se**2)
        phi = (np.arange(120) + 0.5) / 120 * np.pi / 2
        z, d_z = scale * np.tan(phi), 1 / 120
        assert halfcauchy(scale=scale).cdf(z[60]) == pytest.approx(phi[60] * 2 / np.pi)
    else:
        z, d_z = ((np.arange(100) + 0.5) / 100, 1 / 100) if bias != "none" else (np.zeros(1), 1.0)
    m, t, v = (a[None] for a in np.meshgrid(mu, tau, z, indexing="ij"))
    scale_of = np.sqrt(se**2 + t**2)
    mean = m + v * x if bias in ("PET", "PEESE") else m
    log = norm.logpdf(y, mean, scale_of).sum(axis=0)
    if bias == "one_sided(0.025)":
        significant = y / se > norm.isf(0.025)
        chance = norm.sf(norm.isf(0.025) * se, m, scale_of)
        log = log + (np.where(significant, 0.0, np.log(v)) - np.log(chance + v * (1 - chance))).sum(axis=0)
    if effect:
        log = log + norm.logpdf(m[0], 0, 1)
    if heterogeneity:
        log = log + np.log(2) + norm.logpdf(t[0], 0, 0.4)
    return logsumexp(log) + np.log(d_mu * d_tau * d_z)


def test_marginal_likelihoods_are_those_of_a_dense_grid():
    trials = simulated()
    found = bm.sensitivity.bias(trials, **FEW).table
    assert len(found) == 16
    for row in found.itertuples():
        expected = grid_evidence(trials, row.bias, row.effect, row.heterogeneity)
        assert row.log_marginal_likelihood == pytest.approx(expected, abs=3e-4), row


def test_a_slope_on_nothing_changes_nothing():
    # With x = 0 in every trial the slope is its prior, and the model that without bias.
    effects = bm.effect_sizes(simulated())
    prior = bm.parse_prior("half_normal(0.4)", "tau")
    without = Regressed(effects, (0.0, 1.0), prior).solved()
    tiny = Regressed(effects, (0.0, 1.0), prior, np.full(effects.k, 1e-12)).solved()
    assert tiny.log_marginal == pytest.approx(without.log_marginal, abs=1e-8)
    assert tiny.mu.mean == pytest.approx(without.mu.mean, abs=1e-8)


def test_without_bias_the_models_are_the_ordinary_ones():
    trials = simulated()
    found = bm.sensitivity.bias(trials, **FEW)
    plain = bm.fit(trials, bm.Model("normal", mu="normal(0, 1)", tau=TAU_PRIOR))
    common = bm.fit(trials, bm.Model("normal", mu="normal(0, 1)", random_effects="none"))
    none = found.table[found.table["bias"] == "none"].set_index(["effect", "heterogeneity"])
    for heterogeneity, posterior in ((True, plain), (False, common)):
        row = none.loc[(True, heterogeneity)]
        assert row["log_marginal_likelihood"] == pytest.approx(posterior.log_marginal_likelihood, abs=1e-9)
        assert row["median"] == pytest.approx(posterior["mu"].median, abs=1e-9)


def test_prior_probabilities_are_those_of_robma_psma():
    # Bartos et al. 2023: each hypothesis 1/2; of bias, 1/12 to each of six selection models, 1/4 each to PET and PEESE.
    prior = bm.sensitivity.bias(simulated(5)).table.groupby("bias")["prior"].sum()
    assert prior["none"] == pytest.approx(1 / 2)
    assert [prior[name] for name in SELECTIONS] == pytest.approx([1 / 24] * 6)
    assert [prior["PET"], prior["PEESE"]] == pytest.approx([1 / 8] * 2)
    assert (MU.scale, TAU.shape, TAU.scale) == pytest.approx((np.pi / 3**0.5, 1.0, 0.15 * np.pi / 3**0.5))


def test_probabilities_sum_to_one_and_factors_are_odds_over_odds():
    found = bm.sensitivity.bias(simulated(), **FEW)
    assert found.table[["prior", "posterior"]].sum().tolist() == pytest.approx([1, 1])
    row = found.questions.set_index("question").loc["effect"]
    assert row["prior"] == pytest.approx(0.5)
    assert row["bayes_factor"] == pytest.approx(row["posterior"] / (1 - row["posterior"]))


def test_the_averaged_effect_is_the_mixture_with_its_atom():
    found = bm.sensitivity.bias(simulated(), **FEW)
    mu = found.averaged()
    null = float(found.table.loc[~found.table["effect"], "posterior"].sum())
    assert mu.atom == pytest.approx(null)
    means = sum(p * one.mu.mean for p, one in zip(found.table["posterior"], found.solved))
    assert mu.mean == pytest.approx(means)
    assert mu.probability(above=0) + mu.probability(below=0) + mu.atom == pytest.approx(1)
    x = mu.quantile(np.array([0.01, 0.3, 0.9, 0.999]))
    inside = np.abs(x) > 1e-12
    assert mu.cdf(x)[inside] == pytest.approx(np.array([0.01, 0.3, 0.9, 0.999])[inside], abs=1e-10)
    drawn = mu.draws(8000, 1)
    assert np.mean(drawn == 0) == pytest.approx(null, abs=4 * 0.5 / np.sqrt(8000))
    assert drawn.mean() == pytest.approx(mu.mean, abs=4 * mu.sd / np.sqrt(8000))
    step = np.linspace(-6, 6, 4001)
    assert np.sum(mu.pdf(step)) * (step[1] - step[0]) == pytest.approx(1 - null, abs=1e-6)


def test_an_average_of_models_that_all_say_zero_is_zero():
    from bayesmeta.posterior.averaged import AveragedMarginal

    mu = AveragedMarginal("mu", [PointMass("mu", 0.0)] * 2, [0.4, 0.6])
    assert mu.quantile(np.array([0.025, 0.975])).tolist() == [0.0, 0.0]
    assert (mu.mean, mu.sd, mu.atom) == (0.0, 0.0, 1.0)


def test_effects_that_grow_with_the_standard_error_are_bias_and_equal_ones_an_effect():
    se = np.linspace(0.05, 0.8, 16)
    wiggle = 0.3 * se * np.tile([1, -1], 8)
    growing, equal = (
        bm.sensitivity.bias(table(y, se), **FEW).questions.set_index("question")["bayes_factor"]
        for y in (2.0 * se + wiggle, 0.8 + wiggle)
    )
    assert growing["bias"] > 20
    assert growing["effect"] < 1
    assert equal["effect"] > 1e3
    assert equal["bias"] < 1


def test_negated_trials_with_the_other_side_give_the_mirror_image():
    trials = simulated()
    effects = bm.effect_sizes(trials)
    there = bm.sensitivity.bias(trials, **FEW)
    back = bm.sensitivity.bias(table(-effects.y, effects.se, "lower"), **FEW)
    np.testing.assert_allclose(there.table["posterior"], back.table["posterior"], rtol=1e-8)
    np.testing.assert_allclose(there.table["median"], -back.table["median"], atol=1e-8)
    assert (there.side_of_bias, back.side_of_bias) == ("greater", "less")


def test_row_order_does_not_matter():
    trials = simulated()
    there, back = (bm.sensitivity.bias(t, **FEW).table for t in (trials, trials.select(np.arange(trials.k)[::-1])))
    np.testing.assert_allclose(there["posterior"], back["posterior"], rtol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({"mu": "flat"}, bm.PriorError, "improper"),
        ({"tau": "jeffreys"}, bm.PriorError, "improper"),
        ({"tau": "fixed(0.3)"}, bm.PriorError, "half_normal"),
        ({"side": "up"}, bm.ModelError, "side 'up'"),
        ({"small_trials": ["PETE"]}, bm.ModelError, "PET and PEESE"),
        ({"selections": ["none"]}, bm.ModelError, "among the models anyway"),
        ({"model": bm.Model("normal", moderators="~ sensitivity_focused")}, bm.ModelError, "one mean"),
    ],
)
def test_what_cannot_be_averaged_is_refused_with_a_remedy(arguments, error, why):
    with pytest.raises(error, match=why):
        bm.sensitivity.bias(bm.load("attachment/secure"), **arguments)


def test_trials_without_a_direction_are_asked_for_one():
    trials = replace(bm.load("attachment/secure"), direction="")
    with pytest.raises(bm.ModelError, match="--direction higher or lower"):
        bm.sensitivity.bias(trials)
    assert bm.sensitivity.bias(trials, side="greater", selections=[]).side_of_bias == "greater"


def test_three_trials_are_said_not_to_tell():
    found = bm.sensitivity.bias(bm.load("attachment/disorganised"), selections=["one_sided(0.025)"])
    assert "3 trials do not tell whether there is bias" in found.sentence


def test_the_picture_shows_the_numbers_of_the_tables():
    found = bm.sensitivity.bias(bm.load("attachment/secure"), selections=["one_sided(0.025)"])
    models, effects = bm.plots.sensitivity_bias(found).axes
    bars = {patch.get_gid(): patch.get_width() for patch in models.patches}
    for kind, rows in found.table.groupby("bias"):
        shown = bars[f"{kind} True"] + bars[f"{kind} False"]
        assert shown == pytest.approx(rows["posterior"].sum())
    centres = [line.get_xdata()[0] for line in effects.lines if line.get_gid() == "centre"]
    assert np.log(centres) == pytest.approx(found.averages["median"].tolist())


def test_the_model_grid_of_a_selection_model_fits_each_model_anew():
    posterior = bm.fit(bm.load("attachment/secure"), bm.Model(selection="one_sided(0.025)"))
    given = bm.sensitivity.model_grid(posterior, frequentist=False)
    none = given.table[given.table["random_effects"] == "none"].iloc[0]
    anew = bm.fit(posterior.trials, posterior.model.but(random_effects="none", zero_cells=none["zero_cells"]))
    assert none["median"] == pytest.approx(anew["mu"].median, abs=1e-9)


def test_it_is_a_part_of_the_sensitivity_analysis():
    found = bm.sensitivity.all(bm.load("attachment/secure"), bm.Model("normal"), only=("bias",))
    data = found["bias"].to_dict()
    assert [row["question"] for row in data["questions"]] == ["effect", "heterogeneity", "bias"]
    assert len(data["rows"]) == 36
    assert found["bias"].sentence.startswith("Averaged over 36 models")
