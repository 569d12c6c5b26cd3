"""What is drawn is what the tables say."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta import plots, sensitivity


@pytest.fixture(scope="module")
def analysis():
    return sensitivity.all(bm.fit(bm.load("attachment/disorganised"), bm.Model(tau="half_cauchy(0.5)")))


def drawn(axes, gid):
    return [line for line in axes.lines if line.get_gid() == gid]


def test_every_picture_has_its_label_and_draws_without_a_warning(analysis):
    figures = plots.sensitivity(analysis)
    labels = [figure.get_label() for figure in figures]
    assert len(set(labels)) == len(labels) == 9
    assert all(label.startswith("sensitivity-") for label in labels)
    for figure in figures:
        figure.canvas.draw()


def test_intervals_and_probabilities_are_those_of_the_grid(analysis):
    table = analysis["prior_grid"].table
    axes, chance = plots.sensitivity_priors(analysis["prior_grid"]).axes[:2]
    left = np.log(axes.get_xlim()[0])
    inside = table[(table["lower"] > left)]
    ends = {tuple(np.round(line.get_xdata(), 9)) for line in drawn(axes, "interval") if len(line.get_xdata()) == 2}
    assert {tuple(np.round(np.exp([row.lower, row.upper]), 9)) for row in inside.itertuples()} <= ends
    shown = sorted(float(line.get_xdata()[0]) for line in drawn(chance, "chance"))
    assert shown == pytest.approx(sorted(1.0 - table["above"]))


def test_the_lines_stand_at_the_tipping_points(analysis):
    part = analysis["tipping_point"]
    figure = plots.sensitivity_tipping(part)
    at = {round(float(line.get_xdata()[0]), 9) for axes in figure.axes for line in drawn(axes, "tipping point")}
    found = part.table[(part.table["status"] == "found") & part.table["scale"].notna()]
    assert at == {round(scale, 9) for scale in found["scale"]}


def test_prior_and_published_interval_meet_at_one_in_the_picture():
    figure = plots.sensitivity_credibility(sensitivity.credibility(bm.load("attachment/secure").published))
    *_, together = drawn(figure.axes[0], "interval")
    assert float(together.get_xdata()[0]) == pytest.approx(1.0, abs=1e-12)


def test_names_with_signs_of_formulas_are_drawn_as_they_stand():
    import pandas as pd

    names = ["A $x_1$ & <b>", "B_2^3 {", "C" * 120]
    trials = bm.read_trials(pd.DataFrame({"study": names, "estimate": [0.2, 0.5, 0.1], "se": [0.2, 0.3, 0.2]}))
    plots.sensitivity_leave_one_out(sensitivity.leave_one_out(trials)).canvas.draw()
    plots.sensitivity_cumulative(sensitivity.cumulative(trials)).canvas.draw()


def test_where_no_trial_can_be_left_out_the_picture_shows_the_analysis_as_given_and_says_so():
    import pandas as pd

    row = {"study": ["A"], "ai": [56], "n1i": [115], "ci": [32], "n2i": [95]}
    part = sensitivity.leave_one_out(bm.read_trials(pd.DataFrame(row)))
    figure = plots.sensitivity_leave_one_out(part)
    (interval,) = drawn(figure.axes[0], "interval")
    assert interval.get_xdata() == pytest.approx(np.exp([part.given["lower"], part.given["upper"]]))
    assert any("there is only one" in text.get_text() for text in figure.texts)


def test_the_reference_picture_shows_both_posteriors_and_their_signed_distance(analysis):
    part = analysis["reference"]
    figure = plots.sensitivity_reference(part)
    table = part.table.set_index("quantity")
    effects, _, taus, _ = figure.axes
    for axes, quantities, shown in ((effects, ["mu", "theta_new"], np.exp), (taus, ["tau"], lambda value: value)):
        for of in ("", "reference_"):
            medians = [float(line.get_xdata()[0]) for line in drawn(axes, f"{of}median")]
            assert medians == pytest.approx([shown(table.loc[name, f"{of}median"]) for name in quantities])
            ends = [float(line.get_xdata()[0]) for line in drawn(axes, f"{of}interval") if len(line.get_xdata()) == 2]
            first = axes.get_xlim()[0]  # what reaches farther is cut there, with an arrow
            assert ends == pytest.approx([max(shown(table.loc[name, f"{of}lower"]), first) for name in quantities])
    bars = [bar.get_width() for axes in figure.axes for bar in axes.patches if bar.get_gid() == "distance"]
    assert bars == pytest.approx(table.loc[["mu", "theta_new", "tau"], "signed"].tolist())


def test_the_published_interval_is_named_by_its_outcome_and_number_of_trials():
    titles = [
        plots.sensitivity_credibility(sensitivity.credibility(bm.load(name).published)).get_suptitle()
        for name in ("attachment/secure", "attachment/disorganised")
    ]
    assert titles == [
        "Secure attachment, 26 trials: how sceptical must one be?",
        "Disorganised attachment, 20 trials: how sceptical must one be?",
    ]
    assert plots.sensitivity_credibility(sensitivity.credibility(0.6, 0.3, 0.9)).get_suptitle().startswith("How")


def test_the_prior_picture_says_what_is_not_in_it():
    import pandas as pd

    pair = bm.read_trials(pd.DataFrame({"study": ["A"], "estimate": [0.4], "se": [0.2]}))
    part = sensitivity.prior_grid(pair, tau=["half_normal(0.5)", "jeffreys"], mu=["normal(0, 1)", "flat"])
    assert part.data_only is None
    texts = " ".join(text.get_text() for text in plots.sensitivity_priors(part).texts)
    assert "1 pair cannot be fitted and is left out." in texts
    assert "The data alone (flat priors) have no band" in texts
    whole = sensitivity.prior_grid(bm.load("bcg"), bm.Model("normal"), tau=["half_normal(0.5)"], mu=["flat"])
    assert "left out" not in " ".join(text.get_text() for text in plots.sensitivity_priors(whole).texts)
