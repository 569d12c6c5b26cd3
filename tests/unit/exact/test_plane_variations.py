"""Designs of two columns varied without integrating anew: every variation is the fit of its own."""

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.exact.plane_variations import PlaneVariations
from bayesmeta.exact.variations import Powers

MODEL = bm.Model("hypergeometric", moderators="~ sensitivity_focused")
LEVELS = np.array([0.025, 0.5, 0.975])


@pytest.fixture(scope="module")
def posterior():
    return bm.fit(bm.load("attachment/secure"), MODEL)


@pytest.fixture(scope="module", params=[None, "sensitivity_focused=yes"], ids=["intercept", "setting"])
def varied(request):
    found = bm.fit(bm.load("attachment/secure"), MODEL.but(setting=request.param))
    return found, found.prepared.variations


def as_fitted(many, s, fresh):
    """How far a variation is from a fit, in posterior sd."""
    found = [many.effect.quantiles(LEVELS)[s], many.new.quantiles(LEVELS)[s], many.heterogeneity(s).quantile(LEVELS)]
    wanted = [fresh.effect().quantile(LEVELS), fresh["theta_new"].quantile(LEVELS), fresh["tau"].quantile(LEVELS)]
    return float(np.abs(np.concatenate(found) - np.concatenate(wanted)).max()) / fresh.effect().sd


def test_a_trial_left_out_is_the_fit_without_it(varied):
    posterior, variations = varied
    k = posterior.trials.k
    many = variations.posteriors(Powers.leaving(1.0 - np.eye(k), posterior.model.tau_prior, posterior.effects.se))
    for s in (1, 6):
        fresh = bm.fit(posterior.trials.without(posterior.trials.studies[s]), posterior.model)
        assert as_fitted(many, s, fresh) < 1e-6
        assert many.weights[s].log_marginal == pytest.approx(fresh.log_marginal_likelihood, abs=1e-7)


def test_other_priors_of_tau_and_mu_are_fits_under_them(varied):
    posterior, variations = varied
    taus, scales = [bm.HalfNormal(1), bm.HalfCauchy(0.5), bm.HalfNormal(0.5)], np.array([1.0, 4.0, np.inf])
    for tau, scale in zip(taus, scales.tolist(), strict=True):
        one = np.ones(2)
        powers = Powers(np.ones((2, posterior.trials.k)), [tau, bm.HalfNormal(0.1)], one, one, scale * one)
        many = variations.posteriors(powers)
        mu = bm.Normal(0, scale) if np.isfinite(scale) else bm.Flat()
        fresh = bm.fit(posterior.trials, posterior.model.but(tau=tau, mu=mu))
        assert as_fitted(many, 0, fresh) < 1e-6
        assert many.weights[0].log_marginal == pytest.approx(fresh.log_marginal_likelihood, abs=1e-7)


def test_a_power_of_normal_priors_is_a_narrower_prior(posterior):
    variations = posterior.prepared.variations
    k, prior = posterior.trials.k, posterior.model.tau_prior
    many = variations.posteriors(Powers(np.ones((1, k)), [prior], np.array([4.0]), np.ones(1)))
    mu, beta = posterior.model.mu.gaussian[1], 1.0
    narrower = posterior.model.but(mu=bm.Normal(0, mu / 2), beta=bm.Normal(0, beta / 2))
    assert as_fitted(many, 0, bm.fit(posterior.trials, narrower)) < 1e-6


def test_another_coefficient_is_seen_along_its_own_axis(posterior):
    variations = posterior.prepared.variations.along(np.array([0.0, 1.0]))
    k, prior = posterior.trials.k, posterior.model.tau_prior
    many = variations.posteriors(Powers(np.ones((1, k)), [prior], np.ones(1), np.ones(1)))
    wanted = posterior["sensitivity_focused[T.yes]"].quantile(LEVELS)
    assert many.effect.quantiles(LEVELS)[0] == pytest.approx(wanted, abs=1e-7)


def test_a_number_as_moderator_too():
    trials, model = bm.load("bcg"), bm.Model("hypergeometric", moderators="~ latitude")
    posterior = bm.fit(trials, model)
    kept = 1.0 - np.eye(trials.k)[[3, 10]]
    variations = posterior.prepared.variations
    assert variations.serves(kept).all()
    many = variations.posteriors(Powers.leaving(kept, model.tau_prior, posterior.effects.se))
    assert as_fitted(many, 1, bm.fit(trials.without(trials.studies[10]), model)) < 1e-6


def test_what_is_coded_anew_without_a_trial_is_fitted_by_itself():
    trials = bm.load("bcg")
    for formula, serves in (("~ latitude", True), ("~ center(latitude)", False)):
        variations = bm.fit(trials, bm.Model("hypergeometric", moderators=formula)).prepared.variations
        assert isinstance(variations, PlaneVariations)
        assert variations.serves(1.0 - np.eye(trials.k)).all() == serves


def test_subsets_of_one_category_are_not_served(posterior):
    focused = (posterior.trials.table["sensitivity_focused"] == "yes").to_numpy(dtype=float)
    served = posterior.prepared.variations.serves(np.stack([focused, np.ones(len(focused))]))
    assert served.tolist() == [False, True]
