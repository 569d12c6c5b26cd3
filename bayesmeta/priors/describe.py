"""What a prior says, in words and on the scale of odds ratios."""

from __future__ import annotations

import numpy as np

from bayesmeta.priors.base import HeterogeneityPrior, Prior, Values
from bayesmeta.priors.parse import family_called, parse_prior, suited


def describe(prior: Prior | str, se: Values | None = None) -> str:
    """What a prior says about odds ratios, for a reader who is to agree or disagree with it.

    For tau: its median and central 95%; how far apart settings then are, since with effects N(mu, tau^2) one setting in
    20 lies more than 1.96 tau from mu, so that its odds ratio differs from the typical one by a factor of more than
    exp(1.96 tau); and P(tau > 1), beyond which heterogeneity is fairly extreme. For an effect: the median and central
    95% of the odds ratio. Then the prior's warning, where it has one.

    Parameters
    ----------
    prior : of tau or of an effect, or its text.
    se : standard errors of the trials (k,), for the priors that depend on them.

    Returns
    -------
    str : the prior's text, and sentences.

    Raises
    ------
    PriorError : a text that states no prior.

    References
    ----------
    Spiegelhalter, Abrams & Myles 2004, Bayesian approaches to clinical trials and health-care evaluation; Roever et al.
    2021, Res Synth Methods 12:448.

    Examples
    --------
    >>> from bayesmeta.priors import DuMouchel, Normal
    >>> print(describe("half_normal(0.5)"))
    half_normal(0.5): median of tau 0.337, 95% between 0.0157 and 1.12. At the median, in 1 of 20 settings the odds \
ratio differs from the typical one by a factor of more than exp(1.96 tau) = 1.94. P(tau > 1) is 4.6%.
    >>> print(describe(Normal(0, 1)))
    normal(0, 1): median of the odds ratio 1, 95% between 0.141 and 7.1.
    >>> describe(DuMouchel(), se=[0.4, 0.4]).partition(",")[0]
    'dumouchel: median of tau 0.4'
    """
    if isinstance(prior, str):
        prior = parse_prior(prior, suited(family_called(prior)))
    if isinstance(prior, HeterogeneityPrior):
        words = _of_tau(prior if se is None else prior.given(se))
    else:
        words = _of_an_effect(prior)
    return f"{prior}: {words} {prior.warning}".rstrip()


def _of_tau(prior: HeterogeneityPrior) -> str:
    if prior.point is not None:
        if prior.point == 0.0:
            return "tau is known to be 0: all settings share one effect."
        beyond = f"P(tau > 1) is {_beyond_one(prior)}."
        return f"tau is known to be {_number(prior.point)}. {_between_settings(prior.point, '')} {beyond}"
    if not prior.proper:
        return (
            f"improper, so it has no quantiles: its density is {_shape(prior.tail_exponent)}. It needs "
            f"{_trials(prior.least_k(1))} with a flat prior of mu, {_trials(prior.least_k(0))} with a proper one, and "
            "there are no Bayes factors."
        )
    if prior.needs_standard_errors:
        return "it says something only beside trials, for it depends on their standard errors."
    lower, median, upper = prior.quantile([0.025, 0.5, 0.975])
    return (
        f"median of tau {_number(median)}, 95% between {_number(lower)} and {_number(upper)}. "
        f"{_between_settings(median, 'At the median, ')} P(tau > 1) is {_beyond_one(prior)}."
    )


def _shape(tail_exponent: float) -> str:
    return f"of the order of tau^-{tail_exponent:g} for large tau" if tail_exponent else "the same for every tau"


def _trials(k: int) -> str:
    return f"{k} trial{'s' if k != 1 else ''}"


def _between_settings(tau: float, when: str) -> str:
    start = f"{when}in" if when else "In"
    return (
        f"{start} 1 of 20 settings the odds ratio differs from the typical one by a factor of more than "
        f"exp(1.96 tau) = {_ratio(1.96 * tau)}."
    )


def _of_an_effect(prior: Prior) -> str:
    if not prior.proper:
        return (
            "no value is more probable than any other. It is improper: with few trials the posterior may be "
            "so too, and there are no Bayes factors."
        )
    lower, median, upper = prior.quantile([0.025, 0.5, 0.975])
    return f"median of the odds ratio {_ratio(median)}, 95% between {_ratio(lower)} and {_ratio(upper)}."


def _ratio(log_ratio: float) -> str:
    """exp(log_ratio) to three digits, also where it exceeds the range of floats."""
    if abs(log_ratio) > 700:
        return f"exp({_number(log_ratio)})"
    return _number(float(np.exp(log_ratio)))


def _number(value: float) -> str:
    if np.isinf(value):
        return f"{'-' if value < 0 else ''}1e308 or more"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _beyond_one(prior: Prior) -> str:
    """P(tau > 1) in percent: 0 and 100 only where they are exact."""
    low, high = prior.support
    probability = prior.survival(1.0)
    if probability < 1e-4 and high > 1:
        return "less than 0.01%"
    if probability > 0.9999 and low < 1:
        return "more than 99.99%"
    return f"{100 * probability:.2g}%" if probability < 0.995 else f"{100 * probability:.4g}%"
