"""What the terminal shows of the sensitivity analysis and of the unread trials is what their tables say."""

import io

import numpy as np
import pytest
from rich.console import Console

import bayesmeta as bm
from bayesmeta import sensitivity
from bayesmeta.report import Report, number, odds_ratio
from bayesmeta.workflow import terminal
from bayesmeta.workflow.what_if import model_table, prior_table, published_table, tables_of, unread_table

TAU = ["half_normal(0.5)", "half_normal(2)", "half_cauchy(0.5)", "uniform(0, 10)", "jeffreys"]
MU = ["odds_ratio_within(250)", "normal(0, 1)"]


@pytest.fixture(scope="module")
def trials():
    return bm.load("attachment/disorganised")


@pytest.fixture(scope="module")
def analysis(trials):
    posterior = bm.fit(trials, bm.Model("normal"))
    return sensitivity.all(posterior, only=["prior_grid", "model_grid", "leave_one_out"], tau=TAU, mu=MU)


def cells(table):
    return list(zip(*(column.cells for column in table.columns), strict=True))


def shown(report, width):
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    terminal.show(report, screen)
    return screen.file.getvalue()


def test_each_pair_of_priors_counts_once_by_its_tau_and_once_by_its_mu(analysis):
    grid = analysis["prior_grid"]
    rows = {str(row[0]): row[1:] for row in cells(prior_table(grid, "x.csv"))}
    families = ["half_normal", "half_cauchy", "uniform", "jeffreys"]
    for names in (families, MU):
        assert sum(int(rows[name][0]) for name in names) == len(grid.table)
        assert sum(int(rows[name][-1] or 0) for name in names) == grid.table["changes"].sum() > 0
    pairs = grid.table[grid.table["tau_prior"].str.startswith("half_normal")]
    low, high = np.exp([pairs["lower"].min(), pairs["upper"].max()])
    assert rows["half_normal"][2] == f"{number(low)} to {number(high)}"
    assert float(rows["uniform"][3]) == pytest.approx(
        1.0 - grid.table.loc[grid.table["tau_prior"].str.startswith("uniform"), "above"].max(), abs=5e-4
    )


def test_the_published_pool_has_a_row_a_prior_with_the_chances_of_effects_worth_having(trials):
    found = sensitivity.published_pool(trials)
    rows = cells(published_table(found, "x.csv"))
    assert [row[0] for row in rows] == found.table["prior"].tolist()
    for row, given in zip(rows, found.table.to_dict("records"), strict=True):
        assert row[1].startswith(f"{given['odds_ratio']:.2f} (")
        assert [float(cell) for cell in row[2:]] == pytest.approx(
            [given["below 0.8"], given["below 0.67"], given["below 0.5"]], abs=5e-4
        )


def test_each_bayesian_model_has_a_row_that_of_the_analysis_first(analysis):
    grid = analysis["model_grid"]
    models = grid.table[grid.table["kind"] == "Bayesian"].set_index("model")
    rows = cells(model_table(grid, "x.csv"))
    assert sorted(row[0] for row in rows) == sorted(models.index)
    assert rows[0][0].startswith("normal")
    for name, effect, *_ in rows:
        assert effect == odds_ratio(*np.exp(models.loc[name, ["median", "lower", "upper"]].to_numpy(dtype=float)))


def test_every_quantity_of_the_unread_trials_is_there(trials):
    unread = sensitivity.unread_trials(trials)
    rows = cells(unread_table(unread, "x.csv"))
    assert [row[0] for row in rows] == unread.table["quantity"].tolist()
    assert rows[0][2] == "0.54 (0.39 to 0.77)"


def test_a_part_of_its_own_is_shown_and_a_part_without_a_table_is_a_sentence(analysis):
    assert len(tables_of(analysis)) == 2
    assert len(tables_of(analysis["prior_grid"])) == 1
    assert tables_of(analysis["leave_one_out"]) == []


@pytest.mark.parametrize("width", [80, 120])
def test_the_verdict_and_its_tables_fit_the_terminal(trials, analysis, width):
    report = Report.of(trials, analysis.posterior, analysis, sensitivity.unread_trials(trials))
    text = shown(report, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    flat = " ".join(text.split())
    order = ["What if? The verdict", "Prior grid", "Model grid", "The trials that cannot be read", "unread-trials.csv"]
    places = [flat.index(words) for words in order]
    assert places == sorted(places)
    assert " ".join(analysis.verdict.split()) in flat


def test_a_part_that_was_not_asked_for_is_not_shown(trials, analysis):
    quick = sensitivity.all(analysis.posterior, only=["leave_one_out"])
    assert "grid" not in shown(Report.of(trials, quick), 80)


def test_the_trials_of_a_mixture_say_how_likely_each_is_to_be_an_outlier(trials):
    mixture = bm.fit(trials, bm.Model("normal", random_effects="mixture(0.1, 5)"))
    text = shown(Report.of(trials, mixture), 120)
    assert "P(outlier)" in text
    assert all(f"{one:.3f}" in text for one in mixture.outliers()["probability"])
