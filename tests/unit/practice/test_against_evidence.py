"""What is promised of practice against evidence. All tables here are simulated."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayesmeta.errors import DataError, ModelError, PriorError
from bayesmeta.practice import against_evidence, read_survey, simulated_survey

N = 7


def table(using, log_odds_ratio, se, services=1000, k=3):
    log_odds_ratio = np.asarray(log_odds_ratio, dtype=float)
    return pd.DataFrame(
        {
            "intervention": [f"simulated {i}" for i in range(len(log_odds_ratio))],
            "services_using": using,
            "services": services,
            "odds_ratio": np.exp(log_odds_ratio),
            "lower": np.exp(log_odds_ratio - 1.959963984540054 * np.asarray(se)),
            "upper": np.exp(log_odds_ratio + 1.959963984540054 * np.asarray(se)),
            "k": k,
        }
    )


def agreeing(sign=1.0):
    return table(100 * np.arange(1, N + 1), sign * np.linspace(-1, 1, N), np.full(N, 1e-3))


@pytest.mark.parametrize("correlation", ["spearman", "kendall"])
def test_use_and_effect_in_full_agreement_give_one(correlation):
    found = against_evidence(read_survey(agreeing(), direction="higher"), correlation=correlation)
    assert found.correlation.mean == pytest.approx(1.0, abs=1e-3)
    assert found.expected_correlation == pytest.approx(1.0, abs=1e-6)
    assert found.most_used["among the best"] == pytest.approx(1.0, abs=1e-6)
    assert found.table["p_most_effective"].iloc[-1] == pytest.approx(1.0, abs=1e-6)


def test_where_lower_is_wished_the_smallest_odds_ratio_is_best():
    found = against_evidence(read_survey(agreeing(-1.0), direction="lower"))
    assert found.expected_correlation == pytest.approx(1.0, abs=1e-6)
    assert found.table["p_wished"].iloc[-1] > 0.999
    wrong_way = against_evidence(read_survey(agreeing(-1.0), direction="higher"))
    assert wrong_way.expected_correlation == pytest.approx(-1.0, abs=1e-6)
    # the intervals are the same whatever is wished
    columns = ["odds_ratio", "odds_ratio_lower", "odds_ratio_upper"]
    pd.testing.assert_frame_equal(found.table[columns], wrong_way.table[columns])


def test_interchangeable_interventions_give_about_zero():
    survey = read_survey(table(np.full(N, 300), np.full(N, 0.4), np.full(N, 0.3)), direction="higher")
    found = against_evidence(survey)
    assert found.expected_correlation == pytest.approx(0.0, abs=1e-9)
    assert abs(found.correlation.mean) < 4.5 * found.monte_carlo_error
    assert found.table["p_most_used"].to_numpy() == pytest.approx(np.full(N, 1 / N), abs=1e-9)
    assert found.most_used["among the best"] == pytest.approx(3 / N, abs=1e-9)


def test_the_order_of_rows_and_the_names_do_not_matter():
    survey = simulated_survey()
    mixed = survey.table.sample(frac=1, random_state=3).reset_index(drop=True)
    renamed = mixed.assign(intervention=[f"simulated {name[::-1]}" for name in mixed["intervention"]])
    first, second = against_evidence(survey), against_evidence(read_survey(renamed))
    assert second.expected_correlation == pytest.approx(first.expected_correlation, abs=1e-12)
    assert second.most_used == pytest.approx(first.most_used, abs=1e-12)
    numbers = ["use", "use_lower", "p_most_used", "odds_ratio", "p_most_effective", "p_among_best"]
    expected = first.table.set_index("intervention").loc[mixed["intervention"], numbers].to_numpy()
    assert second.table[numbers].to_numpy() == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_draws_agree_with_the_exact_expectation_and_the_same_seed_repeats_them():
    survey = simulated_survey(seed=2, link=0.5)
    first, again, other = (against_evidence(survey, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.correlation.chains, again.correlation.chains)
    assert not np.array_equal(first.correlation.chains, other.correlation.chains)
    assert abs(first.correlation.mean - first.expected_correlation) < 4.5 * first.monte_carlo_error


def test_simulated_surveys_with_a_link_show_it():
    found = [against_evidence(simulated_survey(seed, 12, link), draws=400).expected_correlation
             for link in (-1.0, 0.0, 1.0) for seed in range(6)]  # fmt: skip
    low, none, high = np.reshape(found, (3, 6)).mean(axis=1)
    assert low < -0.3 < none < 0.3 < high


def test_shares_are_the_conjugate_posterior():
    found = against_evidence(simulated_survey(), concentration=0.5).table
    for row in found.itertuples():
        beta = stats.beta(0.5 + row.services_using, 0.5 + row.services - row.services_using)
        assert [row.use_lower, row.use, row.use_upper] == pytest.approx(beta.ppf([0.025, 0.5, 0.975]), abs=1e-10)


def test_one_answer_each_is_dirichlet():
    using = np.array([10, 25, 5, 40])
    survey = read_survey(table(using, [0.1, 0.3, 0.5, 0.7], np.full(4, 0.2), services=100), direction="higher")
    found = against_evidence(survey, answers="one").table
    # Dirichlet(1 + x) over four interventions and the 20 services with another answer
    for row, x in zip(found.itertuples(), using):
        beta = stats.beta(1 + x, 105 - 1 - x)
        assert [row.use_lower, row.use, row.use_upper] == pytest.approx(beta.ppf([0.025, 0.5, 0.975]), abs=1e-10)
    draws = np.random.default_rng(1).dirichlet([11, 26, 6, 41, 21], 200_000)[:, :4].argmax(axis=1)
    share = np.bincount(draws, minlength=4) / 200_000
    assert found["p_most_used"].to_numpy() == pytest.approx(share, abs=5e-3)


def test_one_answer_each_refuses_counts_that_are_not():
    survey = simulated_survey()
    with pytest.raises(DataError, match=r"answers of 80\s+services. With one answer for each service"):
        against_evidence(survey, answers="one")
    uneven = table([1, 2, 3, 4], [0.1, 0.3, 0.5, 0.7], np.full(4, 0.2), services=[10, 10, 12, 10])
    with pytest.raises(DataError, match="column services: 12 for simulated 2, 10 for simulated 0"):
        against_evidence(read_survey(uneven, direction="higher"), answers="one")


def test_an_intervention_without_trials_changes_no_effect_and_no_correlation():
    survey = simulated_survey()
    tried = read_survey(survey.table[survey.has_evidence])
    whole, part = against_evidence(survey), against_evidence(tried)
    assert whole.expected_correlation == pytest.approx(part.expected_correlation, abs=1e-12)
    columns = ["use", "odds_ratio", "p_most_effective", "p_among_best"]
    assert whole.table.loc[survey.has_evidence, columns].to_numpy() == pytest.approx(part.table[columns].to_numpy())
    assert part.most_used["without trials"] == 0.0
    assert sum(whole.most_used.values()) == pytest.approx(1.0, abs=1e-9)


def test_the_most_used_without_any_trial_is_said():
    rows = table([900, 100, 200, 300], [np.nan, 0.3, 0.5, 0.7], np.full(4, 0.2), k=[0, 2, 2, 2])
    found = against_evidence(read_survey(rows, direction="higher"), best=1)
    assert found.most_used["without trials"] > 0.999
    assert "it is one without any trial with probability > 0.999" in found.sentence


def test_a_normal_prior_draws_an_imprecise_effect_in():
    survey = simulated_survey()
    flat, drawn = (against_evidence(survey, effect_prior=prior).table for prior in ("flat", "normal(0, 0.5)"))
    tried = survey.has_evidence
    weight = 0.25 / (0.25 + survey.se[tried] ** 2)
    expected = weight * np.log(flat.loc[tried, "odds_ratio"].to_numpy())
    assert np.log(drawn.loc[tried, "odds_ratio"].to_numpy()) == pytest.approx(expected)


def test_what_is_simulated_is_called_so_first():
    found = against_evidence(simulated_survey())
    assert found.sentence.startswith("SIMULATED")
    assert found.to_dict()["simulated"] is True
    own = against_evidence(read_survey(agreeing().assign(source="letter"), direction="higher"))
    assert "SIMULATED" not in own.sentence


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"answers": "many"}, "answers 'many': there is no such. Known: several, one"),
        ({"correlation": "pearson"}, "correlation 'pearson': there is no such. Known: spearman, kendall"),
        ({"concentration": 0.0}, "It must be a number above 0"),
        ({"draws": 10}, "It must be a multiple of 4"),
        ({"best": 8}, "best is 8, of 8 interventions with trials. State a number from 1 to 7"),
        ({"effect_prior": "student_t(3, 0, 1)"}, "it must be flat or normal"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(setting, message):
    with pytest.raises(ModelError, match=message):
        against_evidence(simulated_survey(), **setting)


def test_a_prior_that_does_not_exist_and_too_few_interventions_are_refused():
    with pytest.raises(PriorError, match="no prior of that name"):
        against_evidence(simulated_survey(), effect_prior="normla(0, 1)")
    two = agreeing().iloc[:2]
    with pytest.raises(DataError, match=r"2 interventions with trials. A rank correlation needs at least 3"):
        against_evidence(read_survey(two, direction="higher"), best=1)
