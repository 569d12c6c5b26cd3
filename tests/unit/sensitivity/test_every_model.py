"""Selection, and a tau that differs: each row is a fit of its own; what makes no sense is left out with its reason."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity import cumulative, leave_one_out, power_scaling, prior_grid, reference, tipping_point
from bayesmeta.sensitivity.prior_choices import prior_given, words_of
from bayesmeta.sensitivity.rows import row_of
from bayesmeta.sensitivity.scaled_draws import scaled_draws

MODELS = {
    "selection": ("attachment/secure", bm.Model(selection="one_sided(0.025)")),
    "levels": ("attachment/secure", bm.Model("normal", tau_by="sensitivity_focused")),
    "scale": ("bcg", bm.Model("normal", scale="~ latitude", alpha="normal(0, 0.1)")),
}
TAU = ["half_normal(0.5)", "half_normal(1)"]
FOCUSED = bm.Model("normal", moderators="~ sensitivity_focused")


@pytest.fixture(scope="module", params=list(MODELS))
def posterior(request):
    name, model = MODELS[request.param]
    return bm.fit(bm.load(name), model)


def same(row, fresh, within=1e-6):
    """All columns of a row of a table against a fit, in units of the effect's posterior sd."""
    wanted = row_of(fresh)
    assert np.isfinite(list(wanted.values())).all()
    assert [row[name] for name in wanted] == pytest.approx(list(wanted.values()), abs=within * fresh.effect().sd)


def test_a_row_of_the_prior_grid_is_a_fit_under_these_priors(posterior):
    grid = prior_grid(posterior, tau=TAU, mu=["normal(0, 4)", "normal(0, 1)"])
    assert not len(grid.refused)
    third = [name for name in grid.table if name in ("alpha_prior", "omega_prior")]
    assert bool(third) == (posterior.model.tau_by is None)
    for row in grid.table.to_dict("records")[1::2]:
        changes = {name.removesuffix("_prior"): row[name] for name in third}
        fresh = bm.fit(posterior.trials, posterior.model.but(tau=row["tau_prior"], mu=row["mu_prior"], **changes))
        same(row, fresh, 2e-6)
        assert row["log_marginal_likelihood"] == pytest.approx(fresh.log_marginal_likelihood, abs=1e-6)


def test_a_trial_left_out_is_the_fit_without_it_and_a_step_that_of_the_first_trials(posterior):
    trials = posterior.trials
    left = leave_one_out(posterior).table
    assert left["study"].tolist() == list(trials.studies)
    same(left.iloc[2], bm.fit(trials.without(trials.studies[2]), posterior.model), 2e-6)
    steps = cumulative(posterior, by="order").table
    row = steps[steps["k"] == trials.k - 2].iloc[0]
    same(row, bm.fit(trials.select(range(trials.k - 2)), posterior.model), 2e-6)


def test_weighted_draws_have_the_other_prior_and_the_reference_row_is_that_prior(posterior):
    drawn = scaled_draws(posterior, 10_000)
    location, scale = posterior.model.mu.gaussian
    narrow = bm.fit(posterior.trials, posterior.model.but(mu=bm.Normal(location, scale / 4.0)))
    weight = np.exp(15.0 * drawn.coefficients)
    weight /= weight.sum()
    for name in posterior.parameters:
        mean = float(weight @ drawn.values[name])
        error = np.sqrt(float(weight**2 @ (drawn.values[name] - mean) ** 2))
        if narrow[name].mean is not None:
            assert abs(mean - narrow[name].mean) < 4.5 * error
    table = reference(posterior, prior="half_normal(2)").table
    wide = row_of(bm.fit(posterior.trials, posterior.model.but(tau="half_normal(2)")))
    assert table.loc[0, "reference_lower"] == pytest.approx(wide["lower"], abs=1e-6)
    assert table.loc[1, "reference_median"] == pytest.approx(wide["tau"], abs=1e-6)


def test_weights_known_to_be_one_scale_as_no_selection_does():
    trials = bm.load("attachment/secure")
    without = power_scaling(trials, bm.Model("normal")).table.set_index("parameter")
    selected = power_scaling(trials, bm.Model(selection="one_sided(0.025)", omega="fixed(1)"))
    names = ["prior", "likelihood", "prior_of_mu", "prior_of_tau"]
    found = selected.table.set_index("parameter").loc[["mu", "tau", "theta_new"], names].to_numpy(dtype=float)
    wanted = without.loc[["mu", "tau", "theta_new"], names].to_numpy(dtype=float)
    assert np.abs(found - wanted).max() < 0.03
    assert "weighted draws" in selected.sentence


def test_the_point_at_which_a_sceptic_doubts_is_that_of_a_fit(posterior):
    part = tipping_point(posterior, bounds=(0.975,), trials=False)
    row = part.table[part.table["question"] == "sceptical prior of mu"].iloc[0]
    fresh = bm.fit(posterior.trials, posterior.model.but(mu=bm.Normal(0, row["scale"])))
    above = fresh.effect().probability(above=0.0)
    assert (above if part.side > 0 else 1.0 - above) == pytest.approx(0.975, abs=1e-6)


def test_each_level_has_its_tau_in_tables_and_sentences():
    trials = bm.load("attachment/secure")
    model = bm.Model("normal", tau_by="sensitivity_focused", tau={"yes": "half_normal(1)"})
    assert words_of(prior_given(bm.fit(trials, model))) == "no: half_normal(0.5), yes: half_normal(1)"
    grid = prior_grid(trials, model, tau=TAU, mu=["normal(0, 4)"])
    assert {"tau[no]", "tau[yes]_lower", "tau[yes]_upper"} <= set(grid.table)
    assert "tau[no] runs" in grid.sentence
    assert "in a new setting (sensitivity_focused = no)" in grid.sentence
    about = bm.sensitivity.all(trials, model.but(setting="sensitivity_focused=yes"), only=["leave_one_out"])
    given = bm.fit(trials, model)
    assert about["leave_one_out"].given["new_lower"] == pytest.approx(given["theta_new[yes]"].quantile(0.025))
    first = cumulative(trials.select(trials.table["sensitivity_focused"].argsort()[::-1].to_numpy()), model, by="order")
    assert np.isnan(first.table["new_median"].iloc[0])  # no trial of the level yet, which the last rows are about
    assert first.table["new_median"].iloc[-1] == pytest.approx(first.given["new_median"])
    with pytest.raises(bm.ModelError, match="must be one of no, yes"):
        bm.sensitivity.all(trials, model.but(setting="sensitivity_focused=maybe"))


def test_counts_with_a_tau_for_each_level_are_varied_too():
    posterior = bm.fit(bm.load("attachment/secure"), bm.Model(tau_by="sensitivity_focused"))
    part = leave_one_out(posterior)
    assert len(part.refused) == 0
    same(part.table.iloc[3], bm.fit(posterior.trials.without(posterior.trials.studies[3]), posterior.model))


def test_all_parts_run_or_say_why_not():
    trials, model = MODELS["levels"][0], MODELS["levels"][1]
    parts = [name for name in bm.sensitivity.PARTS if name != "model_grid"]  # which has a test of its own
    found = bm.sensitivity.all(bm.load(trials), model, only=parts, tau=["half_normal(0.25)"], mu=["normal(0, 1)"])
    assert list(found.parts) == parts
    assert found.not_done == {}
    with_moderators = bm.sensitivity.all(bm.load(trials), FOCUSED, only=["bias", "leave_one_out"])
    assert list(with_moderators.parts) == ["leave_one_out"]
    assert "moderators" in with_moderators.not_done["bias"]
    assert with_moderators.sentences[-1].startswith("bias not done: ")


def test_a_setting_is_asked_about_by_name_everywhere():
    posterior = bm.fit(bm.load("attachment/secure"), FOCUSED)
    setting = {"sensitivity_focused": "yes"}
    found = bm.sensitivity.all(posterior, setting=setting, only=["prior_grid", "leave_one_out", "tipping_point"])
    assert found.posterior.effect().median == pytest.approx(posterior.effect(setting).median, abs=1e-10)
    assert found["prior_grid"].given["new_upper"] == pytest.approx(posterior.new_setting(setting).quantile(0.975))
    assert all("OR where sensitivity_focused = yes" in found[name].sentence for name in ("prior_grid", "leave_one_out"))
    assert found.verdict.startswith("The OR where sensitivity_focused = yes")
    assert found.to_dict()["about"] == "OR where sensitivity_focused = yes"
    row = found["prior_grid"].table.iloc[5]
    other = bm.fit(posterior.trials, FOCUSED.but(tau=row["tau_prior"], mu=row["mu_prior"])).effect(setting)
    assert row["lower"] == pytest.approx(other.quantile(0.025), abs=1e-7)


def test_a_sceptic_of_a_setting_doubts_the_effect_there():
    # N(0, s^2) takes the place of the effect's own prior: the other category made the reference, and its coefficient's
    # prior given the effect kept, is that same model.
    posterior = bm.fit(bm.load("attachment/secure"), FOCUSED.but(setting="sensitivity_focused=yes"))
    part = tipping_point(posterior, bounds=(0.975,), trials=False)
    scale = float(part.table["scale"].iloc[0])
    draws = posterior.draws(200_000)
    effect = draws["beta"].sum(axis=1)
    own = posterior.design.prior_scale
    weight = np.exp(-0.5 * effect**2 * (scale**-2.0 - 1.0 / (own**2).sum()))
    share = float(weight @ (effect > 0.0) / weight.sum())
    error = np.sqrt(float(weight**2 @ ((effect > 0.0) - share) ** 2)) / weight.sum()
    assert abs(share - 0.975) < 4.5 * error


def test_whole_trials_are_left_out_where_arms_share_a_control():
    trials = bm.load("attachment/secure", rows="arms")
    arms = [trials.studies[row] for row in trials.shared_controls["Cicchetti 2006"]]
    kept = trials.select([name not in arms for name in trials.studies])
    for likelihood in ("normal", "hypergeometric"):
        model = bm.Model(likelihood)
        part = leave_one_out(trials, model)
        assert len(part.table) == 8
        same(part.table.set_index("study").loc["Cicchetti 2006"], bm.fit(kept, model))
        rows = leave_one_out(trials, model, of="rows").table
        assert rows["study"].tolist() == list(trials.studies)
        same(rows.set_index("study").loc[arms[0]], bm.fit(trials.without(arms[0]), model))
        steps = cumulative(trials, model).table
        assert steps["k"].tolist() == list(range(1, 9))
        assert "Cicchetti 2006" in steps["study"].tolist()


def test_a_trial_with_several_arms_may_be_the_only_one_left():
    trials = bm.load("attachment/secure", rows="arms")
    arms = [trials.studies[row] for row in trials.shared_controls["Cicchetti 2006"]]
    two = trials.select([trials.studies.index(name) for name in ("Moss 2011", *arms)])
    part = leave_one_out(two, bm.Model("hypergeometric"))
    assert part.table["study"].tolist() == ["Moss 2011", "Cicchetti 2006"]
    same(part.table.iloc[0], bm.fit(two.without("Moss 2011"), bm.Model("hypergeometric")))


def test_the_verdict_says_what_the_average_over_bias_says():
    part = bm.sensitivity.bias(bm.load("attachment/secure"), selections=["one_sided(0.025)"])
    said = bm.sensitivity.verdict([part])
    average = part.averages.iloc[0]
    assert f"averaged over {len(part.table)} models" in said
    assert f"{np.exp(average['median']):.2f}" in said
    assert "Bayes factor" in said
