"""The forest plot shows the numbers of the tables, on the right side, and every text has its place."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

import bayesmeta as bm
from bayesmeta.errors import ModelError
from bayesmeta.plots.forest_rows import weights
from tests.plots.reading import AWKWARD, by_gid, diamonds, lines, normal, points, simulated, words

Z = 1.959963984540054


@pytest.fixture(scope="module")
def secure():
    return bm.load("attachment/secure")


@pytest.fixture(scope="module")
def plain(secure):
    return normal(secure)


@pytest.fixture(scope="module")
def picture(plain, secure):
    return bm.plots.forest(plain, bm.pool(secure))


def test_squares_stand_at_the_observed_odds_ratios(picture, plain):
    offsets = np.ma.getdata(by_gid(picture, "observed effects")[0].get_offsets())
    assert np.log(offsets[:, 0]) == pytest.approx(plain.studies()["y"].to_numpy(), abs=1e-12)


def test_observed_intervals_are_confidence_intervals_as_far_as_the_axis_goes(picture, plain):
    studies = plain.studies()
    right = np.log(picture.axes[0].get_xlim()[1])
    for ends, y, se in zip(lines(picture, "observed"), studies["y"], studies["se"], strict=True):
        assert np.log(ends[:, 0]) == pytest.approx([y - Z * se, min(y + Z * se, right)], abs=1e-9)


def test_shrunken_effects_are_those_of_the_posterior(picture, plain):
    studies = plain.studies()
    assert np.log(points(picture, "shrunken median")[:, 0]) == pytest.approx(studies["median"].to_numpy(), abs=1e-9)
    drawn = np.array([np.log(ends[:, 0]) for ends in lines(picture, "shrunken")])
    assert drawn == pytest.approx(studies[["lower", "upper"]].to_numpy(), abs=1e-9)


def test_the_pooled_diamond_is_the_posterior_of_mu(picture, plain):
    lower, upper = plain["mu"].interval()
    assert diamonds(picture, "pooled") == pytest.approx(np.array([[lower, plain["mu"].median, upper]]), abs=1e-9)


def test_the_bar_of_the_new_setting_is_the_predictive_interval(picture, plain):
    assert np.log(lines(picture, "new")[0][:, 0]) == pytest.approx(plain["theta_new"].interval(), abs=1e-9)
    assert np.log(points(picture, "new median")[0, 0]) == pytest.approx(plain["theta_new"].median, abs=1e-9)


def test_frequentist_rows_are_those_of_the_pools(picture, secure):
    pools = bm.pool(secure)
    wanted = [pools.row(method)[["lower", "estimate", "upper"]].astype(float) for method in ("REML", "RevMan")]
    assert diamonds(picture, "yardstick") == pytest.approx(np.array(wanted), abs=1e-9)


def test_the_published_result_is_marked_as_published_with_its_number_of_trials(picture, secure):
    published = secure.published
    wanted = [[published.lower, published.estimate, published.upper]]
    assert diamonds(picture, "published") == pytest.approx(np.array(wanted), abs=1e-9)
    assert "Published 2023, k = 26" in words(picture, "Study text")
    assert "1.85 [1.36, 2.52]" in words(picture, "Observed text")


def test_a_part_of_the_published_trials_is_called_no_replication(picture):
    (subtitle,) = words(picture, "subtitle")
    assert "8 trials, of 26" in subtitle
    assert "not a replication" in subtitle
    assert words(bm.plots.forest(normal(bm.load("bcg"))), "subtitle") == []


@pytest.mark.parametrize("k", [1, 8, 60])
def test_printed_weights_add_to_100_and_squares_have_their_area(k):
    posterior = normal(simulated(k))
    figure = bm.plots.forest(posterior)
    shown = [float(text) for text in words(figure, "Weight text")]
    assert sum(shown) == pytest.approx(100, abs=0.05 * k)
    sizes = by_gid(figure, "observed effects")[0].get_sizes()
    assert sizes / sizes.sum() == pytest.approx(weights(posterior) / 100, rel=1e-9)


def test_weights_without_heterogeneity_are_those_of_the_inverse_variance():
    posterior = normal(bm.load("bcg"), random_effects="none")
    inverse = posterior.effects.se**-2.0
    assert weights(posterior) == pytest.approx(100 * inverse / inverse.sum(), rel=1e-12)


def test_weights_with_a_flat_prior_give_the_posterior_mean(secure):
    # Roever & Friede 2021: the posterior mean of mu is the sum of y_i times the posterior mean weights.
    posterior = normal(secure, mu="flat")
    assert weights(posterior) @ posterior.effects.y / 100 == pytest.approx(posterior["mu"].mean, abs=2e-4)


def test_the_interval_of_cicchetti_2006_leaves_the_axis_by_an_arrow(picture, plain):
    position = plain.studies_in_model.index("Cicchetti 2006")
    (arrow,) = by_gid(picture, "observed clipped right")
    assert arrow.get_ydata()[0] == pytest.approx(lines(picture, "observed")[position][0, 1])
    assert arrow.get_marker() == ">"
    assert by_gid(picture, "observed clipped left") == []


def test_a_pooled_interval_that_leaves_the_axis_has_arrows_on_both_sides(secure):
    figure = bm.plots.forest(normal(secure.select([1]), mu="flat", tau="half_cauchy(5)"))
    for gid in ("pooled clipped left", "pooled clipped right", "new clipped left", "new clipped right"):
        assert len(by_gid(figure, gid)) == 1
    left, right = figure.axes[0].get_xlim()
    (corners,) = np.exp(diamonds(figure, "pooled"))
    assert corners[[0, 2]] == pytest.approx([left, right])


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("attachment/secure", "← favours control", "favours intervention →"),
        ("attachment/disorganised", "← favours intervention", "favours control →"),
    ],
)
def test_the_wished_direction_is_on_its_side(name, below, above):
    figure = bm.plots.forest(normal(bm.load(name)))
    (left,), (right,) = by_gid(figure, "side below"), by_gid(figure, "side above")
    assert (left.get_text(), right.get_text()) == (below, above)
    assert left.xy[0] < right.xy[0]


def test_without_a_direction_nobody_is_favoured():
    figure = bm.plots.forest(normal(simulated(3)))
    assert words(figure, "side below") + words(figure, "side above") == ["← fewer events", "more events →"]


def test_groups_have_headings_and_diamonds_of_their_own(secure, plain):
    posterior = normal(secure, moderators="~ sensitivity_focused")
    figure = bm.plots.forest(posterior, bm.pool(secure), plain=plain)
    groups = posterior.groups()
    assert diamonds(figure, "group") == pytest.approx(groups[["lower", "median", "upper"]].to_numpy(), abs=1e-9)
    drawn = np.array([np.log(ends[:, 0]) for ends in lines(figure, "new")])
    assert drawn[:2] == pytest.approx(groups[["new_lower", "new_upper"]].to_numpy(), abs=1e-9)
    assert diamonds(figure, "pooled")[0, 1] == pytest.approx(plain["mu"].median, abs=1e-9)
    names = words(figure, "Study text")
    assert [names.index(f"sensitivity focused: {level}") for level in ("no", "yes")] == [0, 6]
    focused = set(secure.table["study"][secure.table["sensitivity_focused"] == "yes"])
    assert set(names[7:12]) == focused


def test_squares_follow_their_trials_into_the_groups(secure):
    posterior = normal(secure, moderators="~ sensitivity_focused")
    table = bm.plots.forest_table(posterior)
    trials = table[table["kind"] == "trial"]
    observed = posterior.studies().set_index("study")["y"]
    assert trials["observed"].tolist() == pytest.approx(observed[trials["label"]].tolist())
    offsets = np.ma.getdata(by_gid(bm.plots.forest(posterior), "observed effects")[0].get_offsets())
    assert np.log(offsets[:, 0]) == pytest.approx(trials["observed"].to_numpy(), abs=1e-12)


def test_without_a_plain_posterior_there_is_no_overall_diamond(secure):
    posterior = normal(secure, moderators="~ sensitivity_focused")
    assert by_gid(bm.plots.forest(posterior), "pooled") == []


def test_a_numeric_moderator_shows_the_effect_at_its_mean():
    trials = simulated(12, dose=np.linspace(0.5, 3.0, 12))
    posterior = normal(trials, moderators="~ dose")
    figure = bm.plots.forest(posterior)
    assert diamonds(figure, "pooled")[0, 1] == pytest.approx(posterior.effect({"dose": 1.75}).median, abs=1e-9)
    assert "At dose = 1.75 (mean)" in words(figure, "Study text")


def test_a_common_effect_model_has_no_new_setting(secure):
    figure = bm.plots.forest(normal(secure, random_effects="none"))
    assert by_gid(figure, "new") == []
    assert any("τ = 0" in line for line in words(figure, "note"))


def test_estimates_without_counts_have_no_columns_of_counts():
    table = simulated(4).table.assign(estimate=[0.1, 0.2, -0.3, 0.0], se=0.3)[["study", "estimate", "se"]]
    texts = words(bm.plots.forest(normal(bm.read_trials(table))))
    assert "Intervention" not in texts
    assert "Observed" in texts


def test_corrected_trials_are_named():
    table = simulated(3).table
    table.loc[1, "events_control"] = 0
    note = " ".join(words(bm.plots.forest(normal(bm.read_trials(table))), "note"))
    assert "only_zero): Trial 2." in note


@pytest.mark.parametrize("k", [1, 2, 10, 100])
def test_no_text_touches_another_or_leaves_the_figure(k):
    names = [f"{AWKWARD[i % len(AWKWARD)]} {i}" for i in range(k)]
    trials = simulated(k, names)
    figure = bm.plots.forest(normal(trials), bm.pool(trials))
    figure.draw_without_rendering()  # places what stands under the axis
    renderer = figure.canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    boxes = np.array([text.get_window_extent(renderer).extents for text in texts])
    assert boxes[:, :2].min() >= 0
    assert (boxes[:, 2:] <= [figure.bbox.x1, figure.bbox.y1]).all()
    x0, y0, x1, y1 = boxes.T
    # Lines of a table may share a few pixels in height: scripts with tall signs stand there as well.
    touching = (x0 < x1[:, None]) & (x0[:, None] < x1) & (y0 + 4 < y1[:, None]) & (y0[:, None] + 4 < y1)
    pairs = [(texts[i].get_text(), texts[j].get_text()) for i, j in np.argwhere(touching) if i < j]
    assert pairs == []


def test_names_are_drawn_as_they_stand():
    figure = bm.plots.forest(normal(simulated(len(AWKWARD), AWKWARD)))
    figure.canvas.draw()  # a sign without a picture, or half a formula, would warn or fail
    names = words(figure, "Study text")
    assert names[1:3] == ["$x^2$", "100% \\alpha_1 $"]
    assert names[4] == "two lines and a tab"
    assert "…" in names[0]
    assert names[0].endswith("2003")


def test_the_height_grows_with_the_number_of_trials():
    heights = [bm.plots.forest(normal(simulated(k))).get_size_inches()[1] for k in (2, 20, 60)]
    assert heights == sorted(heights)
    assert heights[-1] < 30


def test_a_picture_leaves_nothing_behind(plain, secure):
    before = dict(mpl.rcParams)
    bm.plots.forest(plain, bm.pool(secure)).canvas.draw()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_a_plain_posterior_with_moderators_is_refused(secure):
    posterior = normal(secure, moderators="~ sensitivity_focused")
    with pytest.raises(ModelError, match=r"plain: .* must have none"):
        bm.plots.forest(posterior, plain=posterior)


def test_pools_of_another_measure_are_refused(plain, secure):
    with pytest.raises(ModelError, match="measure RR"):
        bm.plots.forest(plain, bm.pool(secure, measure="RR"))


def test_where_tau_differs_each_level_has_a_new_setting_and_the_caption_every_tau():
    trials = bm.load("attachment/secure", rows="arms")
    posterior = bm.fit(trials, bm.Model(tau_by="sensitivity_focused"))
    table = bm.plots.forest_table(posterior)
    new = table[table["kind"] == "new"]
    assert new["label"].tolist() == [f"In a new setting, sensitivity focused: {level}" for level in ("no", "yes")]
    assert new["median"].tolist() == pytest.approx([posterior[f"theta_new[{level}]"].median for level in ("no", "yes")])
    assert table["weight"].sum() == pytest.approx(100.0)
    text = " ".join(" ".join(words(bm.plots.forest(posterior))).split())
    assert "each τ ~ half_normal(0.5)" in text
    assert "τ[no]" in text
    assert "Pooled, k = 8" in text
    assert "Cicchetti 2006, IPP, Cicchetti 2006, PPI" in text
    for picture in (bm.plots.prior_posterior(posterior), bm.plots.new_setting(posterior)):
        assert len([axes for axes in picture.axes if axes.get_visible() and axes.has_data()]) >= 2


def test_where_log_tau_is_linear_the_new_setting_is_that_of_the_mean():
    trials = bm.load("bcg")
    posterior = bm.fit(trials, bm.Model("normal", scale="~ latitude", alpha="normal(0, 0.05)"))
    mean = float(trials.table["latitude"].mean())
    table = bm.plots.forest_table(posterior)
    (new,) = table[table["kind"] == "new"].itertuples()
    assert new.label == f"In a new setting, latitude = {mean:.4g}"
    assert new.upper == pytest.approx(posterior.new_setting({"latitude": mean}).interval()[1])


def test_the_caption_says_that_the_trials_were_selected():
    posterior = bm.fit(bm.load("attachment/secure"), bm.Model(selection="one_sided(0.025)"))
    assert "selection one_sided(0.025), ω ~ cumulative_dirichlet" in " ".join(words(bm.plots.forest(posterior)))
