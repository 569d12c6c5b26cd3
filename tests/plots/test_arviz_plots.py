"""Every ArviZ plot and statistic that an analysis needs works on `to_arviz()` of a posterior."""

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pytest

import bayesmeta as bm
from tests.plots.reading import normal, simulated

pytestmark = pytest.mark.slow

TOP = ["mu", "setting[T.home]", "tau"]

PLOTS = {
    "plot_dist": lambda tree: az.plot_dist(tree, var_names=TOP, ci_prob=0.95, ci_kind="eti"),
    "plot_dist of study effects": lambda tree: az.plot_dist(tree, var_names=["theta"], ci_prob=0.95, ci_kind="eti"),
    "plot_ppc_dist": lambda tree: az.plot_ppc_dist(tree),
    "plot_ppc_dist of the prior": lambda tree: az.plot_ppc_dist(tree, group="prior_predictive"),
    "plot_ppc_pit": lambda tree: az.plot_ppc_pit(tree),
    "plot_trace_dist": lambda tree: az.plot_trace_dist(tree, var_names=TOP),
    "plot_rank_dist": lambda tree: az.plot_rank_dist(tree, var_names=TOP),
    "plot_pair": lambda tree: az.plot_pair(tree, var_names=TOP, visuals={"divergence": True}),
    "plot_energy": lambda tree: az.plot_energy(tree),
    "plot_ess_evolution": lambda tree: az.plot_ess_evolution(tree, var_names=TOP),
    "plot_khat": lambda tree: az.plot_khat(az.loo(tree, pointwise=True)),
    "plot_loo_pit": lambda tree: az.plot_loo_pit(tree),
    "plot_prior_posterior": lambda tree: az.plot_prior_posterior(tree, var_names=TOP),
    "plot_psense_dist": lambda tree: az.plot_psense_dist(tree, var_names=TOP, prior_var_names=TOP),
}


@pytest.fixture(scope="module")
def posterior():
    # Trials without an outlier: loo would warn of one, rightly.
    return normal(simulated(24, setting=["clinic", "home"] * 12), moderators="~ setting")


@pytest.fixture(scope="module")
def tree(posterior):
    return posterior.to_arviz()


@pytest.fixture(scope="module", params=["exact", "nuts, normal", "nuts, binomial"])
def each_tree(request, posterior, tree):
    if request.param == "exact":
        return tree
    likelihood = request.param.split(", ")[1]
    model = posterior.model.but(likelihood=likelihood)
    return bm.fit(posterior.trials, model, engine="nuts", seed=11).to_arviz()


@pytest.fixture
def open_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.usefixtures("open_figures")
def test_plot_works_from_either_engine(each_tree, name):
    collection = PLOTS[name](each_tree)
    figure = collection.viz["figure"].item()
    figure.canvas.draw()
    assert any(axes.has_data() for axes in figure.axes)


def test_intervals_are_those_of_the_posterior(posterior, tree):
    # 4000 independent draws: the standard error of a 2.5% quantile is about 0.05 sd; five of them.
    eti = az.eti(tree, var_names=TOP, prob=0.95)
    hdi = az.hdi(tree, var_names=TOP, prob=0.95)
    for name in TOP:
        marginal = posterior[name]
        assert eti[name].values == pytest.approx(marginal.interval(), abs=0.25 * marginal.sd)
        assert np.diff(hdi[name].values) <= np.diff(eti[name].values) + 1e-12


def test_independent_draws_have_full_sample_size_and_no_drift(tree):
    ess, rhat = az.ess(tree), az.rhat(tree)
    for name in [*TOP, "theta", "theta_new"]:
        assert float(ess[name].min()) > 3000
        assert float(rhat[name].max()) < 1.01


def test_summary_names_parameters_and_studies(tree):
    table = az.summary(tree, ci_prob=0.95, ci_kind="eti")
    assert {*TOP, "theta_new", "theta[Trial 24]"} <= set(table.index)


def test_power_scaling_scales_the_top_level_priors(tree, capsys):
    table = az.psense_summary(tree, var_names=TOP, prior_var_names=TOP)
    assert table.index.tolist() == TOP
    assert np.isfinite(table[["prior", "likelihood"]].astype(float).to_numpy()).all()


def test_leaving_one_trial_out_is_well_behaved_and_models_can_be_compared(posterior, tree):
    loo = az.loo(tree, pointwise=True)
    assert loo.n_data_points == len(posterior.studies_in_model)
    assert float(loo.pareto_k.max()) < 0.7
    simple = normal(posterior.trials).to_arviz()
    table = az.compare({"moderated": tree, "simple": simple})
    assert set(table.index) == {"moderated", "simple"}
    assert np.isfinite(table["elpd"].astype(float)).all()


def test_bayes_factor_is_the_savage_dickey_ratio(posterior, tree):
    name = "setting[T.home]"
    exact = float(posterior.model.prior_of(name).density(0.0)) / float(posterior[name].pdf(0.0))
    estimated = float(az.bayes_factor(tree, var_names=name, ref_vals=0)[name].sel(bf_type="BF10"))
    assert estimated == pytest.approx(exact, rel=0.15)


def test_statistics_work_from_either_engine(each_tree):
    for statistic in (az.ess, az.rhat):
        assert np.isfinite(statistic(each_tree)["tau"].values)
    for interval in (az.eti, az.hdi):
        assert interval(each_tree, prob=0.95)["mu"].shape == (2,)
    assert az.loo(each_tree).n_data_points == 24
    assert len(az.psense_summary(each_tree, var_names=TOP, prior_var_names=TOP)) == len(TOP)


def test_a_tree_without_moderators_has_the_same_groups(posterior, tree):
    simple = normal(posterior.trials).to_arviz()
    assert set(simple.children) == set(tree.children)
