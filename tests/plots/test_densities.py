"""Pictures of distributions show the posterior's own functions: densities, medians, intervals, probabilities."""

import re

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.errors import ModelError
from tests.plots.reading import by_gid, lines, normal, simulated, words


@pytest.fixture(scope="module")
def secure():
    return bm.load("attachment/secure")


@pytest.fixture(scope="module")
def grouped(secure):
    return normal(secure, moderators="~ sensitivity_focused")


def curve(figure, gid, panel=0):
    line = by_gid(figure.axes[panel], gid)[0]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def test_prior_and_posterior_of_mu_are_their_densities(secure):
    posterior = normal(secure)
    figure = bm.plots.prior_posterior(posterior)
    x, y = curve(figure, "posterior")
    assert y == pytest.approx(posterior["mu"].pdf(np.log(x)), rel=1e-9)
    x, y = curve(figure, "prior")
    assert y == pytest.approx(posterior.model.prior_of("mu").density(np.log(x)), rel=1e-9)
    median, _ = curve(figure, "posterior median")
    assert np.log(median) == pytest.approx([posterior["mu"].median] * 2)


def test_prior_and_posterior_of_tau_are_their_densities(secure):
    posterior = normal(secure, tau="half_cauchy(0.5)")
    figure = bm.plots.prior_posterior(posterior)
    x, y = curve(figure, "posterior", panel=1)
    assert y == pytest.approx(posterior["tau"].pdf(x), rel=1e-9)
    x, y = curve(figure, "prior", panel=1)
    assert y == pytest.approx(posterior.model.tau_prior.density(x), rel=1e-9)
    assert x[0] == 0


def test_the_dark_part_is_the_central_interval(secure):
    posterior = normal(secure)
    (area,) = by_gid(bm.plots.prior_posterior(posterior).axes[0], "posterior interval")
    x = np.log(area.get_paths()[0].vertices[:, 0])
    assert (x.min(), x.max()) == pytest.approx(posterior["mu"].interval(), abs=1e-9)


def test_a_flat_prior_is_named_and_not_drawn(secure):
    figure = bm.plots.prior_posterior(normal(secure, mu="flat"))
    assert by_gid(figure.axes[0], "prior") == []
    keys = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert keys[1] == "Prior flat: improper, not drawn"


def test_every_coefficient_has_its_panel(grouped):
    figure = bm.plots.prior_posterior(grouped)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[1:] == ["sensitivity_focused[T.yes]", "Heterogeneity τ"]


def test_a_group_without_an_intercept_has_an_odds_ratio_and_not_a_ratio_of_two(secure, grouped):
    alone = bm.plots.prior_posterior(normal(secure, moderators="~ 0 + sensitivity_focused"))
    assert [axes.get_xlabel() for axes in alone.axes[:2]] == ["Odds ratio (log scale)"] * 2
    assert bm.plots.prior_posterior(grouped).axes[1].get_xlabel() == "Ratio of odds ratios (log scale)"


def test_a_common_effect_model_says_so(secure):
    assert "common-effect model: τ = 0" in words(bm.plots.prior_posterior(normal(secure, random_effects="none")))


def test_a_lognormal_and_a_uniform_prior_are_drawn(secure):
    for tau in ("lognormal(-1.28, 0.87)", "uniform(0, 2)"):
        figure = bm.plots.prior_posterior(normal(secure, tau=tau))
        figure.canvas.draw()
        assert len(by_gid(figure.axes[1], "prior")) == 1


def test_groups_and_their_ratio_are_the_posterior_s(grouped):
    figure = bm.plots.subgroups(grouped)
    groups = grouped.groups()
    medians = [np.log(curve(figure, f"row {i} median")[0][0]) for i in range(2)]
    assert medians == pytest.approx(groups["median"].tolist(), abs=1e-9)
    ratio = grouped["sensitivity_focused[T.yes]"]
    assert np.log(curve(figure, "row 1 median", panel=1)[0][0]) == pytest.approx(ratio.median, abs=1e-9)
    printed = [text for text in words(figure, "row text") if "P(ratio" in text]
    assert printed[0].endswith(f"P(ratio > 1) = {100 * ratio.probability(above=0):.0f}%")
    assert [text.split("\n")[1] for text in words(figure, "group")] == ["k = 3", "k = 5"]


def test_three_groups_have_two_ratios():
    posterior = normal(bm.load("bcg"), moderators="~ allocation")
    figure = bm.plots.subgroups(posterior)
    assert len([text for text in words(figure, "row text") if "P(ratio" in text]) == 2
    drawn = [np.log(curve(figure, f"row {i} median", panel=1)[0][0]) for i in (1, 2)]
    wanted = [posterior[f"allocation[T.{level}]"].median for level in ("random", "systematic")]
    assert drawn == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("moderators", [None, "~ dose"])
def test_no_groups_are_refused_with_a_remedy(moderators):
    posterior = normal(simulated(6, dose=np.linspace(0.5, 1.0, 6)), moderators=moderators)
    with pytest.raises(ModelError, match="Name a column of categories"):
        bm.plots.subgroups(posterior)


def test_a_new_setting_shows_both_probabilities_on_their_sides(secure):
    posterior = normal(secure)
    figure = bm.plots.new_setting(posterior)
    above = posterior["theta_new"].probability(above=0)
    said = [text for text in words(figure) if text.startswith("P(OR")]
    assert said == [
        f"P(OR < 1) = {100 * (1 - above):.0f}%\nfavours control",
        f"P(OR > 1) = {100 * above:.0f}%\nfavours intervention",
    ]
    for gid, side in (("density below", -1), ("density above", 1)):
        (area,) = by_gid(figure, gid)
        assert (side * np.log(area.get_paths()[0].vertices[:, 0])).min() == pytest.approx(0.0, abs=1e-9)
    x, y = curve(figure, "new")
    wanted = posterior["theta_new"].pdf(np.log(x))
    assert y / y.max() == pytest.approx(wanted / wanted.max(), rel=1e-9)
    assert np.log(lines(figure, "new interval")[0][:, 0]) == pytest.approx(posterior["theta_new"].interval())


def test_each_group_has_its_new_setting(grouped):
    figure = bm.plots.new_setting(grouped)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "sensitivity focused: no",
        "sensitivity focused: yes",
    ]
    drawn = [np.log(lines(axes, "new interval")[0][:, 0]) for axes in figure.axes]
    assert np.array(drawn) == pytest.approx(grouped.groups()[["new_lower", "new_upper"]].to_numpy(), abs=1e-9)


def test_every_pool_stands_beside_the_posterior(secure):
    posterior, pools = normal(secure), bm.pool(secure)
    figure = bm.plots.against_pools(posterior, pools)
    estimates = np.log([line.get_xdata()[0] for line in by_gid(figure, "estimate")])
    kept = pools.table[pools.table["interval"] != "hksj_adhoc"]  # equal to hksj on these trials
    wanted = [posterior["mu"].median, *kept["estimate"], secure.published.estimate]
    assert estimates == pytest.approx(np.array(wanted), abs=1e-9)
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels[-1] == "1.85 [1.36, 2.52]"
    assert len(labels) == len(wanted)


def test_an_ad_hoc_interval_that_differs_has_its_row():
    trials = bm.load("attachment/disorganised")  # hardly heterogeneous: Hartung–Knapp is narrower than Wald
    figure = bm.plots.against_pools(normal(trials), bm.pool(trials))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert any(re.search("ad hoc", label) for label in labels)


def test_against_pools_refuses_moderators(grouped, secure):
    with pytest.raises(ModelError, match="has moderators, which no pool has"):
        bm.plots.against_pools(grouped, bm.pool(secure))


def test_the_picture_of_what_the_priors_expect_shows_every_trial_and_those_outside():
    found = bm.checks.prior_predictive(bm.load("bcg"), bm.Model(mu="normal(0, 0.1)", tau="half_normal(0.1)"))
    figure = bm.plots.prior_predictive(found)
    axes = figure.axes[0]
    shown = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    for row in found.table.itertuples():
        assert np.log(shown[f"{row.study} observed"].get_xdata()[0]) == pytest.approx(row.observed)
        assert np.log(shown[f"{row.study} 95%"].get_xdata()) == pytest.approx([row.lower, row.upper], abs=1e-9)
    colours = {shown[f"{row.study} observed"].get_color(): row.inside for row in found.table.itertuples()}
    assert len(colours) == 2
