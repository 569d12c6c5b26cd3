"""The regression on control risk as statisticians meet it: numbers that agree with each other, text, JSON, pictures."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

import bayesmeta as bm
from bayesmeta.effects import effect_sizes
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.nuts.control_risk.plan import tied_plan
from tests.plots.reading import by_gid, words
from tests.unit.cli.running import refused, run
from tests.unit.nuts.test_build import log_density

pytestmark = pytest.mark.slow

NAMES = ["mu", "tau", "theta_new", "control_risk", "baseline_mean", "baseline_sd"]


@pytest.fixture(scope="module")
def secure():
    return bm.fit(bm.load("attachment/secure"), bm.Model(control_risk=True), engine="nuts", draws=500)


def standard_normal(residual, se, scale, coordinate):
    """z and log |dz / d coordinate|."""
    variance = se**2 + scale**2
    return scale * residual / variance + se / np.sqrt(variance) * coordinate, np.log(se / np.sqrt(variance))


@pytest.mark.parametrize(
    "parts",
    [
        {"control_risk": True},
        {"control_risk": True, "baseline": "normal(-1, 2)", "moderators": "~ dose"},
        {"likelihood": "binomial", "baseline": "exchangeable(normal(-1, 2), half_cauchy(0.5))"},
    ],
    ids=["exchangeable", "independent", "midpoint"],
)
def test_the_pymc_model_has_the_density_that_is_described(trials, parts):
    model = bm.Model(**parts)
    design, effects = model.design(trials), effect_sizes(trials)
    plan = tied_plan(trials.counts, effects.y, effects.se, model, design)
    at, _ = log_density(plan)
    r1, n1, r0, n0 = trials.counts.T
    g, v, t, w = plan.table[:3, :4].T
    p, columns = design.matrix.shape[1], len(plan.structure.coefficients)

    def expected(point):
        beta, tau, u, e = point["beta"], point["tau"], point["u"][:3], point["e"][:3]
        m, s = point.get("baseline_mean", -1.0), point.get("baseline_sd", 2.0)
        z, log_z = standard_normal(g - m, v, s, u)
        gamma = m + s * z
        slope = beta[p] if model.control_risk else 0.0
        mean = design.matrix @ beta[:p] + slope * (gamma - plan.centre)
        seen = t - gamma if model.baseline_at == "control" else t
        x, log_x = standard_normal(seen - mean, w, tau, e)
        theta = mean + tau * x
        at_arm = (gamma, gamma + theta) if model.baseline_at == "control" else (gamma - theta / 2, gamma + theta / 2)
        log_p = stats.norm.logpdf(z) + log_z + stats.norm.logpdf(x) + log_x
        log_p += stats.binom.logpmf(r0, n0, expit(at_arm[0])) + stats.binom.logpmf(r1, n1, expit(at_arm[1]))
        total = log_p.sum() + model.prior_of("mu").log_density(beta[0]) + model.tau_prior.log_density(tau)
        total += stats.norm.logpdf(beta[1:]).sum()  # slope, moderator and spare column: normal(0, 1)
        if model.exchangeable is not None:
            total += model.exchangeable.mean_prior.log_density(m) + model.exchangeable.sd_prior.log_density(s)
        return total

    rng = np.random.default_rng(4)
    points = []
    for _ in range(3):
        point = {"beta": rng.normal(size=columns), "tau": 0.1 + rng.random(), "u": np.zeros(8), "e": np.zeros(8)}
        point["u"][:3], point["e"][:3] = rng.normal(size=(2, 3))
        if model.exchangeable is not None:
            point |= {"baseline_mean": rng.normal(), "baseline_sd": 0.2 + rng.random()}
        points.append(point)
    ours, theirs = np.array([at(point) for point in points]), np.array([expected(point) for point in points])
    # The five spare trials add their coordinates' densities, with scales of next to nothing against their errors.
    assert np.diff(ours) == pytest.approx(np.diff(theirs), abs=1e-6)


def test_the_effect_at_a_risk_is_the_line_through_the_centre(secure):
    centre_risk = float(expit(secure.centre))
    assert secure.at_control_risk(centre_risk).mean == pytest.approx(secure["mu"].mean, abs=1e-12)
    one_more = secure.at_control_risk(float(expit(secure.centre + 1.0)))
    assert one_more.mean == pytest.approx(secure["mu"].mean + secure["control_risk"].mean, abs=1e-12)
    new = secure.at_control_risk(centre_risk, new=True)
    assert new.mean == pytest.approx(secure["theta_new"].mean, abs=1e-12)
    assert secure.centre == pytest.approx(secure.control_risks()["observed"].mean())


def test_absolute_effects_and_the_table_by_risk_use_the_effect_at_that_risk(secure):
    found = secure.by_control_risk(0.1, 0.5)
    assert found["odds_ratio"][0] > found["odds_ratio"][1]
    for row in found.itertuples():
        treated = expit(logit(row.control_risk) + np.log(row.odds_ratio))
        assert row.treated_risk == pytest.approx(treated, abs=1e-9)
        assert row.difference == pytest.approx(secure.absolute(row.control_risk).loc["mu", "difference_median"])
    assert len(secure.by_control_risk()) == 3


def test_every_posterior_answers_alike(secure):
    assert list(secure.parameters) == NAMES
    assert list(secure.summary().index) == NAMES
    assert len(secure.studies()) == 8
    found = json.loads(json.dumps(secure.to_dict()))
    assert list(found["parameters"]) == NAMES
    assert found["model"]["control_risk"] is True
    assert found["control_risk"]["centre"] == secure.centre
    assert found["diagnostics"]["sampler"] == "nutpie"
    assert secure.label == "binomial, nuts, control risk, exchangeable baselines"
    assert "gamma[Moss 2011]" in secure.quantities


def test_the_tree_has_every_group_and_its_log_likelihood_integrates_to_what_leave_one_out_needs(secure):
    tree = secure.to_arviz()
    groups = {"posterior", "prior", "posterior_predictive", "prior_predictive", "log_likelihood", "log_prior"}
    assert groups | {"sample_stats", "observed_data", "constant_data"} <= set(tree.children)
    assert set(NAMES) <= set(tree["posterior"].data_vars)
    assert set(NAMES) <= set(tree["prior"].data_vars)
    assert "events" in tree["replicated_events"].data_vars
    # One draw of one trial by a plain grid.
    draws = {name: secure[name].chains[1, 7] for name in NAMES}
    z = np.linspace(-8, 8, 1001)
    gamma = draws["baseline_mean"] + draws["baseline_sd"] * z
    mean = draws["mu"] + draws["control_risk"] * (gamma - secure.centre)
    treated, n1, control, n0 = secure.trials.counts[3]
    log_odds = gamma[:, None] + mean[:, None] + draws["tau"] * z
    inner = stats.binom.pmf(treated, n1, expit(log_odds)) @ stats.norm.pdf(z)
    step = z[1] - z[0]
    known = np.log((stats.binom.pmf(control, n0, expit(gamma)) * stats.norm.pdf(z) * inner).sum() * step**2)
    assert float(tree["log_likelihood"]["y"][1, 7, 3]) == pytest.approx(known, abs=1e-6)
    with pytest.raises(ModelError, match="does not follow from mean and tau alone"):
        secure.log_likelihood(np.zeros(8), np.ones(1))


def test_the_picture_shows_the_table(secure):
    figure = bm.plots.control_risk(secure)
    assert figure.get_label() == "control-risk"
    trials = secure.control_risks()
    (observed,), (shrunken,) = by_gid(figure, "observed"), by_gid(figure, "shrunken")
    for points, x, y in ((observed, "observed", "y"), (shrunken, "median", "effect")):
        assert np.asarray(points.get_offsets()) == pytest.approx(np.stack([trials[x], np.exp(trials[y])], axis=1))
    (line,) = by_gid(figure, "line")
    x, y = line.get_data()
    assert y[10] == pytest.approx(np.exp(secure.at_control_risk(float(expit(x[10]))).median))
    low, high = line.axes.get_ylim()
    for x in (line.get_xdata()[0], line.get_xdata()[-1]):  # the band of a new setting is seen to its ends
        ends = np.exp(secure.at_control_risk(float(expit(x)), new=True).quantile(np.array([0.025, 0.975])))
        assert low < ends[0] < ends[1] < high
    (naive,) = by_gid(figure, "naive")
    x, y = naive.get_data()
    table = bm.checks.control_risk(secure).table
    assert np.diff(np.log(y))[0] / np.diff(x)[0] == pytest.approx(table["slope"][1])
    text = " ".join(" ".join(words(figure)).split())
    assert "The naive slope is biased" in text
    assert "not a replication" in text


def test_the_command_line_fits_it_and_says_why_not_the_naive_regression():
    arguments = ["fit", "attachment/secure", "--control-risk", "--engine", "nuts", "--draws", "500"]
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "control_risk, slope" in text
    assert "Prior of control_risk: normal(0, 1)." in text
    assert "The naive slope is biased" in text
    found = json.loads(run(*arguments, "--json").stdout)
    assert list(found["parameters"]) == NAMES
    assert found["model"]["baseline"] == "exchangeable(normal(0, 5), half_normal(1))"


def test_the_command_line_refuses_in_one_line_with_the_remedy():
    assert "--engine nuts" in refused("fit", "crins2014", "--control-risk")
    assert "--likelihood binomial" in refused("fit", "crins2014", "--control-risk", "--likelihood", "normal")


def test_rows_without_counts_priors_without_a_distribution_and_a_column_of_that_name_are_refused(trials, mixed):
    nuts = {"engine": "nuts"}
    with pytest.raises(ModelError, match=r"mixed.csv, row 3 \(B\): no counts"):
        bm.fit(mixed, bm.Model(control_risk=True), **nuts)
    with pytest.raises(PriorError, match=r"student_t|normal baselines, such as"):
        bm.fit(trials, bm.Model(control_risk=True, baseline="student_t(4, 0, 2)"), **nuts)
    with pytest.raises(ModelError, match="no regression on the control risk"):
        bm.plots.control_risk(bm.fit(trials))
    named = bm.read_trials(trials.table.rename(columns={"dose": "control_risk"}))
    with pytest.raises(ModelError, match=r"control_risk names the regression\. Rename the column"):
        bm.fit(named, bm.Model(control_risk=True, moderators="~ control_risk"), **nuts)
    with pytest.raises(ModelError, match=r"selection one_sided\(0.025\) is for the normal likelihood"):
        bm.fit(trials, bm.Model(control_risk=True, selection="one_sided(0.025)"), **nuts)
    with pytest.raises(ModelError, match="exchangeable baselines with random effects student_t"):
        bm.fit(trials, bm.Model(baseline="exchangeable", random_effects="student_t(4)"), **nuts)


def test_a_common_effect_on_a_line_has_no_heterogeneity(trials):
    found = bm.fit(trials, bm.Model(control_risk=True, random_effects="none"), engine="nuts", draws=500)
    assert found["tau"].mean == 0.0
    gamma = np.stack([found.baseline(name).chains for name in found.studies_in_model], axis=-1)
    line = found["mu"].chains[..., None] + found["control_risk"].chains[..., None] * (gamma - found.centre)
    theta = np.stack([found.study(name).chains for name in found.studies_in_model], axis=-1)
    assert theta == pytest.approx(line)
    assert np.isfinite(found.to_arviz()["log_likelihood"]["y"].values).all()


def test_a_known_spread_of_baselines_and_a_known_tau_are_numbers(trials):
    model = bm.Model(control_risk=True, tau="fixed(0.3)", baseline="exchangeable(normal(0, 5), fixed(2))")
    found = bm.fit(trials, model, engine="nuts", draws=500)
    assert found["tau"].mean == 0.3
    assert found["baseline_sd"].mean == 2.0
    assert (found.to_arviz()["prior"]["baseline_mean"].values.std() > 3.0).all()
    assert np.isfinite(found.trial_log_likelihood()).all()


def test_draws_are_joint_and_hold_the_regression(secure):
    draws = secure.draws(100, seed=1)
    assert {"beta", "tau", "theta", "gamma", "control_risk", "baseline_mean", "baseline_sd", "theta_new"} <= set(draws)
    assert draws["gamma"].shape == (100, 8)
    assert isinstance(secure.control_risks(), pd.DataFrame)
