"""Control risks with their uncertainty: of each trial, of a new setting, stated; and the absolute effects at them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit, ndtr

import bayesmeta as bm
from bayesmeta.posterior.absolute import risk_difference
from bayesmeta.posterior.control_arms import new_setting
from bayesmeta.posterior.control_risk import stated


@pytest.fixture(scope="module")
def binomial() -> bm.Posterior:
    return bm.fit(bm.load("crins2014"), bm.Model("binomial"))


# Baselines of the trials


def tables(rows) -> bm.Trials:
    columns = ["study", "events_treated", "total_treated", "events_control", "total_control"]
    return bm.read_trials(pd.DataFrame([[f"t{i}", *row] for i, row in enumerate(rows)], columns=columns))


@pytest.mark.parametrize("at", ["midpoint", "control"])
@pytest.mark.parametrize(
    "row", [[14, 61, 15, 20], [0, 5, 0, 7], [3, 4, 0, 100], [40, 100000, 1, 2], [1, 2, 40, 100000]]
)
def test_the_baseline_of_a_single_trial_as_by_brute_sums(row, at):
    # One trial at a known tau: theta ~ N(0, 1^2 + 0.3^2), and both log odds on a grid as fine as the larger arm needs.
    posterior = bm.fit(tables([row]), bm.Model("binomial", mu="normal(0, 1)", tau="fixed(0.3)", baseline_at=at))
    r1, n1, r0, n0 = row
    spread = [8 * np.sqrt(1 / (r + 0.4) + 1 / (n - r + 0.4)) for r, n in ((r0, n0), (r1, n1))]
    middle = [logit((r + 0.5) / (n + 1)) for r, n in ((r0, n0), (r1, n1))]
    reach = [s + 30 * (n < 1000) for s, (_, n) in zip(spread, ((r0, n0), (r1, n1)))]
    c, f = (np.linspace(m - s, m + s, 4001 if n < 1000 else 801) for m, s, n in zip(middle, reach, (n0, n1)))
    theta = f - c[:, None]
    baseline = c[:, None] + (0.5 * theta if at == "midpoint" else 0.0)
    value = (r0 * c - n0 * np.logaddexp(0, c))[:, None] + r1 * f - n1 * np.logaddexp(0, f)
    value = value - 0.5 * (baseline / 5) ** 2 - 0.5 * theta**2 / 1.09
    mass = np.exp(value - value.max()).sum(axis=1)
    mass /= mass.sum()
    found = posterior.baselines().iloc[0]
    mean = mass @ expit(c)
    sd = np.sqrt(mass @ (expit(c) - mean) ** 2)
    assert found["mean"] == pytest.approx(mean, abs=1e-5 * sd)
    assert found["sd"] == pytest.approx(sd, rel=1e-5)
    below = np.cumsum(mass) - 0.5 * mass
    for name, level in (("lower", 0.025), ("median", 0.5), ("upper", 0.975)):
        assert np.interp(logit(found[name]), c, below) == pytest.approx(level, abs=2e-4)


def test_baselines_have_all_trials_and_their_arms(binomial):
    table = binomial.baselines()
    assert table["study"].tolist() == list(binomial.studies_in_model)
    assert (table["events"] / table["total"] - table["mean"]).abs().max() < 0.1
    assert ((table["lower"] < table["median"]) & (table["median"] < table["upper"])).all()


def test_a_row_without_counts_has_no_baseline():
    columns = ["study", "events_treated", "total_treated", "events_control", "total_control", "estimate", "se"]
    rows = [["a", 3, 20, 6, 20, None, None], ["b", 5, 30, 9, 28, None, None], ["c", *[None] * 4, -0.5, 0.4]]
    table = bm.fit(bm.read_trials(pd.DataFrame(rows, columns=columns)), bm.Model("binomial")).baselines()
    assert table["mean"].notna().tolist() == [True, True, False]


@pytest.mark.parametrize("likelihood", ["hypergeometric", "normal"])
def test_a_likelihood_without_baselines_says_so_with_the_remedy(likelihood):
    posterior = bm.fit(bm.load("crins2014"), bm.Model(likelihood))
    with pytest.raises(bm.ModelError, match=r"it has no baselines.*likelihood binomial.*new_setting"):
        posterior.baselines()
    assert posterior.absolute("new_setting").loc["mu", "difference_upper"] < 0


# A new setting


def test_the_control_risk_of_a_new_setting_as_by_brute_sums():
    trials = bm.load("crins2014")
    m, z = np.linspace(-12, 12, 601), np.arange(-8, 8.01, 0.1)
    share = np.exp(-0.5 * z * z) * 0.1 / np.sqrt(2 * np.pi)
    x, w = np.polynomial.legendre.leggauss(60)
    spread, weight = 3.5 * (1 + x), 3.5 * w
    value = -0.5 * (m / 5) ** 2 + (np.log(weight) - 0.5 * spread**2)[:, None]
    for r, n in trials.counts[:, 2:]:
        for j, scale in enumerate(spread):
            theta = m[:, None] + scale * z
            value[j] += np.log(np.exp(r * theta - n * np.logaddexp(0, theta) + n * np.log(2)) @ share)
    mass = np.exp(value - value.max())
    mass /= mass.sum()
    risk = new_setting(trials)
    for p in (0.05, 0.2, 0.5, 0.8, 0.95):
        expected = (mass * ndtr((logit(p) - m) / spread[:, None])).sum()
        assert float(risk.cdf(np.array([logit(p)]))[0]) == pytest.approx(expected, abs=1e-8)


def test_alike_control_arms_leave_little_doubt_and_empty_ones_a_small_risk():
    alike = new_setting(tables([[10, 1000, 200, 1000]] * 12))
    assert alike.interval() == pytest.approx((0.2, 0.2), abs=0.03)
    empty = new_setting(tables([[3, 50, 0, 50]] * 4))
    assert empty.median < 0.01
    large = new_setting(tables([[1, 2, 300_000, 1_000_000], [1, 2, 310_000, 1_000_000], [1, 2, 305_000, 1_000_000]]))
    assert large.median == pytest.approx(0.305, abs=0.005)


def test_without_counts_there_is_no_control_risk_to_take():
    trials = bm.read_trials(pd.DataFrame({"study": ["a", "b"], "estimate": [0.1, 0.4], "se": [0.2, 0.3]}))
    with pytest.raises(bm.ModelError, match="no row has counts"):
        bm.fit(trials, bm.Model("normal")).absolute("new_setting")


# Stated


def test_a_stated_distribution_is_what_it_says():
    beta = stated("beta(20, 80)")
    assert beta.mean == pytest.approx(0.2, abs=1e-6)
    assert beta.sd == pytest.approx(stats.beta(20, 80).std(), rel=1e-5)
    assert beta.interval() == pytest.approx(stats.beta(20, 80).interval(0.95), abs=1e-9)
    assert float(beta.cdf(np.array([logit(0.2)]))[0]) == pytest.approx(stats.beta(20, 80).cdf(0.2))
    assert stated("0.2 (0.1 to 0.36)").interval() == pytest.approx((0.1, 0.36), abs=2e-4)
    assert stated("normal(-1.4, 0.3)").median == pytest.approx(expit(-1.4))
    assert stated("beta(0.5, 40.5)").interval()[0] == pytest.approx(stats.beta(0.5, 40.5).ppf(0.025), rel=1e-6)


@pytest.mark.parametrize(
    "text", ["nonsense", "beta(0, 3)", "0.2 (0.3 to 0.1)", "flat", "beta(1)", "0.5 (0.4 to 1.2)", "half_normal(1)"]
)
def test_what_is_no_risk_is_refused(binomial, text):
    with pytest.raises(bm.ModelError, match="control risk"):
        binomial.absolute(text)


# Absolute effects


def test_a_risk_that_is_nearly_known_gives_what_the_number_gives(binomial):
    known, nearly = binomial.absolute(0.2), binomial.absolute("0.2 (0.199999 to 0.200001)")
    assert nearly.to_numpy(dtype=float) == pytest.approx(known.to_numpy(dtype=float), rel=2e-4)


def test_absolute_effects_at_an_uncertain_risk_as_by_draws(binomial):
    table = binomial.absolute("beta(8, 12)")
    rng = np.random.default_rng(5)
    draws = binomial.draws(40000, seed=2)
    risk = rng.beta(8, 12, 40000)
    for name, theta in (("mu", draws["beta"][:, 0]), ("theta_new", draws["theta_new"])):
        treated = expit(logit(risk) + theta)
        difference, row = treated - risk, table.loc[name]
        error = 5 * difference.std() / np.sqrt(40000)
        assert row["difference_mean"] == pytest.approx(difference.mean(), abs=error)
        assert row["difference_sd"] == pytest.approx(difference.std(), rel=0.02)
        assert row["treated_risk"] == pytest.approx(np.median(treated), abs=2 * error)
        ends = np.quantile(difference, [0.025, 0.5, 0.975])
        assert row[["difference_lower", "difference_median", "difference_upper"]].tolist() == pytest.approx(
            ends.tolist(), abs=0.01
        )
        assert row["nnt_median"] == pytest.approx(1 / row["difference_median"])


def test_an_uncertain_risk_makes_the_difference_less_certain(binomial):
    one = binomial.absolute(binomial.control_risk("new_setting"))
    other = binomial.absolute(float(one.loc["mu", "control_risk"]))
    assert one.loc["mu", "difference_sd"] > other.loc["mu", "difference_sd"]
    study = binomial.studies_in_model[0]
    at_study = binomial.absolute(study).loc["mu"]
    assert at_study["control_risk"] == pytest.approx(binomial.baselines().set_index("study").loc[study, "median"])
    assert one.loc["mu", "p_more_events"] == pytest.approx(other.loc["mu", "p_more_events"])
    assert float(risk_difference(binomial["mu"].median, at_study["control_risk"])) == pytest.approx(
        at_study["difference_median"], abs=0.02
    )
