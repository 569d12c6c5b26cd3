"""A published pooled odds ratio under one prior after another."""

import json

import numpy as np
import pytest
from scipy.integrate import fixed_quad

import bayesmeta as bm
from bayesmeta.errors import DataError, PriorError
from bayesmeta.priors import EffectPrior
from bayesmeta.priors.base import register
from bayesmeta.sensitivity.published_pool import THRESHOLDS, catalogue, published_pool
from bayesmeta.sensitivity.readings import readings
from bayesmeta.trials import PublishedPool
from bayesmeta.wording import probability

SECURE, DISORGANISED = bm.load("attachment/secure"), bm.load("attachment/disorganised")


def printed(odds_ratio, lower, upper):
    return PublishedPool.from_odds_ratio("simulated", 10, odds_ratio, lower, upper, 2023, "simulated")


@pytest.mark.parametrize(
    ("trials", "figures"), [(SECURE, [1.85, 1.36, 2.52]), (DISORGANISED, [0.54, 0.39, 0.77])], ids=["secure", "dis"]
)
def test_a_flat_prior_gives_the_published_interval_back(trials, figures):
    # Wright et al. 2023, HTA 27(2), abstract: 1.85 (1.36 to 2.52) and 0.54 (0.39 to 0.77).
    first = published_pool(trials).table.iloc[0]
    assert first["prior"] == "flat"
    assert first[["odds_ratio", "odds_ratio_lower", "odds_ratio_upper"]].tolist() == pytest.approx(figures, abs=0.005)


def test_exact_figures_with_a_normal_prior_are_the_conjugate_formula():
    pool = SECURE.published
    mu = published_pool(pool, [bm.Normal(0.2, 0.3)], decimals=None).posteriors["normal(0.2, 0.3)"]
    precision = 1 / pool.se**2 + 1 / 0.3**2
    mean = (pool.estimate / pool.se**2 + 0.2 / 0.3**2) / precision
    assert (mu.mean, mu.sd) == (pytest.approx(mean, rel=1e-12), pytest.approx(precision**-0.5, rel=1e-12))


OF_EFFECTS = [prior for family in register().values() if issubclass(family, EffectPrior) for prior in family.examples]


@pytest.mark.parametrize(
    "text", [*OF_EFFECTS, "student_t(1, 6, 0.1)", "mixture(0.99, normal(5, 0.02), 0.01, normal(0, 3))"]
)
def test_every_prior_of_an_effect_gives_the_posterior_of_quadrature(text):
    pool, prior = DISORGANISED.published, bm.parse_prior(text, "mu")
    mu = published_pool(pool, [text], decimals=None).posteriors[text]

    def density(x):
        return np.exp(prior.log_density(x) - 0.5 * ((x - pool.estimate) / pool.se) ** 2)

    # Panels of Gauss-Legendre nodes for the parts of the prior and the estimate, joined by scipy.
    points = np.unique(
        [*pool.estimate + pool.se * np.linspace(-9, 9, 37), *np.linspace(-3.5, -2.5, 41), *np.linspace(4.5, 6.5, 161)]
    )
    ends = list(zip([-12.0, *points], [*points, 12.0]))
    total = sum(fixed_quad(density, *one, n=20)[0] for one in ends)
    first = sum(fixed_quad(lambda x: density(x) * x, *one, n=20)[0] for one in ends)
    assert mu.mean == pytest.approx(first / total, abs=1e-7)
    for x in (pool.estimate - pool.se, pool.estimate, 0.0, 0.3):
        cut = [(low, min(high, x)) for low, high in ends if low < x]
        below = sum(fixed_quad(density, *one, n=20)[0] for one in cut) / total
        assert float(mu.cdf(x)) == pytest.approx(below, abs=1e-7)


def test_a_prior_that_the_result_contradicts_utterly_still_has_a_posterior():
    # Evidence e^-2000: only ratios of it count.
    mu = published_pool(SECURE, [bm.Normal(10, 0.01)]).posteriors["normal(10, 0.01)"]
    assert mu.mean == pytest.approx(9.962, abs=0.005)


def test_the_catalogue_goes_from_the_enthusiast_of_the_wished_side_to_the_sceptic():
    for trials, hopeful in ((SECURE, "enthusiastic(2)"), (DISORGANISED, "enthusiastic(0.5)")):
        table = published_pool(trials).table.set_index("prior")
        size = table["median"].abs()
        assert (
            size[hopeful]
            > size["odds_ratio_within(250)"]
            > size["sceptical(2)"]
            == size.drop(["odds_ratio_within(2)", "odds_ratio_within(1.5)"]).min()
        )
        # The robust sceptic lets go: nearer to the result than the sceptic.
        assert size["mixture(0.5, sceptical(2), 0.5, odds_ratio_within(250))"] > size["sceptical(2)"]
    assert not published_pool(SECURE.published).table["prior"].str.startswith("enthusiastic").any()


def test_every_reading_rounds_to_what_is_printed():
    for trials in (SECURE, DISORGANISED):
        pool = trials.published
        possible = readings(pool)
        se = possible.se[:, None]
        for z, value in ((0.0, pool.estimate), (-1.959964, pool.lower), (1.959964, pool.upper)):
            assert np.abs(np.exp(possible.estimate + z * se) - np.exp(value)).max() < 0.005
        assert possible.weight.sum() == pytest.approx(1.0)


def test_readings_average_as_random_figures_that_round_alike():
    rng = np.random.default_rng(5)
    target = np.array([0.54, 0.39, 0.77])
    mean = rng.uniform(np.log(0.535), np.log(0.545), 400_000)
    se = rng.uniform(0.165, 0.185, 400_000)
    shown = np.exp(mean[:, None] + np.array([0.0, -1.959964, 1.959964]) * se[:, None])
    alike = (np.abs(shown - target) < 0.005).all(axis=1)
    possible = readings(DISORGANISED.published)
    for drawn, value in ((mean, possible.estimate), (se, possible.se[:, None])):
        error = drawn[alike].std() / np.sqrt(alike.sum())
        # Five nodes pass over the corners of the polygon: that costs less than a twentieth of its width.
        assert np.sum(possible.weight * value) == pytest.approx(
            drawn[alike].mean(), abs=4 * error + 0.05 * np.ptp(drawn[alike])
        )


def test_more_decimals_leave_less_open():
    pool = printed(1.853, 1.361, 2.523)
    assert np.ptp(readings(pool, 3).se) < 0.2 * np.ptp(readings(pool, 2).se)
    assert readings(pool, None).se.tolist() == [pool.se]


def test_an_interval_that_no_rounding_makes_symmetric_is_refused():
    lopsided = printed(1.85, 1.36, 3.10)
    with pytest.raises(DataError, match=r"1\.85 \(1\.36 to 3\.10\) is not symmetric on the log scale"):
        published_pool(lopsided)
    assert published_pool(lopsided, decimals=None).table.shape[0] == len(catalogue(""))


def test_a_lower_limit_printed_next_to_zero_has_readings():
    assert np.isfinite(readings(printed(0.09, 0.01, 0.82)).weight).all()


def test_a_narrower_sceptical_prior_pulls_further():
    sceptics = ["flat", "odds_ratio_within(250)", "normal(0, 1)", "odds_ratio_within(4)", "odds_ratio_within(1.5)"]
    table = published_pool(SECURE, sceptics).table
    assert (np.diff(table["median"]) < 0).all()
    assert (np.diff(table["sd"]) < 0).all()
    narrow = published_pool(SECURE, [bm.Normal(0, 1e-4)]).table.iloc[0]
    assert abs(narrow["upper"]) < 3e-4


@pytest.mark.parametrize(("trials", "word"), [(SECURE, "above"), (DISORGANISED, "below")], ids=["secure", "dis"])
def test_thresholds_lie_on_the_wished_side(trials, word):
    found = published_pool(trials)
    row = found.table.iloc[2]
    mu = found.posteriors[row["prior"]]
    names = [f"{word} {value:g}" for value in THRESHOLDS[trials.direction]]
    assert found.table.columns[-3:].tolist() == names
    assert [row[name] for name in names] == [
        mu.probability(**{word: np.log(value)}) for value in THRESHOLDS[trials.direction]
    ]
    assert row["wished"] == pytest.approx(mu.probability(**{word: 0.0}))


def test_without_a_direction_both_sides_are_given_and_nothing_is_wished():
    table = published_pool(SECURE.published).table
    assert {"below 0.5", "above 2"} <= set(table.columns)
    assert table["wished"].isna().all()


def test_the_prior_at_the_limit_of_scepticism_just_fails_to_be_convinced():
    # Symmetric limits: printed ones may be off the middle by their rounding.
    pool = PublishedPool("simulated", 10, 0.6, 0.3, 0.9, 2023, "simulated")
    limit = published_pool(pool, decimals=None).credibility
    critical = published_pool(pool, [bm.Normal(0, limit.prior_sd)], decimals=None)
    assert critical.table["lower"].iloc[0] == pytest.approx(0.0, abs=1e-9)


def test_sentence_and_plain_data_have_the_numbers():
    found = published_pool(DISORGANISED)
    nearest = found.table.iloc[-1]
    assert "0.54 (0.39 to 0.77) of 20 trials" in found.sentence
    assert f"{nearest['odds_ratio']:.2f} ({nearest['odds_ratio_lower']:.2f} to" in found.sentence
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["rows"][0]["prior_lower"] is None
    assert [row["prior"] for row in plain["rows"]] == [str(prior) for prior in catalogue("lower")]


@pytest.mark.parametrize(("trials", "sign"), [(SECURE, ">"), (DISORGANISED, "<")], ids=["secure", "dis"])
def test_the_picture_shows_the_numbers_of_the_table(trials, sign):
    found = published_pool(trials)
    figure = bm.plots.published_pool(found)
    [axes] = figure.axes
    drawn = [line for line in axes.get_lines() if line.get_gid() == "interval"]
    assert [list(line.get_xdata()) for line in drawn] == [
        pytest.approx(row) for row in found.table[["odds_ratio_lower", "odds_ratio_upper"]].to_numpy().tolist()
    ]
    medians = [float(line.get_xdata()[0]) for line in axes.get_lines() if line.get_gid() == "median"]
    assert medians == pytest.approx(found.table["odds_ratio"].tolist())
    [band] = [patch for patch in axes.patches if patch.get_gid() == "band"]
    pool = trials.published
    assert [band.get_x(), band.get_x() + band.get_width()] == pytest.approx(np.exp([pool.lower, pool.upper]).tolist())
    for value in THRESHOLDS[trials.direction]:
        name = f"{'above' if sign == '>' else 'below'} {value:g}"
        cells = [text.get_text() for text in axes.texts if text.get_gid() == name]
        assert cells == [probability(chance) for chance in found.table[name]]
        assert f"P(OR\n{sign} {value:g})" in [text.get_text() for text in axes.texts]
    assert [text.get_text() for text in axes.texts if text.get_gid() == "prior"] == found.table["prior"].tolist()


def test_what_cannot_be_reanalysed_is_refused():
    with pytest.raises(DataError, match="no published pooled result"):
        published_pool(bm.load("bcg"))
    with pytest.raises(PriorError, match="no prior is given"):
        published_pool(SECURE, [])
    with pytest.raises(PriorError, match="half_normal"):
        published_pool(SECURE, ["half_normal(0.5)"])
